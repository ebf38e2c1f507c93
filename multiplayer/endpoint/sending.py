"""``Sending``: what one connection queues to be sent, in which order, when it is too much."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode

from .outbox import Outbox

if TYPE_CHECKING:
    from .channel import Ride
    from .channel_settings import ChannelSettings
    from .ledger import Ledger
    from .long_frame import Frame
    from .pressure import Account

# How many times `outbound_buffer_size` unreliable_ordered packets may take; many large ones
# must not pile up, as many small ones do not.
_STALE_BUFFERS: Final = 16

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE
_DROPPED: Final = {
    _UNRELIABLE: "unreliable",
    TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED: "unreliable_ordered",
}


@lru_cache(maxsize=16)
def _bounds(size: int, most: int) -> tuple[int, int, float, float]:
    """Return an outbox's bounds: the same numbers for all connections, which do not keep copies."""
    return _STALE_BUFFERS * size, size // most if most else 0, size / 2, most / 2 or math.inf


class Sending:
    """What one connection queues, whatever its frames are.

    Args:
        settings: sizes and limits.
        ledger: counts.

    Attributes:
        outbox: what waits, not encrypted yet.
        ride: on a server, where what is sent to everybody waits, behind the outbox.
    """

    __slots__ = (
        "_ledger",
        "_settings",
        "_statistics",
        "outbox",
        "ride",
    )

    def __init__(self, settings: ChannelSettings, ledger: Ledger) -> None:
        self._ledger = ledger
        self._statistics = ledger.statistics
        self.outbox = Outbox()
        self.ride: Ride | None = None
        self.use_settings(settings)

    def use_settings(self, settings: ChannelSettings) -> None:
        """Have other sizes and limits, before there have been messages."""
        self._settings = settings
        size, most = settings.outbound_buffer_size, settings.limits.max_outbox_packets
        stale, least, calm_bytes, calm_frames = _bounds(size, most)
        self.outbox.bound(settings.max_unreliable_ordered, stale, least)
        self.outbox.calm_bytes, self.outbox.calm_frames = calm_bytes, calm_frames

    def queue(self, frame: Frame, size: int, mode: TransferMode, origin: Account | None) -> bool:
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
        """Queue what is not a message, behind all that waits."""
        if self.ride is not None:
            self.ride.catch_up()
        self.outbox.append(data)

    def get_off(self) -> None:
        """Move what waits in :attr:`ride` into the outbox, and get what follows there."""
        if self.ride is not None:
            self.ride.get_off()

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
