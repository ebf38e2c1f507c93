"""``@rpc(…, limit=n)``: so many calls a second from each peer, and what happens above it."""

from __future__ import annotations

import pytest

from multiplayer import Error, MultiplayerError, Reason, RemoteError, SceneMultiplayer, rpc

from .gathering import PATH, Gathering

SERVER, ADA, BOB = 1, 2, 3

both_envelopes = pytest.mark.parametrize("relays", [True, False], ids=["gd_mp", "godot4"])


class Game:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @rpc("any_peer", limit=20)
    def shout(self, text: str) -> None:
        self.heard.append(text)

    @rpc("any_peer", limit=0.5)
    def vote(self, text: str) -> None:
        self.heard.append(text)

    @rpc("any_peer")
    def whisper(self, text: str) -> None:
        self.heard.append(text)


class LouderGame(Game):
    def shout(self, text: str) -> None:  # type: ignore[override]
        self.heard.append(text.upper())


def meet(relays: bool) -> Gathering[Game]:
    return Gathering(Game, Game, Game, relays=relays)


def call(gathering: Gathering[Game], sender: int, method: str, count: int) -> int:
    """Call a method of the server's; return how many of the calls it ran."""
    before = len(gathering.games[SERVER].heard)
    for _ in range(count):
        gathering.apis[sender].rpc(SERVER, gathering.games[sender], method, ["x"])
    gathering.settle()
    return len(gathering.games[SERVER].heard) - before


@both_envelopes
def test_a_seconds_worth_at_once_and_then_as_many_as_time_allows(relays: bool) -> None:
    gathering = meet(relays)
    assert call(gathering, ADA, "shout", 20) == 20
    assert gathering.rejected[SERVER] == []
    assert call(gathering, ADA, "shout", 3) == 0
    detail = f"{PATH}: shout() is called more than 20 times a second"
    assert gathering.rejected[SERVER] == [(ADA, Reason.TOO_MANY_CALLS, detail)] * 3
    assert gathering.apis[SERVER].statistics.rejected == {Reason.TOO_MANY_CALLS: 3}
    gathering.network.time = 0.25
    assert call(gathering, ADA, "shout", 9) == 5
    gathering.network.time = 100.0
    assert call(gathering, ADA, "shout", 25) == 20  # nobody saves up more than a second's
    assert gathering.peer(SERVER).expelled == []


@both_envelopes
def test_each_peer_and_each_method_has_its_own(relays: bool) -> None:
    gathering = meet(relays)
    assert call(gathering, ADA, "shout", 21) == 20
    assert call(gathering, BOB, "shout", 20) == 20
    assert call(gathering, ADA, "vote", 2) == 1
    assert call(gathering, ADA, "whisper", 500) == 500
    gathering.network.time = 1.9
    assert call(gathering, ADA, "vote", 1) == 0
    gathering.network.time = 2.1
    assert call(gathering, ADA, "vote", 1) == 1


@both_envelopes
def test_who_does_not_stop_is_expelled_once(relays: bool) -> None:
    gathering = meet(relays)
    assert call(gathering, ADA, "shout", 20 + 99) == 20
    assert gathering.peer(SERVER).expelled == []
    assert ADA in gathering.apis[SERVER].get_peers()
    assert call(gathering, ADA, "shout", 30) == 0
    assert gathering.peer(SERVER).expelled == [(ADA, "shout() was called too often")]
    assert gathering.apis[SERVER].get_peers() == [BOB]
    assert call(gathering, BOB, "shout", 1) == 1


@both_envelopes
def test_a_rare_method_is_patient_with_a_few_calls(relays: bool) -> None:
    gathering = meet(relays)
    assert call(gathering, ADA, "vote", 1 + 15) == 1
    assert gathering.peer(SERVER).expelled == []
    call(gathering, ADA, "vote", 1)
    assert gathering.peer(SERVER).expelled == [(ADA, "vote() was called too often")]


@both_envelopes
def test_who_stops_for_a_while_is_forgiven(relays: bool) -> None:
    gathering = meet(relays)
    for second in range(5):
        gathering.network.time = float(second)
        assert call(gathering, ADA, "shout", 30) == 20
    assert gathering.peer(SERVER).expelled == []


@both_envelopes
def test_a_client_drops_what_is_too_much_and_expels_nobody(relays: bool) -> None:
    gathering = meet(relays)
    for _ in range(100):
        gathering.games[BOB].shout.rpc_id(ADA, "from Bob")
        gathering.games[SERVER].shout.rpc_id(ADA, "from the server")
    gathering.settle()
    assert len(gathering.games[ADA].heard) == 40
    assert gathering.reasons(ADA) == [Reason.TOO_MANY_CALLS] * 160
    assert gathering.peer(ADA).expelled == gathering.peer(SERVER).expelled == []


def test_who_may_not_call_it_uses_up_nothing() -> None:
    class Ruled(Game):
        @rpc("authority", limit=1)
        def rule(self) -> None:
            self.heard.append("rule")

    gathering = Gathering(Ruled, Ruled, Ruled)
    for _ in range(50):
        gathering.games[ADA].rule.rpc_id(BOB)
    gathering.settle()
    assert gathering.reasons(BOB) == [Reason.NOT_ALLOWED] * 50
    gathering.games[SERVER].rule.rpc_id(BOB)
    gathering.settle()
    assert gathering.games[BOB].heard == ["rule"]


def test_an_overriding_method_inherits_the_limit() -> None:
    gathering = Gathering(LouderGame, Game)
    assert call(gathering, ADA, "shout", 25) == 20
    assert gathering.games[SERVER].heard == ["X"] * 20


def test_a_question_counts_as_a_call_and_is_refused() -> None:
    gathering = meet(True)
    calls = [gathering.games[ADA].vote.call_id(SERVER, "x") for _ in range(2)]
    gathering.settle()
    assert calls[0].result() is None
    with pytest.raises(RemoteError) as caught:
        calls[1].result()
    assert caught.value.kind == Reason.TOO_MANY_CALLS
    assert caught.value.text == f"{PATH}: vote() is called more than 0.5 times a second"


def test_a_limit_is_forgotten_with_the_peer() -> None:
    gathering = meet(True)
    assert call(gathering, ADA, "shout", 21) == 20
    gathering.peer(ADA).drop()
    gathering.settle()
    again: Gathering[Game] = gathering
    peer = type(gathering.peer(SERVER))(gathering.network, ADA)
    again.apis[ADA] = SceneMultiplayer()
    again.games[ADA] = Game()
    again.apis[ADA].add(PATH, again.games[ADA])
    again.apis[ADA].multiplayer_peer = peer
    peer.link()
    gathering.settle()
    assert call(gathering, ADA, "shout", 21) == 20


@pytest.mark.parametrize("limit", [-1, float("nan")])
def test_a_limit_that_makes_no_sense_is_refused(limit: float) -> None:
    with pytest.raises(MultiplayerError) as caught:
        rpc("any_peer", limit=limit)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
