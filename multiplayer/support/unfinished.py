"""Steps that each have to happen, even if Ctrl-C comes between them or in the middle of one.

A step stays in the list until it is done. So an interrupted poll leaves the rest behind, and the
next one carries on with it. A step is either a change that can safely be made twice, or an
:class:`Emission`, which knows which of its listeners have been called.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from inspect import currentframe
from typing import TYPE_CHECKING, Any, TypeVarTuple

from multiplayer.errors import one_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

    from multiplayer.signals import AnySignal, BoundSignal

Ts = TypeVarTuple("Ts")


class Emission:
    """One emission of a signal: it calls each listener once, however often it is called itself.

    Args:
        signal: the signal.
        args: its arguments.
        failed: takes what a listener raises.
        unless: asked when the emission begins; returns True if it should not happen after all.
    """

    __slots__ = ("_args", "_failed", "_raised", "_rest", "_signal", "_unless")

    def __init__(
        self,
        signal: BoundSignal[*Ts],
        args: tuple[*Ts],
        failed: Callable[[Exception], object],
        unless: Callable[[], bool] | None = None,
    ) -> None:
        self._signal: AnySignal = signal
        self._args: tuple[Any, ...] = args
        self._failed = failed
        self._unless = unless
        # None for those still to be disconnected and called.
        self._rest: deque[tuple[Callable[..., object], bool | None]] | None = None
        self._raised: list[Exception] = []

    def __call__(self) -> None:
        """Call the listeners that have not been called yet."""
        if self._rest is None:
            spared = self._unless is not None and self._unless()
            self._rest = deque(() if spared else self._signal.listeners())
        self._call_each(self._rest)
        while self._raised:
            error = self._raised.pop(0)
            self._failed(error)

    def _call_each(self, rest: deque[tuple[Callable[..., object], bool | None]]) -> None:
        signal = self._signal
        while rest:
            listener, one_shot = rest[0]
            if one_shot is None:
                if signal.is_connected(listener):
                    signal.disconnect(listener)
            elif not signal.is_connected(listener):
                rest.popleft()
                continue
            elif one_shot:
                rest[0] = listener, None
                continue
            try:
                rest.popleft()[0](*self._args)
            except Exception as error:  # the others are called all the same
                self._raised.append(error)


class Unfinished:
    """The steps under way, including those that they set off.

    Attributes:
        stack: those that remain, the latest that were begun last; empty if all are done.
    """

    __slots__ = ("stack",)

    def __init__(self) -> None:
        self.stack: list[deque[Callable[[], object]]] = []

    def __bool__(self) -> bool:
        return bool(self.stack)

    def do(self, *steps: Callable[[], object]) -> None:
        """Do all ``steps``, in order.

        Raises:
            Exception: what a step raised, once all have had their turn; if several did, an
                ``ExceptionGroup`` of those.
        """
        rest = deque(steps)
        self.stack.append(rest)
        self._go_through(rest)

    def finish(self) -> None:
        """Do what was interrupted.

        Raises:
            Exception: as :meth:`do`.
        """
        while self.stack:
            self._go_through(self.stack[-1])

    def _go_through(self, rest: deque[Callable[[], object]]) -> None:
        failures: list[Exception] = []
        while rest:
            if error := self._try_twice(rest[0], rest):
                failures.append(error)
            if rest:
                rest.popleft()
        self.stack = [each for each in self.stack if each is not rest]
        if failures:
            raise one_error(failures, "several listeners failed")

    def _try_twice(
        self, step: Callable[[], object], rest: deque[Callable[[], object]]
    ) -> Exception | None:
        """Do a step, and once more if it fails, since half of it may be missing.

        Whatever it began is finished before the second try. Return what it raised.
        """
        try:
            step()
        except Exception as error:
            with suppress(Exception):  # the first failure is the one to report
                while self.stack and self.stack[-1] is not rest:
                    self._go_through(self.stack[-1])
                step()
            return error
        return None


def count_running(method: FunctionType, owner: object) -> int:
    """Return how many calls of a method of ``owner`` are under way in this thread.

    A flag would not do: Ctrl-C may come just where it is reset.

    Args:
        method: the function.
        owner: its ``self``.
    """
    count = 0
    frame = currentframe()
    while frame is not None:
        if frame.f_code is method.__code__ and frame.f_locals.get("self") is owner:
            count += 1
        frame = frame.f_back
    return count
