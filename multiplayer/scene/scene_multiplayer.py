"""``SceneMultiplayer``: calls between the objects of a session. Mirrors the Godot class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast, overload

from multiplayer.addressing import SERVER_ID, TransferMode, check_id
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError
from multiplayer.handlers import Handlers, OnError, check_on_error
from multiplayer.offline_peer import OfflineMultiplayerPeer
from multiplayer.signals import Signal
from multiplayer.support.callbacks import check_callback
from multiplayer.support.internal import internal
from multiplayer.support.log_text import counted
from multiplayer.support.number_setting import check_number
from multiplayer.wire.dialects.choice import Dialect

from .absences import AbsenceSignals
from .doctor.mismatch import RpcMismatch
from .misplaced_settings import tell_where_settings_are
from .multiplayer_api import MultiplayerAPI
from .peer_fit import check_confirms, require_authentication
from .rejections import ApiStatistics, RejectReason
from .replication.added_objects import add_object, remove_object, set_authority_of_object
from .sender import sender_in
from .session import ApiSignals, Session
from .settings import Settings
from .tree.paths import path_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import TypeVar

    from multiplayer.multiplayer_peer import MultiplayerPeer
    from multiplayer.variant.names import NodePath

    from .groups import PeerGroup
    from .pending_calls import PendingCall
    from .replication.tracking import Tracking
    from .tree.node import Node

    # Defaults are Python's from 3.13 on, and type checkers' always: any root, or none.
    RootT_co = TypeVar("RootT_co", bound="Node | None", default="Node | None", covariant=True)
else:
    from typing import TypeVar

    RootT_co = TypeVar("RootT_co", covariant=True)

_SMALLEST_PACKET: Final = 128
"""How small packets of replication may be, as in the engine."""


class SceneMultiplayer(MultiplayerAPI[RootT_co]):
    """The high-level API: RPCs, authentication and relay over a ``MultiplayerPeer`` (Godot 4).

    ::

        class Chat(Node):
            @rpc("any_peer", "call_local")
            def say(self, text: str) -> None:
                print(self.multiplayer.get_remote_sender_id(), "says", text)

        peer = WebSocketClient()
        peer.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
        api = SceneMultiplayer(Chat("Chat"))
        api.multiplayer_peer = peer
        api.connected_to_server.connect(lambda: api.root.say.rpc("hello, everybody"))
        while peer.get_connection_status() != peer.CONNECTION_DISCONNECTED:
            api.poll()
            time.sleep(1 / 60)

    Objects are found by path: those of a tree of :class:`Node`, and those of any class that were
    added with :meth:`add`. Drive it with :meth:`poll` or ``peers.run``, instead of its peer.

    Args:
        root: the root of the tree; you can set another one later, or none.
        dialect: the language of the packets; all peers in a session must use the same one.
        validate: see :attr:`validate`.
        confirm_with_path: serve games of Godot 4.0 to 4.2, which cannot talk to those of 4.3 and
            later. Written from their source code, not tested with an engine of that age.
    """

    peer_packet = Signal[int, bytes]("id", "packet")
    """Another peer's :meth:`send_bytes`."""
    peer_authenticating = Signal[int]("id")
    """A peer has connected and must authenticate, because there is an auth_callback."""
    peer_authentication_failed = Signal[int]("id")
    """A peer took longer than ``auth_timeout``, or left before being admitted."""
    invalid_packet = Signal[int, RejectReason, str]("id", "reason", "detail")
    """A packet from that peer was dropped, or is dubious; ``detail`` says why, in words."""

    rpc_mismatch = Signal[RpcMismatch]("mismatch")
    """A peer has different RPCs on a node than we do; its calls may run the wrong method."""
    peer_suspended = Signal[int]("id")
    """On a server: a client has lost its connection; it keeps its id, and may come back.

    It stays in :meth:`get_peers`, with all that it is in charge of. Calls to it wait until it is
    back, or are dropped and counted if it is an engine's; ``peer_resumed`` or ``peer_disconnected``
    follows."""
    peer_resumed = Signal[int, bool]("id", "replayed")
    """On a server: that client is back; on a client: another one is, with ``replayed`` False.

    ``replayed``: nothing reliable was lost. Otherwise it has begun anew, and was sent all that a
    newcomer is, nodes and properties included; answers that were awaited of it are ``PeerLeft``."""
    session_suspended = Signal[()]()
    """On a client: its connection is lost, and it is dialling again; the session goes on."""
    session_resumed = Signal[bool]("replayed")
    """On a client: its connection is back; ``replayed`` as for :attr:`peer_resumed`."""
    handler_failed = Signal[int, str, Exception]("id", "where", "error")
    """An RPC, a listener or a callback raised; see :attr:`on_error`.

    ``id`` is the peer whose action was being handled; ``where`` names the handler: for an RPC its
    node and method."""

    handlers: Handlers

    @overload
    def __init__(
        self: SceneMultiplayer[Node | None],
        root: None = None,
        dialect: Dialect = Dialect.NATIVE,
        *,
        validate: bool = False,
        confirm_with_path: bool = False,
    ) -> None: ...
    @overload
    def __init__(
        self,
        root: RootT_co,
        dialect: Dialect = Dialect.NATIVE,
        *,
        validate: bool = False,
        confirm_with_path: bool = False,
    ) -> None: ...
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
            AbsenceSignals(
                self.peer_suspended,
                self.peer_resumed,
                self.session_suspended,
                self.session_resumed,
            ),
        )
        self._session = Session(self, signals, self._settings)
        self.handlers = self._session.handlers
        self.root = root

    def __repr__(self) -> str:
        session: Session | None = vars(self).get("_session")
        if session is None:
            return f"<{type(self).__name__}, without super().__init__()>"
        over = repr(session.peer) if session.has_peer else "no peer"
        peers = counted(len(session.peers.ids), "peer")
        return f"<{type(self).__name__} {self._settings.dialect.name}, {peers}, over {over}>"

    @property
    def dialect(self) -> Dialect:
        """The language of the packets; cannot be changed."""
        return self._settings.dialect

    @property
    def validate(self) -> bool:
        """Check what arrives against annotations (False): arguments, answers, properties.

        A wrong type never reaches a method, a property or the asker, whose call fails with a
        ``RemoteError``.

        Raises (when it is set; later :meth:`add`, :attr:`root` and ``Node.add_child`` raise it):
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
        self._session.straight.forget()

    @property
    def discard_packets(self) -> bool:
        """Take no part except announcing and relaying (False): for a server that does only that.

        Packets for this program are dropped and counted.
        """
        return self._settings.discard_packets

    @discard_packets.setter
    def discard_packets(self, discard: bool) -> None:
        self._settings.discard_packets = discard
        self._session.straight.forget()

    # ---------------------------------------------------------------- the peer below

    @property
    def multiplayer_peer(self) -> MultiplayerPeer:
        """The peer that carries the session; an ``OfflineMultiplayerPeer`` by default.

        Connect or listen first, then set it. None removes the peer. Peers that are already there
        are taken over without ``peer_connected``.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is disconnected, discards all packets,
                or its envelope does not fit the dialect; ``ERR_UNAVAILABLE``: there is an
                auth_callback, and the dialect has no packets for it; ``ERR_ALREADY_IN_USE``:
                another SceneMultiplayer has it, or it has announced its clients to each other, and
                ``server_relay`` is False.
        """
        return self._session.peer

    @multiplayer_peer.setter
    def multiplayer_peer(self, peer: MultiplayerPeer | None) -> None:
        self._session.set_peer(peer)

    def has_multiplayer_peer(self) -> bool:
        """Return whether there is a peer; False once None was set."""
        return self._session.has_peer

    def poll(self) -> None:
        """Poll the peer and handle what has arrived: emit signals, run RPCs.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener or RPC of this session.
            Exception: what handlers raised, with ``on_error="raise"``, once everything has been
                handled: one exception as itself, several as an ``ExceptionGroup``.
        """
        self._session.poll()

    def flush(self) -> None:
        """Send what was called and put since the last :meth:`poll`, now instead of with the next.

        For a loop that polls, moves things, calls RPCs and then waits for its next turn: without
        ``flush``, a server's calls leave a turn late. Not needed under ``peers.run``.
        """
        self._session.peer.flush()

    @property
    def on_error(self) -> OnError | None:
        """What happens to an exception that an RPC, a listener or a callback of this API raises.

        One of the values of :attr:`MultiplayerPeer.on_error`; None, the default, for that of
        :attr:`multiplayer_peer`. An exception of a method that was asked (:meth:`call_id`) goes to
        the asker, and is never raised here.

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
        """Return our own id: 1 on a server; on a client 0 until the server has sent it."""
        return self._session.peer.get_unique_id()

    def is_server(self) -> bool:
        """Return whether this program is the server: its id is 1."""
        return self.get_unique_id() == SERVER_ID

    def get_peers(self) -> list[int]:
        """Return the ids of the others in the session, in the order in which they joined.

        Those that are suspended are among them: see :meth:`get_suspended_peers`.
        """
        return self._session.peers.ids

    def get_suspended_peers(self) -> list[int]:
        """Return which of :meth:`get_peers` have lost their connections and may come back."""
        suspended = self._session.peers.members.suspended
        return [peer for peer in self.get_peers() if peer in suspended]

    def get_remote_sender_id(self) -> int:
        """Return the caller of the RPC that is running; our own id in a local call, 0 outside."""
        return sender_in(self)

    @property
    def statistics(self) -> ApiStatistics:
        """A copy of the counts since this API was made."""
        self._session.straight.settle()
        return self._session.statistics.copy(handler_errors=self.handlers.failures)

    @property
    def refuse_new_connections(self) -> bool:
        """Whether the peer below turns away everybody who wants to join.

        What you set here also applies to peers that are set later.
        """
        return self._session.peer.refuse_new_connections

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuse: bool) -> None:
        self._settings.refuse_new_connections = refuse
        self._session.peer.refuse_new_connections = refuse

    @property
    def server_relay(self) -> bool:
        """Whether the server announces clients to each other and relays between them (True).

        False on a server: clients know only the server. Where its peer relays by itself (the gd_mp
        envelope), this sets ``MultiplayerPeer.server_relay``; what a client sends to all reaches
        only the server. On Godot 4's envelope, set it to False on clients, too: otherwise they ask
        for relays, which are refused.

        False on a client: it takes only the server into the session, whatever peers are announced,
        and what it sends to all reaches only the server.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the session is up.
        """
        return self._settings.server_relay and self._session.peer.server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        peer = self._session.peer
        offline = isinstance(peer, OfflineMultiplayerPeer)
        if not offline and peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED:
            message = "server_relay cannot change while the session is up; set it beforehand"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._settings.server_relay = relay
        if self._session.relays_by_itself:
            peer.server_relay = relay

    @property
    def max_sync_packet_size(self) -> int:
        """How many bytes a packet of properties that are always sent has at most (1350).

        Properties of one synchronizer that need more are not sent.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: less than 128, or not a whole number;
                ``ERR_UNAVAILABLE``: the dialect has no replication.
        """
        return self._settings.max_sync_packet_size

    @max_sync_packet_size.setter
    def max_sync_packet_size(self, size: int) -> None:
        self._settings.max_sync_packet_size = self._packet_size("max_sync_packet_size", size)

    @property
    def max_delta_packet_size(self) -> int:
        """How many bytes a packet of properties that have changed has at most (65535).

        Changes of one synchronizer that need more are not sent until they need less. What the
        peer's buffers take bounds it, too.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: less than 128, or not a whole number;
                ``ERR_UNAVAILABLE``: the dialect has no replication.
        """
        return self._settings.max_delta_packet_size

    @max_delta_packet_size.setter
    def max_delta_packet_size(self, size: int) -> None:
        self._settings.max_delta_packet_size = self._packet_size("max_delta_packet_size", size)

    @property
    def replication_budget(self) -> int:
        """How many bytes of properties a peer gets at each tick; 0, the default, for all there are.

        If there is more, the synchronizers take turns, by their ``priority`` and by how long each
        has waited. What spawns need is not held back, but counts. Godot has no such thing.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: from 1 to 127, or not a whole number;
                ``ERR_UNAVAILABLE``: the dialect has no replication.
        """
        return self._settings.replication_budget

    @replication_budget.setter
    def replication_budget(self, size: int) -> None:
        is_off = type(size) is int and size == 0
        self._settings.replication_budget = (
            0 if is_off else self._packet_size("replication_budget", size)
        )

    def _packet_size(self, name: str, size: int) -> int:
        self._session.tracking.check(name)
        if check_number(name, size, whole=True) < _SMALLEST_PACKET:
            message = f"{name} must be at least {_SMALLEST_PACKET} bytes, not {size}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return int(size)

    def disconnect_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """End the connection to a peer; ``peer_disconnected`` is not emitted for it here.

        A peer that has left is left alone.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: this program never had a connection to such a
                peer; ``ERR_INVALID_PARAMETER``: not a 32-bit ``int``.
        """
        self._session.disconnect_peer(check_id(id))

    # ---------------------------------------------------------------- authentication

    @property
    def auth_callback(self) -> Callable[[int, bytes], object] | None:
        """Called with a peer's id and its credentials; None, the default, admits everybody.

        Set it on both sides, before connecting or listening: a side without one admits its peer at
        once and never says so. Peers are admitted once both sides have called
        :meth:`complete_auth`. On the gd_mp envelope, clients hear of a newcomer only then.

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
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a time; ``ERR_UNAVAILABLE``: the
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
        """Return the ids of the peers that are connected but not yet admitted."""
        return self._session.peers.authenticating

    def send_auth(self, id: int, data: bytes) -> None:  # noqa: A002 - Godot's name
        """Send credentials to a peer that is being authenticated.

        Once one side has completed, or the peer has left, they are dropped and counted, where Godot
        returns ``ERR_FILE_CANT_WRITE``: only the other side decides when that happens.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session; ``ERR_INVALID_PARAMETER``:
                the peer never had to authenticate, or ``data`` is empty; otherwise as for the
                peer's ``put_packet``.
        """
        self._session.require()
        self._session.peers.send_auth(id, data)

    def complete_auth(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Say that this side has seen enough of a peer's credentials.

        Saying it again does nothing, where Godot returns ``ERR_FILE_CANT_WRITE``: a peer may send
        the right password twice.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session; ``ERR_INVALID_PARAMETER``:
                the peer never had to authenticate.
        """
        self._session.require()
        with self.handlers.let_through:
            self._session.peers.complete_auth(id)

    # ---------------------------------------------------------------- objects

    @property
    def root(self) -> RootT_co:
        """The root of the tree whose nodes peers can call; its own path is ``.``.

        For a type checker it has the class of the root that the API was made with.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it has a parent, or another API has it;
                ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation cannot be checked.
        """
        return cast("RootT_co", self._session.objects.root)

    @root.setter
    def root(self, root: Node | None) -> None:
        self._session.objects.root = root

    @property
    def root_path(self) -> str:
        """Where in the tree paths begin, such as ``/root/Main``; ``""``, the default: at the root.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is neither empty nor absolute.
        """
        return self._session.objects.root_path

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        self._session.objects.root_path = path

    def add(self, path: str | NodePath, object: object, authority: int = 1) -> None:  # noqa: A002 - Godot's name
        """Let peers call the ``@rpc`` methods of an object, and replicate its properties.

        Those are declared with ``replicated()``. The object may be of any class.

        Args:
            path: where they find it, the same on all sides: ``"Main/Game"``.
            object: the object; it is kept alive until :meth:`remove`.
            authority: the id of the peer that is in charge of it.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a proper path, a ``Node``, or an object
                without such methods and properties; ``ERR_ALREADY_EXISTS``: the path is taken;
                ``ERR_ALREADY_IN_USE``: the object was already added, here or elsewhere;
                ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation cannot be checked;
                ``ERR_UNAVAILABLE``: it has such properties, and the dialect no packets for them.
        """
        add_object(self, self._session.objects, path, object, authority)

    def remove(self, path: str | NodePath) -> None:
        """Remove the object that was added at ``path``.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: none was.
        """
        remove_object(self._session.objects, path)

    def set_multiplayer_authority(self, object: object, id: int) -> None:  # noqa: A002 - Godot's names
        """Say which peer is in charge of an object that was added; a ``Node`` has its own method.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added; ``ERR_INVALID_PARAMETER``:
                not a 32-bit ``int``.
        """
        set_authority_of_object(self._session.objects, object, id)

    @internal
    def check_node(self, node: object) -> None:
        """Check a node that is about to enter the tree, or has another method; called by nodes.

        Raises:
            MultiplayerError: ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation
                cannot be checked; ``ERR_UNAVAILABLE``: it spawns or synchronizes, for which the
                dialect has no packets.
        """
        self._session.tracking.prepare_branch(node)
        self._session.objects.check_node(node)

    @internal
    def get_tracking(self) -> Tracking:
        """What is replicated; for spawners and synchronizers."""
        return self._session.tracking

    @internal
    def follow_ticks(self, passed: bool | None) -> None:
        """Send what is always sent only in polls after a tick of the program; called by rooms.

        Args:
            passed: one has passed since the last poll; None if the program has none.
        """
        if self._session.replicator is not None:
            self._session.replicator.follow_ticks(passed)

    @internal
    def forget_node(self, node: object) -> None:
        """Forget a node that is about to leave the tree or change its path; called by the node."""
        self._session.objects.forget_node(node)

    @internal
    def note_authority(self) -> None:
        """Note that somebody else is in charge of a node; called by the node."""
        self._session.objects.note_authority()

    @internal
    def object_at(self, path: str | NodePath) -> object | None:
        """Return what peers find at a path; None if they find nothing."""
        place = self._session.objects.places.at(path_text(path))
        return None if place is None else place.member

    @internal
    def is_meant(self, peer: int) -> bool:
        """Return whether a peer, or this program, is in the session; False if it has left.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it has never joined, or is not an id.
        """
        return self._session.peers.is_meant(peer)

    # ---------------------------------------------------------------- calls

    @property
    def spawn(self) -> Callable[..., object] | None:
        """Starts ``async`` RPC methods, as ``spawn(function, *args)``, in order of arrival.

        ``peers.run`` sets it while it runs this API; None, the default, refuses such methods.
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
            peer: n that one, 0 all, -n all but that one. A call to a peer that has left is dropped
                and counted.
            object: a node below the root, or an object that was added.
            method: the name of a method with ``@rpc``.
            arguments: at most 255.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session, or the object is not in it;
                ``ERR_INVALID_PARAMETER``: there is no such method, the arguments are wrong, there
                never was such a peer, or it is this program without ``call_local``; otherwise as
                for the peer's ``put_packet``.
            Exception: what the method raised, if it also runs here.
        """
        session = self._session
        session.require()
        session.outgoing.call(peer, object, method, arguments)

    def rpc_to(
        self,
        peers: Iterable[int],
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> None:
        """Call a method of an object at some peers; ``object.method.rpc_to(peers, …)`` is the same.

        The arguments are encoded once, and a server's packet goes into one frame for all of them.

        Args:
            peers: their ids, or a :class:`PeerGroup`. One that is there several times is called
                once; one that has left is counted and left out, and so is one that does not see
                the node. The caller's own id runs the method here, if it says ``call_local``.
            object: as for :meth:`rpc`.
            method: as for :meth:`rpc`.
            arguments: as for :meth:`rpc`.

        Raises:
            MultiplayerError: as :meth:`rpc`, before anything has left; ``ERR_INVALID_PARAMETER``
                also for 0, -n, and the caller's own id without ``call_local``.
            Exception: what the method raised, if it also runs here.
        """
        self._session.require()
        self._session.some_calls.call(peers, object, method, arguments)

    def group(self, name: str) -> PeerGroup:
        """Return the group of that name, the same each time: whom :meth:`rpc_to` means.

        A group that is empty and that nobody holds is forgotten, so names may be made as needed.
        """
        return self._session.groups.named(name)

    def call_id(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> PendingCall[Any]:
        """Ask one peer to call a method and send what it returns; only in ``NATIVE``.

        What the method raises there is logged there, and raised here when the result is fetched:
        its type's name and its text.

        Args:
            peer: the peer to ask; not this program. If it has left, the answer is ``PeerLeft``.
            object: as for :meth:`rpc`.
            method: as for :meth:`rpc`.
            arguments: as for :meth:`rpc`.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: another dialect; ``ERR_BUSY``: 1024 questions to
                that peer are open; ``ERR_INVALID_DECLARATION``: with :attr:`validate`, what the
                method returns cannot be checked; otherwise as for :meth:`rpc`.
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
            MultiplayerError: ``ERR_UNAVAILABLE``: another dialect than ``GODOT_3``; otherwise as
                for :meth:`rpc`.
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
        """Send the game's own bytes; the other side emits ``peer_packet``.

        Args:
            bytes: at least one.
            id: n that peer, 0 all, -n all but that one.
            mode: see ``MultiplayerPeer.transfer_mode``.
            channel: 0 to 255.

        Raises:
            MultiplayerError: ``ERR_INVALID_DATA``: no bytes; ``ERR_UNCONFIGURED``: there is no
                session; ``ERR_INVALID_PARAMETER``: there never was such a peer, or it is this
                program; otherwise as for the peer's ``put_packet``.
        """
        if not bytes:
            raise MultiplayerError(Error.ERR_INVALID_DATA, "send_bytes() takes at least one byte")
        self._session.require()
        self._session.raw_bytes.send(bytes, id, mode, channel)


tell_where_settings_are(SceneMultiplayer)
