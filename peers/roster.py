"""What a newcomer to a gd_mp session is told of those who are there, ready to be sent."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from multiplayer.wire.envelopes.godot3 import PacketType, system_packet

from .websocket.frames import message_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

ANNOUNCEMENT_SIZE: Final = len(system_packet(PacketType.ADD, 2))
"""How long the packet is with which the server tells about a peer, in bytes."""

_FRAME: Final = len(message_frame(bytes(ANNOUNCEMENT_SIZE), text=False))


def announcement(kind: PacketType, peer: int) -> bytes:
    """Return the frame with which the server tells about ``peer``."""
    return message_frame(system_packet(kind, peer), text=False)


class Roster:
    """The ADD frames of all clients, ascending; kept, so that a join costs no work per client."""

    __slots__ = ("_frames", "_ids")

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._frames = bytearray()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def frames(self) -> bytes:
        """The frames, one behind the other."""
        return bytes(self._frames)

    @property
    def size(self) -> int:
        """How many bytes the packets in the frames have together."""
        return len(self._ids) * ANNOUNCEMENT_SIZE

    def add(self, peer: int) -> None:
        """Note a client that is not here yet."""
        at = bisect_left(self._ids, peer)
        self._ids.insert(at, peer)
        self._frames[at * _FRAME : at * _FRAME] = announcement(PacketType.ADD, peer)

    def remove(self, peer: int) -> None:
        """Forget a client, if it is here."""
        at = bisect_left(self._ids, peer)
        if self._ids[at : at + 1] != [peer]:
            return
        del self._ids[at]
        del self._frames[at * _FRAME : (at + 1) * _FRAME]

    def begin_anew(self, peers: Sequence[int]) -> None:
        """Have these clients, ascending, and no others."""
        self._ids = [*peers]
        self._frames = bytearray().join(announcement(PacketType.ADD, peer) for peer in peers)

    def clear(self) -> None:
        """Forget all clients."""
        self._ids.clear()
        self._frames.clear()
