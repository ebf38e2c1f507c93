"""``RoomPeer``: the peer below a room, which is made when somebody needs it.

An empty room does not: nobody is there to hear its API, which stands on an offline peer until then.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Final

from multiplayer import ConnectionStatus, Dialect
from multiplayer.endpoint.close_code import CloseCode
from peers.sockets.endpoint_sockets import EndpointSockets
from peers.sockets.hall import HallSystem
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer
from peers.websocket_server import WebSocketServer

if TYPE_CHECKING:
    from multiplayer.endpoint.statistics import Statistics
    from peers.sockets.hall import Hall

_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


def new_peer(dialect: Dialect, hall: Hall, owner: object) -> WebSocketMultiplayerPeer:
    """Return a peer for a dialect, whose sockets are looked at with those of others.

    Args:
        dialect: the dialect.
        hall: where they are looked at.
        owner: who is told that they are ready.
    """
    peer = WebSocketMultiplayerPeer() if dialect is Dialect.GODOT_4 else WebSocketServer()
    engine = peer.endpoint.engine
    assert isinstance(engine, EndpointSockets)
    system = HallSystem(hall)
    system.share.owner = weakref.ref(owner)  # what has sockets outlives its peer
    engine.live_in(system)
    return peer


class RoomPeer:
    """What is asked of the peer of a room, whether there is one or not.

    Attributes:
        made: the peer; None before there is one.
    """

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made: WebSocketMultiplayerPeer | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended; one that was never made has not."""
        made = self.made
        return made is not None and made.get_connection_status() is _DISCONNECTED

    def count(self) -> int:
        """Return how many players it has, those without a connection too."""
        return 0 if self.made is None else self.made.count_clients()

    def count_at(self, address: str) -> int:
        """Return how many players are connected from an address."""
        return 0 if self.made is None else self.made.clients_at(address)

    def next_deadline(self) -> float:
        """Return when it has something to do; infinity for never."""
        return math.inf if self.made is None else self.made.endpoint.next_deadline()

    def flush(self) -> None:
        """Send what has been put."""
        if self.made is not None:
            self.made.flush()

    def add_to(self, statistics: Statistics) -> None:
        """Add what it has counted."""
        if self.made is not None:
            statistics.add(self.made.statistics)

    def begin_leaving(self, code: int, reason: str) -> None:
        """Close all connections."""
        if self.made is not None:
            self.made.begin_leaving(code, reason)

    def end_at_once(self, code: int = CloseCode.NORMAL) -> None:
        """Do that without waiting for anybody."""
        if self.made is not None:
            self.made.end_at_once(code)

    def release(self) -> None:
        """Nobody drives it any more."""
        if self.made is not None:
            self.made.endpoint.release()
