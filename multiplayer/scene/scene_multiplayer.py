"""``SceneMultiplayer``: calls between the objects of a session. Mirrors the Godot class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer.addressing import check_id
from multiplayer.errors import Error, MultiplayerError
from multiplayer.handlers import OnError, check_on_error
from multiplayer.multiplayer_peer import ConnectionStatus, MultiplayerPeer, TransferMode
from multiplayer.offline_peer import OfflineMultiplayerPeer
from multiplayer.signals import Signal
from multiplayer.support.callbacks import check_callback
from multiplayer.support.internal import internal
from multiplayer.support.number_setting import check_number
from multiplayer.wire.dialects.choice import Dialect

from .doctor.mismatch import RpcMismatch
from .misplaced_settings import tell_where_settings_are
from .multiplayer_api import MultiplayerAPI
from .peer_fit import check_confirms, require_authentication
from .rejections import ApiStatistics, RejectReason
from .sender import sender_in
from .session import ApiSignals, Session
from .settings import Settings
from .transport import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.variant.names import NodePath

    from .pending_calls import PendingCall
    from .tree.node import Node


class SceneMultiplayer(MultiplayerAPI):
    """The high-level API: RPCs, authentication and relay over a ``MultiplayerPeer`` (Godot 4).

    Objects are found by path: those of a tree of :class:`Node`, and those of any class that were
    added with :meth:`add`. Drive it with :meth:`poll` or ``peers.run``, instead of its peer.

    Args:
        root: the root of the tree; another one can be set later, or none.
        dialect: what the packets are written in; all peers of a session must use the same.
        validate: see :attr:`validate`.
        confirm_with_path: serve games of Godot 4.0 to 4.2, which do not understand those of 4.3 and
            later, nor are understood by them. Written from their source code; no engine of that age
            tests it.
    """

    peer_packet = Signal[int, bytes]("id", "packet")
    """Another peer's :meth:`send_bytes`."""
    peer_authenticating = Signal[int]("id")
    """Somebody has connected and is to be authenticated, because there is an auth_callback."""
    peer_authentication_failed = Signal[int]("id")
    """Somebody took longer than ``auth_timeout``, or left before being admitted."""
    invalid_packet = Signal[int, RejectReason, str]("id", "reason", "detail")
    """A packet of that peer was dropped, or is dubious; ``detail`` says why, in words."""

    rpc_mismatch = Signal[RpcMismatch]("mismatch")
    """A peer has other RPCs on a node than we have; calls of it may run the wrong method."""
    handler_failed = Signal[int, str, Exception]("id", "where", "error")
    """An RPC, a listener or a callback has raised; see :attr:`on_error`.

    ``id`` is the peer whose doing was being handled; ``where`` names the handler: for an RPC its
    node and method."""

    def __init__(
        self,
        root: Node | None = None,
        dialect: Dialect = Dialect.NATIVE,
        *,
        validate: bool = False,
        confirm_with_path: bool = False,
    ) -> None:
        self._settings = Settings(dialect, confirm_with_path, validate)
        check_confirms(self._settings)
        signals = ApiSignals(
            self.peer_packet,
            self.peer_authenticating,
            self.peer_authentication_failed,
            self.invalid_packet,
            self.rpc_mismatch,
            self.handler_failed,
        )
        self._session = Session(self, signals, self._settings)
        self.handlers = self._session.handlers
        self.root = root

    @property
    def dialect(self) -> Dialect:
        """What the packets are written in; cannot be changed."""
        return self._settings.dialect

    @property
    def validate(self) -> bool:
        """Check what arrives against annotations (False): arguments, answers, ``rset`` properties.

        A wrong type never reaches a method, a property or who asked: its call fails with a
        ``RemoteError``.

        Raises (when it is set, as :meth:`add`, :attr:`root` and ``Node.add_child`` do later):
            MultiplayerError: ``ERR_INVALID_DECLARATION``: an annotation cannot be checked.
        """
        return self._settings.validate

    @validate.setter
    def validate(self, validate: bool) -> None:
        before, self._settings.validate = self._settings.validate, validate
        try:
            self._session.objects.check_all()
        except MultiplayerError:
            self._settings.validate = before
            raise

    @property
    def discard_packets(self) -> bool:
        """Take no part, but in announcing and relaying (False): for a server that only does that.

        Packets for this program are dropped and counted.
        """
        return self._settings.discard_packets

    @discard_packets.setter
    def discard_packets(self, discard: bool) -> None:
        self._settings.discard_packets = discard

    # ---------------------------------------------------------------- the peer below

    @property
    def multiplayer_peer(self) -> MultiplayerPeer:
        """The peer that carries the session; an ``OfflineMultiplayerPeer`` at first.

        Connect or listen first, then set it. None takes the peer away. Peers that are there already
        are taken over without ``peer_connected``.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is disconnected, discards all packets,
                or its envelope does not fit the dialect; ``ERR_UNAVAILABLE``: there is an
                auth_callback, and the dialect has no packets for it; ``ERR_ALREADY_IN_USE``:
                another SceneMultiplayer has it, or it has told its clients of each other, and
                ``server_relay`` is False.
        """
        return self._session.peer

    @multiplayer_peer.setter
    def multiplayer_peer(self, peer: MultiplayerPeer | None) -> None:
        self._session.set_peer(peer)

    def has_multiplayer_peer(self) -> bool:
        """Return whether there is a peer; False after None was set."""
        return self._session.has_peer

    def poll(self) -> None:
        """Poll the peer, and do what has arrived: emit signals, run RPCs.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener or RPC of this session.
            Exception: what handlers raised, with ``on_error="raise"``, when everything has had its
                turn: one exception as itself, several as an ``ExceptionGroup``.
        """
        self._session.poll()

    def flush(self) -> None:
        """Send now what was called and put since the last :meth:`poll`, not at the end of the next.

        For a loop that polls, moves things, calls RPCs and then waits for its next turn: without it
        a server's calls leave a turn late. Not needed under ``peers.run``.
        """
        self._session.peer.flush()

    @property
    def on_error(self) -> OnError | None:
        """What becomes of an exception that an RPC, a listener or a callback of this API raises.

        One of those of :attr:`MultiplayerPeer.on_error`; None, at first, for what that is of
        :attr:`multiplayer_peer`. An exception of a method that was asked (:meth:`call_id`) goes to
        the asker, and is raised here in no case.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: none of them.
        """
        return self.handlers.on_error

    @on_error.setter
    def on_error(self, on_error: OnError | None) -> None:
        if on_error is not None:
            check_on_error(on_error)
        self.handlers.on_error = on_error

    def next_deadline(self) -> float:
        """Return when :meth:`poll` has something to do although nothing arrives.

        In seconds of ``multiplayer_peer.now()``; ``math.inf`` if never. The peer below has
        deadlines of its own.
        """
        return self._session.next_deadline()

    def clear(self) -> None:
        """Forget the session: its peers, and which number stands for which node."""
        self._session.clear()

    # ---------------------------------------------------------------- the session

    def get_unique_id(self) -> int:
        """Return the own id: 1 on a server; on a client 0 until the server has told it."""
        return self._session.peer.get_unique_id()

    def is_server(self) -> bool:
        """Return whether this program is the server: its id is 1."""
        return self.get_unique_id() == SERVER

    def get_peers(self) -> list[int]:
        """Return the ids of the others in the session, in the order in which they joined."""
        return self._session.peers.ids

    def get_remote_sender_id(self) -> int:
        """Return who called the RPC that is running; the own id in a local call, 0 outside."""
        return sender_in(self)

    @property
    def statistics(self) -> ApiStatistics:
        """A copy of what has been counted since this API was made."""
        return self._session.statistics.copy(handler_errors=self.handlers.failures)

    @property
    def refuse_new_connections(self) -> bool:
        """Whether the peer below turns away whoever wants to join.

        What is set here holds for peers that are set later, too.
        """
        return self._session.peer.refuse_new_connections

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuse: bool) -> None:
        self._settings.refuse_new_connections = refuse
        self._session.peer.refuse_new_connections = refuse

    @property
    def server_relay(self) -> bool:
        """Whether the server tells clients of each other and relays between them (True).

        False on a server: clients know the server alone. Where its peer relays by itself (the gd_mp
        envelope), this sets ``MultiplayerPeer.server_relay``; what a client sends to all reaches
        the server only. On Godot 4's envelope a client has to be set to False, too: else it
        asks for relays, which are refused.

        False on a client: it takes only the server into the session, whomever it is told of, and
        what it sends to all reaches the server only.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the session is up.
        """
        return self._settings.server_relay and self._session.peer.server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        peer = self._session.peer
        offline = isinstance(peer, OfflineMultiplayerPeer)
        if not offline and peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED:
            message = "server_relay cannot change while the session is up; set it before"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._settings.server_relay = relay
        if self._session.relays_by_itself:
            peer.server_relay = relay

    def disconnect_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """End the connection to a peer; ``peer_disconnected`` is not emitted for it here.

        One that has left is left alone.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: this program never had a connection to such a
                peer; ``ERR_INVALID_PARAMETER``: no ``int``, or not one of 32 bits.
        """
        self._session.disconnect_peer(check_id(id))

    # ---------------------------------------------------------------- authentication

    @property
    def auth_callback(self) -> Callable[[int, bytes], object] | None:
        """Called with a peer's id and its credentials; None (at first) admits everybody.

        Set it on both sides, before connecting or listening: a side without one admits its peer at
        once and never says so. Peers are admitted when both sides have called
        :meth:`complete_auth`. On the gd_mp envelope clients hear of a newcomer only then.

        Raises (when it is set):
            MultiplayerError: ``ERR_UNAVAILABLE``: the dialect has no packets for it;
                ``ERR_INVALID_PARAMETER``: it cannot be called, or is ``async``.
        """
        return self._settings.auth_callback

    @auth_callback.setter
    def auth_callback(self, callback: Callable[[int, bytes], object] | None) -> None:
        check_callback("auth_callback", callback)
        if callback is not None:
            require_authentication(self._settings, "auth_callback")
        self._settings.auth_callback = callback
        self._session.arrange_relay()

    @property
    def auth_timeout(self) -> float:
        """How long a peer may take to authenticate, in seconds (3.0); 0 for ever.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is no time; ``ERR_UNAVAILABLE``: the
                dialect has no authentication.
        """
        return self._settings.auth_timeout

    @auth_timeout.setter
    def auth_timeout(self, seconds: float) -> None:
        check_number("auth_timeout", seconds, finite=False)
        if seconds != self._settings.auth_timeout:
            require_authentication(self._settings, "auth_timeout")
        self._settings.auth_timeout = seconds

    def get_authenticating_peers(self) -> list[int]:
        """Return the ids of those that are connected and not admitted yet."""
        return self._session.peers.authenticating

    def send_auth(self, id: int, data: bytes) -> None:  # noqa: A002 - Godot's name
        """Send credentials to a peer that is being authenticated.

        When one side has completed, or the peer has left, they are dropped and counted, where Godot
        returns ``ERR_FILE_CANT_WRITE``: the other side alone decides when that is.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session; ``ERR_INVALID_PARAMETER``:
                the peer was never to be authenticated, or ``data`` is empty; else as the peer's
                ``put_packet``.
        """
        self._session.require()
        self._session.peers.send_auth(id, data)

    def complete_auth(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Say that this side has seen enough of a peer's credentials.

        Saying it again does nothing, where Godot returns ``ERR_FILE_CANT_WRITE``: a peer may send
        the right password twice.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session; ``ERR_INVALID_PARAMETER``:
                the peer was never to be authenticated.
        """
        self._session.require()
        with self.handlers.let_through:
            self._session.peers.complete_auth(id)

    # ---------------------------------------------------------------- objects

    @property
    def root(self) -> Node | None:
        """The root of the tree whose nodes peers can call; its own path is ``.``.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it has a parent, or another API has it;
                ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation cannot be checked.
        """
        return self._session.objects.root

    @root.setter
    def root(self, root: Node | None) -> None:
        self._session.objects.root = root

    @property
    def root_path(self) -> str:
        """Where in the tree paths begin, such as ``/root/Main``; ``""`` (at first): at the root.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is neither empty nor absolute.
        """
        return self._session.objects.root_path

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        self._session.objects.root_path = path

    def add(self, path: str | NodePath, object: object, authority: int = 1) -> None:  # noqa: A002 - Godot's name
        """Let peers call the ``@rpc`` methods of an object of any class.

        Args:
            path: where they find it, the same on all sides: ``"Main/Game"``.
            object: it is kept alive until :meth:`remove`.
            authority: the id of the peer that decides about it.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: no proper path, a ``Node``, or an object
                without such methods; ``ERR_ALREADY_EXISTS``: the path is taken;
                ``ERR_ALREADY_IN_USE``: the object was added already, here or elsewhere;
                ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation cannot be checked.
        """
        self._session.objects.add(path, object, authority)

    def remove(self, path: str | NodePath) -> None:
        """Take away the object that was added at ``path``.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: none was.
        """
        self._session.objects.remove(path)

    def set_multiplayer_authority(self, object: object, id: int) -> None:  # noqa: A002 - Godot's names
        """Say which peer decides about an object that was added; a ``Node`` has a method for it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added; ``ERR_INVALID_PARAMETER``:
                no ``int``, or not one of 32 bits.
        """
        self._session.objects.set_authority(object, id)

    @internal
    def check_node(self, node: object) -> None:
        """A node is about to come into the tree, or has another method; called by nodes.

        Raises:
            MultiplayerError: ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation
                cannot be checked.
        """
        self._session.objects.check_node(node)

    @internal
    def forget_node(self, node: object) -> None:
        """A node is about to leave the tree or change its path; called by it."""
        self._session.objects.forget_node(node)

    # ---------------------------------------------------------------- calls

    @property
    def spawn(self) -> Callable[..., object] | None:
        """What starts ``async`` RPC methods, as ``spawn(function, *args)``, in order of arrival.

        ``peers.run`` sets it while it runs this API; None (at first): such methods are refused.
        """
        return self._session.runner.spawn

    @spawn.setter
    def spawn(self, spawn: Callable[..., object] | None) -> None:
        self._session.runner.spawn = spawn

    def rpc(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> None:
        """Call a method of an object at other peers; ``object.method.rpc_id(peer, …)`` is the same.

        Args:
            peer: n that one, 0 all, -n all but that one. What is for one that has left is dropped
                and counted.
            object: a node below the root, or an object that was added.
            method: the name of a method with ``@rpc``.
            arguments: at most 255.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session, or the object is not in it;
                ``ERR_INVALID_PARAMETER``: no such method, wrong arguments, there never was such a
                peer, or oneself without ``call_local``; else as the peer's ``put_packet``.
            Exception: what the method raised, if it runs here too.
        """
        self._session.require()
        self._session.outgoing.call(peer, object, method, arguments)

    def call_id(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> PendingCall[Any]:
        """Ask one peer to call a method, and to send what it returns; in ``NATIVE`` only.

        What the method raises there is logged there and raised here, when the result is fetched:
        its type's name and its text.

        Args:
            peer: who is asked; not oneself. Of one that has left, the answer is ``PeerLeft``.
            object: as for :meth:`rpc`.
            method: as for :meth:`rpc`.
            arguments: as for :meth:`rpc`.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: another dialect; ``ERR_BUSY``: 1024 questions to
                that peer are open; ``ERR_INVALID_DECLARATION``: with :attr:`validate`, what the
                method returns cannot be checked; else as :meth:`rpc`.
        """
        self._session.require()
        return self._session.requests.send(peer, object, method, arguments)

    def rset(self, peer: int, object: object, property: str, value: object) -> None:  # noqa: A002 - Godot's names
        """Set a property of an object at other peers (Godot 3).

        Args:
            peer: n that one, 0 all, -n all but that one.
            object: a node below the root, or an object that was added.
            property: the name of one that is declared with ``rset()``.
            value: its new value.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: another dialect than ``GODOT_3``; else as
                :meth:`rpc`.
        """
        self._session.require()
        self._session.outgoing.assign(peer, object, property, value)

    def send_bytes(
        self,
        bytes: bytes,  # noqa: A002 - Godot's name
        id: int = 0,  # noqa: A002 - Godot's name
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send bytes of the game's own; at the other side ``peer_packet`` is emitted.

        Args:
            bytes: at least one.
            id: n that peer, 0 all, -n all but that one.
            mode: see ``MultiplayerPeer.transfer_mode``.
            channel: 0 to 255.

        Raises:
            MultiplayerError: ``ERR_INVALID_DATA``: no bytes; ``ERR_UNCONFIGURED``: there is no
                session; ``ERR_INVALID_PARAMETER``: there never was such a peer, or oneself; else as
                the peer's ``put_packet``.
        """
        if not bytes:
            raise MultiplayerError(Error.ERR_INVALID_DATA, "send_bytes() takes at least one byte")
        self._session.require()
        self._session.raw_bytes.send(bytes, id, mode, channel)


tell_where_settings_are(SceneMultiplayer)
