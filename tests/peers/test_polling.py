"""The contract of ``poll()``: what happens inside it, what does not happen outside it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import WebSocketClient, WebSocketServer
from peers.testing import Pair, connected_pair

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def pair() -> Iterator[Pair]:
    with connected_pair() as connected:
        yield connected


def test_nothing_happens_outside_poll() -> None:
    with pair() as (server, client):
        client.put_packet(b"left at once: a polled client sends without waiting for its poll")
        heard: list[int] = []
        server.peer_packet.connect(heard.append)
        assert heard == []
        assert server.get_available_packet_count() == 0
        while not heard:
            server.poll()
        assert heard == [client.get_unique_id()]


def test_a_polled_server_collects_until_its_poll_or_flush() -> None:
    with pair() as (server, client):
        peer = server.get_peer(client.get_unique_id())
        server.put_packet(b"collected")
        assert peer.get_current_outbound_buffered_amount() == 2 + 9 + len(b"collected")
        server.flush()
        assert peer.get_current_outbound_buffered_amount() == 0
        server.put_packet(b"more")
        server.poll()
        assert peer.get_current_outbound_buffered_amount() == 0
        pairs = Pair(server, client)
        pairs.until(lambda: client.get_available_packet_count() == 2)
        assert [client.get_packet(), client.get_packet()] == [b"collected", b"more"]


def test_a_listener_that_raises_loses_nothing() -> None:
    with pair() as (server, client):
        heard: list[bytes] = []

        def fail(source: int) -> None:
            packet = server.get_packet()
            server.set_target_peer(source)
            server.put_packet(b"re: " + packet)
            heard.append(packet)
            raise ValueError(packet.decode())

        server.peer_packet.connect(fail)
        for packet in (b"one", b"two"):
            client.put_packet(packet)
        while len(heard) < 2:
            with suppress(ValueError, ExceptionGroup):
                server.poll()
        # What the listener put leaves although it raised; the packet behind it comes next.
        while client.get_available_packet_count() < 2:
            client.poll()
        assert heard == [b"one", b"two"]
        assert [client.get_packet(), client.get_packet()] == [b"re: one", b"re: two"]


def test_every_signal_of_one_event_is_emitted_even_if_a_listener_of_one_raises() -> None:
    with pair() as (server, client):
        heard: list[str] = []

        def fail(peer: int) -> None:
            heard.append(f"left {peer}")
            raise ValueError("left")

        def fail_too() -> None:
            heard.append("server gone")
            raise KeyError("gone")

        client.peer_disconnected.connect(fail)
        client.server_disconnected.connect(fail_too)
        client.connection_closed.connect(lambda clean: heard.append(f"closed {clean}"))
        server.disconnect_peer(client.get_unique_id())
        with pytest.raises(ExceptionGroup) as caught:
            Pair(server, client).until(lambda: "closed True" in heard)
        assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        assert heard == ["left 1", "server gone", "closed True"]
        assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]


def test_poll_from_a_listener_is_refused() -> None:
    with pair() as (server, client):
        codes: list[Error] = []

        def poll_again(source: int) -> None:
            try:
                server.poll()
            except MultiplayerError as error:
                codes.append(error.code)

        server.peer_packet.connect(poll_again)
        client.put_packet(b"x")
        while not codes:
            server.poll()
        assert codes == [Error.ERR_BUSY]
        server.poll()


def test_packets_are_heard_in_order_of_arrival_and_readable_after_the_peer_has_left() -> None:
    with pair() as connected:
        server, client = connected
        heard: list[str] = []
        server.peer_packet.connect(lambda source: heard.append("packet"))
        server.peer_disconnected.connect(lambda peer: heard.append("left"))
        for number in range(3):
            client.put_packet(bytes([number]))
        peer_id = client.get_unique_id()
        client.disconnect_from_host()
        connected.until(lambda: "left" in heard)
        assert heard == ["packet", "packet", "packet", "left"]
        fetched = [(server.get_packet_peer(), server.get_packet()) for _ in range(3)]
        assert fetched == [(peer_id, b"\0"), (peer_id, b"\1"), (peer_id, b"\2")]


def test_replies_leave_before_the_close_that_answers_what_came_after() -> None:
    with connected_pair(gd_mp_api=False) as connected:
        server, client = connected

        def echo(peer_id: int) -> None:
            peer = server.get_peer(peer_id)
            peer.put_packet(peer.get_packet())

        server.data_received.connect(echo)
        client.get_peer(1).put_packet(b"before the close")
        client.disconnect_from_host(4000, "bye")
        echoed: list[str] = []
        server.client_disconnected.connect(lambda peer, clean: echoed.append(f"clean {clean}"))
        connected.until(lambda: echoed)
        # The client had begun to close: the echo came, and was counted as dropped.
        connected.until(
            lambda: client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        )
        assert echoed == ["clean True"]
        assert client.statistics.packets_received == 1
        assert client.statistics.drops == {"closing": 1}


def test_close_is_immediate_and_silent() -> None:
    with pair() as (server, client):
        heard: list[str] = []
        client.server_disconnected.connect(lambda: heard.append("server_disconnected"))
        client.connection_closed.connect(lambda clean: heard.append("connection_closed"))
        client.peer_disconnected.connect(lambda peer: heard.append("peer_disconnected"))
        closed: list[tuple[int, int, str]] = []
        server.client_close_request.connect(lambda *args: closed.append(args))
        peer_id = client.get_unique_id()
        client.close()
        client.close()
        client.poll()
        assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        while server.has_peer(peer_id):
            server.poll()
        assert heard == []
        assert closed == [(peer_id, 1000, "")]


def test_the_same_objects_connect_again() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    ids: set[int] = set()
    for _ in range(3):
        with connected_pair(server=server, client=client):
            ids.add(client.get_unique_id())
            assert client.failure is None
        assert server.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        assert server.get_local_port() == 0
    assert len(ids) == 3


def test_a_listener_may_connect_again_when_the_connection_has_closed() -> None:
    with pair() as connected:
        server, client = connected
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        first = client.get_unique_id()
        client.connection_closed.connect(lambda clean: client.connect_to_url(url, gd_mp_api=True))
        server.disconnect_peer(first)
        connected.until(lambda: client.get_unique_id() not in (0, first))
        connected.until(
            lambda: client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED
        )
        assert client.get_unique_id() != first


def test_several_peers_share_one_thread() -> None:
    with connected_pair() as one, connected_pair() as other:
        for connected, text in ((one, b"one"), (other, b"other")):
            connected.client.put_packet(text)
        one.until(one.server.get_available_packet_count)
        other.until(other.server.get_available_packet_count)
        assert (one.server.get_packet(), other.server.get_packet()) == (b"one", b"other")


def test_poll_without_a_connection_does_nothing() -> None:
    for peer in (WebSocketClient(), WebSocketServer()):
        peer.poll()
        peer.close()
        peer.flush()
        assert peer.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        assert peer.get_available_packet_count() == 0
