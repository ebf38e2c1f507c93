"""``MultiplayerAPI``: what every API offers for its session. Mirrors the Godot class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic

from multiplayer.signals import Signal
from multiplayer.support.internal import internal
from multiplayer.support.sealed import Sealed
from multiplayer.support.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import TypeVar

    from multiplayer.multiplayer_peer import MultiplayerPeer

    from .pending_calls import PendingCall

    # Defaults are Python's from 3.13 on, and type checkers' always.
    RootT_co = TypeVar("RootT_co", default=Any, covariant=True)
else:
    from typing import TypeVar

    RootT_co = TypeVar("RootT_co", covariant=True)


class MultiplayerAPI(Sealed, Unique, ABC, Generic[RootT_co]):
    """The session as a game sees it (Godot 4: ``MultiplayerAPI``).

    :class:`SceneMultiplayer` has what Godot's base class lacks, such as ``send_bytes``; for a type
    checker, write ``assert isinstance(node.multiplayer, SceneMultiplayer)``.
    """

    peer_connected = Signal[int]("id")
    """A peer was admitted: on a client the server (1) and the other clients."""
    peer_disconnected = Signal[int]("id")
    """A peer that had been admitted has left."""
    connected_to_server = Signal[()]()
    """On a client: the session is up; ``peer_connected(1)`` follows."""
    connection_failed = Signal[()]()
    """On a client: the session never came up."""
    server_disconnected = Signal[()]()
    """The session was up and has ended."""

    @property
    @abstractmethod
    def multiplayer_peer(self) -> MultiplayerPeer:
        """The peer that carries the session; set None to remove it."""

    @multiplayer_peer.setter
    @abstractmethod
    def multiplayer_peer(self, peer: MultiplayerPeer | None) -> None: ...

    @abstractmethod
    def has_multiplayer_peer(self) -> bool:
        """Return whether there is a peer."""

    @abstractmethod
    def poll(self) -> None:
        """Poll the peer and handle what has arrived."""

    @abstractmethod
    def flush(self) -> None:
        """Send what was called and put, now instead of at the end of the next :meth:`poll`."""

    @abstractmethod
    def get_unique_id(self) -> int:
        """Return our own id."""

    @abstractmethod
    def is_server(self) -> bool:
        """Return whether this program is the server."""

    @abstractmethod
    def get_remote_sender_id(self) -> int:
        """Return the caller of the RPC that is running; 0 outside of RPCs."""

    @abstractmethod
    def get_peers(self) -> list[int]:
        """Return the ids of the others in the session."""

    @abstractmethod
    def rpc(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> None:
        """Call a method of ``object`` at ``peer``."""

    def rpc_to(
        self,
        peers: Iterable[int],
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> None:
        """Call a method of ``object`` at some peers; an API of your own need not implement it."""
        for peer in dict.fromkeys(peers):
            self.rpc(peer, object, method, arguments)

    @abstractmethod
    def call_id(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> PendingCall[Any]:
        """Ask ``peer`` to call a method of ``object`` and send what it returns."""

    @abstractmethod
    def rset(self, peer: int, object: object, property: str, value: object) -> None:  # noqa: A002 - Godot's names
        """Set a property of ``object`` at ``peer`` (Godot 3)."""

    @internal
    @abstractmethod
    def get_tracking(self) -> object:
        """What is replicated; for spawners and synchronizers."""

    @internal
    @abstractmethod
    def check_node(self, node: object) -> None:
        """Raise if ``node``, or one below it, must not be in the tree; called by its nodes."""

    @internal
    @abstractmethod
    def forget_node(self, node: object) -> None:
        """Forget the path of ``node``, which is about to change; called by the node."""

    @internal
    @abstractmethod
    def note_authority(self) -> None:
        """Note that somebody else is in charge of a node; called by the node."""
