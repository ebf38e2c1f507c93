"""``WebSocketSession``: a session for a test over sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from multiplayer import Dialect, Error, MultiplayerError, MultiplayerPeer, Node, SceneMultiplayer
from peers.websocket_client import WebSocketClient
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer
from peers.websocket_server import WebSocketServer

from . import links
from .connecting import PATIENCE, dial, listen, poll_until, prepare, url_of
from .games import GameSession

if TYPE_CHECKING:
    from collections.abc import Callable

Root = TypeVar("Root", bound=Node)


class WebSocketSession(GameSession[Root]):
    """A session over sockets on 127.0.0.1, polled: :meth:`until` does.

    Args:
        clients: how many.
        dialect: what they speak.
        root: called once for each API; returns the root of its tree.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense;
            ``ERR_CANT_CONNECT``: a client could not join.
    """

    def __init__(
        self,
        clients: int = 2,
        dialect: Dialect = Dialect.NATIVE,
        root: Callable[[], Root] = Node,
    ) -> None:
        super().__init__(clients, dialect, root)

    def poll(self) -> None:
        """Poll all once, the clients first."""
        for api in [*self._roots]:
            if api is not self.server:
                api.poll()
        self.server.poll()

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Poll all until ``condition()`` is true.

        Raises:
            TimeoutError: it did not become true within ``timeout`` seconds.
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``timeout`` is not a time.
        """
        poll_until(self.poll, condition, timeout)

    def cut(self, client: SceneMultiplayer) -> None:
        """Cut the link of one client; see ``ConnectedSession.cut``."""
        links.cut(self._linked(client))

    def stall(self, client: SceneMultiplayer) -> None:
        """Let one client read nothing from now on; see ``ConnectedSession.stall``."""
        links.set_stalled(self._linked(client), stalled=True)

    def go_on(self, client: SceneMultiplayer) -> None:
        """Let a client read on that was stalled."""
        links.set_stalled(self._linked(client), stalled=False)

    def _linked(self, client: SceneMultiplayer) -> WebSocketMultiplayerPeer:
        return _socket_peer_of(self._ours(client))

    def _begin_serving(self) -> None:
        peer = self._new_peer(WebSocketServer)
        listen(peer, gd_mp_api=True)
        self.server.multiplayer_peer = peer

    def _begin_joining(self, api: SceneMultiplayer) -> MultiplayerPeer:
        peer = self._new_peer(WebSocketClient)
        dial(peer, url_of(_socket_peer_of(self.server)), gd_mp_api=True)
        api.multiplayer_peer = peer
        return peer

    def _new_peer(self, kind: type[WebSocketMultiplayerPeer]) -> WebSocketMultiplayerPeer:
        peer = kind() if self.in_gd_mp else WebSocketMultiplayerPeer()
        self._peers.append(peer)
        prepare(peer, godot4=not self.in_gd_mp)
        return peer


def _socket_peer_of(api: SceneMultiplayer) -> WebSocketMultiplayerPeer:
    peer: Any = api.multiplayer_peer
    if not isinstance(peer, WebSocketMultiplayerPeer):
        message = "this API has no peer over sockets any more"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
    return peer
