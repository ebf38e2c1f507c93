"""What all tests share.

Rules: everything on 127.0.0.1 and on free ports; no test sleeps for something to happen, it waits
for the thing itself, with a bound; what a test starts, it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.driving import Drive

if TYPE_CHECKING:
    import trio


@pytest.fixture(params=["polled", "run"])
async def drive(request: pytest.FixtureRequest, nursery: trio.Nursery) -> Drive:
    """Runs the test twice: peers polled in a loop, and under ``peers.run``."""
    return Drive(request.param, nursery)
