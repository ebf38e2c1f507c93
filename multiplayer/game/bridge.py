"""``Bridge``: several servers of one process, each of its own dialect, as one match."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID, check_one
from multiplayer.errors import Error, MultiplayerError, one_error
from multiplayer.signals import AnySignal, Signal
from multiplayer.support.log_text import counted
from multiplayer.support.sealed import Sealed
from multiplayer.support.unique import Unique

from .bridged_apis import check_apis, is_up, object_at
from .bridged_nodes import BridgedNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from multiplayer.api_hooks import ApiHooks
    from multiplayer.scene.scene_multiplayer import SceneMultiplayer


class Bridge(Sealed, Unique):
    """Makes one match of several :class:`SceneMultiplayer`, so that unlike games play together.

    Each is the server of a session of its own, on a port or path of its own: one for Godot 3, one
    for Godot 4, one for Python and browsers. Their clients reach each other through this program
    alone: no packet passes from one session to another, and nobody is announced beyond their own.
    Godot has no such thing.

    The bridge keeps nothing about peers: it asks the APIs.

    Args:
        apis: the servers, at least one; each has its ``multiplayer_peer``, which listens.

    Attributes:
        apis: the same.
        nodes: what the match spawns, for the sessions that replicate.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: no API, or one that is there twice;
            ``ERR_UNCONFIGURED``: one is not a server that listens; ``ERR_ALREADY_IN_USE``: one is
            in another bridge; ``ERR_ALREADY_EXISTS``: two of them have a client of the same id.
    """

    peer_connected = Signal[int]("id")
    """A peer was admitted to one of the sessions; its id is unique in the match."""
    peer_disconnected = Signal[int]("id")
    """A peer that had been admitted has left."""
    peer_suspended = Signal[int]("id")
    """A client has lost its connection, and may come back; see ``SceneMultiplayer``."""
    peer_resumed = Signal[int, bool]("id", "replayed")
    """That client is back; ``replayed``: nothing reliable was lost."""

    apis: tuple[SceneMultiplayer, ...]
    nodes: BridgedNodes

    def __init__(self, apis: Iterable[SceneMultiplayer]) -> None:
        self.apis = (*apis,)
        check_apis(self.apis)
        self.nodes = BridgedNodes(self.apis)
        self._bound: dict[SceneMultiplayer, ApiHooks] = {}
        self._listening: list[tuple[AnySignal, Callable[..., object]]] = []
        try:
            self._bind()
            for api in self.apis:
                self._listen(api)
        except BaseException:  # an interrupt, after which another bridge may be made
            self.close()
            raise

    def __repr__(self) -> str:
        dialects = ", ".join(api.dialect.name for api in self.apis)
        peers = counted(sum(len(api.get_peers()) for api in self.apis if is_up(api)), "peer")
        return f"<{type(self).__name__} of {dialects}, {peers}>"

    def _listen(self, api: SceneMultiplayer) -> None:
        emit = api.handlers.emit

        def connected(peer: int) -> None:
            self._check_new(api, peer)
            emit(self.peer_connected, peer, peer)

        def disconnected(peer: int) -> None:
            emit(self.peer_disconnected, peer, peer)

        def suspended(peer: int) -> None:
            emit(self.peer_suspended, peer, peer)

        def resumed(peer: int, replayed: bool) -> None:
            emit(self.peer_resumed, peer, peer, replayed)

        listening: list[tuple[AnySignal, Callable[..., object]]] = [
            (api.peer_connected, connected),
            (api.peer_disconnected, disconnected),
            (api.peer_suspended, suspended),
            (api.peer_resumed, resumed),
        ]
        self._listening += listening
        for signal, listener in listening:
            signal.connect(listener)

    # ---------------------------------------------------------------- ids

    def _bind(self) -> None:
        """Have each peer below ask us before it gives an id; it may be another than before."""
        for api in self.apis:
            peer = api.multiplayer_peer
            before = self._bound.get(api)
            if before is peer and peer.is_id_elsewhere is not None:
                continue
            if before is not None:
                before.is_id_elsewhere = None
            self._bound[api] = peer
            peer.is_id_elsewhere = partial(self._is_elsewhere, api)

    def _is_elsewhere(self, api: SceneMultiplayer, peer: int) -> bool:
        """Return whether somebody has an id in another session than that of ``api``."""
        others = (other for other in self.apis if other is not api)
        return any(other.multiplayer_peer.has_given_id(peer) for other in others)

    def _check_new(self, api: SceneMultiplayer, peer: int) -> None:
        """Send a newcomer away whose id somebody has: its peer class gave it without asking."""
        if self._is_elsewhere(api, peer):
            api.disconnect_peer(peer)
            message = (
                f"two clients have the id {peer}: that of {api.dialect} was sent away; a peer "
                "class of your own must not give an id of which its is_id_elsewhere is true"
            )
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)

    # ---------------------------------------------------------------- who is there

    def get_peers(self) -> list[int]:
        """Return the ids of all clients: those of the first API first, each in order of joining.

        Those that are suspended are among them.
        """
        return [peer for api in self.apis for peer in api.get_peers()]

    def get_suspended_peers(self) -> list[int]:
        """Return which of :meth:`get_peers` have lost their connections and may come back."""
        return [peer for api in self.apis for peer in api.get_suspended_peers()]

    def api_of(self, id: int) -> SceneMultiplayer:  # noqa: A002 - Godot's name
        """Return the API in whose session a client is, or was if it has just left.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: there never was such a client, or it is 1,
                the server of all of them.
        """
        if check_one(id) == SERVER_ID:
            message = "1 is this program, in each of the APIs; api_of() takes the id of a client"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        left: SceneMultiplayer | None = None
        for api in self.apis:
            try:
                if api.is_meant(id):
                    return api
            except MultiplayerError:  # it was never in this one
                if id in api.get_peers():
                    return api  # it has come back, and has to authenticate again
            else:
                left = left or api
        if left is None:
            message = f"there is no peer {id} in the match; get_peers() lists who is"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return left

    def get_remote_sender_id(self) -> int:
        """Return the caller of the RPC that one of the APIs is running.

        1 in a local call, 0 outside of RPCs.
        """
        return next(filter(None, (api.get_remote_sender_id() for api in self.apis)), 0)

    def disconnect_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """End the connection to a client; ``peer_disconnected`` is not emitted for it here.

        Raises:
            MultiplayerError: as :meth:`api_of`.
        """
        self.api_of(id).disconnect_peer(id)

    # ---------------------------------------------------------------- objects

    def add(
        self, path: str, make: Callable[[SceneMultiplayer], object], authority: int = 1
    ) -> None:
        """Let the clients of all sessions find an object at one path.

        An object can be in one session only, so each gets one of its own: small objects whose
        ``@rpc`` methods hand over to the game, which is there once.

        Args:
            path: as for ``SceneMultiplayer.add``.
            make: called once for each API, with the API; returns an object.
            authority: the id of the peer that is in charge of them.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.add``; then the object is in no session.
            Exception: what ``make`` raised; the same.
        """
        done: list[SceneMultiplayer] = []
        try:
            for api in self.apis:
                api.add(path, make(api), authority)
                done.append(api)
        except BaseException:
            for api in done:
                api.remove(path)
            raise

    def remove(self, path: str) -> None:
        """Remove the objects that were added at ``path``, from each API that has one.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: none has.
        """
        failures: list[MultiplayerError] = []
        for api in self.apis:
            try:
                api.remove(path)
            except MultiplayerError as error:
                failures.append(error)
        if len(failures) == len(self.apis):
            raise failures[0]

    # ---------------------------------------------------------------- calls

    def rpc(self, path: str, method: str, *arguments: object) -> None:
        """Call a method at all clients, each in its dialect.

        It is encoded once for each API, however many of its clients get it: two APIs have numbers
        of their own for paths, so that their packets differ even in one dialect.

        A method with ``call_local`` also runs here: once, on the object of the first API. An API
        whose session is over is left out; those of the others play on.

        Args:
            path: of an object that each API has: a node of its tree, or one that was added.
            method: the name of a method with ``@rpc``.
            *arguments: what all dialects can carry.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: an API has nothing at that path, and nothing was
                sent; otherwise as ``SceneMultiplayer.rpc``, after everybody who can get it has.
            ExceptionGroup: several APIs failed.
        """
        up = [api for api in self.apis if is_up(api)] or self.apis[:1]  # of which that one raises
        objects = [(api, object_at(api, path)) for api in up]
        failures: list[Exception] = []
        target = 0
        for api, member in objects:
            try:
                api.rpc(target, member, method, arguments)
            except Exception as error:  # raised below, after the others
                failures.append(error)
            target = -SERVER_ID
        if failures:
            raise one_error(failures, f"several APIs could not call {path}: {method}()")

    def rpc_id(self, id: int, path: str, method: str, *arguments: object) -> None:  # noqa: A002 - Godot's name
        """Call a method at one client, whichever session it is in.

        Args:
            id: the client; a call to one that has left is dropped and counted. 1 is this program:
                the object of the first API, if the method says ``call_local``.
            path: as for :meth:`rpc`; only that client's API needs it.
            method: as for :meth:`rpc`.
            *arguments: what its dialect can carry.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as :meth:`api_of`; ``ERR_UNCONFIGURED``:
                its API has nothing at that path; otherwise as ``SceneMultiplayer.rpc``.
        """
        api = self.apis[0] if id == SERVER_ID else self.api_of(id)
        api.rpc(id, object_at(api, path), method, arguments)

    def rpc_to(self, ids: Iterable[int], path: str, method: str, *arguments: object) -> None:
        """Call a method at some clients, whichever sessions they are in; once for each session.

        Args:
            ids: the clients; one that is there several times is called once. Calls to those that
                have left are dropped and counted. 1 is this program, as for :meth:`rpc_id`.
            path: as for :meth:`rpc`; the APIs of these clients need it.
            method: as for :meth:`rpc`.
            *arguments: what the dialects of these clients can carry.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as :meth:`api_of`; ``ERR_UNCONFIGURED``:
                one of their APIs has nothing at that path. Nothing was sent then. Otherwise as
                ``SceneMultiplayer.rpc_to``, after everybody who can get it has.
            ExceptionGroup: several APIs failed.
        """
        meant: dict[SceneMultiplayer, list[int]] = {}
        for peer in dict.fromkeys(ids):
            api = self.apis[0] if peer == SERVER_ID else self.api_of(peer)
            meant.setdefault(api, []).append(peer)
        objects = [(api, object_at(api, path)) for api in meant]
        failures: list[Exception] = []
        for api, member in objects:
            try:
                api.rpc_to(meant[api], member, method, arguments)
            except Exception as error:  # raised below, after the others
                failures.append(error)
        if failures:
            raise one_error(failures, f"several APIs could not call {path}: {method}()")

    # ---------------------------------------------------------------- the loop

    def poll(self) -> None:
        """Copy :attr:`nodes`, then poll all APIs in their order, each also if one before it raised.

        Or run each by itself, with ``peers.run``, and call ``nodes.copy()`` at each tick. After an
        API has got another ``multiplayer_peer``, call this before anybody joins: ids are unique
        from then on.

        Raises:
            Exception: what listeners or the APIs raised: one as itself, several as an
                ``ExceptionGroup``.
        """
        self._bind()
        failures: list[Exception] = []
        for step in (self.nodes.copy, *(api.poll for api in self.apis)):
            try:
                step()
            except Exception as error:  # raised below, after the others
                failures.append(error)
        if failures:
            raise one_error(failures, "several parts of a match failed")

    def flush(self) -> None:
        """Send what was called since the last :meth:`poll`, now instead of with the next."""
        for api in self.apis:
            api.flush()

    def close(self) -> None:
        """Part the APIs again: no signals any more, and ids that are unique in each alone.

        The sessions go on. Closing twice does nothing.
        """
        for signal, listener in self._listening:
            if signal.is_connected(listener):
                signal.disconnect(listener)
        for peer in self._bound.values():
            peer.is_id_elsewhere = None
        self._listening.clear()
        self._bound.clear()
