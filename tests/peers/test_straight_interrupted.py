"""A poll in which calls go straight is interrupted, at any line: nothing is lost, or done twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from multiplayer import Dialect, Node, SceneMultiplayer, rpc
from peers import WebSocketMultiplayerPeer
from peers.memory import MemoryNetwork
from tests.hostile.interrupted import Interrupt, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 12
EVERY = 1 if os.environ.get("GDPEERS_FULL") else 23


class Game(Node):
    """Notes who called, and does something at some of the calls."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.calls: list[int] = []
        self.at: dict[int, Callable[[], object]] = {}

    @rpc("any_peer")
    def hit(self, number: int) -> None:
        self.calls.append(number)
        self.at.pop(number, int)()

    @rpc("any_peer", limit=1000)
    def miss(self, number: int, why: str) -> None:
        del why
        self.calls.append(number)
        self.at.pop(number, int)()


class Moody(Game):
    """Decides for itself who is in charge of it, and tells nobody when that changes."""

    def __init__(self) -> None:
        super().__init__()
        self.master = 1

    def get_multiplayer_authority(self) -> int:
        return self.master

    @rpc("authority")
    def rule(self, number: int) -> None:
        self.calls.append(number)


class Session:
    """A server, and a client whose calls have been made before, so that others go straight."""

    def __init__(self, dialect: Dialect = Dialect.GODOT_4, game: type[Game] = Game) -> None:
        self.network = MemoryNetwork(seed=1)
        self.games = [game(), game()]
        self.apis: list[SceneMultiplayer] = []
        for game in self.games:
            root, peer = Node("root"), WebSocketMultiplayerPeer()
            root.add_child(game)
            api = SceneMultiplayer(root, dialect)
            self.network.add(peer, polled_by=api)
            if self.apis:
                peer.create_client("ws://127.0.0.1:9080")
            else:
                peer.create_server(9080)
            api.multiplayer_peer = peer
            self.apis.append(api)
        self.server, self.client = self.apis
        self.network.settle()
        for _ in range(3):
            self.send(-1)
            self.network.settle()
        self.games[0].calls.clear()

    def send(self, *numbers: int) -> None:
        """Let the client call the server, once for each number."""
        for number in numbers:
            game = self.games[1]
            if number % 3:
                game.hit.rpc_id(1, number)
            else:
                game.miss.rpc_id(1, number, "too far")
        self.client.multiplayer_peer.flush()

    @property
    def calls(self) -> list[int]:
        return self.games[0].calls

    @property
    def is_up(self) -> bool:
        return bool(self.server.get_peers())

    def waiting(self) -> int:
        """How many packets of the client wait at the server."""
        peer = self.server.multiplayer_peer
        assert isinstance(peer, WebSocketMultiplayerPeer)
        return sum(peer.get_peer(each).statistics.packets_queued for each in peer.get_peers())


@pytest.mark.parametrize("error", [Interrupt, RuntimeError], ids=lambda error: error.__name__)
@pytest.mark.parametrize("alone", [False, True], ids=["together", "one by one"])
@pytest.mark.handlers_fail
def test_an_interrupt_at_any_line_costs_one_call_or_the_connection(
    error: type[BaseException], *, alone: bool
) -> None:
    at, kept, lost = 1, 0, 0
    while True:
        session, steps = Session(), Steps(at, error)
        if not alone:
            session.send(*range(MANY))
        for number in range(MANY) if alone else ():
            if session.client.get_peers():
                session.send(number)
            steps(session.server.poll)
        steps(session.server.poll)
        session.network.settle()
        calls = session.calls
        assert calls == sorted({*calls}), steps.where
        if session.is_up:
            kept += 1
            assert len(calls) >= MANY - 1, steps.where
            assert session.waiting() == 0, steps.where
            session.send(MANY, MANY + 1)
            session.network.settle()
            assert calls[-2:] == [MANY, MANY + 1], steps.where
        else:
            lost += 1
        if not steps.where:
            assert calls == [*range(MANY + 2)]
            break
        at += EVERY * (1 + 2 * alone)
    assert kept > 4
    assert lost > 2


@pytest.mark.parametrize("dialect", [Dialect.GODOT_4, Dialect.NATIVE], ids=lambda each: each.name)
def test_a_method_that_is_interrupted_costs_nothing_but_its_call(dialect: Dialect) -> None:
    session = Session(dialect)
    game = session.games[0]

    def interrupt() -> None:
        raise KeyboardInterrupt

    game.at[4] = game.at[9] = game.at[MANY - 1] = interrupt
    session.send(*range(MANY))
    for place in (4, 9, MANY - 1):
        with pytest.raises(KeyboardInterrupt):
            session.server.poll()
        assert session.calls == [*range(place + 1)]
        assert session.server.get_remote_sender_id() == 0
        assert session.waiting() == MANY - 1 - place
    session.network.settle()
    assert session.is_up
    assert session.calls == [*range(MANY)]
    assert session.server.statistics.calls_received == 3 + MANY


def test_what_is_counted_is_right_in_the_midst_of_a_run() -> None:
    session = Session()
    game = session.games[0]
    seen: list[tuple[int, int]] = []
    for number in range(MANY):
        game.at[number] = lambda: seen.append(
            (session.server.statistics.calls_received, session.waiting())
        )
    session.send(*range(MANY))
    session.network.settle()
    assert seen == [(4 + number, MANY - 1 - number) for number in range(MANY)]


def test_who_decides_by_itself_who_is_in_charge_is_asked_each_time() -> None:
    session = Session(game=Moody)
    at_server, at_client = session.games
    assert isinstance(at_server, Moody)
    assert isinstance(at_client, Moody)
    at_server.master = session.client.get_unique_id()
    for number in range(3):
        at_client.rule.rpc_id(1, number)
        session.network.settle()
    at_server.master = 1
    at_client.rule.rpc_id(1, 3)
    session.network.settle()
    assert session.calls == [0, 1, 2]
    assert session.server.statistics.rejected == {"not_allowed": 1}
