"""An arena in a network in a box: the server's match as a room has it, and bots that play."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Final

from demos.arena.bots import NAMES, Bot
from demos.arena.client import Client
from demos.arena.match import Match
from demos.arena.movement import TICK_HZ, Input
from demos.arena.rules import Settings
from multiplayer import Dialect, Node, SceneMultiplayer
from multiplayer.testing import MOBILE_3G, Conditions, SimulatedNetwork
from peers import Resume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demos.arena.world import World
    from multiplayer import Vector2
    from multiplayer.testing import SimulatedClient, SimulatedServer

SHORT: Final = Settings(points=4, round_ticks=int(12 * TICK_HZ), pause_ticks=int(2 * TICK_HZ))


class Playing:
    """A player and its connection; those of a match take turns with its dialects."""

    def __init__(self, place: Place, number: int, *, tight: bool) -> None:
        at = number % len(place.peers)
        dialect = place.match.bridge.apis[at].dialect
        self.client = Client(NAMES[number], lambda: place.network.now, dialect)
        self.client.api.on_error = "raise"
        self.bot = Bot(self.client, number)
        resume = Resume(give_up_after=60.0, ring_packets=4 if tight else 4096)
        self.peer: SimulatedClient = place.network.create_client(
            place.peers[at], resume=resume, heartbeat_interval=0.5
        )
        self.client.api.multiplayer_peer = self.peer
        place.network.attach(self.client.api)
        self.id = 0
        self.returns = 0
        self.renewed = 0
        self.client.api.session_resumed.connect(self._note)

    def _note(self, replayed: bool) -> None:
        self.returns += 1
        self.renewed += not replayed


class Place:
    """A match and its players.

    Attributes:
        peers: the servers' peers, one for each dialect.
        joins: how many players have come.
        idle: players do nothing any more.
        stopped: nothing happens any more.
    """

    def __init__(
        self,
        seed: int,
        conditions: Conditions = MOBILE_3G,
        grace: float = 30.0,
        dialects: Sequence[Dialect] = (Dialect.NATIVE,),
    ) -> None:
        self.network = SimulatedNetwork(seed=seed, conditions=conditions, trace=False)
        apis: list[SceneMultiplayer] = []
        self.peers: list[SimulatedServer] = []
        for dialect in dialects:
            envelope = "godot4" if dialect is Dialect.GODOT_4 else "gd_mp"
            peer = self.network.create_server(
                envelope=envelope, grace=grace, heartbeat_interval=0.5
            )
            api = SceneMultiplayer(Node("root"), dialect, validate=True)
            api.on_error = "raise"
            api.server_relay = False
            api.multiplayer_peer = peer
            self.peers.append(peer)
            apis.append(api)
        match = self.match = Match(SHORT, lambda: self.network.now, apis)
        bridge = match.bridge
        bridge.peer_connected.connect(match.join)  # as ``Arena`` does for seats
        bridge.peer_disconnected.connect(match.leave)
        bridge.peer_suspended.connect(lambda id_: match.set_away(id_, away=True))
        bridge.peer_resumed.connect(lambda id_, _: match.set_away(id_, away=False))
        for api in apis:
            self.network.attach(api)
        self.players: list[Playing] = []
        self.joins = 0
        self.idle = self.stopped = False

    def join(self, *, tight: bool = False) -> Playing:
        player = Playing(self, self.joins, tight=tight)
        self.joins += 1
        self.players.append(player)
        self.network.run_until(lambda: player.client.prediction is not None)
        player.id = player.client.id
        return player

    def play(self, seconds: float) -> None:
        """Let all play for a while."""
        self.network.run_loop(self._turn, hz=TICK_HZ, seconds=seconds)

    def _turn(self, seconds: float) -> None:
        if not self.stopped:
            self.match.process()
        for player in self.players:
            player.client.tick(Input() if self.idle else player.bot.decide())

    def drop(self, player: Playing) -> None:
        """Let a connection die without a word."""
        self.network.half_open(player.peer)

    def end(self) -> None:
        """Let all come back and stop, then stop the match, and let what is under way arrive."""
        self.idle = True
        self.network.quiet(MOBILE_3G)
        self.play(2.0)  # until it is noticed who is away
        for _ in range(60):
            self.play(0.5)
            if self.all_are_here():
                break
        self.play(1.0)
        self.stopped = True
        self.play(1.0)

    def all_are_here(self) -> bool:
        away = [player.away for player in self.match.everybody().values()]
        return not any(away) and not any(each.client.suspended for each in self.players)


def travelled(at: Vector2) -> bytes:
    """A place as it travels: in floats of 32 bits."""
    return struct.pack("<ff", at.x, at.y)


def of(world: World) -> dict[str, object]:
    """What a program knows of the match, to compare."""
    return {
        "phase": (world.phase, world.round, world.ends_at),
        "last round": (world.last_winner, dict(world.last_scores)),
        "players": {
            id_: (
                each.nick,
                each.score,
                each.position,
                each.health,
                each.lives,
                each.away,
            )
            for id_, each in sorted(world.everybody().items())
        },
        "shots": sorted(
            (each.name, each.shooter, travelled(each.origin)) for each in world.in_flight()
        ),
    }


def random_match(seed: int, dialects: Sequence[Dialect] = (Dialect.NATIVE,)) -> Place:
    """Play a match in which players drop, come back, come late and go."""
    chance = random.Random(seed)
    place = Place(seed, dialects=dialects)
    for _ in range(chance.randint(2, 4)):
        place.join(tight=chance.random() < 0.3)
    for _ in range(6):
        place.play(chance.uniform(0.5, 2.5))
        event = chance.choice(("drop", "drop", "drop", "join", "leave", "nothing"))
        if event == "drop":
            for player in chance.sample(place.players, chance.randint(1, 2)):
                place.drop(player)
        elif event == "join" and len(place.players) < 6:
            place.join(tight=chance.random() < 0.3)
        elif event == "leave" and len(place.players) > 2:
            leaving = place.players.pop(chance.randrange(len(place.players)))
            leaving.client.api.disconnect_peer(1)
    place.end()
    return place
