"""What a peer has for its connections, whatever moves their bytes: queues, order, fairness, limits.

A peer object owns one endpoint; a server's connections share it. Whoever drives the peer calls
:meth:`Endpoint.service` and then :meth:`Endpoint.flush`; neither waits. Bytes are moved by an
*engine* below, connections are *channels*. ``recovery.py`` makes whole what an interrupt has left.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, cast

from multiplayer.addressing import TransferMode
from multiplayer.support.log_bounds import LogBounds
from multiplayer.support.log_line import write_line
from multiplayer.support.log_once import LogOnce

from .backlog import Backlogs
from .cause import Cause
from .channel import ChannelT, EventT, Notices
from .deadlines import Deadlines
from .engine import Written
from .fanout import Fanout, Share
from .handover import hand_over
from .holding import Holding
from .newcomers import Newcomers
from .pressure import NEARLY_FULL, Account
from .slices import Slices

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from multiplayer.limits import Limits

    from .backlog import Sender
    from .channel import Channel
    from .engine import Engine
    from .failure import Failure

    Pieces = list[bytes | memoryview]

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_NOTHING: Final = Written.NOTHING
_CALMLY: Final = Written.CALMLY


class Endpoint(Generic[ChannelT, EventT]):
    """All connections of one peer object.

    Args:
        engine: moves their bytes.
        clock: the peer's clock, in seconds.
        drained: the event that tells that little waits for a channel again.
        log: where to log what goes wrong on channels.
        eager: send at once what is queued outside a poll, unless somebody waits for ``on_wake``.

    Attributes:
        engine: moves the bytes.
        clock: see above, as for the next two.
        eager: see there; a peer sets it anew when it begins a session.
        drained: see there.
        fanout: everybody who gets what is sent to all.
        entries: what has happened, in order of arrival, for the peer to take from the left.
        touched: the channels that are to be looked at.
        faults: logs what goes wrong on the channels.
        notices: the same three, for new channels.
        log_bounds: how many lines of the log each address can cause.
        polling: the peer is in its ``poll()``.
        awaited: somebody waits for the engine; it is not to be closed under them.
        at_work: the channel that is being served; what is left here, an interrupt has left.
        writing: the channels that are being written to, or told of others, in the same sense.
        shares: what has left the fan-out and is not written yet, in the same sense.
        shared: the fan-out has something to send.
        resumed: those that can go on with what they have, the first first.
        newcomers: those that have been accepted.
        slices: those that have more to decode than they were let.
        deadlines: when channels are to be checked.
        backlogs: those for which much waits.
        holding: those that have to wait, and why.
        failures: those that cannot be connected, to be told by the next service.
        origin: who is charged for what is sent now; see ``pressure``.
        pressing: those that are held, the longest first.
        on_wake: called when there is something to do that the engine will not tell.
        on_close: called with each watched descriptor before it is closed.
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
        self.engine = engine
        self._serve = engine.serve
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
        self.writing: list[ChannelT] = []
        self.on_wake: Callable[[], None] | None = None
        self.on_close: Callable[[int], None] | None = None
        self.fanout = Fanout(self)
        self.shares: deque[Share] = deque()
        self.shared = False
        self._most_shared = math.inf  # how many bytes for all wait for the next flush, at most
        self._most_shared_packets = math.inf
        self.resumed: dict[ChannelT, None] = {}
        self.failures: list[tuple[ChannelT, Failure]] = []
        self.newcomers = Newcomers[ChannelT]()
        self.slices = Slices[ChannelT]()
        self._behind = self.slices.behind
        self.deadlines = Deadlines[ChannelT]()
        self._heap, self._noted = self.deadlines.heap, self.deadlines.noted
        self.backlogs = Backlogs(self._tell_drained)
        self.drained = drained
        self.holding = Holding(self.entries, drained, engine.watch, self._resume, self.receivers)
        self.pressing = self.holding.pressing
        self._terms = self.holding.stalls.terms
        self.origin: Account | None = None
        self._make: Callable[[float], ChannelT] | None = None
        self._limits: Limits | None = None
        self._buffer_size = 0
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
        self._make, self._limits, self._buffer_size = make, limits, buffer_size
        self.newcomers.most = limits.max_pending_handshakes
        self.holding.nearly_full = NEARLY_FULL * buffer_size or math.inf
        # A half of what may wait, because the engine may take nothing of it.
        self._most_shared = buffer_size / 2 or math.inf
        self._most_shared_packets = limits.max_outbox_packets / 2 or math.inf
        self.wake()

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

    @property
    def slice(self) -> int:
        """How many messages a channel may decode at once."""
        return self.slices.size

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

    def take_over(self) -> None:
        """Go on with what a parent of this process has begun, in a child of a fork."""
        if self.engine.inherited:
            self.engine.take_over()
            self._stop_waiting()  # it was the parent that waited

    def _catch_up(self, now: float) -> None:
        """Decode the next slice of each that has sent more than one."""
        self.take_over()
        served = self.slices.begin()
        for channel in served:
            self._go_on(channel, now)
        self.slices.end(served)

    def _tell_failures(self) -> None:
        for _ in range(len(self.failures)):
            channel, failure = self.failures[0]
            channel.end(failure)
            del self.failures[0]

    def _go_on(self, channel: ChannelT, now: float) -> None:
        """Decode more of what a channel has."""
        if channel in self._noted and not channel.is_held:  # else when it is let go
            self.at_work = channel
            channel.receive(b"", now, self.slices.size)
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
        due = min(self.deadlines.due, self.log_bounds.due, self.holding.due)
        return min(due, self.engine.next_deadline())

    # ---------------------------------------------------------------- what channels tell

    def _look_at_touched(self, now: float | None = None) -> None:
        """Do what the touched channels need; accounts are settled if the time is given.

        What is to be decoded is noted only: that is for :meth:`service`.
        """
        touched, noted = self.touched, self._noted
        if self.engine.inherited:
            return
        while touched:
            channels = [*touched]
            touched.clear()
            for channel in channels:
                if channel not in noted:
                    continue
                if channel.deadline != noted[channel]:
                    self.deadlines.note(channel)
                if channel.behind:
                    self._behind[channel] = None
                if channel.resumed:
                    self.resumed[channel] = None
                account = channel.account
                if now is not None and account is not None and account.spent:
                    self.holding.settle(channel, now)
                if channel.outbox.waiting or channel.waiting or not channel.is_open:
                    self.write(channel)

    def look_at(self, channel: ChannelT) -> None:
        """Write to a channel if more has been queued than should wait; see that the rest leaves.

        To be called after something was queued, or a channel was told to close, by anybody but the
        channels themselves.
        """
        if channel.crowded:
            too_much = channel.overflowing or channel.ought_to_leave
            if too_much and channel in self._noted:
                self.write(channel)
        if not self.polling:
            if self.on_wake is not None:
                self.on_wake()
            elif self.eager:
                self.flush()

    def queued(self, channel: object) -> None:
        """Do so for the fan-out, which knows every channel as what it is."""
        self.look_at(cast("ChannelT", channel))

    def shared_queued(self, octets: int, packets: int) -> None:
        """Note that so much waits for somebody who gets what is sent to all."""
        self.shared = True
        if octets > self._most_shared or packets > self._most_shared_packets:
            self._write_shared()
        elif self.on_wake is not None and not self.polling:
            self.on_wake()

    # ---------------------------------------------------------------- what users do with channels

    def send(
        self, channel: ChannelT, data: bytes, *, text: bool = False, mode: TransferMode = _RELIABLE
    ) -> None:
        """Queue a message, charged to whoever sent what is being handled."""
        channel.send(data, text=text, mode=mode, origin=self.origin)
        self.look_at(channel)

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

    # ---------------------------------------------------------------- sending

    def flush(self) -> None:
        """Write what is queued, one write a channel, as far as it is taken.

        Nothing in a child of a fork that has not polled: its parent may write the same.
        """
        if self.shared:
            self._write_shared()
        if self.touched:
            self._look_at_touched()
        if self.pressing:
            self.holding.look_again()
        if not (self._noted or self.awaited):
            self.engine.rest()

    def _write_shared(self) -> None:
        engine = self.engine
        if engine.inherited:
            return
        self.shared = False
        shares, noted = self.shares, self._noted
        # Riders know their channels by what a fan-out needs of them; here they are what they are.
        writing = cast("list[Channel]", self.writing)
        write_pieces = cast("Callable[[Channel, Pieces], int]", engine.write_pieces)
        self.fanout.unload(shares)
        while shares:
            channel = shares[0].rider.channel
            if channel not in noted:
                shares.popleft()
                continue
            writing.append(channel)
            share = shares.popleft()
            taken = 0
            # What has to be copied, and what follows something else, goes the common way.
            if not (channel.encrypted or channel.outbox.waiting):
                taken = write_pieces(channel, share.pieces)
            if taken == share.size:
                share.sent()
            else:
                share.to_outbox(taken)
                self.write(cast("ChannelT", channel))
            writing.pop()

    def write(self, channel: ChannelT) -> None:
        """Have the engine write what a channel has to send, and see what follows from that."""
        engine = self.engine
        if engine.inherited:
            return
        self.writing.append(channel)
        written = engine.write(channel)
        waits = True
        if written is not _NOTHING:
            channel.written()
            waits = self._judge(channel)
        if channel.over:
            self.drop(channel)
        elif waits or written is not _CALMLY:
            engine.watch(channel)
        self.writing.pop()

    def _judge(self, channel: ChannelT) -> bool:
        """See whether a channel that was written to has nothing to send any more, or too much.

        Returns:
            Whether something may wait still.
        """
        stalls, backlogs = self.holding.stalls, self.backlogs
        if not channel.waiting:
            if stalls.terms:
                stalls.forget(channel)
            if backlogs.full:
                backlogs.note(channel)
            if not channel.is_ending:
                return False
            channel.finish(self.clock())
            if channel.lingering:
                self.engine.shut(channel)
        elif channel.overflowing:
            channel.overflow(self.clock())
        else:
            stalls.note(channel, self.clock())
            backlogs.note(channel)
        return channel.waiting > 0

    def _tell_drained(self, sender: Sender) -> None:
        channel = cast("ChannelT", sender)
        if channel.is_open:  # else nothing more can be sent
            self.entries.append((channel, self.drained))

    # ---------------------------------------------------------------- pressure

    def open_account(self, channel: ChannelT, before: ChannelT | None = None) -> None:
        """Charge a channel for what it sends to others from now on.

        Args:
            channel: one that was accepted.
            before: what has carried the same member before it; None if nothing has.
        """
        if before is not None:
            self.holding.move_account(before, channel)
        elif self._limits is not None:
            rate = self._limits.relayed_bytes_per_second
            self.holding.open_account(channel, self._buffer_size, rate, self.clock())

    @property
    def most_waiting(self) -> tuple[int, int]:
        """How many bytes and packets may wait for one of those who are accepted; 0 for any."""
        limits = self._limits
        return self._buffer_size, 0 if limits is None else limits.max_outbox_packets

    def receivers(self) -> int:
        """Return how many get what is sent to all: in plain mode, where all are sent it singly."""
        everybody = self._noted
        return len(self.fanout) or sum(each.account is not None for each in everybody)

    def keep(self, channel: ChannelT, event: EventT) -> bool:
        """Keep what has come from a channel that is held; return False if it is to be done now."""
        return self.holding.keep(channel, event)

    def has_to_wait(self, channel: ChannelT, event: EventT, length: int) -> bool:
        """Keep a message for whose receivers there is no room, because of those that are held."""
        return self.holding.has_to_wait(channel, event, length, self.touched)

    def _resume(self, channel: ChannelT) -> None:
        self.resumed[channel] = None
        self.wake()

    def wake(self) -> None:
        """Tell whoever waits for the engine that there is something else to do."""
        if self.on_wake is not None and not self.polling:
            self.on_wake()

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

    # ---------------------------------------------------------------- ending

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

    def drop(self, channel: ChannelT) -> None:
        """Forget a channel that is over."""
        self.engine.drop(channel)
        self.forget(channel)

    def forget(self, channel: ChannelT) -> None:
        """Forget a channel that the engine has not any more."""
        self.deadlines.forget(channel)
        self.newcomers.forget(channel)
        self.resumed.pop(channel, None)
        self._behind.pop(channel, None)
        self.backlogs.forget(channel)
        self.holding.forget(channel)

    def waiting_entries(self) -> Iterator[tuple[ChannelT, EventT]]:
        """Yield what has come and was not handled, from those that are held, too."""
        yield from self.entries
        yield from self.holding.waiting()
