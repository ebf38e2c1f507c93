"""``Agenda``: what a peer is to do next; with what all roles and envelopes of a peer work with."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import BoundSignal
    from multiplayer.handlers import Handlers

    from .inbox import Inbox
    from .sockets.engine import Reactor
    from .statistics import Statistics

    Step = Callable[[], object]

Ts = TypeVarTuple("Ts")


class Agenda:
    """Steps that each have to happen, in order, before what has come next is handled.

    A step stays here until it is done: what keeps one from being done lets it be begun again.

    Args:
        handlers: what becomes of what listeners raise.

    Attributes:
        steps: what is to be done, the next first.
    """

    __slots__ = ("_handlers", "steps")

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self.steps: deque[Step] = deque()

    def then(self, *steps: Step) -> None:
        """Do ``steps`` next."""
        self.steps.extend(steps)

    def then_emit(self, signal: BoundSignal[*Ts], peer: int, *args: *Ts) -> None:
        """Emit a signal next, which tells of something that ``peer`` did."""
        self.steps.append(self._handlers.emission(signal, peer, *args))

    def go_through(self) -> None:
        """Do all that is to be done."""
        steps = self.steps
        while steps:
            step = steps[0]
            step()
            if steps and steps[0] is step:  # it may have ended everything
                steps.popleft()


class Commons(NamedTuple):
    """What the roles and envelopes of one peer work with, session after session.

    Attributes:
        reactor: moves the bytes.
        handlers: calls what the program has connected and set.
        agenda: what is to be done next.
        inbox: the packets for ourselves.
        past: the counters of connections that are gone.
    """

    reactor: Reactor
    handlers: Handlers
    agenda: Agenda
    inbox: Inbox
    past: Statistics
