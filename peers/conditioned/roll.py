"""``Roll``: who is here, by what has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer import ConnectionStatus
from multiplayer.addressing import SERVER_ID
from multiplayer.departed import Departed

if TYPE_CHECKING:
    from multiplayer import MultiplayerPeer

    from .parcels import News

_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


class Roll:
    """What a ``ConditionedPeer`` shows of its session: later than its inner peer knows.

    Args:
        inner: the inner peer.

    Attributes:
        here: whom listeners have been told of, in that order.
        joined: when that they have joined arrives, in microseconds.
        left: who has left.
        status: the status of a client.
        own_id: the id of a client.
        leaving: all connections are being closed properly.
    """

    def __init__(self, inner: MultiplayerPeer) -> None:
        self._inner = inner
        self.here: dict[int, None] = {}
        self.joined: dict[int, int] = {}
        self.left = Departed()
        self.status = _DISCONNECTED
        self.own_id = 0
        self.leaving = False

    def begin(self) -> None:
        """Begin another session."""
        self.clear()
        self.left.clear()
        self.status = self._inner.get_connection_status()

    def end(self) -> None:
        """End the session at once."""
        self.clear()
        self.status = _DISCONNECTED

    def clear(self) -> None:
        """Forget who is here, and who we are."""
        self.here.clear()
        self.joined.clear()
        self.own_id = 0
        self.leaving = False

    @property
    def is_server(self) -> bool:
        """Whether the inner peer is a server."""
        return self._inner.get_unique_id() == SERVER_ID

    @property
    def is_over(self) -> bool:
        """Whether a client knows that its session has ended: all else has arrived, too."""
        if self.leaving:
            return self._inner.get_connection_status() == _DISCONNECTED
        return self.status == _DISCONNECTED

    def link(self, peer: int) -> int:
        """Return over which link somebody is reached."""
        return peer if self.is_server else SERVER_ID

    def apply(self, news: News) -> None:
        """Let what we show follow some news."""
        if not self.is_server:
            self.status = news.status
            self.own_id = news.own_id
            if news.name == "server_disconnected":
                self.status = _DISCONNECTED
        if news.name in ("peer_connected", "peer_suspended"):  # whose seat may have been restored
            self.here[news.peer] = None
            self.left.discard(news.peer)

    def see_off(self, peer: int) -> None:
        """Note that somebody has left."""
        self.here.pop(peer, None)
        self.joined.pop(peer, None)
        self.left.add(peer)
