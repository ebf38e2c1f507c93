"""``Agenda``: what a peer is to do next."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.handlers import Handlers
    from multiplayer.signals import BoundSignal

    Step = Callable[[], object]

Ts = TypeVarTuple("Ts")


class Agenda:
    """Steps that each have to happen, in order, before the next event is handled.

    A step stays here until it is done; one that is prevented can be begun again.

    Args:
        handlers: take what listeners raise.

    Attributes:
        steps: what remains to be done, the next first.
    """

    __slots__ = ("_handlers", "steps")

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self.steps: deque[Step] = deque()

    def then(self, *steps: Step) -> None:
        """Do ``steps`` next."""
        self.steps.extend(steps)

    def then_emit(self, signal: BoundSignal[*Ts], peer: int, *args: *Ts) -> None:
        """Emit a signal next, which reports something that ``peer`` did."""
        self.steps.append(self._handlers.emission(signal, peer, *args))

    def go_through(self) -> None:
        """Do everything that remains to be done."""
        steps = self.steps
        while steps:
            step = steps[0]
            step()
            if steps and steps[0] is step:  # it may have ended everything
                steps.popleft()
