"""``SimulatedSession``: whole sessions on a network in a box, with and without pytest."""

from __future__ import annotations

from typing import Any

import pytest

from multiplayer import ConnectionStatus, Dialect, Error, MultiplayerError, Node, rpc
from multiplayer.testing import PRESETS, Fault, Schedule, SimulatedNetwork
from peers.testing import SimulatedSession, WebSocketSession

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


class Game(Node):
    def __init__(self) -> None:
        super().__init__()
        self.hits: list[Any] = []

    @rpc("any_peer")
    def hit(self, points: object) -> None:
        self.hits.append(points)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("dialect", [Dialect.NATIVE, Dialect.GODOT_3, Dialect.GODOT_4], ids=str)
def test_reliable_calls_arrive_once_and_in_order_under_every_preset(
    preset: str, dialect: Dialect
) -> None:
    network = SimulatedNetwork(seed=4, conditions=preset)
    session = SimulatedSession(network, 3, dialect, Game)
    server, *players = session.roots
    for number in range(20):
        for sender, player in enumerate(players):
            player.hit.rpc([sender, number])
        network.advance(0.02)
    session.settle()
    for at, hearer in enumerate((server, *players), -1):
        for sender in {0, 1, 2} - {at}:
            heard = [number for who, number in hearer.hits if who == sender]
            assert heard == [*range(20)]
        assert len(hearer.hits) == 20 * (3 if hearer is server else 2)


def test_a_client_that_is_restarted_joins_again_with_a_new_tree() -> None:
    session = SimulatedSession(SimulatedNetwork(), 2, root=Game)
    first, other = session.clients
    session.root_of(first).hits.append("before")
    again = session.restart(first)
    assert session.clients == [again, other]
    session.until(lambda: len(session.server.get_peers()) == 2 and again.get_peers())
    assert session.root_of(again).hits == []
    session.root_of(again).hit.rpc_id(1, 5)
    session.settle()
    assert session.roots[0].hits == [5]
    with pytest.raises(MultiplayerError, match="may have been restarted since") as caught:
        session.restart(first)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_peer_that_is_taken_from_its_api_goes_on() -> None:
    session = SimulatedSession(SimulatedNetwork(), 2)
    peer = session.clients[0].multiplayer_peer
    session.clients[0].multiplayer_peer = None
    session.server.send_bytes(b"hello")
    session.settle()
    assert len(session.server.get_peers()) == 2
    assert peer.get_available_packet_count()
    session.network.advance(100)  # it answers pings
    assert len(session.server.get_peers()) == 2


def test_a_schedule_restarts_processes_too() -> None:
    session = SimulatedSession(SimulatedNetwork(), 2, root=Game)
    server, first = session.server, session.clients[0]
    session.network.schedule(Schedule((Fault("restart", 1.0, 1), Fault("restart", 2.0, 0))))
    session.network.advance(1.5)
    assert session.clients[0] is not first
    assert len(session.server.get_peers()) == 2
    session.network.advance(1.0)
    assert session.server is not server
    assert session.roots[0].hits == []
    session.until(
        lambda: session.clients[0].multiplayer_peer.get_connection_status() == DISCONNECTED
    )
    late = session.join()
    assert session.server.get_peers() == [late.get_unique_id()]


@pytest.mark.parametrize("kind", ["box", "sockets"])
def test_who_leaves_is_gone_and_strangers_do_not_leave(kind: str) -> None:
    session = SimulatedSession(SimulatedNetwork(), 2) if kind == "box" else WebSocketSession(2)
    client = session.clients[0]
    session.leave(client)
    assert len(session.server.get_peers()) == len(session.clients) == 1
    with pytest.raises(MultiplayerError, match="is not the API of a client of this") as caught:
        session.leave(client)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    session.close()


def test_what_is_no_dialect_is_refused() -> None:
    with pytest.raises(MultiplayerError, match="dialect must be a Dialect") as caught:
        SimulatedSession(SimulatedNetwork(), 2, "godot4")  # type: ignore[arg-type]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_root_that_makes_no_tree_is_refused() -> None:
    with pytest.raises(MultiplayerError, match="root must be") as caught:
        SimulatedSession(SimulatedNetwork(), 2, root=Node())  # type: ignore[arg-type]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_session_is_closed_at_the_end_of_its_block() -> None:
    with SimulatedSession(SimulatedNetwork(), 1) as session:
        peers = [api.multiplayer_peer for api in (session.server, *session.clients)]
        assert session.server.get_peers()
    assert [peer.get_connection_status() for peer in peers] == [DISCONNECTED] * 2


def test_who_cannot_join_is_told_why() -> None:
    session = WebSocketSession(1)
    session.server.refuse_new_connections = True
    with pytest.raises(MultiplayerError, match="client 2 of the session could not join") as caught:
        session.join()
    assert caught.value.code == Error.ERR_CANT_CONNECT
    session.close()


def test_what_makes_no_roots_is_refused() -> None:
    anything: Any = None
    node = Node("one for all")
    for root in (anything, lambda: anything, lambda: node):
        with pytest.raises(MultiplayerError):
            SimulatedSession(SimulatedNetwork(), 1, root=root)


def test_only_clients_of_a_session_over_sockets_are_cut_or_stalled() -> None:
    session = WebSocketSession(1)
    try:
        for wrong in (session.server, SimulatedSession(SimulatedNetwork(), 1).clients[0]):
            for call in (session.cut, session.stall, session.go_on, session.leave):
                with pytest.raises(
                    MultiplayerError, match="not the API of a client of this"
                ) as error:
                    call(wrong)
                assert error.value.code == Error.ERR_INVALID_PARAMETER
        assert len(session.server.get_peers()) == 1
    finally:
        session.close()
