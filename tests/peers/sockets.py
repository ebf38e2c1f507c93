"""Servers and raw peers that the tests of limits and resources begin with."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from peers import WebSocketServer
from tests.driving import until
from tests.raw import Raw, request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import WebSocketMultiplayerPeer
    from tests.driving import Drive

AGREED: Final = ("Gdpeers: 1",)
"""The header line with which a peer agrees on transfer modes and channels."""


def listening(drive: Drive, *, gd_mp_api: bool = True, **settings: object) -> WebSocketServer:
    """A driven server on a free port, with these attributes."""
    server = WebSocketServer()
    for name, value in settings.items():
        assert hasattr(server, name), name
        setattr(server, name, value)
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=gd_mp_api)
    return drive.add(server)


async def raw_peer(server: WebSocketServer, headers: Sequence[str] = ()) -> tuple[int, Raw]:
    """A raw client of ``server`` and its id; on a gd_mp server its greeting is still to be read."""
    ids: list[int] = []
    server.client_connected.connect(lambda peer, protocol, path: ids.append(peer), one_shot=True)
    raw = await Raw.connect(server.get_local_port(), headers=headers)
    await until(lambda: ids)
    return ids[0], raw


async def stalled_peer(server: WebSocketServer, headers: Sequence[str] = ()) -> tuple[int, Raw]:
    """The same with the smallest receive buffer, and nothing read after the upgrade."""
    ids: list[int] = []
    server.client_connected.connect(lambda peer, protocol, path: ids.append(peer), one_shot=True)
    raw = await Raw.dial(server.get_local_port(), receive_buffer=4096)
    await raw.send(request(server.get_local_port(), headers=headers))
    await until(lambda: ids)
    narrow(server, ids[0])
    return ids[0], raw


def narrow(peer: WebSocketMultiplayerPeer, other: int) -> None:
    """Give ``peer`` the smallest send buffer for its connection to ``other``."""
    link = peer.get_peer(other)._link
    assert link is not None
    sock = peer.endpoint.engine.connections[link].sock
    assert sock is not None
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
