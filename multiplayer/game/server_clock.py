"""``ServerClock``: what time it is on the server."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

_GAIN: Final = 1 / 16
"""How much of the difference each sample adds to the jitter (RFC 3550 section 6.4.1)."""


class _Sample(NamedTuple):
    round_trip: float
    offset: float


class ServerClock:
    """Estimates the time on the server's clock, from the answers to questions for it.

    A client asks the server for its time now and then, twice a second, say, by an unreliable RPC,
    and gives each answer to :meth:`sample`. As in NTP (RFC 5905 section 8) the answer is taken for
    the server's time in the middle of the round trip, and of the last answers the one with the
    shortest round trip is believed: it has waited least on its way.

    :meth:`time` does not jump when a better answer comes: it runs a little faster or slower until
    it is right. So it never goes back, and a game that is drawn by it is smooth.

    Args:
        window: among how many answers the best is chosen.
        slew: by how much it may run faster or slower, 0.05 for 5 %.
        jump: from which contradiction between answers, or between the best one and :meth:`time`,
            on, in seconds, the clock is set at once, maybe back: the server has begun anew, or it
            has stood still, or the first answer was long on its way.

    Attributes:
        samples: how many answers were given to it.
        jumps: how often that has happened.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument is out of range.
    """

    def __init__(self, *, window: int = 16, slew: float = 0.05, jump: float = 1.0) -> None:
        size = int(check_number("window", window, whole=True, above_zero=True))
        self._slew = check_number("slew", slew, above_zero=True)
        if self._slew >= 1:
            message = f"slew must be below 1, not {slew}: with 1 the time would stand still"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._jump = check_number("jump", jump, above_zero=True)
        self._window: deque[_Sample] = deque(maxlen=size)
        self._offset: float | None = None  # what `time` adds
        self._looked = -math.inf  # when, and what it said then
        self._last = -math.inf
        self._jitter = 0.0
        self.samples = 0
        self.jumps = 0

    def sample(self, sent: float, server: float, received: float) -> None:
        """Take an answer of the server.

        Args:
            sent: when the question left, on our own clock, in seconds.
            server: the server's time in the answer, on its clock.
            received: when the answer came, on our own clock. One that came before its question was
                sent is left out, and so is one with a time that is not finite.
        """
        answer = _Sample(received - sent, server - (sent + received) / 2)
        round_trip = answer.round_trip
        if not (round_trip >= 0 and math.isfinite(round_trip) and math.isfinite(answer.offset)):
            return
        self.samples += 1
        if self._window:
            best, last = min(self._window), self._window[-1]
            self._jitter += (abs(round_trip - last.round_trip) - self._jitter) * _GAIN
            # By so much both can be right about the same clock.
            apart = abs(answer.offset - best.offset) - (round_trip + best.round_trip) / 2
            if apart >= self._jump:
                self._window.clear()  # it is about another clock
                self._set_anew(answer.offset)
        self._window.append(answer)
        if self._offset is None:
            self._offset = answer.offset
        elif abs(self.offset - self._offset) - self.uncertainty >= self._jump:
            self._set_anew(self.offset)  # to get there by the slew would take too long

    def _set_anew(self, offset: float) -> None:
        self._offset = offset
        self._last = -math.inf
        self.jumps += 1

    def time(self, now: float) -> float:
        """Return the time on the server, in seconds on its clock.

        Args:
            now: the time on our own clock, in seconds.

        Returns:
            ``now`` itself before the first answer.
        """
        if self._offset is None:
            return now
        elapsed = max(now - self._looked, 0.0) if math.isfinite(self._looked) else 0.0
        self._looked = max(now, self._looked)
        most = elapsed * self._slew
        self._offset += min(max(self.offset - self._offset, -most), most)
        self._last = max(self._last, now + self._offset)
        return self._last

    @property
    def offset(self) -> float:
        """How far the server's clock is ahead of ours, in seconds, as the best answer says."""
        return min(self._window).offset if self._window else 0.0

    @property
    def round_trip(self) -> float:
        """The shortest round trip of the last answers, in seconds; 0 before the first."""
        return min(self._window).round_trip if self._window else 0.0

    @property
    def uncertainty(self) -> float:
        """How far :attr:`offset` may be wrong, in seconds: half of that round trip.

        It is, if all of it was spent on one way.
        """
        return self.round_trip / 2

    @property
    def jitter(self) -> float:
        """How much round trips differ from one to the next, in seconds, smoothed."""
        return self._jitter
