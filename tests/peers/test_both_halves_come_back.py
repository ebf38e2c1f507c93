"""A client and a server of ours whose connection breaks again and again, over sockets and TLS."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from peers import Resume, WebSocketClient, WebSocketServer
from tests.driving import Recorder, until
from tests.peers.sessions import listening
from tests.peers.tls_sessions import joined, secure_client, secure_server

if TYPE_CHECKING:
    from multiplayer import MultiplayerPeer
    from peers import WebSocketMultiplayerPeer
    from tests.driving import Drive

CUTS = 3
LARGE = 1 << 20
SENT = 30
"""How many packets each side puts between two cuts; so much that they are cut in two, too."""


def cut(peer: WebSocketMultiplayerPeer) -> None:
    """Break a peer's connections without a close frame."""
    for connection in peer._engine.connections.values():
        if connection.sock is not None and not connection.connecting:
            connection.sock.shutdown(socket.SHUT_RDWR)


class Numbered:
    """What one peer puts for another, numbered, and what has come."""

    def __init__(self, sender: MultiplayerPeer, receiver: MultiplayerPeer, target: int) -> None:
        self._sender, self._receiver, self._target = sender, receiver, target
        self.put = 0
        self.came: list[int] = []
        receiver.peer_packet.connect(self._take)

    def talk(self) -> None:
        for _ in range(SENT):
            self._sender.send_packet(b"%d " % self.put + bytes(3000), self._target)
            self.put += 1

    def _take(self, source: int) -> None:
        del source
        self.came.append(int(self._receiver.get_packet().split()[0]))

    @property
    def is_complete(self) -> bool:
        return len(self.came) >= self.put


@pytest.mark.needs_sockets
@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("side", ["client", "server"])
async def test_each_packet_comes_once_and_in_order(drive: Drive, secure: bool, side: str) -> None:
    settings = {"grace": 30.0, "outbound_buffer_size": LARGE, "max_replay_bytes": LARGE}
    resume = Resume(ring_bytes=LARGE)
    server: WebSocketServer
    if secure:
        server = drive.add(secure_server(**settings))
        client = secure_client(resume=resume, outbound_buffer_size=LARGE)
        await joined(drive, server, client)
    else:
        server = listening(drive)
        for name, value in settings.items():
            setattr(server, name, value)
        client = WebSocketClient()
        client.resume, client.outbound_buffer_size = resume, LARGE
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        drive.add(client)
        await until(lambda: client.get_peers() == [1])
    id_ = client.get_unique_id()
    told, heard = Recorder(server), Recorder(client)
    up, down = Numbered(client, server, 1), Numbered(server, client, id_)
    for count in range(1, CUTS + 1):
        up.talk()
        down.talk()
        cut(client if side == "client" else server)
        up.talk()
        down.talk()
        await until(lambda: len(heard.of("session_resumed")) == count)  # noqa: B023 - at once
    await until(lambda: up.is_complete and down.is_complete)
    assert up.came == [*range(up.put)]
    assert down.came == [*range(down.put)]
    assert heard.of("session_resumed") == [(True,)] * CUTS
    assert told.of("peer_resumed") == [(id_, True)] * CUTS
    assert "peer_disconnected" not in told
    assert client.get_unique_id() == id_
