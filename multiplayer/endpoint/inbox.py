"""``Inbox``: the packets of a session that wait to be fetched."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from multiplayer.addressing import TransferMode
from multiplayer.errors import Error, MultiplayerError

from .straight import Straight

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.handlers import Handlers
    from multiplayer.signals import BoundSignal

ChannelT = TypeVar("ChannelT")


class Queued(NamedTuple, Generic[ChannelT]):
    """A packet that waits to be fetched."""

    link: ChannelT
    source: int
    payload: bytes
    size: int
    """The size of the message that it came in, in bytes."""
    mode: TransferMode
    channel: int


class Inbox(Generic[ChannelT]):
    """What has come for ourselves, in order of arrival.

    Args:
        handlers: what becomes of what a listener raises.
        peer_packet: tells of each packet.
        fetched: called with the connection and the size of each message that nobody needs any more.

    Attributes:
        packets: those that wait, the oldest first.
        discards: keep none, and tell of none.
        straight: whether packets may go to an API without waiting here.
    """

    __slots__ = (
        "_fetched",
        "_handlers",
        "_passes",
        "_peer_packet",
        "discards",
        "packets",
        "straight",
    )

    def __init__(
        self,
        handlers: Handlers,
        peer_packet: BoundSignal[int],
        fetched: Callable[[ChannelT, int], None],
    ) -> None:
        self._handlers = handlers
        self._passes = handlers.passes
        self._peer_packet = peer_packet
        self._fetched = fetched
        self.packets: deque[Queued[ChannelT]] = deque()
        self.discards = False
        self.straight = Straight()
        peer_packet.on_change(self.straight.note_listeners)

    def discard(self, *, discards: bool) -> None:
        """Keep packets or not, from now on."""
        self.discards = discards
        self.straight.note_discards(discards=discards)

    def receive(
        self,
        link: ChannelT,
        source: int,
        payload: bytes,
        size: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Queue a packet from a message of ``size`` bytes, and report it."""
        if self.discards:
            self._fetched(link, size)
            return
        queued = Queued(link, source, payload, size, mode, channel)
        self._handlers.at_work = queued
        self.packets.append(queued)
        # As handlers.emit, for each packet.
        for error in self._peer_packet.call_all(source, passes=self._passes):
            self._handlers.failed(source, "a listener of peer_packet", error)

    def take(self) -> bytes:
        """Remove the oldest packet and return it."""
        queued = self.packets.popleft()
        self._fetched(queued.link, queued.size)
        return queued.payload

    def relabel(self, before: ChannelT, now: ChannelT) -> list[int]:
        """Let what came by one connection have come by another; return how long each message was.

        For a member that another connection carries, which does not read on while too much waits.
        """
        sizes: list[int] = []
        for place, queued in enumerate(self.packets):
            if queued.link is before:
                self.packets[place] = queued._replace(link=now)
                sizes.append(queued.size)
        return sizes

    def take_back(self, queued: Queued[ChannelT]) -> None:
        """Forget the newest packet if it is this one: nobody was told of it."""
        if self.packets and self.packets[-1] is queued:
            self.packets.pop()


def no_session(method: str) -> MultiplayerError:
    """Return the error for packets that belong to single connections."""
    message = (
        f"in plain mode each connection has its own packets: use get_peer(id).{method}(), or "
        "connect and listen with gd_mp_api=True"
    )
    return MultiplayerError(Error.ERR_UNCONFIGURED, message)
