"""Peers that have to log in, and come back: whoever begins anew logs in once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_4, NATIVE

from .replication.games import A, B, Kind
from .seats import SeatGame
from .test_absences import all_round, at, build

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

KINDS = [Kind(NATIVE, True), Kind(NATIVE, False), Kind(GODOT_4, False)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=["gd_mp", "native", "godot4"])
AUTH = [("peer_authenticating", A)]


def with_logins(api: SceneMultiplayer) -> None:
    build(api)
    api.auth_timeout = 2.0

    def check(peer: int, data: bytes) -> None:
        if data == b"let me in":
            api.complete_auth(peer)

    api.auth_callback = check
    api.peer_authenticating.connect(lambda peer: api.send_auth(peer, b"let me in"))


def ready(kind: Kind, engines: tuple[int, ...] = ()) -> SeatGame:
    game = SeatGame(kind, with_logins, A, B, engines=engines)
    game.tick(5)
    all_round(game)
    game.forget()
    return game


@each_kind
@pytest.mark.parametrize("engines", [(), (A,)], ids=["words", "engine"])
def test_it_logs_in_again(kind: Kind, engines: tuple[int, ...]) -> None:
    game = ready(kind, engines)
    game.lose(A)
    game.come_back(A, replayed=False)
    game.tick(4)
    assert game.heard(1) == [("peer_authenticating", A), ("peer_resumed", A, False)]
    assert ("peer_disconnected", A) not in game.heard(B)
    assert game.apis[1].get_suspended_peers() == []
    if not engines:
        assert game.heard(A) == [("peer_authenticating", 1), ("session_resumed", False)]
    all_round(game)
    assert game.rejected == []


@each_kind
def test_what_is_replayed_needs_no_login(kind: Kind) -> None:
    game = ready(kind)
    game.lose(A)
    game.come_back(A, replayed=True)
    assert game.heard(1) == [("peer_resumed", A, True)]
    assert game.heard(A) == [("session_resumed", True)]
    all_round(game)


@each_kind
def test_until_then_it_may_say_nothing_and_is_told_nothing(kind: Kind) -> None:
    game = ready(kind, engines=(A,))
    game.lose(A)
    before = game.seat(A)
    api = game._add(A)
    api.auth_callback = None
    game.seat(A).take_seat_of(before)
    game.tick(2)
    assert game.heard(1) == [("peer_authenticating", A)]
    assert game.apis[1].get_suspended_peers() == [A]
    assert A in game.apis[1].get_peers()
    at(game, A).say.rpc_id(1, "not yet")
    at(game, 1).say.rpc_id(A, "not yet")
    game.tick(4)
    assert at(game, 1).said == at(game, A).said == []
    assert game.apis[1].statistics.drops["departed"] == 1
    assert "not_authenticated" in {reason for _, _, reason, _ in game.rejected}
    game.network.time += 3
    game.tick(4)
    assert game.heard(1) == [("peer_authentication_failed", A), ("peer_disconnected", A)]
    assert ("peer_disconnected", A) in game.heard(B)
    assert A not in game.apis[1].get_peers()
    assert game.apis[1].get_suspended_peers() == []


@each_kind
@pytest.mark.parametrize("replayed", [True, False])
def test_it_is_lost_again_while_it_logs_in(kind: Kind, replayed: bool) -> None:
    game = ready(kind)
    game.lose(A)
    game.seat(A).come_back(replayed=False)
    game.peers[1].poll()
    game.seat(A).lose()
    game.come_back(A, replayed=replayed)
    game.tick(4)
    assert game.apis[1].get_suspended_peers() == []
    told = game.heard(1)
    assert told[-1] == ("peer_resumed", A, False)
    assert ("peer_disconnected", A) not in [*told, *game.heard(B)]
    all_round(game)


@each_kind
def test_one_that_was_logging_in_for_the_first_time(kind: Kind) -> None:
    game = SeatGame(kind, with_logins, B)
    game.tick(5)
    game._add(A)
    game.peers[A].link()
    game.forget()
    game.lose(A)
    assert game.apis[1].get_peers() == [B]
    game.come_back(A, replayed=False)
    game.tick(4)
    told = game.heard(1)
    assert told[-1] == ("peer_connected", A)
    assert not {"peer_suspended", "peer_resumed"} & {each[0] for each in told}
    all_round(game)
