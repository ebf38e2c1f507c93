"""``InputQueue``: a client's numbered inputs, at the server, each applied once and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import Iterable

I = TypeVar("I")  # noqa: E741 - as in Prediction

_MOST: Final = 16
_SPARE: Final = 2

_LOOKED_AT: Final = 8
"""Over so many ticks it is seen how many inputs have waited at least."""


class InputQueue(Generic[I]):
    """The server's side of ``Prediction``: one for each player.

    Inputs come with numbers, several times each and with gaps. A tick takes one, the oldest that
    is not too late. A client may not gain anything by sending more than one a tick: what waits
    beyond ``most`` is dropped, the oldest first.

    After a pause of the network many come at once. Since one comes and one is taken at each tick,
    they would wait for good, and the player would play late. So one is left out, the oldest, as
    often as more than ``spare`` have waited for eight ticks.

    Args:
        most: how many inputs may wait.
        spare: how many may wait for long, in case the next ones come late.

    Attributes:
        last: the number of the last input that was taken; 0 before the first. The client is told
            it with the state (``Prediction.reconcile``).
        dropped: how many were dropped because too many waited.
        skipped: how many were left out because they had waited for long.
        repeated: how many came again, or too late.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``most`` is not above 0, or ``spare`` below.
    """

    def __init__(self, *, most: int = _MOST, spare: int = _SPARE) -> None:
        self._most = int(check_number("most", most, whole=True, above_zero=True))
        self._spare = int(check_number("spare", spare, whole=True))
        self._least = self._most  # how many have waited at least since it was looked at
        self._taken = 0
        self._waiting: dict[int, I] = {}
        self.last = 0
        self.dropped = 0
        self.skipped = 0
        self.repeated = 0

    def push(self, number: int, input: I) -> None:  # noqa: A002 - it is one
        """Take an input that has come.

        Args:
            number: its number, as the client gave it, above 0. A client can give any: one that
                leaps ahead only loses its own inputs in between.
            input: the input, already checked.
        """
        if number <= self.last or number in self._waiting:
            self.repeated += 1
            return
        self._waiting[number] = input
        if len(self._waiting) > self._most:
            del self._waiting[min(self._waiting)]
            self.dropped += 1

    def push_all(self, inputs: Iterable[tuple[int, I]]) -> None:
        """Take several, as ``Prediction.pending`` gives them."""
        for number, entry in inputs:
            self.push(number, entry)

    def take(self) -> I | None:
        """Remove the next input and return it; None if none has come. Call it once a tick."""
        self._catch_up()
        if not self._waiting:
            self._least = 0
            return None
        self.last = min(self._waiting)
        taken = self._waiting.pop(self.last)
        self._least = min(self._least, len(self._waiting))
        return taken

    def _catch_up(self) -> None:
        """Leave one out now and then, if more wait than are needed."""
        self._taken += 1
        if self._taken < _LOOKED_AT:
            return
        if self._least > self._spare:
            del self._waiting[min(self._waiting)]
            self.skipped += 1
        self._taken, self._least = 0, self._most

    def __len__(self) -> int:
        return len(self._waiting)
