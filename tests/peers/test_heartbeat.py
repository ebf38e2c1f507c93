"""``heartbeat_interval`` of whole peers: who pings by itself, when, and who is gone at last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import MultiplayerError
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer, connect, serve
from peers.testing import Pair, connected_pair
from tests.driving import Recorder
from tests.raw import PING, Raw

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("gd_mp", "godot4", "plain")
SESSIONS = ("gd_mp", "godot4")


class Frozen(WebSocketMultiplayerPeer):
    """Its clock stands still, until it is put forward."""

    time = 1000.0

    def now(self) -> float:
        return self.time


class FrozenServer(Frozen, WebSocketServer):
    pass


class FrozenClient(Frozen, WebSocketClient):
    pass


def pair_of(kind: str, interval: float | None = None) -> Pair[Frozen, Frozen]:
    """A server, and a client of it, which both have that attribute; they are connected."""
    server: Frozen
    client: Frozen
    if kind == "godot4":
        server, client = Frozen(), Frozen()
        server.heartbeat_interval = client.heartbeat_interval = interval
        server.create_server(0, "127.0.0.1")
        client.create_client(f"ws://127.0.0.1:{server.get_local_port()}")
    else:
        server, client = FrozenServer(), FrozenClient()
        server.heartbeat_interval = client.heartbeat_interval = interval
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=kind == "gd_mp")
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        client.connect_to_url(url, gd_mp_api=kind == "gd_mp")
    pair = Pair(server, client)
    pair.until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
    pair.until(lambda: server.statistics.packets_sent or kind == "plain")
    return pair


def go_on(peer: Frozen) -> float:
    """Let its next deadline come; return how many seconds passed."""
    due = peer.endpoint.next_deadline()
    passed, peer.time = due - peer.time, due
    peer.poll()
    return passed


@pytest.mark.parametrize("kind", SESSIONS)
def test_a_server_of_a_session_pings_after_15_seconds_and_gives_up_after_45(kind: str) -> None:
    server, client = pair_of(kind)
    at_server = Recorder(server)
    for _ in range(3):
        assert not at_server.log
        assert go_on(server) == 15
    assert at_server.names()[0] == "peer_disconnected"
    assert server.statistics.limits_reached["heartbeat_interval"] == 1
    client.close()
    server.close()


@pytest.mark.parametrize("kind", SESSIONS)
def test_who_answers_once_within_45_seconds_stays(kind: str) -> None:
    pair = pair_of(kind)
    server, client = pair
    connection = server.get_peer(client.get_unique_id())
    for later in range(4):
        heard = server.time
        while server.time < heard + 30:  # as at a breakpoint
            go_on(server)
        server.time += later
        pair.until(lambda now=15.0 + later: connection.round_trip_time == now)
    assert server.get_peers() == [client.get_unique_id()]
    client.close()
    server.close()


@pytest.mark.parametrize(
    ("kind", "interval", "of"),
    [
        ("plain", None, lambda pair: pair.server),
        ("gd_mp", 0, lambda pair: pair.server),
        ("godot4", 0, lambda pair: pair.server),
        *((kind, None, lambda pair: pair.client) for kind in KINDS),
    ],
)
def test_elsewhere_it_is_off(
    kind: str, interval: float | None, of: Callable[[Pair[Frozen, Frozen]], Frozen]
) -> None:
    pair = pair_of(kind, interval)
    assert of(pair).endpoint.next_deadline() == float("inf")
    pair.client.close()
    pair.server.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_holds_everywhere(kind: str) -> None:
    for role in (0, 1):
        pair = pair_of(kind, 5)
        assert [go_on(pair[role]) for _ in range(3)] == [5, 5, 5]
        assert pair[role].statistics.limits_reached["heartbeat_interval"] == 1
        for peer in pair:
            peer.close()


@pytest.mark.parametrize("interval", [-1.0, -0.001])
def test_no_negative_silence(interval: float) -> None:
    server = WebSocketServer()
    with pytest.raises(MultiplayerError, match="heartbeat_interval must be 0 or more"):
        server.heartbeat_interval = interval


async def test_serve_and_connect_set_it() -> None:
    async with serve(0, heartbeat_interval=0.02) as server:
        raw = await Raw.connect(server.get_local_port())
        with trio.fail_after(5):
            while (received := await raw.receive_frame()) is not None:
                last = received
        assert last.op == PING  # and the end of the connection after it
        await raw.close()
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        async with connect(url, heartbeat_interval=7) as client:
            assert client.heartbeat_interval == 7
    own = WebSocketMultiplayerPeer()
    async with serve(0, peer=own, heartbeat_interval=0):
        assert own.heartbeat_interval == 0
    async with serve(0, peer=own):
        assert own.heartbeat_interval == 0


def test_testing_helpers_have_none() -> None:
    with connected_pair() as pair:
        assert pair.server.heartbeat_interval == pair.client.heartbeat_interval == 0
        assert pair.server.endpoint.next_deadline() == float("inf")
    own = WebSocketServer()
    own.heartbeat_interval = 3
    with connected_pair(server=own) as pair:
        assert pair.server.heartbeat_interval == 3
