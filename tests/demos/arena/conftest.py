"""What happens to the tests of windows where there is nothing to show them on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import display

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("xvfb") is None or display.executable() is not None:
        return
    missing = f"no Xvfb ({display.HOW_TO_GET_IT})"
    if os.environ.get("GDPEERS_REQUIRE_ENGINES") == "1":
        pytest.fail(f"{missing}; and GDPEERS_REQUIRE_ENGINES=1 demands it", pytrace=False)
    pytest.skip(missing)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Generator[display.Display]:
    """An X display, on which programs show their windows."""
    with display.running() as shown:
        monkeypatch.setenv("DISPLAY", shown.name)
        monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
        yield shown
