"""What is under way between a ``ConditionedPeer`` and its inner peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from multiplayer.addressing import TransferMode

if TYPE_CHECKING:
    from multiplayer import ConnectionStatus

ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED


class Packet(NamedTuple):
    """A packet that comes.

    Attributes:
        source: who has sent it.
        payload: its bytes.
        mode: its transfer mode.
        channel: its channel.
        number: counts the packets of that sender, mode and channel.
    """

    source: int
    payload: bytes
    mode: TransferMode
    channel: int
    number: int


class News(NamedTuple):
    """A signal that the inner peer has emitted.

    Attributes:
        name: the signal's; ``peer_renewed`` and ``session_renewed`` for those that say that
            somebody has come back and not all was replayed.
        peer: its argument; 0 without one.
        status: the inner peer's then.
        own_id: the same.
    """

    name: str
    peer: int
    status: ConnectionStatus
    own_id: int


class Sent(NamedTuple):
    """A packet that goes.

    Attributes:
        target: for whom, as ``set_target_peer`` takes it.
        payload: its bytes.
        mode: its transfer mode.
        channel: its channel.
        number: counts the packets of that target, mode and channel.
    """

    target: int
    payload: bytes
    mode: TransferMode
    channel: int
    number: int


class SendingAway(NamedTuple):
    """The end of a connection that we want.

    Attributes:
        target: whose.
        reason: why; None for ``disconnect_peer``.
    """

    target: int
    reason: str | None


class Order:
    """Tells which unreliable_ordered packets others have overtaken."""

    def __init__(self) -> None:
        self._put: dict[tuple[int, int], int] = {}
        self._arrived: dict[tuple[int, int], int] = {}

    def next(self, peer: int, channel: int) -> int:
        """Return the number of the next packet, for a sender or a target."""
        number = self._put[peer, channel] = self._put.get((peer, channel), 0) + 1
        return number

    def is_late(self, peer: int, packet: Packet | Sent) -> bool:
        """Return whether a packet comes behind a later one, or for a second time."""
        if packet.mode is not ORDERED:
            return False
        return packet.number <= self._arrived.get((peer, packet.channel), 0)

    def note(self, peer: int, packet: Packet | Sent) -> None:
        """Note that a packet has arrived."""
        if packet.mode is ORDERED:
            self._arrived[peer, packet.channel] = packet.number

    def forget(self, peer: int) -> None:
        """Forget a peer that has left."""
        for table in (self._put, self._arrived):
            for key in [key for key in table if abs(key[0]) == peer]:  # also of all but that one
                del table[key]

    def clear(self) -> None:
        """Forget all."""
        self._put.clear()
        self._arrived.clear()
