"""Engines for tests, and what happens to the tests where there is none."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.interop.godot3.engine import Godot3, executable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    import trio

    Launch = Callable[[], Awaitable[Godot3]]

MISSING = "no Godot 3.2.3 here (godot3-server, or another path in GODOT3)"


def _lacks_engine(item: pytest.Item) -> bool:
    return item.get_closest_marker("godot3") is not None and executable() is None


def _required() -> bool:
    return os.environ.get("GDPEERS_REQUIRE_ENGINES") == "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _lacks_engine(item) and not _required():
        pytest.skip(MISSING)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    # Here and not during setup, so that it counts as a failed test, not as an error.
    if _lacks_engine(item):
        pytest.fail(f"{MISSING}, and GDPEERS_REQUIRE_ENGINES=1 demands it", pytrace=False)


@pytest.fixture
async def launch(nursery: trio.Nursery) -> AsyncGenerator[Launch]:
    """Starts engines, and ends them after the test."""
    async with AsyncExitStack() as engines:

        async def launch_one() -> Godot3:
            return await engines.enter_async_context(Godot3.launched(nursery))

        yield launch_one
