"""Draining: all rooms of a node go to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from peers.rooms.room_server import RoomServer

    from .keeper import RoomKeeper

_PATIENCE: Final = 10.0
"""How much longer than asked for it may take, in seconds, if the directory or players are slow."""


async def drain(server: RoomServer, keeper: RoomKeeper, seconds: float) -> None:
    """Give all rooms away, and wait until they are closed; see ``Node.drain``."""
    keeper.draining = True
    until = trio.current_time() + seconds + _PATIENCE
    codes = keeper.lease.codes
    for number, code in enumerate(codes):
        with trio.move_on_at(until):
            await _hand_over(keeper, code)
        keeper.close(code)  # if the directory has not answered, others have its last snapshot
        if number + 1 < len(codes):
            await trio.sleep(seconds / len(codes))
    with trio.move_on_after(_PATIENCE):
        while any(session.kind in server.kinds for session in server.table.all):
            await keeper.wait_for_close()


async def _hand_over(keeper: RoomKeeper, code: str) -> None:
    handed = await keeper.hand_over(code)
    while not handed:
        await trio.sleep_until(keeper.lease.next_beat)
        handed = await keeper.hand_over(code)
