"""What the tests of peers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.peers.joined import ENVELOPES, Session, session_of

if TYPE_CHECKING:
    from tests.driving import Drive


@pytest.fixture(params=ENVELOPES)
async def session(request: pytest.FixtureRequest, drive: Drive) -> Session:
    """A server and two clients of ours, joined, in each envelope; with the mark ``everywhere``."""
    return await session_of(drive, request.param)
