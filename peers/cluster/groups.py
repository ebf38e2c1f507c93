"""Tasks that belong to a block, whose only error leaves it as itself."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from peers.driving.errors import bare_errors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def open_group() -> AsyncGenerator[trio.Nursery]:
    """Open a nursery; one exception leaves it as itself, several as an exception group."""
    with bare_errors(trio.Cancelled):
        async with trio.open_nursery() as nursery:
            yield nursery
