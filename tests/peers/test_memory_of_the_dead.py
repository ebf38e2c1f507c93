"""Connections that are over keep nothing of what they have sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.driving import until
from tests.peers.sockets import listening, raw_peer

if TYPE_CHECKING:
    from tests.driving import Drive

SIZE = 60_000


async def test_half_a_message_goes_with_its_connection(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False)
    peer, raw = await raw_peer(server)
    link = server.get_peer(peer)._link
    assert link is not None
    whole = raw.frame(bytes(65_535))
    await raw.send(whole[:SIZE])
    frames = link._frames
    assert frames is not None
    await until(lambda: 0 < frames.missing < SIZE // 2)
    await raw.reset()
    await until(lambda: link.over)
    assert frames._long is None
    assert not frames._buffer
    assert link._handshake is None
