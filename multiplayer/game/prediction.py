"""``Prediction``: what one's own inputs do, shown at once, and mended by what the server says."""

from __future__ import annotations

from collections import deque
from operator import eq
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import Callable

S = TypeVar("S")
I = TypeVar("I")  # noqa: E741 - the input, as S is the state

_MOST: Final = 256


class Prediction(Generic[S, I]):
    """Keeps the inputs that the server has not answered, and what they make of its last state.

    A player presses a key, and the answer of the server comes a round trip later. A client that
    knows the rules need not wait: it applies the input to its own copy, and sends it. When the
    server says what its state was after input n, the client takes that state, applies the inputs
    after n again, and is right if the server has seen what it expected.

    Args:
        step: the rule: returns the state after an input, and changes neither. It must be the one
            that the server has, for the same length of time.
        state: the state to begin with.
        same: whether two states are the same for the player; ``==`` by default. States of floats
            that another machine has computed need some tolerance.
        most: how many inputs are kept. If the server answers none of so many, the oldest is
            forgotten; it is a lost connection by then.

    Attributes:
        state: the state to show.
        corrections: how often the server's answer was not what had been predicted.
        forgotten: how many inputs were forgotten.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``most`` is not above 0.
    """

    def __init__(
        self,
        step: Callable[[S, I], S],
        state: S,
        *,
        same: Callable[[S, S], bool] = eq,
        most: int = _MOST,
    ) -> None:
        self._step = step
        self._same = same
        self._most = int(check_number("most", most, whole=True, above_zero=True))
        self._pending: deque[tuple[int, I]] = deque()
        self._answered = 0
        self._last = 0
        self.state = state
        self.corrections = 0
        self.forgotten = 0

    def apply(self, input: I) -> int:  # noqa: A002 - it is one
        """Apply an input at once; return its number, to send with it: 1, 2, 3 and so on."""
        self.state = self._step(self.state, input)
        self._last += 1
        self._pending.append((self._last, input))
        if len(self._pending) > self._most:
            self._pending.popleft()
            self.forgotten += 1
        return self._last

    def pending(self, most: int | None = None) -> list[tuple[int, I]]:
        """Return the newest inputs that the server has not answered, with numbers, oldest first.

        To send the last three instead of the newest alone costs little, and a packet may be lost.

        Args:
            most: how many at most; None for all.
        """
        waiting = list(self._pending)
        return waiting if most is None else waiting[max(len(waiting) - most, 0) :]

    def reconcile(self, number: int, state: S) -> bool:
        """Take what the server says; return whether it was not what had been predicted.

        An answer older than one that has come is left out. One about an input that was never
        applied here is taken, as is one about none (0): the server knows best.

        Args:
            number: that of the last input that the server has applied; 0 for none.
            state: the server's state after it.
        """
        if number < self._answered:
            return False
        self._answered = number
        pending = self._pending
        while pending and pending[0][0] <= number:
            pending.popleft()
        predicted = self.state
        for _, entry in pending:
            state = self._step(state, entry)
        self.state = state
        wrong = not self._same(predicted, state)
        self.corrections += wrong
        return wrong
