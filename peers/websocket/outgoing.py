"""The sending half of a connection: what waits, in which order it leaves, when it is too much."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from multiplayer import TransferMode
from multiplayer.endpoint.outbox import Outbox

from .secure_channel import ClearChannel, SecureChannel

if TYPE_CHECKING:
    from multiplayer.endpoint.channel import Ride
    from multiplayer.endpoint.ledger import Ledger
    from multiplayer.endpoint.pressure import Account

    from .frames import Frames
    from .phases import Life
    from .secure_channel import Channel
    from .settings import LinkSettings

# How many times `outbound_buffer_size` unreliable_ordered packets may take; many large ones
# must not pile up, as many small ones do not.
_STALE_BUFFERS: Final = 16

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE
_DROPPED: Final = {
    _UNRELIABLE: "unreliable",
    TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED: "unreliable_ordered",
}


class Outgoing:
    """What one connection sends.

    Args:
        settings: sizes and limits.
        life: how far the connection has come.
        ledger: counts.

    Attributes:
        outbox: what waits, not encrypted yet.
        channel: what lies between that and the socket.
        ride: on a server, where what is sent to everybody waits, behind the outbox.
        frames: what makes the frames; None before the upgrade.
        calm_bytes, calm_frames: what may wait in the outbox before anybody has to look closer.
    """

    __slots__ = (
        "_ledger",
        "_life",
        "_settings",
        "_statistics",
        "calm_bytes",
        "calm_frames",
        "channel",
        "frames",
        "outbox",
        "ride",
    )

    def __init__(self, settings: LinkSettings, life: Life, ledger: Ledger) -> None:
        self._settings = settings
        self._life = life
        self._ledger = ledger
        self._statistics = ledger.statistics
        size, most = settings.outbound_buffer_size, settings.limits.max_outbox_packets
        self.outbox = Outbox(
            settings.max_unreliable_ordered, _STALE_BUFFERS * size, size // most if most else 0
        )
        tls = settings.tls() if settings.tls is not None else None
        self.channel: Channel = (
            ClearChannel(self.outbox) if tls is None else SecureChannel(tls, self.outbox)
        )
        self.calm_bytes = size / 2
        self.calm_frames = most / 2 or math.inf
        self.ride: Ride | None = None
        self.frames: Frames | None = None

    # ---------------------------------------------------------------- what is queued

    def message(self, data: bytes, text: bool, mode: TransferMode, origin: Account | None) -> bool:
        """Queue a message, or count it as dropped: see ``Outbox.append``, or we are closing.

        Returns:
            Whether there is something to send now.
        """
        frames = self.frames
        if frames is None:
            return False
        if not self._life.phase.sends:
            return self.may_send()
        frame = frames.message(data, text=text)
        if origin is not None:
            origin.note_sent(self.outbox, len(frame))
        return self.queue(frame, len(data), mode, origin)

    def may_send(self) -> bool:
        """Return whether messages may be sent; count one that is dropped because we are closing."""
        if self._life.phase.sends:
            return True
        if self.frames is not None:
            self._ledger.drop("closing")
        return False

    def queue(self, frame: bytes, size: int, mode: TransferMode, origin: Account | None) -> bool:
        """Queue the frame of a message of ``size`` bytes; see :meth:`message`."""
        if self.ride is not None:
            self.ride.catch_up()
        if dropped := self.outbox.append(frame, mode, origin):
            self._ledger.drop(_DROPPED[mode], dropped)
            if mode is _UNRELIABLE:
                return False  # it was this one
        statistics = self._statistics
        statistics.packets_sent += 1
        statistics.bytes_sent += size
        return True

    def put(self, data: bytes) -> None:
        """Queue what is no message behind all that waits."""
        if self.ride is not None:
            self.ride.catch_up()
        self.outbox.append(data)

    def ping(self, payload: bytes) -> None:
        """Queue a ping."""
        if self.frames is not None:
            self.put(self.frames.ping(payload))

    def pong(self, payload: bytes) -> bool:
        """Queue the answer to a ping; return whether it may be answered."""
        frames = self.frames
        if frames is None or not (self._life.phase.pongs and frames.can_pong):
            return False
        self.put(frames.pong(payload))
        return True

    def close(self, code: int, reason: str) -> None:
        """Queue a close frame."""
        if self.frames is not None:
            self.put(self.frames.close(code, reason))

    def get_off(self) -> None:
        """Move what waits in :attr:`ride` into the outbox, and get what follows there."""
        if self.ride is not None:
            self.ride.get_off()

    def drop(self) -> None:
        """Drop what waits."""
        self.get_off()
        self.outbox.clear()
        self.channel.clear()

    def end(self) -> None:
        """Drop what waits: the connection is over."""
        self.drop()
        # The buffers of TLS are large, and who asks for a departed peer needs none.
        self.channel = ClearChannel(self.outbox)

    # ---------------------------------------------------------------- what leaves

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet, those that TLS adds not yet included."""
        return self.outbox.waiting + self.channel.waiting

    @property
    def buffered(self) -> int:
        """The same, including what has not reached the outbox yet."""
        return self.waiting + (self.ride.waiting if self.ride is not None else 0)

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this connection first."""
        return self._life.phase.sends and not self.outbox.blocked

    def written(self) -> None:
        """Note that the socket took what it takes for now."""
        outbox, ride = self.outbox, self.ride
        blocked = bool(outbox.waiting or self.channel.waiting)
        if ride is not None:
            if blocked:
                ride.get_off()  # before modes begin to count: it was queued before
            elif self._life.phase.sends:
                ride.get_on()
        outbox.blocked = blocked

    # ---------------------------------------------------------------- when it is too much

    @property
    def overflows(self) -> bool:
        """Whether more waits than may."""
        most = self._settings.limits.max_outbox_packets
        return self._too_many_bytes or 0 < most < self.outbox.behind

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that the socket should be tried before more comes."""
        outbox = self.outbox
        return not outbox.blocked and outbox.load > self._settings.outbound_buffer_size / 2

    @property
    def _too_many_bytes(self) -> bool:
        return 0 < self._settings.outbound_buffer_size < self.outbox.backlog

    def excess(self) -> tuple[str, str]:
        """Return which limit is exceeded when :attr:`overflows`, and that in words."""
        settings = self._settings
        limit, too_much = "max_outbox_packets", f"{settings.limits.max_outbox_packets} packets"
        if self._too_many_bytes:
            limit, too_much = "outbound_buffer_size", f"{settings.outbound_buffer_size} bytes"
        return limit, f"more than {too_much} waited to be sent"
