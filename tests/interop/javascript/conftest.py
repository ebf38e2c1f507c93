"""One Chromium for all these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.javascript.page import Page

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="session")
def page() -> Generator[Page]:
    """The page, which keeps no clients from one test to the next."""
    opened = Page()
    yield opened
    opened.close()
