"""``Match``: the server's side of an arena. It decides everything; players say what they do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, TypedDict

from multiplayer import Dialect
from multiplayer.game import Bridge, FixedTicks, InputQueue

from .called_world import CalledWorld
from .movement import TICK, TICK_HZ, Input, from_wire
from .rules import Event, Game, Hit, RoundOver, Settings, Shot
from .server_world import ServerWorld
from .world import Player, Projectile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer import SceneMultiplayer

LONGEST_NICK: Final = 16

MOST_INPUTS: Final = 5
"""How many inputs of a packet are looked at; a client of ours sends three."""

MOST_WAITING: Final = 6
"""How many inputs of a player may wait at all."""


class Saved(TypedDict):
    """A match as plain values: see ``Game``, and of players the id, name, score and ``ready``."""

    tick: int
    phase: str
    round: int
    ends_at: int
    players: list[tuple[int, str, int, bool]]


class Match:
    """One game, in as many sessions as there are dialects: one, or one for each kind of client.

    Args:
        settings: how long rounds are.
        now: the clock, in seconds.
        apis: the servers of the sessions, which listen; the first is not of ``GODOT_3``. Whoever
            makes the match tells it who comes and goes.

    Attributes:
        game: the rules' side of it.
        bridge: all its sessions.
        world: what there is to see, in the first session; the others have the same.
    """

    def __init__(
        self, settings: Settings, now: Callable[[], float], apis: Sequence[SceneMultiplayer]
    ) -> None:
        self.game = Game(settings)
        self.bridge = Bridge(apis)
        self._now = now
        self._ticks = FixedTicks(TICK_HZ)
        self._queues: dict[int, InputQueue[Input]] = {}
        self._players: dict[int, Player] = {}
        self._flying: dict[int, Projectile] = {}
        self._worlds: list[ServerWorld] = []
        self._called: list[CalledWorld] = []
        for api in apis:
            assert api.root is not None
            if api.dialect is Dialect.GODOT_3:
                self._called.append(CalledWorld(self))
                api.root.add_child(self._called[-1])
            else:
                self._worlds.append(ServerWorld(self))
                api.root.add_child(self._worlds[-1])
        self.world = self._worlds[0]

    # ---------------------------------------------------------------- who is there

    def everybody(self) -> dict[int, Player]:
        """Return who is there, by id."""
        return {**self._players}

    def join(self, id: int) -> None:  # noqa: A002 - as in the whole framework
        """Let a player in, from any of the sessions."""
        self.game.add(id)
        self._queues[id] = InputQueue[Input](most=MOST_WAITING)
        nick = f"Player {len(self._queues)}"

        def make() -> Player:
            player = Player(str(id))
            player.nick = nick
            self._show(id, player)  # before it is added: the others begin with it
            return player

        lead = self.bridge.nodes.spawn("Arena/Players", make)
        assert isinstance(lead, Player)
        self._players[id] = lead
        self._greet(id)

    def leave(self, id: int) -> None:  # noqa: A002
        """Let a player go for good."""
        self.game.remove(id)
        self._queues.pop(id, None)
        if player := self._players.pop(id, None):
            self.bridge.nodes.despawn(player)

    def set_away(self, id: int, away: bool) -> None:  # noqa: A002
        """Take note that a player has lost its connection, or is back; its score waits for it."""
        if player := self._players.get(id):
            player.away = away
            if not away:
                self._greet(id)

    def _greet(self, id: int) -> None:  # noqa: A002
        for world in self._called:
            world.greet(id)

    # ---------------------------------------------------------------- another process

    def save(self) -> Saved:
        """Return what is to outlive the program: whose scores, in which round. Shots are not."""
        game, players = self.game, self._players
        rows = [
            (each.id, players[each.id].nick, each.score, each.ready)
            for each in game.fighters.values()
        ]
        return {
            "tick": game.tick,
            "phase": game.phase,
            "round": game.round,
            "ends_at": game.ends_at,
            "players": rows,
        }

    def restore(self, saved: Saved) -> None:
        """Go on with what :meth:`save` returned; the players are away, and may come back."""
        game = self.game
        game.tick, game.phase = saved["tick"], saved["phase"]
        game.round, game.ends_at = saved["round"], saved["ends_at"]
        for id, nick, score, ready in saved["players"]:  # noqa: A001
            self.join(id)
            game.fighters[id].score, game.fighters[id].ready = score, ready
            player = self._players[id]
            player.nick, player.away = nick, True

    # ---------------------------------------------------------------- time

    def process(self) -> int:
        """Let the ticks pass that are due; return how many those are.

        Not one for each call: whoever calls this may be late now and then, and clients that send
        an input for every tick would be ahead more and more.
        """
        now = self._now()
        if not self._ticks.tick:
            # Each is due half a tick before the room calls: if it were due when it called first,
            # a call that is less late than that one would find none, and the next two.
            now -= TICK / 2
        due = self._ticks.due(now)
        for _ in due:
            self._advance()
        if due:
            self.bridge.nodes.copy()
            for world in self._called:
                world.tell()
        return len(due)

    def time(self) -> float:
        """Return the time of the game, in seconds: what clients estimate."""
        return (self.game.tick + self._ticks.fraction(self._now())) * TICK

    @property
    def skipped(self) -> int:
        """How many ticks were left out, since the program could not keep up."""
        return self._ticks.skipped

    def _advance(self) -> None:
        taken = {id: queue.take() for id, queue in self._queues.items()}  # noqa: A001
        events = self.game.advance({id: it for id, it in taken.items() if it is not None})  # noqa: A001
        for id, player in self._players.items():  # noqa: A001
            self._show(id, player)
        self._show_shots()
        game = self.game
        for world in self._worlds:
            world.phase, world.round, world.ends_at = game.phase, game.round, game.ends_at
        for event in events:
            self._tell(event)

    # ---------------------------------------------------------------- what others see

    def _show(self, id: int, player: Player) -> None:  # noqa: A002
        fighter = self.game.fighters[id]
        player.tick = self.game.tick
        player.position = fighter.body.position
        player.aim = fighter.aim
        player.health = fighter.health
        if not fighter.body.alive:
            player.health = 0
        player.lives = fighter.lives
        player.score = fighter.score
        player.is_ready = fighter.ready
        player.applied = self._queues[id].last

    def _show_shots(self) -> None:
        for number in self._flying.keys() - self.game.shots.keys():
            self.bridge.nodes.despawn(self._flying.pop(number))
        for number, shot in self.game.shots.items():
            if number not in self._flying:
                lead = self.bridge.nodes.spawn("Arena/Shots", partial(_flying, shot))
                assert isinstance(lead, Projectile)
                self._flying[number] = lead

    def _tell(self, event: Event) -> None:
        if isinstance(event, Hit):
            self.bridge.rpc("Arena", "hit", *event)
        elif isinstance(event, RoundOver):
            for world in self._worlds:
                world.last_winner, world.last_scores = event.winner, event.scores
            self.bridge.rpc("Arena", "round_over", *event)

    # ---------------------------------------------------------------- what players say

    def introduce(self, id: int, nick: str) -> None:  # noqa: A002
        """Take a name, shortened, and without what could do things to a terminal."""
        if player := self._players.get(id):
            printable = "".join(char if char.isprintable() else "?" for char in nick)
            player.nick = printable[:LONGEST_NICK] or player.nick
            self.bridge.rpc_id(id, "Arena", "welcome", player.nick)

    def set_ready(self, id: int, ready: bool) -> None:  # noqa: A002
        """Note whether a player wants to play."""
        if fighter := self.game.fighters.get(id):
            fighter.ready = ready

    def steer(self, id: int, inputs: list[list[object]]) -> None:  # noqa: A002
        """Let inputs wait for their ticks; leave out what is none."""
        queue = self._queues.get(id)
        if queue is None:
            return
        for entry in inputs[:MOST_INPUTS]:
            if len(entry) != 3:
                continue
            number, bits, aim = entry
            given = from_wire(bits, aim)
            if type(number) is int and 0 < number < 1 << 53 and given is not None:
                queue.push(number, given)


def _flying(shot: Shot) -> Projectile:
    node = Projectile(f"Shot{shot.number}")
    node.shooter, node.fired_at = shot.owner, shot.fired_at
    node.origin, node.velocity = shot.origin, shot.velocity
    return node
