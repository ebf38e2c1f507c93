"""The arena as a room of a real server, over a network in memory."""

from __future__ import annotations

import pytest

from demos.arena.bots import Bot
from demos.arena.client import Client
from demos.arena.movement import TICK_HZ, Input
from demos.arena.room import Arena
from demos.arena.rules import Settings
from peers import Resume, RoomServer, WebSocketClient
from peers.memory import MemoryNetwork
from tests.demos.arena.matches import of

pytestmark = pytest.mark.needs_sockets  # it has a network of its own


class House:
    """A server of arenas, and players."""

    def __init__(self) -> None:
        network = self.network = MemoryNetwork(seed=1)
        self.behind = 0.0  # by how much the server's clock is set back

        class Here(Arena):
            settings = Settings(points=1000)
            clock = staticmethod(lambda: network.now - self.behind)

        self.server = self.network.add(RoomServer({"arena": Here}))
        self.server.on_error = "raise"
        self.server.listen(9080)
        self.peers: list[WebSocketClient] = []
        self.bots: list[Bot] = []

    @property
    def room(self) -> Arena:
        (room,) = self.server.rooms
        assert isinstance(room, Arena)
        return room

    def join(self, nick: str) -> Client:
        client = Client(nick, lambda: self.network.now)
        client.api.on_error = "raise"
        peer = WebSocketClient()
        peer.resume = Resume()
        self.network.add(peer, polled_by=client.api)
        peer.connect_to_url("ws://game:9080/arena/any", gd_mp_api=True)
        client.api.multiplayer_peer = peer
        self.network.run_until(lambda: client.prediction is not None)
        self.peers.append(peer)
        self.bots.append(Bot(client, len(self.bots)))
        return client

    def play(self, seconds: float, *, idle: bool = False) -> None:
        def turn(_: float) -> None:
            for bot in self.bots:
                bot.client.tick(Input() if idle else bot.decide())

        self.network.run_loop(turn, hz=TICK_HZ, seconds=seconds)


def test_a_player_who_drops_comes_back_as_itself() -> None:
    house = House()
    ada, _ = house.join("Ada"), house.join("Bob")
    house.play(12.0)
    own, score = ada.id, house.room.match.game.fighters[ada.id].score
    assert score
    house.network.reset(house.peers[0])
    house.network.run_until(lambda: ada.suspended)
    house.network.run_until(lambda: house.room.match.everybody()[own].away)
    house.network.run_until(lambda: house.bots[1].client.world.everybody()[own].away)
    house.network.run_until(lambda: not ada.suspended)
    house.play(1.0, idle=True)
    assert ada.id == own
    assert {*house.room.match.everybody()} == {own, house.bots[1].client.id}
    assert house.room.match.game.fighters[own].score >= score
    assert not ada.world.everybody()[own].away


def test_one_who_stays_away_loses_its_place() -> None:
    house = House()
    ada, bob = house.join("Ada"), house.join("Bob")
    own = ada.id
    house.network.pause(house.peers[0])
    house.network.reset(house.peers[0])
    house.network.run_until(lambda: house.room.match.everybody()[own].away)
    house.network.advance(29.0)
    assert own in house.room.match.everybody()
    house.network.advance(2.0)
    assert {*house.room.match.everybody()} == {*bob.world.everybody()} == {bob.id}


def test_another_process_goes_on_with_the_match() -> None:
    house = House()
    ada = house.join("Ada")
    house.join("Bob")
    house.play(12.0)
    match = house.room.match
    before = of(match.world)
    assert any(fighter.score for fighter in match.game.fighters.values())
    other = house.network.add(RoomServer({"arena": Arena}))
    other.listen(9081)
    again = other.restore(house.server.save(house.room))
    assert isinstance(again, Arena)
    again.match.process()
    assert of(again.match.world)["phase"] == before["phase"]
    assert {id_: each.score for id_, each in again.match.everybody().items()} == {
        id_: each.score for id_, each in match.everybody().items()
    }
    assert again.match.everybody()[ada.id].nick == "Ada"
    assert all(each.away for each in again.match.everybody().values())


def test_who_comes_late_sees_everything() -> None:
    house = House()
    house.join("Ada")
    house.join("Bob")
    house.play(10.0)
    late = house.join("Cyd")
    house.network.advance(0.1)
    match = house.room.match
    assert {each.nick for each in late.world.everybody().values()} >= {"Ada", "Bob"}
    assert late.world.round == 1
    assert late.world.phase == "playing"
    scores = {id_: fighter.score for id_, fighter in match.game.fighters.items()}
    assert any(scores.values())
    assert {id_: each.score for id_, each in late.world.everybody().items()} == scores
    assert {each.name for each in late.world.in_flight()} == {
        each.name for each in match.world.in_flight()
    }
    house.play(2.0)
    assert late.id in match.game.fighters
    assert of(late.world)["last round"] == of(match.world)["last round"]


def test_clients_are_not_ahead_after_a_while() -> None:
    house = House()
    house.join("Ada")
    house.join("Bob")
    house.play(20.0)
    for queue in house.room.match._queues.values():
        assert queue.dropped == 0
        assert len(queue) <= 2
    assert house.room.match.game.tick == pytest.approx(20 * TICK_HZ, abs=5)


def test_others_move_smoothly_again_after_the_server_has_stood_still() -> None:
    house = House()
    ada, bob = house.join("Ada"), house.join("Bob")
    house.play(2.0)
    house.behind = 8.0  # no tick is due for so long
    house.play(9.0)
    assert ada.clock.jumps > 0
    others = ada._others[bob.id]
    late = others.late
    for _ in range(60):
        house.play(1 / TICK_HZ)
        ada.figures()
    assert len(others) > 0
    assert others is ada._others[bob.id]
    assert others.late == late


@pytest.mark.parametrize(
    "inputs",
    [
        [[1]],
        [[1, 2, 3, 4]],
        [["1", 2, 0.0]],
        [[1, 99, 0.0]],
        [[1, 1, float("nan")]],
        [[-1, 1, 0.0]],
        [[0, 1, 0.0]],
        [[1 << 60, 1, 0.0]],
        [[True, 1, 0.0]],
        [[]] * 1000,
    ],
)
def test_nonsense_moves_nobody(inputs: list[list[object]]) -> None:
    house = House()
    ada = house.join("Ada")
    before = house.room.match.game.fighters[ada.id].body
    ada.world.steer.rpc_id(1, inputs)
    house.network.advance(0.5)
    assert house.room.match.game.fighters[ada.id].body == before
    assert house.room.match._queues[ada.id].last == 0
    assert ada.api.get_peers() == [1]


def test_a_name_cannot_do_things_to_a_terminal() -> None:
    house = House()
    ada = house.join("Ada")
    ada.world.introduce.rpc_id(1, "\x1b[2J" + "x" * 100)
    house.network.advance(0.5)
    assert ada.world.everybody()[ada.id].nick == "?[2J" + "x" * 12


def test_an_arena_that_is_closed_at_once_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.join("Ada")
    house.join("Bob")
    room = house.room
    house.server.close()  # in which each player leaves, and its node is removed for nobody
    assert not room.match.everybody()
    assert not room.api.statistics.rejected
    assert room.api.statistics.drops["departed"]
    assert [record.getMessage() for record in caplog.records] == []
