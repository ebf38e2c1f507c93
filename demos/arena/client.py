"""``Client``: a player's side: its own player at once, the others smoothly, both as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer import Dialect, Node, SceneMultiplayer, Signal, Vector2, rpc, synchronizer_of
from multiplayer.game import Prediction, ServerClock, Smoothing, SnapshotBuffer

from .ground import is_free
from .movement import TICK, TICK_HZ, Body, Input, step, to_wire
from .rules import Hit, RoundOver
from .world import Player, World

if TYPE_CHECKING:
    from collections.abc import Callable

ASK_EVERY: Final = int(TICK_HZ / 2)
"""How many ticks are between two questions for the server's time."""

SENT_AGAIN: Final = 3
"""How many of the last inputs a packet carries."""


class Figure(NamedTuple):
    """A player, as it is to be drawn."""

    id: int
    nick: str
    position: Vector2
    aim: float
    health: int
    score: int
    away: bool
    is_own: bool


class ClientWorld(World):
    """The world in a player's program: what the server calls here becomes signals."""

    welcomed = Signal[str]("nick")
    was_hit = Signal[Hit]("hit")
    round_ended = Signal[RoundOver]("round_over")
    time_told = Signal[float, float]("sent", "server")

    @rpc("authority")
    def welcome(self, nick: str) -> None:
        """See ``World.welcome``."""
        self.welcomed.emit(nick)

    @rpc("authority", "unreliable")
    def tell_time(self, sent: float, server: float) -> None:
        """An answer for the clock."""
        self.time_told.emit(sent, server)

    @rpc("authority")
    def hit(self, shooter: int, victim: int, fatal: bool, at: Vector2) -> None:
        """See ``World.hit``."""
        self.was_hit.emit(Hit(shooter, victim, fatal, at))

    @rpc("authority")
    def round_over(self, number: int, winner: int, scores: dict[int, int]) -> None:
        """See ``World.round_over``."""
        self.round_ended.emit(RoundOver(number, winner, scores))


class Client:
    """One player. Give its ``api`` a peer, and call :meth:`tick` ``TICK_HZ`` times a second.

    Args:
        nick: how the player is called.
        now: the clock, in seconds.
        dialect: which arena it joins: ``NATIVE`` or ``GODOT_4``.

    Attributes:
        nick: see above.
        world: the arena, as the server has sent it.
        api: how to reach the server.
        clock: what time it is there.
        prediction: what one's own inputs do; None until one is in the arena.
        suspended: the connection is lost, and may come back.
        inputs: how many ticks we have done something in.
        hits: how many times somebody was hit.
        kills: how often each player has shot somebody, as the events tell.
        rounds: the ends of rounds that were told.
    """

    def __init__(
        self, nick: str, now: Callable[[], float], dialect: Dialect = Dialect.NATIVE
    ) -> None:
        self.nick = nick
        self.world = ClientWorld()
        root = Node("root")
        root.add_child(self.world)
        self.api = SceneMultiplayer(root, dialect, validate=True)
        self.clock = ServerClock()
        self.prediction: Prediction[Body, Input] | None = None
        self.suspended = False
        self.inputs = 0
        self.hits = 0
        self.kills: dict[int, int] = {}
        self.rounds: list[RoundOver] = []
        self._now = now
        self._smoothing = Smoothing[Vector2](most=4.0)
        self._others: dict[int, SnapshotBuffer[Vector2]] = {}
        self._lives: dict[int, int] = {}
        self._listen()

    def _listen(self) -> None:
        self.api.connected_to_server.connect(self._introduce)
        self.api.session_suspended.connect(self._lost)
        self.api.session_resumed.connect(self._back)
        world = self.world
        world.player_spawner.spawned.connect(self._appeared)
        world.player_spawner.despawned.connect(self._vanished)
        world.time_told.connect(self._time_told)
        world.welcomed.connect(self._welcomed)
        world.was_hit.connect(self._note_hit)
        world.round_ended.connect(self.rounds.append)

    @property
    def id(self) -> int:
        """Our own id; 0 before the server has said it."""
        return self.api.get_unique_id()

    @property
    def corrections(self) -> int:
        """How often the server did not do what we had predicted."""
        return self.prediction.corrections if self.prediction else 0

    # ---------------------------------------------------------------- to the server

    def _introduce(self) -> None:
        self.world.introduce.rpc_id(1, self.nick)
        self.world.set_ready.rpc_id(1, True)

    def _welcomed(self, nick: str) -> None:
        self.nick = nick

    def tick(self, input: Input) -> None:  # noqa: A002 - it is one
        """Do something for a tick: at once here, and soon on the server.

        Without a connection nothing is done: the server would not see it.
        """
        if self.prediction is None or self.suspended:
            return
        self.prediction.apply(input)
        last = self.prediction.pending(SENT_AGAIN)
        self.world.steer.rpc_id(1, [[number, *to_wire(each)] for number, each in last])
        if self.inputs % ASK_EVERY == 0:
            self.world.ask_time.rpc_id(1, self._now())
        self.inputs += 1

    # ---------------------------------------------------------------- from the server

    def _lost(self) -> None:
        self.suspended = True

    def _back(self, replayed: bool) -> None:
        # Not replayed: the session has begun anew, and all players appear again. Our inputs go on
        # with their numbers, since the server goes on with ours.
        del replayed
        self.suspended = False

    def _time_told(self, sent: float, server: float) -> None:
        jumps = self.clock.jumps
        self.clock.sample(sent, server, self._now())
        if self.clock.jumps != jumps:
            self._others.clear()  # they were shown at times yet to come

    def _appeared(self, node: Node) -> None:
        if not isinstance(node, Player):
            return
        synchronizer_of(node).synchronized.connect(lambda: self._moved(node))
        self._moved(node)

    def _vanished(self, node: Node) -> None:
        if isinstance(node, Player):
            self._others.pop(node.id, None)
            self._lives.pop(node.id, None)

    def _moved(self, player: Player) -> None:
        if player.id == self.id:
            self._reconcile(player)
            return
        others = self._others.setdefault(player.id, SnapshotBuffer[Vector2]())
        jumped = self._lives.get(player.id) != player.lives
        self._lives[player.id] = player.lives
        now = self.clock.time(self._now())
        others.push(player.tick * TICK, player.position, now, cut=jumped)

    def _reconcile(self, player: Player) -> None:
        if self.prediction is None:
            self.prediction = Prediction(step, player.body)
            return
        before = self.prediction.state.position
        if self.prediction.reconcile(player.applied, player.body):
            self._smoothing.corrected(before, self.prediction.state.position, self._now())

    def _note_hit(self, hit: Hit) -> None:
        self.hits += 1
        if hit.fatal:
            self.kills[hit.shooter] = self.kills.get(hit.shooter, 0) + 1

    # ---------------------------------------------------------------- what is drawn

    def figures(self) -> list[Figure]:
        """Return all players as they are to be drawn now, the best first."""
        now = self._now()
        server = self.clock.time(now)
        figures: list[Figure] = []
        for id, player in self.world.everybody().items():  # noqa: A001
            own = id == self.id
            position = player.position
            if own and self.prediction:
                position = self._smoothing.shown(self.prediction.state.position, now)
            elif others := self._others.get(id):
                position = others.at(server) or position
            about = (player.aim, player.health, player.score, player.away, own)
            figures.append(Figure(id, player.nick, position, *about))
        return sorted(figures, key=lambda figure: (-figure.score, figure.id))

    def shots(self) -> list[Vector2]:
        """Return where shots are now."""
        tick = self.clock.time(self._now()) / TICK
        places = [shot.at(max(tick, shot.fired_at)) for shot in self.world.in_flight()]
        return [place for place in places if is_free(place, 0.0)]

    def time_left(self) -> float:
        """Return how many seconds the phase has left; 0 if it does not end by itself."""
        ends_at = self.world.ends_at
        left = ends_at * TICK - self.clock.time(self._now())
        return max(left, 0.0) if ends_at else 0.0
