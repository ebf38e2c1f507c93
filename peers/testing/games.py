"""``GameSession``: one server and clients for a test, each with a ``SceneMultiplayer``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from multiplayer import (
    ConnectionStatus,
    Dialect,
    Error,
    MultiplayerError,
    MultiplayerPeer,
    Node,
    SceneMultiplayer,
    Signal,
)
from multiplayer.support.callbacks import check_callback

from .sessions import check_clients

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from multiplayer import BoundSignal

Root = TypeVar("Root", bound=Node)

JOINING: Final = 60.0
"""How long a client may take to join on a bad network, in seconds of virtual time."""


class GameSession(ABC, Generic[Root]):
    """One server and its clients, connected, each with an API and a tree of its own.

    All of them get ``on_error = "raise"``, so that an assertion that fails in an RPC or a listener
    fails the test. At the end of a ``with`` block it is closed.

    Attributes:
        server: the server's API.
        clients: the clients' APIs, in the order in which they joined.
        ids: of all clients that there have been.
        dialect: what they speak.
    """

    def __init__(self, clients: int, dialect: Dialect, root: Callable[[], Root]) -> None:
        check_clients(clients)
        if not isinstance(dialect, Dialect):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"dialect must be a Dialect, such as Dialect.GODOT_4, not {dialect!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        check_callback("root", root, optional=False)
        self.dialect = dialect
        self._make_root = root
        self._roots: dict[SceneMultiplayer, Root] = {}
        self.clients: list[SceneMultiplayer] = []
        self.ids: list[int] = []
        self._peers: list[MultiplayerPeer] = []
        self.server = self._new_api()
        self._begin_serving()
        try:
            for _ in range(clients):
                self.join()
        except BaseException:
            self.close()
            raise

    @property
    def roots(self) -> list[Root]:
        """The roots of the trees: the server's, then those of the clients."""
        return [self._roots[api] for api in (self.server, *self.clients)]

    def root_of(self, api: SceneMultiplayer) -> Root:
        """Return the root of the tree of one of the APIs, also of one that has left."""
        return self._roots[api]

    def join(self) -> SceneMultiplayer:
        """Let one more client join, and return its API once all know of each other.

        Raises:
            MultiplayerError: ``ERR_CANT_CONNECT``: it could not; ``ERR_TIMEOUT`` if that took too
                long in a network of virtual time.
            TimeoutError: it took too long over sockets.
        """
        api = self._new_api()
        peer = self._begin_joining(api)
        self.until(lambda: not _is_connecting(peer), JOINING)
        if peer.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTED:
            why = getattr(peer, "failure", None) or "the connection was closed"
            message = f"client {len(self.clients) + 1} of the session could not join: {why}"
            raise MultiplayerError(Error.ERR_CANT_CONNECT, message)
        self.clients.append(api)
        own_id = peer.get_unique_id()
        self.ids.append(own_id)
        self.until(lambda: self._knows(api, own_id), JOINING)
        return api

    def _knows(self, newcomer: SceneMultiplayer, own_id: int) -> bool:
        """Return whether all who are to hear of a newcomer have, and the newcomer of them."""
        there, known = self.server.get_peers(), newcomer.get_peers()
        if own_id not in there or 1 not in known:
            return False
        if not self.server.server_relay:
            return True
        others = [each for each in self.clients if each is not newcomer]
        others = [each for each in others if each.get_unique_id() in there]
        return all(own_id in each.get_peers() and each.get_unique_id() in known for each in others)

    def leave(self, client: SceneMultiplayer) -> None:
        """Let a client leave the session properly, and wait until the server knows.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a client of this session.
        """
        own_id = self._ours(client).get_unique_id()
        client.multiplayer_peer.disconnect_peer(1)
        self.clients.remove(client)
        self.until(lambda: own_id not in self.server.get_peers(), JOINING)

    def _ours(self, client: SceneMultiplayer) -> SceneMultiplayer:
        if client not in self.clients:
            message = f"{client!r} is not the API of a client of this session"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return client

    def close(self) -> None:
        """Close all connections at once, the clients' first, also of peers taken from APIs."""
        for peer in reversed(self._peers):
            peer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def silence(self) -> None:
        """Tell the test nothing of what happens from now on, while all is closed."""
        names = [each for each in dir(SceneMultiplayer) if _is_signal(each)]
        for api in self._roots:
            for name in names:
                signal: BoundSignal[*tuple[Any, ...]] = getattr(api, name)
                for listener, _ in signal.listeners():
                    signal.disconnect(listener)
            api.on_error = _pass_over
            peer: Any = api.multiplayer_peer
            if hasattr(peer, "on_error"):
                peer.on_error = _pass_over

    @abstractmethod
    def until(self, condition: Callable[[], object], timeout: float = JOINING) -> None:
        """Let all go on until ``condition()`` is true.

        Args:
            condition: takes nothing.
            timeout: how long to try, in seconds.
        """

    # ---------------------------------------------------------------- of each kind

    @abstractmethod
    def _begin_serving(self) -> None:
        """Give the server a peer that listens."""

    @abstractmethod
    def _begin_joining(self, api: SceneMultiplayer) -> MultiplayerPeer:
        """Give a client a peer that begins to connect, and return that."""

    def _new_api(self) -> SceneMultiplayer:
        root = self._make_root()
        if not isinstance(root, Node):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"root must make a Node for each API, not {root!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        api = SceneMultiplayer(root, self.dialect)
        api.on_error = "raise"
        self._roots[api] = root
        return api

    @property
    def in_gd_mp(self) -> bool:
        """Whether its peers have the gd_mp envelope, and not Godot 4's."""
        return False in self.dialect.envelopes


def _is_signal(name: str) -> bool:
    return isinstance(getattr(SceneMultiplayer, name), Signal)


def _pass_over(error: Exception) -> None:
    del error


def _is_connecting(peer: MultiplayerPeer) -> bool:
    return peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTING
