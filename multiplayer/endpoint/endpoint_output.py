"""What leaves by the channels of an endpoint, who is charged for it, and what follows from that."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from multiplayer.addressing import TransferMode

from .backlog import Backlogs
from .channel import ChannelT, EventT
from .endpoint_state import EndpointState
from .engine import Written
from .fanout import Fanout
from .holding import Holding

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from multiplayer.limits import Limits

    from .backlog import Sender
    from .channel import Channel
    from .engine import Engine
    from .pressure import Account
    from .shares import Share

    Pieces = list[bytes | memoryview]

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_NOTHING: Final = Written.NOTHING
_CALMLY: Final = Written.CALMLY


class EndpointOutput(EndpointState[ChannelT, EventT]):
    """The sending half of an endpoint.

    Args:
        engine: see ``EndpointState``, also for clock, log and eager.
        clock: see there.
        drained: the event of a channel for which little waits again.
        log: see there.
        eager: see there.

    Attributes:
        drained: see above.
        fanout: everybody who gets what is sent to all.
        writing: the channels that are being written to, or told of others; what is left here, an
            interrupt has left.
        shares: what has left the fan-out and is not written yet, in the same sense.
        shared: the fan-out has something to send.
        interrupted: a flush has ended early, and left shares, or lanes that are half empty.
        most_shared: how many bytes wait for the next flush there, at most, for anybody.
        most_shared_packets: how many packets.
        backlogs: those for which much waits.
        holding: those that have to wait, and why.
        origin: who is charged for what is sent now; see ``pressure``.
        pressing: those that are held, the longest first.
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
        super().__init__(engine, clock, log=log, eager=eager)
        self.writing: list[ChannelT] = []
        # Riders know their channels by what a fan-out needs of them; here they are what they are.
        self._at_writing = (
            cast("list[Channel]", self.writing),
            cast("Callable[[Channel, Pieces], int]", engine.write_pieces),
        )
        self.fanout = Fanout(self)
        self.shares: deque[Share] = deque()
        self.shared = self.interrupted = False
        self.most_shared = self.most_shared_packets = math.inf
        self.backlogs = Backlogs(self._tell_drained)
        self.drained = drained
        self.holding = Holding(self.entries, drained, engine.watch, self._resume, self.receivers)
        self.pressing = self.holding.pressing
        self._terms = self.holding.stalls.terms
        self.origin: Account | None = None
        self._limits: Limits | None = None
        self._buffer_size = 0

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
                    self.holding.settle(channel, account, now)
                if channel.waiting or not channel.is_open:
                    self.write(channel)

    def look_at(self, channel: ChannelT) -> None:
        """Write to a channel if more has been queued than should wait; see that the rest leaves.

        To be called after something was queued, or a channel was told to close, by anybody but the
        channels themselves.
        """
        outbox = channel.outbox
        if outbox.waiting > outbox.calm_bytes or len(outbox.frames) > outbox.calm_frames:
            too_much = channel.overflowing or channel.ought_to_leave
            if too_much and channel in self._noted and not self.engine.inherited:
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
        if octets > self.most_shared or packets > self.most_shared_packets:
            self._write_shared()
        elif self.on_wake is not None and not self.polling:
            self.on_wake()

    # ---------------------------------------------------------------- sending

    def send(
        self, channel: ChannelT, data: bytes, *, text: bool = False, mode: TransferMode = _RELIABLE
    ) -> None:
        """Queue a message, charged to whoever sent what is being handled."""
        channel.send(data, text=text, mode=mode, origin=self.origin)
        self.look_at(channel)

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
        if self.engine.inherited:
            return
        try:
            self.fanout.unload(self.shares)
            self.shared = False
            self._send_shares()
            self.interrupted = False
        except BaseException:
            # More may be queued before the next poll repairs what this has left.
            self.shared = self.interrupted = True
            raise

    def settle(self) -> None:
        """Queue what an interrupted flush has not written, so that nothing goes before it."""
        self.fanout.unload(self.shares)
        self._send_shares(at_once=False)
        self.interrupted = False

    def _send_shares(self, *, at_once: bool = True) -> None:
        shares, noted, writing, write_pieces = self.shares, self._noted, *self._at_writing
        while shares:
            channel = shares[0].channel
            if channel not in noted:  # it has ended since an interrupt
                if channel.outbox.ring is not None:
                    channel.outbox.ring.tear()
                shares.popleft()
                continue
            writing.append(channel)
            share = shares.popleft()
            taken = 0
            # What has to be copied, and what follows something else, goes the common way.
            if at_once and not (channel.encrypted or channel.outbox.waiting):
                taken = write_pieces(channel, share.pieces)
            if taken == share.size:
                share.written()
            else:
                share.to_outbox(taken)
                if at_once:
                    self.write(cast("ChannelT", channel))
                else:
                    self.touched[cast("ChannelT", channel)] = None
            writing.pop()

    def write(self, channel: ChannelT) -> None:
        """Have the engine write what a channel has to send, and see what follows from that.

        Not in a child of a fork that has not polled.
        """
        engine = self.engine
        self.writing.append(channel)
        written = engine.write(channel)
        calm, waits = False, True
        if written is not _NOTHING:
            calm = channel.written()
            waits = not calm or bool(self._terms or self.backlogs.full)
            if waits:
                waits = self._judge(channel)
        if not calm and channel.over:
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

    def waiting_entries(self) -> Iterator[tuple[ChannelT, EventT]]:
        """Yield what has come and was not handled, from those that are held, too."""
        self.unroll()
        yield from self.entries
        yield from self.holding.waiting()

    # ---------------------------------------------------------------- the end of a channel

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
