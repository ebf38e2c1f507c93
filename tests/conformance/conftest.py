"""What the Autobahn cases are run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.driving import Drive

if TYPE_CHECKING:
    import trio


@pytest.fixture(params=["polled", "run"])
async def drive(request: pytest.FixtureRequest, nursery: trio.Nursery) -> Drive:
    """As that of all tests, in two of the ways: the cases take minutes, and are about bytes."""
    return Drive(request.param, nursery)
