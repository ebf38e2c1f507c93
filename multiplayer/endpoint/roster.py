"""What a newcomer to a gd_mp session is told about those who are there, ready to send."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from multiplayer.wire.envelopes.godot3 import PacketType, system_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ANNOUNCEMENT_SIZE: Final = len(system_packet(PacketType.ADD, 2))
"""The length of the packet that announces a peer, in bytes."""


class Roster:
    """The ADD frames of all clients, ascending; kept, so that a join costs no work per client.

    Args:
        frame: makes the frame of a packet, as it is sent to every client.
    """

    __slots__ = ("_frame", "_frames", "_ids", "_length")

    def __init__(self, frame: Callable[[bytes], bytes]) -> None:
        self._frame = frame
        self._length = len(frame(bytes(ANNOUNCEMENT_SIZE)))  # of each
        self._ids: list[int] = []
        self._frames = bytearray()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def frames(self) -> bytes:
        """The frames, one after the other."""
        return bytes(self._frames)

    @property
    def size(self) -> int:
        """How many bytes the packets in the frames have together."""
        return len(self._ids) * ANNOUNCEMENT_SIZE

    def _announcement(self, peer: int) -> bytes:
        return self._frame(system_packet(PacketType.ADD, peer))

    def add(self, peer: int) -> None:
        """Note a client that is not here yet."""
        at = bisect_left(self._ids, peer)
        self._ids.insert(at, peer)
        self._frames[at * self._length : at * self._length] = self._announcement(peer)

    def remove(self, peer: int) -> None:
        """Forget a client, if it is here."""
        at = bisect_left(self._ids, peer)
        if self._ids[at : at + 1] != [peer]:
            return
        del self._ids[at]
        del self._frames[at * self._length : (at + 1) * self._length]

    def begin_anew(self, peers: Sequence[int]) -> None:
        """Have these clients, ascending, and no others."""
        self._ids = [*peers]
        self._frames = bytearray().join(self._announcement(peer) for peer in peers)

    def clear(self) -> None:
        """Forget all clients."""
        self._ids.clear()
        self._frames.clear()
