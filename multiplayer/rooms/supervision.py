"""How many worker processes there are, which of them serve, and what happens when one dies.

Pure: what happened goes in, with the time, and orders come out, which whoever has the processes
carries out. A worker is a number; each process has a new one. Besides those that serve there is
one that only waits, since starting takes longer than a player's patience: it takes the place of
one that dies.

A death soon after the start counts as a failure. After each failure the next start waits, for twice
as long as before; after several in a row the rooms of the dead are not given to workers that
are well, lest one of them ends these, too.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

CALM: Final = 60.0
"""A worker that has lived for so many seconds has not failed when it dies."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""How long the next start waits after the second failure in a row, and at most, in seconds."""

CONTAINED_AFTER: Final = 3
"""After so many failures in a row, rooms of the dead wait for a worker of their own."""

START_PATIENCE: Final = 30.0
"""How long a worker may take to be ready, in seconds."""

BEAT_PATIENCE: Final = 5.0
"""A worker without a sign of life for so many seconds hangs."""

_LATE: Final = 1.0
"""Whoever looks at beats so much later than was agreed has been asleep itself."""


class Start(NamedTuple):
    """Start a process."""

    worker: int


class Kill(NamedTuple):
    """End a process, at once."""

    worker: int
    why: str


class Serve(NamedTuple):
    """Give rooms to a worker from now on; those first that have none."""

    worker: int


class Gone(NamedTuple):
    """A worker that served is dead: its rooms need another.

    Attributes:
        worker: which one.
        contained: its rooms wait for the next that is told to serve; otherwise they go to any.
    """

    worker: int
    contained: bool


Order = Start | Kill | Serve | Gone


class State(Enum):
    """How far a worker has come."""

    STARTING = "starting"
    SPARE = "spare"
    SERVING = "serving"
    KILLED = "killed"
    """It is to die, and has not yet."""


@dataclass(slots=True)
class _Worker:
    state: State
    since: float
    heard: float
    served: bool = False


class Supervision:
    """Sees that there are enough workers.

    Args:
        workers: how many are to serve.
        spares: how many more are to wait.
        beat_patience: see :data:`BEAT_PATIENCE`.
        start_patience: see :data:`START_PATIENCE`.

    Attributes:
        orders: what is to be done, in order; whoever does it takes it out.
        failures: how many workers in a row have died soon after their start.
    """

    def __init__(
        self,
        workers: int,
        *,
        spares: int = 1,
        beat_patience: float = BEAT_PATIENCE,
        start_patience: float = START_PATIENCE,
    ) -> None:
        self._wanted = workers
        self._spares = spares
        self._beat_patience = beat_patience
        self._start_patience = start_patience
        self._workers: dict[int, _Worker] = {}
        self._newest = 0
        self._not_before = -math.inf
        self._agreed = math.inf  # when somebody was to look at the beats
        self._draining = False
        self.orders: deque[Order] = deque()
        self.failures = 0

    # ---------------------------------------------------------------- who there is

    def state(self, worker: int) -> State | None:
        """Return how far a worker has come; None if it is dead."""
        known = self._workers.get(worker)
        return None if known is None else known.state

    def serving(self) -> list[int]:
        """Return those that serve, the oldest first."""
        return [n for n, each in self._workers.items() if each.state is State.SERVING]

    @property
    def has_spare(self) -> bool:
        """Whether one is ready that does not serve."""
        return any(each.state is State.SPARE for each in self._workers.values())

    @property
    def over(self) -> bool:
        """Whether all have gone, and no more will come."""
        return self._draining and not self._workers

    # ---------------------------------------------------------------- what happens

    def begin(self, now: float) -> None:
        """Start all of them."""
        self._fill(now)

    def ready(self, worker: int, now: float) -> None:
        """Note that a worker can take rooms."""
        known = self._workers.get(worker)
        if known is not None and known.state is State.STARTING:
            known.state, known.heard = State.SPARE, now
            self._promote()

    def beat(self, worker: int, now: float) -> None:
        """Note a sign of life."""
        known = self._workers.get(worker)
        if known is not None:
            known.heard = now

    def condemn(self, worker: int, why: str) -> None:
        """End a worker that has misbehaved, say by talking nonsense."""
        known = self._workers.get(worker)
        if known is not None and known.state is not State.KILLED:
            known.state = State.KILLED
            self.orders.append(Kill(worker, why))

    def died(self, worker: int, now: float) -> None:
        """Note that a process has ended, whatever the reason."""
        known = self._workers.pop(worker, None)
        if known is None:
            return
        if self._draining:
            return
        if now - known.since < CALM:
            self.failures += 1
            pause = 0.0
            if self.failures > 1:
                pause = min(FIRST_PAUSE * 2.0 ** min(self.failures - 2, 16), LONGEST_PAUSE)
            self._not_before = max(self._not_before, now + pause)
        else:
            self.failures = 0
        if known.served:
            self.orders.append(Gone(worker, self.failures >= CONTAINED_AFTER))
            self._promote()
        self._fill(now)

    def drain(self) -> None:
        """Start no more: the end of each worker is meant from now on."""
        self._draining = True

    # ---------------------------------------------------------------- time

    def next_deadline(self) -> float:
        """Return when :meth:`check` has something to do at the latest; infinity for never."""
        self._agreed = min(map(self._patience_ends, self._workers.values()), default=math.inf)
        if self._lacking() > 0:
            return min(self._agreed, self._not_before)
        return self._agreed

    def check(self, now: float) -> None:
        """Do what is due."""
        if now - self._agreed > _LATE:
            # We were stopped, or the machine was: what they have said waits to be read.
            for each in self._workers.values():
                each.heard = max(each.heard, now)
                each.since = max(each.since, now) if each.state is State.STARTING else each.since
        for number, each in [*self._workers.items()]:
            if now >= self._patience_ends(each):
                silent = now - (each.since if each.state is State.STARTING else each.heard)
                hangs = "is not ready" if each.state is State.STARTING else "hangs: no sign of life"
                self.condemn(number, f"{hangs} after {silent:.1f} s")
        if any(each.state is State.SERVING for each in self._workers.values()) and all(
            now - each.since >= CALM for each in self._workers.values()
        ):
            self.failures = 0
        self._fill(now)

    def _patience_ends(self, worker: _Worker) -> float:
        if worker.state is State.KILLED:
            return math.inf
        if worker.state is State.STARTING:
            return worker.since + self._start_patience
        return worker.heard + self._beat_patience

    # ---------------------------------------------------------------- enough of them

    def _lacking(self) -> int:
        if self._draining:
            return 0
        alive = sum(each.state is not State.KILLED for each in self._workers.values())
        return self._wanted + self._spares - alive

    def _fill(self, now: float) -> None:
        if now < self._not_before:
            return
        for _ in range(self._lacking()):
            self._newest += 1
            self._workers[self._newest] = _Worker(State.STARTING, now, now)
            self.orders.append(Start(self._newest))

    def _promote(self) -> None:
        for number, each in self._workers.items():
            if len(self.serving()) >= self._wanted:
                return
            if each.state is State.SPARE:
                each.state, each.served = State.SERVING, True
                self.orders.append(Serve(number))
