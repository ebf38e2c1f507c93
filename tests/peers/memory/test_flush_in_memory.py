"""What leaves when: by itself, at the end of a poll, with ``flush()``, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

ENVELOPES = ["gd_mp", "godot4"]


class Session:
    """A server and clients, polled by hand."""

    def __init__(self, envelope: str, clients: int = 2, buffer_size: int = 65536) -> None:
        self.network = MemoryNetwork(seed=1, buffer_size=buffer_size)
        gd_mp = envelope == "gd_mp"
        self.server: WebSocketMultiplayerPeer
        if gd_mp:
            self.server = self.network.add(WebSocketServer())
            self.server.listen(9080, gd_mp_api=True)
        else:
            self.server = self.network.add(WebSocketMultiplayerPeer())
            self.server.create_server(9080)
        self.clients: list[WebSocketMultiplayerPeer] = []
        for _ in range(clients):
            if gd_mp:
                client = self.network.add(WebSocketClient())
                client.connect_to_url("ws://localhost:9080", gd_mp_api=True)
            else:
                client = self.network.add(WebSocketMultiplayerPeer())
                client.create_client("ws://localhost:9080")
            self.clients.append(client)
            self.network.settle()
            assert client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED

    def has_come(self) -> list[list[bytes]]:
        """What each client finds that it is polled once, while the server is not."""
        found: list[list[bytes]] = []
        for client in self.clients:
            client.poll()
            count = client.get_available_packet_count()
            found.append([client.get_packet() for _ in range(count)])
        return found


@pytest.fixture(params=ENVELOPES)
def session(request: pytest.FixtureRequest) -> Session:
    return Session(request.param)


def test_what_a_server_puts_between_polls_waits_for_the_next(session: Session) -> None:
    session.server.put_packet(b"to all")
    assert session.has_come() == [[], []]
    session.server.poll()
    assert session.has_come() == [[b"to all"], [b"to all"]]


def test_flush_sends_it_now_in_the_order_in_which_it_was_put(session: Session) -> None:
    server = session.server
    one, other = (client.get_unique_id() for client in session.clients)
    for target, packet in ((0, b"1"), (one, b"2"), (-one, b"3"), (0, b"4"), (other, b"5")):
        server.set_target_peer(target)
        server.put_packet(packet)
    server.flush()
    assert session.has_come() == [[b"1", b"2", b"4"], [b"1", b"3", b"4", b"5"]]
    server.flush()
    server.poll()
    assert session.has_come() == [[], []]


def test_flush_takes_in_nothing(session: Session) -> None:
    heard: list[int] = []
    session.server.peer_packet.connect(heard.append)
    session.clients[0].set_target_peer(1)
    session.clients[0].put_packet(b"news")
    session.server.flush()
    assert heard == []
    assert session.server.get_available_packet_count() == 0
    session.server.poll()
    assert heard == [session.clients[0].get_unique_id()]


def test_what_a_client_puts_leaves_by_itself(session: Session) -> None:
    session.clients[0].set_target_peer(1)
    session.clients[0].put_packet(b"at once")
    session.server.poll()
    assert session.server.get_packet() == b"at once"


@pytest.mark.parametrize("flushes", [False, True])
def test_what_a_listener_puts_leaves_before_its_poll_ends(session: Session, flushes: bool) -> None:
    server, (asks, _) = session.server, session.clients

    @server.peer_packet.connect
    def answer(_peer: int) -> None:
        server.put_packet(b"re: " + server.get_packet())
        if flushes:
            server.flush()
        server.put_packet(b"and more")

    asks.set_target_peer(1)
    asks.put_packet(b"question")
    server.poll()
    assert session.has_come() == [[b"re: question", b"and more"]] * 2


def test_what_a_full_pipe_does_not_take_leaves_later_without_flush() -> None:
    session = Session("gd_mp", clients=1, buffer_size=1000)
    server, (client,) = session.server, session.clients
    drained: list[int] = []
    server.peer_drained.connect(drained.append)
    packets = [bytes([number]) * 600 for number in range(4)]
    for packet in packets:
        server.put_packet(packet)
    server.flush()
    assert session.has_come() == [packets[:1]]
    assert server.get_backlog(client.get_unique_id()) > 0
    session.network.settle()
    assert [client.get_packet() for _ in range(3)] == packets[1:]
    assert server.get_backlog(client.get_unique_id()) == 0


@pytest.mark.parametrize("end", ["close", "disconnect_peer", "begin_leaving"])
def test_who_is_sent_away_gets_first_what_was_put(session: Session, end: str) -> None:
    server, (client, _) = session.server, session.clients
    id_ = client.get_unique_id()
    ends: dict[str, Callable[[], object]] = {
        "close": server.close,
        "disconnect_peer": lambda: server.disconnect_peer(id_),
        "begin_leaving": server.begin_leaving,
    }
    server.put_packet(b"last words")
    ends[end]()
    session.network.settle()
    assert client.get_packet() == b"last words"
    assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED


def test_a_packet_of_one_connection_leaves_with_flush_too() -> None:
    network = MemoryNetwork(seed=1)
    server, client = network.add(WebSocketServer()), network.add(WebSocketClient())
    server.listen(9080)
    client.connect_to_url("ws://localhost:9080")
    ids: list[int] = []
    server.client_connected.connect(lambda peer, _protocol, _name: ids.append(peer))
    network.settle()
    server.get_peer(ids[0]).put_packet(b"plain")
    client.poll()
    assert client.get_peer(1).get_available_packet_count() == 0
    server.flush()
    client.poll()
    assert client.get_peer(1).get_packet() == b"plain"
