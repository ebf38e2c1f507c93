"""When it is decided who may connect: not before the request is whole, and then once."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from multiplayer import Limits
from peers import Accept, Refuse, WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork
from peers.memory.stream import MemorySocket
from tests.driving import Recorder
from tests.raw import request

if TYPE_CHECKING:
    from peers import UpgradeRequest

ASKED = request(9080, path="/?name=ada")


class Door:
    """A server that notes what it is asked, in a network that cuts anywhere."""

    def __init__(self, answer: Accept | Refuse | None = None, **limits: int) -> None:
        self.network = MemoryNetwork(seed=5, chop="random")
        self.server = self.network.add(WebSocketServer(limits=Limits(**limits)))
        self.told = Recorder(self.server)
        self.asked: list[UpgradeRequest] = []
        self.answer = answer
        self.server.upgrade_callback = self._decide
        self.server.listen(9080, gd_mp_api=True)

    def _decide(self, asked: UpgradeRequest) -> Accept | Refuse | None:
        self.asked.append(asked)
        return self.answer

    def dial(self) -> MemorySocket:
        sock = MemorySocket(self.network._wires, "127.0.0.1")
        with suppress(BlockingIOError):
            sock.connect(("127.0.0.1", 9080))
        self.network.settle()
        return sock

    def say(self, sock: MemorySocket, data: bytes) -> bytes:
        """Send something; return what came so far."""
        assert sock.send(data) == len(data)
        self.network.settle()
        try:
            return sock.recv(65536)
        except BlockingIOError:
            return b""


def test_who_has_not_asked_for_all_yet_is_not_decided_on() -> None:
    door = Door()
    sock = door.dial()
    for at in range(len(ASKED) - 1):
        assert door.say(sock, ASKED[at : at + 1]) == b""
        assert door.asked == door.told.log == []
    assert door.say(sock, ASKED[-1:]).startswith(b"HTTP/1.1 101 ")
    assert [asked.query for asked in door.asked] == ["name=ada"]
    assert door.told.names() == ["client_connected", "peer_connected"]


def test_what_holds_is_what_is_set_when_the_request_is_whole() -> None:
    door = Door()
    sock = door.dial()
    door.say(sock, ASKED[:-1])
    door.server.refuse_new_connections = True
    assert door.say(sock, ASKED[-1:]).startswith(b"HTTP/1.1 403 ")
    assert door.asked == []  # those who are refused anyway are not asked about
    other = door.dial()
    door.say(other, ASKED[:-1])
    door.server.refuse_new_connections = False
    assert door.say(other, ASKED[-1:]).startswith(b"HTTP/1.1 101 ")


def test_the_last_place_is_for_who_asks_first_not_for_who_came_first() -> None:
    door = Door(max_peers=1)
    early, late = door.dial(), door.dial()
    door.say(early, ASKED[:-1])
    assert door.say(late, ASKED).startswith(b"HTTP/1.1 101 ")
    assert door.say(early, ASKED[-1:]).startswith(b"HTTP/1.1 503 ")
    assert len(door.asked) == 1


def test_who_is_refused_leaves_the_place_to_another() -> None:
    door = Door(Refuse(401), max_peers=1)
    assert door.say(door.dial(), ASKED).startswith(b"HTTP/1.1 401 ")
    door.answer = None
    assert door.say(door.dial(), ASKED).startswith(b"HTTP/1.1 101 ")
    assert door.told.names() == ["client_connected", "peer_connected"]


@pytest.mark.parametrize("how", ["reset", "end"])
def test_who_goes_before_it_has_asked_was_never_there(how: str) -> None:
    door = Door()
    sock = door.dial()
    door.say(sock, ASKED[:-1])
    if how == "reset":
        assert sock.other is not None
        sock.other.be_reset()
    else:
        sock.shutdown(socket.SHUT_WR)
    sock.close()
    door.network.advance(10)
    assert door.asked == door.told.log == []
    assert door.server.endpoint.links == []
    assert door.server.statistics.failed_handshakes == 1


def test_who_goes_as_soon_as_it_has_asked_came_and_left() -> None:
    door = Door()
    sock = door.dial()
    sock.send(ASKED)
    sock.close()
    door.network.advance(10)
    assert len(door.asked) == 1
    assert door.told.names() == [
        "client_connected",
        "peer_connected",
        "peer_disconnected",
        "client_disconnected",
    ]
    assert door.server.endpoint.links == []


def test_a_client_is_a_peer_only_when_it_has_been_let_in() -> None:
    door = Door()
    client = door.network.add(WebSocketClient())
    told = Recorder(client)
    client.connect_to_url("ws://localhost:9080", gd_mp_api=True)
    for _ in range(20):  # the server stands still
        client.poll()
    assert told.log == []
    door.network.settle()
    assert told.names() == ["connection_established", "peer_connected", "connection_succeeded"]
    assert door.server.get_peers() == [client.get_unique_id()]
