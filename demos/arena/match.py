"""``Match``: the server's side of an arena. It decides everything; players say what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from multiplayer import rpc
from multiplayer.game import FixedTicks, InputQueue

from .movement import TICK, TICK_HZ, Input, from_wire
from .rules import Event, Game, Hit, RoundOver, Settings
from .world import Player, Projectile, World

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_NICK: Final = 16

MOST_INPUTS: Final = 5
"""How many inputs of a packet are looked at; a client of ours sends three."""

MOST_WAITING: Final = 6
"""How many inputs of a player may wait at all."""

SPARE: Final = 2
"""How many may wait for long, in case the next ones come late; see ``Match._catch_up``."""

CATCH_UP: Final = int(TICK_HZ / 4)
"""Every so many ticks one of those beyond is left out."""


class Saved(TypedDict):
    """A match as plain values: see ``Game``, and of players the id, name, score and ``ready``."""

    tick: int
    phase: str
    round: int
    ends_at: int
    players: list[tuple[int, str, int, bool]]


class Match(World):
    """The world in the server's program.

    Args:
        settings: how long rounds are.
        now: the clock, in seconds.

    Attributes:
        game: the rules' side of it.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        super().__init__()
        self.game = Game(settings)
        self._now = now
        self._ticks = FixedTicks(TICK_HZ)
        self._queues: dict[int, InputQueue[Input]] = {}
        self._flying: dict[int, Projectile] = {}

    # ---------------------------------------------------------------- who is there

    def join(self, id: int) -> None:  # noqa: A002 - as in the whole framework
        """Let a player in."""
        fighter = self.game.add(id)
        self._queues[id] = InputQueue[Input](most=MOST_WAITING)
        player = Player(str(id))
        player.nick = f"Player {len(self._queues)}"
        self._show(fighter.id, player)  # before it is added: the others begin with it
        self.players.add_child(player)

    def leave(self, id: int) -> None:  # noqa: A002
        """Let a player go for good."""
        self.game.remove(id)
        self._queues.pop(id, None)
        if player := self.everybody().get(id):
            self.players.remove_child(player)

    def set_away(self, id: int, away: bool) -> None:  # noqa: A002
        """Take note that a player has lost its connection, or is back; its score waits for it."""
        if player := self.everybody().get(id):
            player.away = away

    # ---------------------------------------------------------------- another process

    def save(self) -> Saved:
        """Return what is to outlive the program: whose scores, in which round. Shots are not."""
        game, players = self.game, self.everybody()
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
            player = self.everybody()[id]
            player.nick, player.away = nick, True

    # ---------------------------------------------------------------- time

    def process(self) -> int:
        """Let the ticks pass that are due; return how many those are.

        Not one for each call: whoever calls this may be late now and then, and clients that send
        an input for every tick would be ahead more and more.
        """
        due = self._ticks.due(self._now())
        for _ in due:
            self._advance()
        return len(due)

    def time(self) -> float:
        """Return the time of the game, in seconds: what clients estimate."""
        return (self.game.tick + self._ticks.fraction(self._now())) * TICK

    @property
    def skipped(self) -> int:
        """How many ticks were left out, since the program could not keep up."""
        return self._ticks.skipped

    def _advance(self) -> None:
        if self.game.tick % CATCH_UP == 0:
            self._catch_up()
        taken = {id: queue.take() for id, queue in self._queues.items()}  # noqa: A001
        events = self.game.advance({id: it for id, it in taken.items() if it is not None})  # noqa: A001
        for id, player in self.everybody().items():  # noqa: A001
            self._show(id, player)
        self._show_shots()
        self.phase, self.round, self.ends_at = self.game.phase, self.game.round, self.game.ends_at
        for event in events:
            self._tell(event)

    def _catch_up(self) -> None:
        """Leave out inputs of those who have too many waiting.

        After a pause of the network all come at once. Players send one a tick and the match takes
        one a tick, so that the queue would never get shorter, and they would play late for good.
        """
        for queue in self._queues.values():
            if len(queue) > SPARE:
                queue.take()

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
            self.shots.remove_child(self._flying.pop(number))
        for number, shot in self.game.shots.items():
            if number not in self._flying:
                flying = self._flying[number] = Projectile(f"Shot{number}")
                flying.shooter, flying.fired_at = shot.owner, shot.fired_at
                flying.origin, flying.velocity = shot.origin, shot.velocity
                self.shots.add_child(flying)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Hit):
            self.hit.rpc(*event)
        elif isinstance(event, RoundOver):
            self.last_winner, self.last_scores = event.winner, event.scores
            self.round_over.rpc(*event)

    # ---------------------------------------------------------------- what players say

    # Anybody may send anything at all. The API compares it with the annotations (`validate`), and
    # whoever sends it is who it says: the id is the connection's, and never an argument.

    @rpc("any_peer")
    def introduce(self, nick: str) -> None:
        """Take a name, shortened, and without what could do things to a terminal."""
        if player := self.everybody().get(self.multiplayer.get_remote_sender_id()):
            printable = "".join(char if char.isprintable() else "?" for char in nick)
            player.nick = printable[:LONGEST_NICK] or player.nick
            self.welcome.rpc_id(player.id, player.nick)

    @rpc("any_peer")
    def set_ready(self, ready: bool) -> None:
        """See ``World.set_ready``."""
        if fighter := self.game.fighters.get(self.multiplayer.get_remote_sender_id()):
            fighter.ready = ready

    @rpc("any_peer", "unreliable_ordered")
    def steer(self, inputs: list[list[object]]) -> None:
        """Let inputs wait for their ticks; leave out what is none."""
        queue = self._queues.get(self.multiplayer.get_remote_sender_id())
        if queue is None:
            return
        for entry in inputs[:MOST_INPUTS]:
            if len(entry) != 3:
                continue
            number, bits, aim = entry
            given = from_wire(bits, aim)
            if type(number) is int and 0 < number < 1 << 53 and given is not None:
                queue.push(number, given)

    @rpc("any_peer", "unreliable")
    def ask_time(self, sent: float) -> None:
        """Answer at once."""
        asker = self.multiplayer.get_remote_sender_id()
        self.tell_time.rpc_id(asker, sent, self.time())
