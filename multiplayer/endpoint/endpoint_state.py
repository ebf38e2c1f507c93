"""What an endpoint has, and how it tells whoever drives it; ``endpoint.py`` says what it is."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Generic, cast

from multiplayer.runs import Run
from multiplayer.support.log_bounds import LogBounds
from multiplayer.support.log_line import write_line
from multiplayer.support.log_once import LogOnce

from .channel import ChannelT, EventT, Notices
from .deadlines import Deadlines
from .events import messages_of
from .newcomers import Newcomers
from .slices import Slices

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from .engine import Engine
    from .failure import Failure


class EndpointState(Generic[ChannelT, EventT]):
    """What an endpoint has.

    Args:
        engine: moves the bytes of its channels.
        clock: the peer's clock, in seconds.
        log: where to log what goes wrong on channels.
        eager: send at once what is queued outside a poll, unless somebody waits for ``on_wake``.

    Attributes:
        engine: see above, as clock.
        clock: see there.
        eager: see above; a peer sets it anew when it begins a session.
        entries: what has happened, in order of arrival, for the peer to take from the left.
        touched: the channels that are to be looked at.
        faults: logs what goes wrong on the channels.
        notices: the same three, for new channels.
        log_bounds: how many lines of the log each address can cause.
        polling: the peer is in its ``poll()``.
        awaited: somebody waits for the engine; it is not to be closed under them.
        at_work: the channel that is being served; what is left here, an interrupt has left.
        resumed: those that can go on with what they have, the first first.
        newcomers: those that have been accepted.
        slices: those that have more to decode than they were let.
        slice: how many messages a channel may decode at once.
        deadlines: when channels are to be checked.
        failures: those that cannot be connected, to be told by the next service.
        alarm: when the peer's role has something to do, in seconds; infinity for never.
        on_wake: called when there is something to do that the engine will not tell.
        on_close: called with each watched descriptor before it is closed.
    """

    def __init__(
        self,
        engine: Engine[ChannelT],
        clock: Callable[[], float],
        *,
        log: logging.Logger,
        eager: bool,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.eager = eager
        self.entries: deque[tuple[ChannelT, EventT]] = deque()
        self.touched: dict[ChannelT, None] = {}
        self._log = log
        self.log_bounds = LogBounds(self._tell_left_out)
        self.faults = LogOnce(log, self._may_log_fault)
        self.notices = Notices(self.entries, self.touched, self.faults)
        self.polling = False
        self.awaited = False
        self.at_work: ChannelT | None = None
        self.on_wake: Callable[[], None] | None = None
        self.on_close: Callable[[int], None] | None = None
        self.resumed: dict[ChannelT, None] = {}
        self.failures: list[tuple[ChannelT, Failure]] = []
        self.alarm = math.inf
        self.newcomers = Newcomers[ChannelT]()
        self.slices = Slices[ChannelT]()
        self.slice = self.slices.size
        self._behind = self.slices.behind
        self.deadlines = Deadlines[ChannelT]()
        self._heap, self._noted = self.deadlines.heap, self.deadlines.noted

    def wake(self) -> None:
        """Tell whoever waits for the engine that there is something else to do."""
        if self.on_wake is not None and not self.polling:
            self.on_wake()

    def take_over(self) -> None:
        """Go on with what a parent of this process has begun, in a child of a fork."""
        if self.engine.inherited:
            self.engine.take_over()
            self._stop_waiting()  # it was the parent that waited

    def _resume(self, channel: ChannelT) -> None:
        self.resumed[channel] = None
        self.wake()

    def unroll(self) -> None:
        """Let each message wait as a ``Message``, for whoever looks into the queue.

        Whoever is handling a run finds it empty then.
        """
        common = [event for _, event in self.entries if isinstance(event, Run | bytes)]
        if common:
            single: list[tuple[ChannelT, EventT]] = []
            for channel, event in self.entries:
                if isinstance(event, Run | bytes):
                    single += [(channel, cast("EventT", each)) for each in messages_of(event)]
                else:
                    single.append((channel, event))
            # One step, so that an interrupt finds all of them either here or there.
            self.entries.__init__(single)
            for event in common:
                if isinstance(event, Run):
                    event.empty()

    # ---------------------------------------------------------------- the log

    def may_log(self, address: str, level: int, log: logging.Logger) -> bool:
        """Count a line about an address; return whether it is to be written."""
        return log.isEnabledFor(level) and self.log_bounds.allow(address, level, self.clock())

    def _may_log_fault(self, peer: int, level: int, fields: Mapping[str, object]) -> bool:
        del peer
        return self.log_bounds.allow(str(fields["address"]), level, self.clock())

    def _tell_left_out(self, level: int, line: str, fields: dict[str, object]) -> None:
        write_line(self._log, level, "%s", line, fields=fields)

    # ---------------------------------------------------------------- waiting

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when :meth:`service` has I/O to do, if there is one.

        Raises:
            MultiplayerError: ``ERR_CANT_CREATE``: the system has no descriptor left for it.
        """
        return self.engine.fileno()

    def watched(self) -> Iterator[tuple[int, int]]:
        """Return each watched descriptor and its mask of ``selectors.EVENT_…``."""
        return self.engine.watched()

    def release(self) -> None:
        """Let go of the engine after waiting."""
        self._stop_waiting()
        self.engine.rest()

    def _stop_waiting(self) -> None:
        self.awaited = False
        self.on_wake = self.on_close = None

    # ---------------------------------------------------------------- who is there

    @property
    def links(self) -> list[ChannelT]:
        """All channels that have not been dropped yet."""
        return self.engine.channels

    @property
    def inherited(self) -> bool:
        """Whether all of this is a parent process's, whose connections stay."""
        return self.engine.inherited

    @property
    def idle(self) -> bool:
        """Whether there is neither listener nor connection."""
        return self.engine.idle
