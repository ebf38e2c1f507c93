"""A client with its API, for whatever world it shares with a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Dialect, Node, SceneMultiplayer

if TYPE_CHECKING:
    from peers import WebSocketMultiplayerPeer

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


class Visitor:
    """A client with its API.

    Args:
        peer: is connecting.
        world: what it shares with the room.
        dialect: of its API.
    """

    def __init__(
        self, peer: WebSocketMultiplayerPeer, world: Node, dialect: Dialect = Dialect.NATIVE
    ) -> None:
        self.peer = peer
        self.api = SceneMultiplayer(Node(), dialect)
        assert self.api.root is not None
        self.api.root.add_child(world)
        self.api.multiplayer_peer = peer

    @property
    def id(self) -> int:
        return self.peer.get_unique_id()

    @property
    def is_in(self) -> bool:
        return self.peer.get_connection_status() is CONNECTED

    @property
    def is_out(self) -> bool:
        return self.peer.get_connection_status() is DISCONNECTED

    @property
    def closed_with(self) -> tuple[int, str]:
        face = self.peer.get_peer(1)
        return face.get_close_code(), face.get_close_reason()
