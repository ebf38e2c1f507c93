"""What leaves by a connection, as its endpoint and its engine ask for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from multiplayer import TransferMode
from multiplayer.endpoint.channel_settings import DEFAULT_BUFFER_SIZE
from multiplayer.endpoint.long_frame import LONG

from .events import ReadyState
from .frames import payload_of
from .link_state import LinkState
from .outgoing import Outgoing

if TYPE_CHECKING:
    from multiplayer.endpoint.channel import Ride
    from multiplayer.endpoint.long_frame import Frame
    from multiplayer.endpoint.peer_channel import PeerNotices
    from multiplayer.endpoint.pressure import Account

    from .settings import LinkSettings

_OPEN: Final = ReadyState.STATE_OPEN
_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class LinkOutput(LinkState, ABC):
    """The sending half of a link.

    Args:
        settings: see ``LinkState``, also for the next two.
        notices: see there.
        now: see there.
        client: we are a client, and the other side a server.

    Attributes:
        outbox: what waits to be sent, not yet encrypted.
        encrypted: it is, before it leaves.
    """

    __slots__ = ("_client", "_outgoing", "encrypted", "outbox")

    def __init__(
        self, settings: LinkSettings, notices: PeerNotices, now: float, *, client: bool
    ) -> None:
        super().__init__(settings, notices, now)
        self._client = client
        self._outgoing = Outgoing(settings, self, self)
        self.outbox = self._outgoing.outbox
        self.encrypted = self._outgoing.channel.encrypts

    # ---------------------------------------------------------------- what leaves

    @property
    def ride(self) -> Ride | None:
        """Where, on a server, what is sent to everybody waits, after the outbox."""
        return self._outgoing.ride

    @ride.setter
    def ride(self, ride: Ride | None) -> None:
        self._outgoing.ride = ride

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this connection first."""
        return self._outgoing.can_ride

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet, those that TLS adds not yet included."""
        outgoing = self._outgoing
        return outgoing.outbox.waiting + outgoing.channel.waiting

    @property
    def buffered(self) -> int:
        """The same, including what has not reached the outbox yet."""
        outgoing = self._outgoing
        waiting, ride = outgoing.outbox.waiting + outgoing.channel.waiting, outgoing.ride
        return waiting if ride is None else waiting + ride.waiting

    @property
    def overflowing(self) -> bool:
        """Whether more waits to be sent than may."""
        return self._outgoing.overflows

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that the socket should be tried before more comes."""
        return self._outgoing.ought_to_leave

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait to be sent; Godot's default if any number may."""
        return self._settings.outbound_buffer_size or DEFAULT_BUFFER_SIZE

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds a slow reader has to take how many bytes; 0 bytes for any time.

        A server may hold us for that long, for readers that it waits for.
        """
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
        """Queue a message, or count it as dropped: see ``Outbox.append``; or we are closing."""
        outgoing, outbox = self._outgoing, self.outbox
        frames = outgoing.frames
        if frames is None:
            return
        if not self.phase.sends:
            if outbox.ring is not None:
                outbox.ring.put(frames.message(data, text=text), mode)
            else:
                outgoing.may_send()  # which counts it
            return
        size = len(data)
        frame: Frame = (
            frames.message(data, text=text)
            if size < LONG or self.encrypted
            else frames.long_message(data, text=text)
        )
        if origin is not None:
            origin.note_sent(outbox, len(frame))
        if mode is _RELIABLE and outgoing.ride is None:  # as `queue` does, for each packet
            outbox.append(frame, mode, origin)
            self.statistics.packets_sent += 1
            self.statistics.bytes_sent += size
        elif not outgoing.queue(frame, size, mode, origin):
            return
        self._touched[self] = None

    def send_shared(
        self,
        frame: bytes,
        size: int,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue what :func:`frames.message_frame` made of ``size`` bytes, on a server."""
        outgoing, ring = self._outgoing, self.outbox.ring
        if ring is not None and not self.phase.sends:
            ring.put(frame, mode)
        elif outgoing.may_send() and outgoing.queue(frame, size, mode, origin):
            self._touched[self] = None

    def payload_of(self, frame: bytes) -> bytes:
        """Return what a frame of a message carries: one that was queued, or is for all."""
        return payload_of(frame)

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together."""
        if packets and self._outgoing.may_send():
            self._outgoing.queue(frames, size, _RELIABLE, None)
            self.statistics.packets_sent += packets - 1
            self.ready()

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return what to write next, in order; nothing if there is nothing to write.

        Args:
            last: nothing will be queued after what is queued now.
        """
        channel = self._outgoing.channel
        pieces = channel.pieces(self.outbox)
        if not pieces:
            if channel.unsendable:
                self.lose(channel.unsendable)
            elif last or self.phase.last:
                return channel.farewell()
        return pieces

    @abstractmethod
    def lose(self, why: str, *, gone: bool = False) -> None:
        """Note that nothing can be sent, and nothing will come."""

    def sent(self, count: int) -> bool:
        """Note that the socket took ``count`` bytes of :meth:`to_send`; return whether to go on."""
        return self._outgoing.channel.taken(self.outbox, count) or self.phase.last

    def written(self) -> bool:
        """Note that the socket took what it takes for now.

        Returns:
            Whether that was all, and the connection is open.
        """
        outgoing, outbox = self._outgoing, self.outbox
        is_open = self.phase.state is _OPEN
        if not (outbox.waiting or outbox.blocked or self.encrypted) and outgoing.ride is None:
            return is_open
        outgoing.written()
        return is_open and not outbox.blocked
