"""One match of three arenas: of Python's clients, and of those who speak as Godot's do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demos.arena.bots import Bot
from demos.arena.client import Client
from demos.arena.movement import TICK_HZ
from demos.arena.rules import Settings
from demos.arena.shared import IDLE, KINDS, MOST, Matches, SharedArena
from multiplayer import Dialect, Node, SceneMultiplayer, Vector2, rpc
from peers import RoomServer, WebSocketClient, WebSocketMultiplayerPeer
from peers.memory import MemoryNetwork
from tests.demos.arena.matches import of

if TYPE_CHECKING:
    from demos.arena.match import Match

pytestmark = pytest.mark.needs_sockets  # it has a network of its own


class CalledClient(Node):
    """What ``demos/godot3`` does with calls, in Python."""

    def __init__(self) -> None:
        super().__init__("Arena")
        self.players: dict[int, list[object]] = {}
        self.places: dict[int, list[object]] = {}
        self.shots: dict[str, Vector2] = {}
        self.fired_ever = 0
        self.game: list[object] = []
        self.hits = 0
        self.nick = ""

    @rpc("any_peer")
    def introduce(self, nick: str) -> None: ...

    @rpc("any_peer")
    def set_ready(self, ready: bool) -> None: ...

    @rpc("authority")
    def welcome(self, nick: str) -> None:
        self.nick = nick

    @rpc("authority")
    def hit(self, shooter: int, victim: int, fatal: bool, at: Vector2) -> None:
        self.hits += 1

    @rpc("authority", "unreliable_ordered")
    def moved(self, tick: int, players: list[list[object]]) -> None:
        self.places = {int(str(each[0])): each[1:] for each in players}

    @rpc("authority")
    def known(self, game: list[object], players: list[list[object]]) -> None:
        self.game = game
        self.players = {int(str(each[0])): each[1:] for each in players}

    @rpc("authority")
    def fired(self, name: str, shooter: int, origin: Vector2, way: Vector2, tick: int) -> None:
        self.shots[name] = origin
        self.fired_ever += 1

    @rpc("authority")
    def vanished(self, name: str) -> None:
        self.shots.pop(name, None)


class House:
    """A server, and clients of three dialects."""

    def __init__(self) -> None:
        self.network = MemoryNetwork(seed=1)
        self.server = self.network.add(RoomServer(KINDS))
        self.server.on_error = "raise"
        Matches(self.server, Settings(points=1000), lambda: self.network.now)
        self.server.listen(9080)
        self.bots: list[Bot] = []
        self.clients: list[SceneMultiplayer] = []  # one that nobody holds is gone

    @property
    def match(self) -> Match:
        (match,) = {room.match for room in self.server.rooms if isinstance(room, SharedArena)}
        return match

    def join(self, nick: str, dialect: Dialect, where: str = "any") -> Client:
        client = Client(nick, lambda: self.network.now, dialect)
        self.connect(client.api, dialect, where)
        self.network.run_until(lambda: client.prediction is not None)
        self.bots.append(Bot(client, len(self.bots)))
        return client

    def join_3(self, nick: str, where: str = "any") -> tuple[SceneMultiplayer, CalledClient]:
        root, arena = Node("root"), CalledClient()
        root.add_child(arena)
        api = SceneMultiplayer(root, Dialect.GODOT_3)
        self.connect(api, Dialect.GODOT_3, where)
        self.network.run_until(lambda: api.get_peers() == [1])
        arena.introduce.rpc_id(1, nick)
        arena.set_ready.rpc_id(1, True)
        self.network.run_until(lambda: arena.nick)
        return api, arena

    def connect(self, api: SceneMultiplayer, dialect: Dialect, where: str) -> None:
        api.on_error = "raise"
        self.clients.append(api)
        kind = {Dialect.NATIVE: "arena", Dialect.GODOT_4: "arena4", Dialect.GODOT_3: "arena3"}
        url = f"ws://game:9080/{kind[dialect]}/{where}"
        peer: WebSocketClient | WebSocketMultiplayerPeer
        if dialect is Dialect.GODOT_4:
            peer = WebSocketMultiplayerPeer()
            self.network.add(peer, polled_by=api)
            peer.create_client(url)
        else:
            peer = WebSocketClient()
            self.network.add(peer, polled_by=api)
            peer.connect_to_url(url, gd_mp_api=True)
        api.multiplayer_peer = peer

    def play(self, seconds: float) -> None:
        def turn(_: float) -> None:
            for bot in self.bots:
                bot.client.tick(bot.decide())

        self.network.run_loop(turn, hz=TICK_HZ, seconds=seconds)


def test_all_dialects_see_one_match() -> None:
    house = House()
    native, four = house.join("Ada", Dialect.NATIVE), house.join("Bob", Dialect.GODOT_4)
    api, three = house.join_3("Cyd")
    house.play(12.0)
    match = house.match
    ids = {native.id, four.id, api.get_unique_id()}
    assert len(ids) == 3
    assert {*match.everybody()} == ids
    house.bots.clear()
    house.play(3.0)
    scores = {id_: fighter.score for id_, fighter in match.game.fighters.items()}
    assert any(scores.values())
    for client in (native, four):
        assert of(client.world) == of(match.world)
        assert {id_: each.score for id_, each in client.world.everybody().items()} == scores
    assert {id_: row[1] for id_, row in three.players.items()} == scores
    assert {row[0] for row in three.players.values()} == {"Ada", "Bob", "Cyd"}
    assert {id_: row[0] for id_, row in three.places.items()} == {
        id_: each.position for id_, each in match.everybody().items()
    }
    assert three.game[:2] == ["playing", 1]
    assert three.hits == native.hits == four.hits > 0
    assert three.fired_ever > 3
    assert not three.shots


def test_who_opens_a_match_in_another_dialect_opens_it_for_all() -> None:
    house = House()
    api, three = house.join_3("Cyd")
    codes = {room.kind: room.code for room in house.server.rooms}
    assert codes == {
        "arena": codes["arena3"] + "-n",
        "arena4": codes["arena3"] + "-4",
        "arena3": codes["arena3"],
    }
    ada = house.join("Ada", Dialect.NATIVE, codes["arena"])
    bob = house.join("Bob", Dialect.GODOT_4, codes["arena4"])
    house.network.run_until(lambda: len(three.players) == 3)
    assert {*three.players} == {api.get_unique_id(), ada.id, bob.id}


def test_a_match_without_players_ends_with_all_its_arenas() -> None:
    house = House()
    ada = house.join("Ada", Dialect.NATIVE)
    house.network.advance(2 * IDLE)
    assert len(house.server.rooms) == 3  # somebody is there
    house.bots.clear()
    ada.api.disconnect_peer(1)
    house.network.run_until(lambda: not house.match.everybody())
    house.network.advance(IDLE + 1)
    assert not house.server.rooms
    house.join("Bob", Dialect.GODOT_4)
    assert len(house.server.rooms) == 3


def test_a_match_is_full_for_all_dialects_together() -> None:
    house = House()
    ada = house.join("Ada", Dialect.NATIVE)
    for _ in range(MOST - 1):
        house.join_3("Cyd")
    assert len(house.match.everybody()) == MOST
    assert all(room.locked for room in house.server.rooms)
    (four,) = (room for room in house.server.rooms if room.kind == "arena4")
    late, peer = SceneMultiplayer(Node("root"), Dialect.GODOT_4), WebSocketMultiplayerPeer()
    house.network.add(peer, polled_by=late)
    peer.create_client(f"ws://game:9080/arena4/{four.code}")
    late.multiplayer_peer = peer
    house.network.run_until(lambda: peer.failure is not None)
    assert peer.failure is not None
    assert "4013" in peer.failure.detail
    ada.api.disconnect_peer(1)
    house.network.run_until(lambda: not four.locked)
    house.bots.clear()
    house.join("Bob", Dialect.GODOT_4, four.code)


def test_more_than_a_match_takes_come_at_once() -> None:
    house = House()
    dialects = [Dialect.NATIVE, Dialect.GODOT_4, Dialect.GODOT_3] * 7
    for dialect in dialects:
        house.connect(SceneMultiplayer(Node("root"), dialect), dialect, "any")
    house.network.advance(1.0)
    assert all(api.get_peers() == [1] for api in house.clients)
    matches = {room.match for room in house.server.rooms if isinstance(room, SharedArena)}
    assert sorted(len(match.everybody()) for match in matches) == [len(dialects) - MOST, MOST]


@pytest.mark.handlers_fail
def test_a_match_that_cannot_be_made_leaves_no_arena() -> None:
    house = House()
    house.server.on_error = "log"
    house.server.max_rooms = 2
    house.server.create("arena", code="RED")
    house.network.advance(1.0)
    assert not house.server.rooms
