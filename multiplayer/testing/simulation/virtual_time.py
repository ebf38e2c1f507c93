"""``VirtualTime``: a time that stands still until somebody lets it go on, and what happens in it.

Networks of different kinds have it in common: how they find out who has something to do, and what
is still under way, is their own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.callbacks import check_callback
from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ROUNDS: Final = 100_000
"""How often everybody is polled at one instant before it is given up, at first."""

_ROUNDING: Final = 1e-6
"""By so many seconds a network may be ahead of the clock that it has followed."""


class VirtualTime(ABC):
    """The clock of a network in one process, and the loop that drives what is in it.

    Attributes:
        most_rounds: how often everybody is polled at one instant before that is given up.
    """

    def __init__(self) -> None:
        self.most_rounds = MOST_ROUNDS
        self._time = 0.0
        self._clock: Callable[[], float] | None = None

    @property
    def now(self) -> float:
        """The time in seconds, 0 at first."""
        return self._time if self._clock is None else self._clock()

    # ---------------------------------------------------------------- of each network

    @abstractmethod
    def poll(self) -> None:
        """Poll every peer once that is not paused."""

    @abstractmethod
    def flush(self) -> None:
        """Have every peer that is not paused send what was put since its last poll."""

    @abstractmethod
    def _stir(self) -> None:
        """Poll those that have something to do now."""

    @abstractmethod
    def _due(self) -> float:
        """Return when somebody has something to do; minus infinity for now."""

    @abstractmethod
    def _under_way(self) -> str:
        """Return in words what has not come to rest."""

    @abstractmethod
    def _look_at_all(self) -> None:
        """Have everybody polled next, whatever a program has done to them meanwhile."""

    def _go_to(self, time: float) -> None:
        """Set the time, which is not earlier than now."""
        self._time = time

    # ---------------------------------------------------------------- letting time pass

    def follow(self, clock: Callable[[], float] | None) -> None:
        """Have the time of a clock from now on, which goes on by itself, as trio's does.

        Whoever has the clock drives the peers then: :meth:`advance` and what else lets time pass
        raise.

        Args:
            clock: returns the time in seconds; None to stand still again, at what it is now.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot be called; ``ERR_UNAVAILABLE``:
                the time would go backwards.
        """
        check_callback("clock", clock)
        here = self.now  # before the clock is read: it may be the one that is followed already
        if clock is not None and (time := clock()) < here - _ROUNDING:
            message = (
                f"time does not go backwards: the network is at {here:g} s, the clock at "
                f"{time:g} s; make a new network for each run"
            )
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        self._time = self.now
        self._clock = clock

    def advance(self, seconds: float) -> None:
        """Let time pass, settling at once, whenever something is due on the way, and at its end.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``seconds`` is no time, or negative;
                ``ERR_TIMEOUT``: at some instant peers never come to rest; ``ERR_UNAVAILABLE``: the
                network follows a clock.
        """
        self._require_own_time("advance")
        if isinstance(seconds, int | float) and seconds < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"time does not go backwards: advance() takes 0 s or more, not {seconds}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        end = self.now + check_number("seconds", seconds)
        self._look_at_all()
        self._calm()
        while (due := self._due()) <= end:
            self._go_to(due)
            self._calm()
        self._go_to(end)
        self._calm()

    def run_until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        """Let time pass until a condition holds; it is asked at each instant at which one acts.

        Args:
            condition: takes nothing; true once it holds.
            timeout: after how many seconds to give up.

        Raises:
            MultiplayerError: ``ERR_TIMEOUT``: it does not hold by then, or peers never come to
                rest; ``ERR_INVALID_PARAMETER``: ``timeout`` is no time, or ``condition`` cannot be
                called; ``ERR_UNAVAILABLE``: the network follows a clock.
        """
        self._require_own_time("run_until")
        check_callback("condition", condition, optional=False)
        end = self.now + check_number("timeout", timeout)
        self._look_at_all()
        self._calm()
        while not condition():
            if self.now >= end:
                message = f"the condition does not hold after {timeout:g} s: {self._under_way()}"
                raise MultiplayerError(Error.ERR_TIMEOUT, message)
            self._go_to(min(max(self._due(), self.now), end))
            self._calm()

    def run_loop(
        self, step: Callable[[float], object], *, hz: float = 30.0, seconds: float = 1.0
    ) -> int:
        """Run a game's loop: each turn polls everybody, calls ``step``, then sends what was put.

        As a game does that looks at the network once a frame, peers do not act between turns.

        Args:
            step: called with the length of a turn in seconds.
            hz: how many turns a second has.
            seconds: for how long.

        Returns:
            How many turns there were.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``hz`` or ``seconds`` makes no sense, or
                ``step`` cannot be called; ``ERR_UNAVAILABLE``: the network follows a clock.
        """
        self._require_own_time("run_loop")
        check_callback("step", step, optional=False)
        hz = check_number("hz", hz, above_zero=True)
        turns = math.ceil(check_number("seconds", seconds) * hz - 1e-9)
        start = self.now
        for turn in range(1, turns + 1):
            self._go_to(start + turn / hz)
            self.poll()
            step(1 / hz)
            self.flush()
        return turns

    def _calm(self) -> None:
        """Poll until nothing is to be done at this instant."""
        for _ in range(self.most_rounds):
            self._stir()
            if self._due() > self.now:
                return
        message = (
            f"the network does not settle: after {self.most_rounds} rounds at {self.now:g} s "
            f"something still moves: {self._under_way()}"
        )
        raise MultiplayerError(Error.ERR_TIMEOUT, message)

    def _require_own_time(self, method: str) -> None:
        if self._clock is not None:
            message = (
                f"{method}() is for a network whose time stands still; this one follows a clock: "
                "sleep instead"
            )
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
