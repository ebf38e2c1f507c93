"""The rules: who is hit, who comes back where, who wins. No network, no clock, no chance.

The same calls give the same game, on every machine; time is counted in ticks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer import Vector2

from .ground import STARTS, is_free
from .movement import RADIUS, TICK, TICK_HZ, Body, Input, step

if TYPE_CHECKING:
    from collections.abc import Mapping

FULL_HEALTH: Final = 3
SHOT_SPEED: Final = 30.0
SHOT_TICKS: Final = int(1.5 * TICK_HZ)
RELOAD_TICKS: Final = int(0.4 * TICK_HZ)
RESPAWN_TICKS: Final = int(2 * TICK_HZ)

WAITING: Final = "waiting"
PLAYING: Final = "playing"
OVER: Final = "over"


class Settings(NamedTuple):
    """How long a round is.

    Attributes:
        points: who has so many wins it.
        round_ticks: after so many it ends anyway.
        pause_ticks: so many are between two rounds.
        players: so many have to be ready to begin.
        wait_ticks: for so many they wait for those who are not; then it begins without asking them.
    """

    points: int = 10
    round_ticks: int = int(60 * TICK_HZ)
    pause_ticks: int = int(4 * TICK_HZ)
    players: int = 2
    wait_ticks: int = int(10 * TICK_HZ)


@dataclass
class Fighter:
    """A player.

    Attributes:
        id: whose it is.
        body: where it is, and whether it lives.
        aim: see ``Input``.
        health: how many more shots it stands.
        score: how many others it has shot in this round.
        lives: how often it has appeared; a new number means that it has jumped there.
        ready: it wants to play.
    """

    id: int
    body: Body
    aim: float = 0.0
    health: int = FULL_HEALTH
    score: int = 0
    lives: int = 1
    ready: bool = False
    reloaded_at: int = 0
    back_at: int = 0


@dataclass(frozen=True)
class Shot:
    """A shot under way: where it is follows from where and when it was fired."""

    number: int
    owner: int
    origin: Vector2
    velocity: Vector2
    fired_at: int

    def at(self, tick: float) -> Vector2:
        """Return where it is at a tick."""
        return self.origin + self.velocity * ((tick - self.fired_at) * TICK)


class Hit(NamedTuple):
    """A player was hit."""

    shooter: int
    victim: int
    fatal: bool
    at: Vector2


class RoundBegan(NamedTuple):
    """All are ready, or the pause is over."""

    number: int


class RoundOver(NamedTuple):
    """Somebody has won; 0 for nobody, when the best are equal."""

    number: int
    winner: int
    scores: dict[int, int]


Event = Hit | RoundBegan | RoundOver


@dataclass
class Game:
    """One arena.

    Attributes:
        settings: see there.
        tick: how many ticks have passed.
        phase: ``WAITING`` for players who are ready, ``PLAYING``, or ``OVER``: the pause.
        round: the number of the round, from 1; 0 before the first.
        ends_at: the tick at which the phase ends by itself; 0 for never.
        fighters: who is there, by id.
        shots: what is under way, by number.
    """

    settings: Settings = field(default_factory=Settings)
    tick: int = 0
    phase: str = WAITING
    round: int = 0
    ends_at: int = 0
    fighters: dict[int, Fighter] = field(default_factory=dict[int, Fighter])
    shots: dict[int, Shot] = field(default_factory=dict[int, Shot])
    _fired: int = 0

    def add(self, id: int) -> Fighter:  # noqa: A002 - as in the whole framework
        """Take a new player in, who plays at once if a round is under way."""
        fighter = self.fighters[id] = Fighter(id, Body(self._start_for(id)))
        return fighter

    def remove(self, id: int) -> None:  # noqa: A002
        """Let a player go; its shots fly on."""
        self.fighters.pop(id, None)

    def advance(self, inputs: Mapping[int, Input]) -> list[Event]:
        """Let a tick pass and return what happened in it.

        Args:
            inputs: what players do, by id; one who is not in it does nothing.
        """
        self.tick += 1
        events: list[Event] = []
        for id, input in inputs.items():  # noqa: A001
            if fighter := self.fighters.get(id):
                self._act(fighter, input)
        self._fly(events)
        for fighter in self.fighters.values():
            if not fighter.body.alive and self.tick >= fighter.back_at:
                self._place(fighter)
        self._see_to_the_round(events)
        return events

    # ---------------------------------------------------------------- players

    def _act(self, fighter: Fighter, input: Input) -> None:  # noqa: A002
        fighter.body = step(fighter.body, input)
        fighter.aim = input.aim
        may_fire = self.phase == PLAYING and fighter.body.alive
        if input.fire and may_fire and self.tick >= fighter.reloaded_at:
            fighter.reloaded_at = self.tick + RELOAD_TICKS
            self._fired += 1
            way = Vector2(math.cos(input.aim), math.sin(input.aim))
            origin = fighter.body.position + way * RADIUS
            self.shots[self._fired] = Shot(
                self._fired, fighter.id, origin, way * SHOT_SPEED, self.tick
            )

    def _place(self, fighter: Fighter) -> None:
        fighter.body = Body(self._start_for(fighter.id))
        fighter.health = FULL_HEALTH
        fighter.lives += 1

    def _start_for(self, id: int) -> Vector2:  # noqa: A002
        """Return the place that is farthest from all others who live."""
        others = [
            other.body.position
            for other in self.fighters.values()
            if other.id != id and other.body.alive
        ]
        if not others:
            return STARTS[0]
        return max(STARTS, key=lambda start: min((start - at).length() for at in others))

    # ---------------------------------------------------------------- shots

    def _fly(self, events: list[Event]) -> None:
        for shot in [*self.shots.values()]:
            before, after = shot.at(self.tick - 1), shot.at(self.tick)
            if shot.fired_at == self.tick:
                before = after
            victim = self._struck(shot, before, after)
            if victim is not None:
                self._hit(shot, victim, events)
            gone = self.tick - shot.fired_at >= SHOT_TICKS or not is_free(after, 0.0)
            if victim is not None or gone:
                del self.shots[shot.number]

    def _struck(self, shot: Shot, before: Vector2, after: Vector2) -> Fighter | None:
        """Return whom a shot hits first on its way through a tick."""
        targets = [
            (fighter, *fighter.body.position.components)
            for fighter in self.fighters.values()
            if fighter.id != shot.owner and fighter.body.alive
        ]
        way = after - before
        steps = max(math.ceil(way.length() / (RADIUS / 2)), 1)
        for number in range(1, steps + 1):
            at = before + way * (number / steps)
            for fighter, x, y in targets:  # numbers: it is most of what a tick takes
                if math.hypot(x - at.x, y - at.y) < RADIUS:
                    return fighter
        return None

    def _hit(self, shot: Shot, victim: Fighter, events: list[Event]) -> None:
        victim.health -= 1
        fatal = victim.health <= 0
        if fatal:
            victim.body = Body(victim.body.position, alive=False)
            victim.back_at = self.tick + RESPAWN_TICKS
            if shooter := self.fighters.get(shot.owner):
                shooter.score += 1
        events.append(Hit(shot.owner, victim.id, fatal, victim.body.position))

    # ---------------------------------------------------------------- rounds

    def _see_to_the_round(self, events: list[Event]) -> None:
        if self.phase == WAITING:
            self._begin_if_ready(events)
        elif self.phase == OVER:
            if self.tick >= self.ends_at:
                self.phase, self.ends_at = WAITING, 0
                self._begin_if_ready(events)
        elif self._is_won() or self.tick >= self.ends_at:
            self._end_round(events)

    def _begin_if_ready(self, events: list[Event]) -> None:
        fighters = self.fighters.values()
        ready = sum(each.ready for each in fighters)
        if ready < self.settings.players:
            self.ends_at = 0
            return
        if ready < len(fighters) and not self.ends_at:
            self.ends_at = self.tick + self.settings.wait_ticks
        if ready < len(fighters) and self.tick < self.ends_at:
            return  # one who never says so must not keep the others from playing
        self.phase, self.round = PLAYING, self.round + 1
        self.ends_at = self.tick + self.settings.round_ticks
        for fighter in fighters:
            fighter.score = 0
            fighter.body = Body(fighter.body.position, alive=False)  # so that none is in the way
        for fighter in fighters:
            self._place(fighter)
        events.append(RoundBegan(self.round))

    def _is_won(self) -> bool:
        best = max((each.score for each in self.fighters.values()), default=0)
        return best >= self.settings.points or len(self.fighters) < 2

    def _end_round(self, events: list[Event]) -> None:
        self.phase, self.ends_at = OVER, self.tick + self.settings.pause_ticks
        self.shots.clear()
        scores = {each.id: each.score for each in self.fighters.values()}
        best = max(scores.values(), default=0)
        winners = [id for id, score in scores.items() if score == best]  # noqa: A001
        events.append(RoundOver(self.round, winners[0] if len(winners) == 1 else 0, scores))
