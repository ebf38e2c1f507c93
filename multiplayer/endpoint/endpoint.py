"""What a peer has for its connections, whatever moves their bytes: queues, order, fairness, limits.

A peer object owns one endpoint; a server's connections share it. Whoever drives the peer calls
:meth:`Endpoint.service` and then :meth:`Endpoint.flush`; neither waits. Bytes are moved by an
*engine* below, connections are *channels*. ``recovery.py`` makes whole what an interrupt has left.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .cause import Cause
from .channel import ChannelT, EventT
from .endpoint_output import EndpointOutput
from .handover import hand_over
from .pressure import NEARLY_FULL

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Self

    from multiplayer.limits import Limits

    from .engine import Engine


class Endpoint(EndpointOutput[ChannelT, EventT]):
    """All connections of one peer object.

    ``EndpointState`` has what it knows, ``EndpointOutput`` what leaves.

    Args:
        engine: moves their bytes.
        clock: the peer's clock, in seconds.
        drained: the event of a channel for which little waits again.
        log: where to log what goes wrong on channels.
        eager: send at once what is queued outside a poll, unless somebody waits for ``on_wake``.
    """

    def __init__(
        self,
        engine: Engine[ChannelT],
        clock: Callable[[], float],
        *,
        drained: EventT,
        log: logging.Logger,
        eager: bool,
    ) -> None:
        super().__init__(engine, clock, drained=drained, log=log, eager=eager)
        self._serve = engine.serve
        self._make: Callable[[float], ChannelT] | None = None
        engine.begin(self)

    # ---------------------------------------------------------------- beginning

    def listen(
        self,
        host: str,
        port: int,
        make: Callable[[float], ChannelT],
        buffer_size: int,
        limits: Limits,
    ) -> None:
        """Accept connections at ``host`` ("*" for every interface).

        Args:
            host: the address.
            port: the port; 0 for a free one.
            make: makes a channel, given the time.
            buffer_size: ``outbound_buffer_size``, in bytes; 0 for any.
            limits: what the other sides may do.

        Raises:
            OSError: the address cannot be had.
        """
        self.take_over()
        self.engine.listen(host, port)
        self.accept(make, buffer_size, limits)
        self.wake()

    def accept(self, make: Callable[[float], ChannelT], buffer_size: int, limits: Limits) -> None:
        """Take channels that somebody else accepts; see :meth:`listen` for the arguments."""
        self._make = make
        self.newcomers.most = limits.max_pending_handshakes
        self.serve_many(buffer_size, limits)

    def serve_many(self, buffer_size: int, limits: Limits) -> None:
        """Have the channels of a server, from wherever they come (see :meth:`take`).

        Args:
            buffer_size: ``outbound_buffer_size``, in bytes; 0 for any.
            limits: what the other sides may do.
        """
        self._limits, self._buffer_size = limits, buffer_size
        self.holding.nearly_full = NEARLY_FULL * buffer_size or math.inf
        # A half of what may wait, because the engine may take nothing of it.
        self.most_shared = buffer_size / 2 or math.inf
        self.most_shared_packets = limits.max_outbox_packets / 2 or math.inf

    @property
    def local_port(self) -> int:
        """The port that is listened at; 0 if none is."""
        return self.engine.local_port

    def stop_listening(self) -> None:
        """Accept no more; channels stay."""
        self.engine.stop_listening()

    def connect(self, host: str, port: int, channel: ChannelT) -> None:
        """Connect a channel to ``host``: an address, or a name whose addresses are tried in turn.

        Failures are told by the next service, so that a listener that tries again whenever it
        hears of one gets one attempt a poll, and does not keep the poll from ending.
        """
        self.take_over()
        self.deadlines.note(channel)
        self.engine.connect(host, port, channel)
        self.wake()

    def begin_accepting(self, now: float) -> ChannelT:
        """Return a channel for somebody who has come (called by the engine)."""
        assert self._make is not None
        channel = self.at_work = self._make(now)
        self.deadlines.note(channel)
        return channel

    def accepted(self, channel: ChannelT, now: float) -> None:
        """Make room, if it takes that, for somebody who is connected now (called by the engine)."""
        for oldest in self.newcomers.add(channel, now):
            if oldest in self._noted:
                self.engine.farewell(oldest)
                oldest.abandon()
                self.drop(oldest)
        self.at_work = None

    def take(self, channel: ChannelT, other: Self) -> None:
        """Go on with a channel of another endpoint, whose session has not had it, or has lost it.

        It is as if the channel had been here from the beginning: what has come on it and was not
        handled is handled here, and what waits to be sent is sent from here. The other side notices
        nothing. The channel keeps the settings with which it began.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: the other endpoint does not have it;
                ``ERR_UNAVAILABLE``: it is ending, or its engine cannot give it to this one;
                ``ERR_ALREADY_IN_USE``: it carries a member of a session; ``ERR_BUSY``: it is being
                served.
        """
        if other is not self:
            hand_over(channel, other, self)

    def welcome(self, channel: ChannelT) -> None:
        """Take note of a channel that was another's (called by ``hand_over``)."""
        self.deadlines.note(channel)
        if channel.pending:
            self.newcomers.waiting[channel] = None
        self.touched[channel] = None

    # ---------------------------------------------------------------- serving

    def service(self, now: float) -> None:
        """Do all that is possible now: accept, read, decode, answer at once, keep deadlines."""
        if self.failures:
            self._tell_failures()
        if self._behind:
            self._catch_up(now)
        self.newcomers.looked_through = False
        self._serve(now)
        if self.touched:
            self._look_at_touched(now)
        while self.resumed:
            channel = next(iter(self.resumed))
            del self.resumed[channel]
            self._go_on(channel, now)
        if self.log_bounds.due <= now:
            self.log_bounds.tell(now)
        heap = self._heap
        if heap and heap[0][0] <= now:
            self._keep_deadlines(now)
        if self.pressing or self._terms:
            self.holding.keep_terms(now)
        if self.touched or self.shared:
            self.flush()
        if not (self._noted or self.awaited):
            self.engine.rest()

    def _catch_up(self, now: float) -> None:
        """Decode the next slice of each that has sent more than one."""
        self.take_over()
        served = self.slices.begin()
        self.slice = self.slices.size
        for channel in served:
            self._go_on(channel, now)
        self.slices.end(served)
        self.slice = self.slices.size

    def _tell_failures(self) -> None:
        for _ in range(len(self.failures)):
            channel, failure = self.failures[0]
            channel.end(failure)
            del self.failures[0]

    def _go_on(self, channel: ChannelT, now: float) -> None:
        """Decode more of what a channel has."""
        if channel in self._noted and not channel.is_held:  # else when it is let go
            self.at_work = channel
            channel.receive(b"", now, self.slice)
            self.engine.watch(channel)
            self.at_work = None

    def _keep_deadlines(self, now: float) -> None:
        for channel in self.deadlines.passed(now):
            self.at_work = channel
            obstacle = self.engine.obstacle(channel)
            if obstacle:
                channel.check(now, obstacle)
            else:
                channel.check(now)
            self.at_work = None

    def next_deadline(self) -> float:
        """Return when there is something to do even if the engine has nothing.

        In seconds on the peer's clock; minus infinity for at once, infinity for never.
        """
        at_once = self.resumed or self.entries or self.touched or self.shared or self.failures
        if at_once or self._behind:
            return -math.inf
        due = min(self.deadlines.due, self.log_bounds.due, self.holding.due, self.alarm)
        return min(due, self.engine.next_deadline())

    # ---------------------------------------------------------------- what users do with channels

    def begin_closing(
        self, channel: ChannelT, code: int | Cause, reason: str, *, at_once: bool = False
    ) -> None:
        """Begin to close a channel."""
        channel.close(code, reason, self.clock(), at_once=at_once)
        self.look_at(channel)

    def fetched(self, channel: ChannelT, size: int) -> None:
        """Note that a message of ``size`` bytes, which came on a channel, has been fetched."""
        channel.fetched(size)
        if channel.resumed:
            self.wake()

    def set_no_delay(self, channel: ChannelT, *, enabled: bool) -> None:
        """Send small packets at once, or gather them (TCP_NODELAY)."""
        self.engine.set_no_delay(channel, enabled=enabled)

    # ---------------------------------------------------------------- ending

    def close(self, code: int | Cause = Cause.DONE) -> None:
        """Close everything at once.

        Open connections are told, if that is taken. Whoever waits for the engine is woken,
        and has to call :meth:`release`. In a child of a fork that has not polled only our copies
        of the sockets are closed: the connections are its parent's.
        """
        engine, inherited = self.engine, self.engine.inherited
        if inherited:
            self._stop_waiting()
        engine.stop_listening()
        for channel in engine.channels:
            if not inherited:
                channel.close_at_once(code)
                engine.farewell(channel)
            channel.abandon()
            self.drop(channel)
        self.fanout.clear()
        self.failures.clear()
        self.unroll()  # whoever handles one is to see that there is nothing left of it
        self.entries.clear()
        self.touched.clear()
        self.resumed.clear()
        self.newcomers.clear()
        self._behind.clear()
        self.holding.clear()
        self.backlogs.clear()
        self.deadlines.clear()
        self.log_bounds.tell_all()
        if not self.awaited:
            engine.rest()
        self.wake()
