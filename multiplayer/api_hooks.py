"""``ApiHooks``: what an API and the peer below it say to each other, and nobody else.

A peer of your own need not know of any of it: what it inherits does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from .addressing import TransferMode
from .packet_peer import PacketPeer

if TYPE_CHECKING:
    from .handlers import Handlers


class Arrived(Protocol):
    """A packet that has arrived, with all that is known of how."""

    @property
    def source(self) -> int:
        """Who sent it."""
        ...

    @property
    def payload(self) -> bytes:
        """What it says."""
        ...

    @property
    def mode(self) -> TransferMode:
        """How it was sent."""
        ...

    @property
    def channel(self) -> int:
        """Where it was sent."""
        ...


class _Taken(NamedTuple):
    source: int
    payload: bytes
    mode: TransferMode
    channel: int


class ApiHooks(PacketPeer):
    """The part of a peer that only the API above it uses."""

    if TYPE_CHECKING:

        def get_packet_peer(self) -> int: ...  # noqa: D102 - of MultiplayerPeer
        def get_packet_mode(self) -> TransferMode: ...  # noqa: D102
        def get_packet_channel(self) -> int: ...  # noqa: D102

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it, in one call; None if there is none.

        Args:
            handlers: the API's; their ``at_work`` is who sent it, before it is removed.
            asks_how: mode and channel matter.
        """
        if not self.get_available_packet_count():
            return None
        source, mode, channel = self.get_packet_peer(), TransferMode.TRANSFER_MODE_RELIABLE, 0
        if asks_how:
            mode, channel = self.get_packet_mode(), self.get_packet_channel()
        handlers.at_work = source
        return _Taken(source, self.get_packet(), mode, channel)
