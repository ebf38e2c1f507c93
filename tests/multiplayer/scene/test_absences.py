"""What an API does when a peer loses its connection and comes back, replayed or begun anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_3, GODOT_4, NATIVE, MultiplayerError, Node, PeerLeft, rpc
from multiplayer.wire.dialects.choice import wire_of

from .replication.games import A, B, C, Kind
from .seats import SeatGame

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

KINDS = [Kind(NATIVE, True), Kind(NATIVE, False), Kind(GODOT_4, False), Kind(GODOT_3, True)]
each_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: f"{kind.dialect.name}-{'gd_mp' if kind.gd_mp else 'godot4'}"
)
each_native = pytest.mark.parametrize("kind", KINDS[:2], ids=["gd_mp", "godot4"])


WORDS = ("by path or number", "by number")


class Talker(Node):
    def __init__(self) -> None:
        super().__init__("Talker")
        self.said: list[tuple[int, object]] = []

    @rpc("any_peer")
    def say(self, what: object) -> None:
        self.said.append((self.multiplayer.get_remote_sender_id(), what))

    @rpc("any_peer")
    def ask(self, what: object) -> object:
        return what


def build(api: SceneMultiplayer) -> None:
    assert api.root is not None
    api.root.add_child(Talker())


def at(game: SeatGame, own_id: int) -> Talker:
    node = game.at(own_id, "Talker")
    assert isinstance(node, Talker)
    return node


def all_round(game: SeatGame) -> None:
    """Everybody calls everybody, twice: by path or by number, and by number."""
    for word in WORDS:
        for caller in game.apis:
            for called in game.apis:
                if caller != called:
                    at(game, caller).say.rpc_id(called, word)
            game.tick(4)
    for called in game.apis:
        said = at(game, called).said
        others = [each for each in game.apis if each != called]
        assert sorted(said) == sorted((each, word) for each in others for word in WORDS)
        said.clear()


def ready(kind: Kind, *, engines: tuple[int, ...] = ()) -> SeatGame:
    game = SeatGame(kind, build, A, B, C, engines=engines)
    all_round(game)
    game.forget()
    assert game.rejected == []
    return game


@each_kind
def test_all_goes_on_if_nothing_was_lost(kind: Kind) -> None:
    game = ready(kind)
    game.seat(A).lose()
    game.tick()
    assert game.heard(1) == [("peer_suspended", A)]
    assert game.heard(A) == [("session_suspended",)]
    assert game.apis[1].get_suspended_peers() == [A]
    assert sorted(game.apis[1].get_peers()) == [A, B, C]
    at(game, 1).say.rpc("to all")
    at(game, B).say.rpc_id(A, "from B")
    at(game, A).say.rpc_id(1, "from A")
    game.tick(4)
    assert at(game, A).said == at(game, 1).said == []
    game.come_back(A, replayed=True)
    assert game.heard(1) == [("peer_resumed", A, True)]
    assert game.heard(A) == [("session_resumed", True)]
    assert game.heard(B) == game.heard(C) == []
    assert game.apis[1].get_suspended_peers() == []
    assert sorted(at(game, A).said) == [(1, "to all"), (B, "from B")]
    assert at(game, 1).said == [(A, "from A")]
    for each in game.apis:
        at(game, each).said.clear()
    all_round(game)
    assert game.rejected == []


@each_kind
@pytest.mark.parametrize("others", ["words", "engines"])
@pytest.mark.parametrize("returning", ["words", "engine"])
def test_a_client_begins_anew(kind: Kind, others: str, returning: str) -> None:
    """Calls between all go on, and nobody has left except for engines, which have no other word."""
    engines = (*((B, C) if others == "engines" else ()), *((A,) if returning == "engine" else ()))
    game = ready(kind, engines=engines)
    game.lose(A)
    at(game, 1).say.rpc_id(A, "is lost")
    game.tick()
    game.come_back(A, replayed=False)
    assert game.heard(1) == [("peer_resumed", A, False)]
    for other in (B, C):
        anew = [("peer_disconnected", A), ("peer_connected", A)]
        assert game.heard(other) == (anew if others == "engines" else [("peer_resumed", A, False)])
    if returning == "words":
        assert game.heard(A) == [("session_resumed", False)]
    else:
        assert sorted(game.heard(A)) == [
            ("connected_to_server",),
            *[("peer_connected", each) for each in (1, B, C)],
        ]
    assert at(game, A).said == []
    assert sorted(game.apis[A].get_peers()) == [1, B, C]
    assert game.apis[1].get_suspended_peers() == []
    all_round(game)
    assert game.rejected == []


def test_a_client_hears_who_came_and_went_while_it_was_away() -> None:
    """On Godot 4's envelope, where the API tells; on gd_mp the peer below does."""
    game = ready(Kind(NATIVE, False))
    game.lose(A)
    game.leave(B)
    new = 50
    game.join(new)
    game.forget()
    game.come_back(A, replayed=False)
    assert sorted(game.heard(A)) == [
        ("peer_connected", new),
        ("peer_disconnected", B),
        ("session_resumed", False),
    ]
    assert game.apis[A].get_peers() == [1, C, new]
    all_round(game)
    assert game.rejected == []


def test_the_end_of_a_roster_that_nobody_waits_for() -> None:
    game = ready(Kind(NATIVE, False))
    game.peers[1].send_packet(wire_of(NATIVE).del_peer(A), A)
    game.tick()
    assert [(at, who, reason.value) for at, who, reason, _ in game.rejected] == [
        (A, 1, "impossible_id")
    ]


@each_native
def test_questions_to_one_that_begins_anew(kind: Kind) -> None:
    game = ready(kind)
    game.lose(A)
    of_server = at(game, 1).ask.call_id(A, 1)
    of_other = at(game, B).ask.call_id(A, 2)
    of_client = at(game, A).ask.call_id(1, 3)
    game.tick()
    game.come_back(A, replayed=False)
    for call in (of_server, of_other, of_client):
        with pytest.raises(PeerLeft, match="the connection was lost before peer"):
            call.result()
    again = at(game, A).ask.call_id(1, 4)
    game.tick()
    assert again.result() == 4
    assert game.rejected == []


@each_native
def test_questions_to_one_to_whom_all_is_replayed(kind: Kind) -> None:
    game = ready(kind)
    game.lose(A)
    calls = [
        at(game, 1).ask.call_id(A, 1),
        at(game, B).ask.call_id(A, 1),
        at(game, A).ask.call_id(1, 1),
    ]
    game.tick()
    assert not any(call.done for call in calls)
    game.come_back(A, replayed=True)
    game.tick()
    assert [call.result() for call in calls] == [1, 1, 1]


@each_kind
def test_a_seat_that_expires(kind: Kind) -> None:
    game = ready(kind)
    game.lose(A)
    game.leave(A)
    assert game.heard(1) == [("peer_disconnected", A)]
    assert game.heard(B) == game.heard(C) == [("peer_disconnected", A)]
    assert game.apis[1].get_suspended_peers() == []
    all_round(game)


@each_kind
def test_a_seat_that_this_program_ends(kind: Kind) -> None:
    game = ready(kind)
    game.lose(A)
    game.apis[1].disconnect_peer(A)
    game.tick()
    assert game.heard(1) == []
    assert game.heard(B) == game.heard(C) == [("peer_disconnected", A)]
    assert game.apis[1].get_suspended_peers() == []


@each_kind
def test_any_number_of_times(kind: Kind) -> None:
    game = ready(kind)
    for replayed in (True, False, True, False, False, True):
        game.lose(A)
        game.come_back(A, replayed=replayed)
        all_round(game)
    assert game.rejected == []
    assert [each for each in game.heard(B) if each[0] != "peer_resumed"] == []


def test_two_are_away_at_once() -> None:
    game = ready(Kind(NATIVE, False))
    game.lose(A)
    game.lose(B)
    game.forget()
    game.come_back(A, replayed=False)
    game.come_back(B, replayed=True)
    assert game.heard(B) == [("session_resumed", True), ("peer_resumed", A, False)]
    all_round(game)
    assert game.rejected == []


def test_a_seat_that_was_restored() -> None:
    """A server that goes on for another one has members that have never had a connection."""
    game = ready(Kind(NATIVE, False), engines=(A,))
    server = game.seat(1)
    game.apis[1].multiplayer_peer = None
    server.gone.update((A, B, C))
    game.apis[1].multiplayer_peer = server
    assert sorted(game.apis[1].get_suspended_peers()) == [A, B, C]
    at(game, 1).say.rpc("waits, or is lost")
    game.tick()
    game.forget()
    for each in (B, C):
        game.seat(each).lose()
    for each in (A, B, C):
        game.come_back(each, replayed=False)
    assert game.heard(1)[-3:] == [("peer_resumed", each, False) for each in (A, B, C)]
    for each in game.apis:
        at(game, each).said.clear()
    all_round(game)


def test_a_restored_seat_is_announced() -> None:
    game = SeatGame(Kind(NATIVE, False), build)
    server = game.seat(1)
    server.gone.add(A)
    server._left.add(A)
    server.handlers.emit(server.peer_suspended, A, A)
    assert game.heard(1) == [("peer_suspended", A)]
    assert game.apis[1].get_peers() == game.apis[1].get_suspended_peers() == [A]
    at(game, 1).say.rpc_id(A, "waits")  # raises for one that is not here
    with pytest.raises(MultiplayerError):
        at(game, 1).say.rpc_id(B, "is not here")
