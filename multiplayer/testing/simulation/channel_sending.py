"""``ChannelSending``: what a simulated connection sends, and when it is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode
from multiplayer.endpoint.channel_settings import DEFAULT_BUFFER_SIZE

from .channel_state import UP, ChannelState, Phase
from .frames import HEAD_SIZE, Kind, frame, message_frame

if TYPE_CHECKING:
    from multiplayer.endpoint.channel import Ride
    from multiplayer.endpoint.pressure import Account
    from multiplayer.endpoint.statistics import Statistics

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class ChannelSending(ChannelState):
    """The sending half of one end of a connection."""

    __slots__ = ()

    @property
    def waiting(self) -> int:
        """How many bytes the network has not taken yet."""
        return self.outbox.waiting

    @property
    def buffered(self) -> int:
        """The same, including what is for all and has not reached the outbox yet."""
        ride = self._sending.ride
        return self.outbox.waiting + (ride.waiting if ride is not None else 0)

    @property
    def ride(self) -> Ride | None:
        """Where, on a server, what is sent to everybody waits, after the outbox."""
        return self._sending.ride

    @ride.setter
    def ride(self, ride: Ride | None) -> None:
        self._sending.ride = ride

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this channel first."""
        return self.phase in UP and not self.outbox.blocked

    @property
    def overflowing(self) -> bool:
        """Whether more waits to be sent than may."""
        return self._sending.overflows

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that it should be written before more comes."""
        return self._sending.ought_to_leave

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait to be sent; Godot's default if any number may."""
        return self._settings.outbound_buffer_size or DEFAULT_BUFFER_SIZE

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds a slow reader has to take how many bytes; 0 for any time."""
        if self._client:
            return 0.0, 0
        return self._settings.limits.stall_timeout, self._settings.outbound_buffer_size

    def send(
        self,
        data: bytes,
        *,
        text: bool,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue a message, charged to ``origin``, or count it as dropped."""
        made = message_frame(data, mode, text=text)
        if self._keeps(made, mode) or not self._may_send():
            return
        if origin is not None:
            origin.note_sent(self.outbox, len(made))
        if self._sending.queue(made, len(data), mode, origin):
            self.ready()

    def send_shared(
        self,
        frame: bytes,
        size: int,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue a message of ``size`` bytes that is a frame already."""
        if self._keeps(frame, mode) or not self._may_send():
            return
        if self._sending.queue(frame, size, mode, origin):
            self.ready()

    def payload_of(self, frame: bytes) -> bytes:
        """Return what a frame of a message carries."""
        return frame[HEAD_SIZE:]

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together."""
        if packets and self._may_send():
            self._sending.queue(frames, size, _RELIABLE, None)
            self.statistics.packets_sent += packets - 1
            self.ready()

    def _keeps(self, made: bytes, mode: TransferMode) -> bool:
        """Keep a frame for the next connection, if nothing leaves by this one and there may be one.

        Returns:
            Whether it is kept.
        """
        ring = self.outbox.ring
        if ring is None or self.phase in UP:
            return False
        ring.put(made, mode)
        return True

    def _may_send(self) -> bool:
        if self.phase in UP:
            return True
        if self.phase is not Phase.OPENING:
            self.drop("closing")
        return False

    def _put(self, made: bytes) -> None:
        """Queue what is not a message."""
        self._sending.put(made)
        self.ready()

    def say_hello(self, version: int) -> None:
        """Ask to be let in (called by the engine, when it connects)."""
        self._put(frame(Kind.HELLO, version.to_bytes(2, "little") + self._query.encode()))

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return what to write next, in whole frames."""
        del last
        return self.outbox.pieces()

    def sent(self, count: int) -> bool:
        """Note that ``count`` bytes of :meth:`to_send` were taken; return whether to ask again."""
        return self.outbox.taken(count) and count > 0

    def written(self) -> bool:
        """Note that what could be taken for now was taken; return whether that was all."""
        outbox, ride = self.outbox, self._sending.ride
        blocked = outbox.waiting > 0
        if ride is not None:
            if blocked:
                ride.get_off()
            elif self.phase in UP:
                ride.get_on()
        outbox.blocked = blocked
        return not blocked and self.phase in UP

    def snapshot(self) -> Statistics:
        """Return a copy of what was counted, with what waits now."""
        self.settle_run()
        copy = self.counts(self.round_trip_time)
        copy.packets_queued, copy.bytes_queued = self.unfetched, self.buffered
        copy.held = int(self.held)
        if self.ride is not None:
            copy.packets_sent += self.ride.packets
            copy.bytes_sent += self.ride.payload
        return copy
