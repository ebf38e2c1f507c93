"""A server of ours that grants seats, behind a cable that can be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.native.resuming.cable import Cable
from tests.interop.native.resuming.seats import Seats

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import trio

    from tests.interop.scene.session import Session


@pytest.fixture
async def seats(session: Session, nursery: trio.Nursery) -> AsyncGenerator[Seats]:
    """The server, polled; its clients come by the cable."""
    server = await session.member("P")
    await session.serve(server)
    async with Cable(nursery, session.url) as cable:
        yield Seats(session, server, cable)
