"""What the packets of ``SceneMultiplayer`` say, in whatever dialect they are written.

A dialect's :class:`ApiWire` turns bytes into one of the packets below and back. It keeps no state:
the layers above know who may call what, and which number stands for which node.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH

from .replication_packets import Delta, Despawn, ReplicationWire, Resend, Spawn, Sync

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .call_forms import CallForm
    from .encoded import Encoded


MOST_ARGUMENTS: Final = 255
"""Godot's calls have room for no more."""


class Call(NamedTuple):
    """Call a method of a node.

    Attributes:
        node: the number that the sender announced for it, or its path.
        method: a number in the list that both sides know (see :attr:`ApiWire.methods_by`), or the
            name.
        arguments: for :meth:`ApiWire.read_arguments`.
    """

    node: int | str
    method: int | str
    arguments: Encoded


class Request(NamedTuple):
    """A call that asks for an answer, under the number ``request_id``."""

    request_id: int
    call: Call


class Response(NamedTuple):
    """What the method asked as ``request_id`` returned."""

    request_id: int
    value: Encoded


class ErrorResponse(NamedTuple):
    """The method asked as ``request_id`` raised, or could not be called."""

    request_id: int
    kind: str
    text: str


class Assign(NamedTuple):
    """Set a property of a node (Godot 3: ``rset``)."""

    node: int | str
    property: str
    value: Encoded


class Announce(NamedTuple):
    """From now on the sender means ``path`` when it says ``node``.

    Attributes:
        node: the number.
        path: from the root, names joined by ``/``; ``.`` for the root itself.
        methods: which methods it can call there: all their names, a checksum of them in hex, or
            None if the dialect does not say.
    """

    node: int
    path: str
    methods: tuple[str, ...] | str | None


class Forget(NamedTuple):
    """The sender will not use these numbers again: what they stood for is gone."""

    nodes: tuple[int, ...]


class Confirm(NamedTuple):
    """The answer to :class:`Announce`.

    Attributes:
        node: the number, or the path in dialects that answer with it.
        agrees: whether the methods are the same on both sides.
    """

    node: int | str
    agrees: bool


class Raw(NamedTuple):
    """The game's own bytes (``send_bytes``); never empty."""

    payload: bytes


class Authenticate(NamedTuple):
    """Credentials; empty for "this side has seen enough"."""

    data: bytes


class AddPeer(NamedTuple):
    """The server says that a peer is there."""

    peer: int


class DelPeer(NamedTuple):
    """The server says that a peer has left."""

    peer: int


class Relay(NamedTuple):
    """A packet between two clients.

    Attributes:
        peer: the target (0, n, -n) on the way to the server, the sender on the way to a client.
        packet: as the receiver would get it if it were connected to the sender.
    """

    peer: int
    packet: bytes


class Unsupported(NamedTuple):
    """A packet of a kind that we recognise but do not handle, or do not know.

    ``feature`` is what it belongs to, if it is one of the dialect's.
    """

    kind: str
    feature: str = ""


ApiPacket = (
    Call
    | Request
    | Response
    | ErrorResponse
    | Assign
    | Announce
    | Forget
    | Confirm
    | Raw
    | Authenticate
    | AddPeer
    | DelPeer
    | Relay
    | Spawn
    | Despawn
    | Sync
    | Delta
    | Resend
    | Unsupported
)


class OutgoingCall(ABC):
    """One call, its arguments encoded once, for receivers that do or do not know the node."""

    @abstractmethod
    def by_number(self, node: int, *, shortest: bool) -> bytes:
        """Return the packet for receivers that know the node's number.

        Args:
            node: the number.
            shortest: all receivers of this call know the number. (If not, Godot 4 writes it with
                four bytes.)
        """

    def by_path(self, path: str) -> bytes:
        """Return the packet for a receiver that may not know the node's number yet.

        Used only where receivers confirm numbers (:attr:`ApiWire.confirms`); elsewhere all know
        them.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the path cannot be written.
        """
        raise NotImplementedError


class ApiWire(ABC):
    """How one dialect writes and reads the packets above.

    Attributes:
        confirms: a number may be used once the receiver has confirmed it; otherwise at once.
        spreads: a call to several receivers goes out as one packet to all of them if they know the
            number; otherwise always as one packet for each.
        methods_by: what stands for a method in a :class:`Call`: its ``"name"``, or a number in the
            ``"sender"``'s announced list or in the ``"receiver"``'s own sorted list.
        authenticates: there are packets for credentials.
        assigns: there are packets that set properties.
        responds: there are packets for requests and what answers them.
        forgets: there are packets that withdraw the numbers of nodes.
        replication: how packets of replication are written; None if there are none.
        call_form: what calls by numbers look like; None if each is read by itself.
        relay_head: what a :class:`Relay` begins with: its peer follows, as an i32, and its packet.
    """

    confirms: ClassVar[bool]
    spreads: ClassVar[bool]
    methods_by: ClassVar[str]
    authenticates: ClassVar[bool]
    assigns: ClassVar[bool]
    responds: ClassVar[bool]
    forgets: ClassVar[bool]
    replication: ReplicationWire | None = None
    call_form: CallForm | None = None
    relay_head: bytes = b""

    @abstractmethod
    def read(self, packet: bytes) -> ApiPacket:
        """Return what ``packet`` says; values stay encoded.

        Raises:
            DecodeError: it makes no sense.
        """

    @abstractmethod
    def read_arguments(
        self, arguments: Encoded, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> list[object]:
        """Return the arguments of a call.

        Args:
            arguments: of a :class:`Call`.
            max_depth: how deeply containers in them may be nested.

        Raises:
            DecodeError: one cannot be decoded, or is missing.
        """

    @abstractmethod
    def call(self, name: str, number: int, arguments: Sequence[object]) -> OutgoingCall:
        """Encode a call.

        Args:
            name: the method's name, used where :attr:`methods_by` says so.
            number: the method's number in the list that :attr:`methods_by` names.
            arguments: at most :data:`MOST_ARGUMENTS`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: there are too many arguments, or one has no
                counterpart, or the name cannot be written.
        """

    def ready_call(self, name: str, number: int, node: int) -> Callable[[Sequence[object]], bytes]:
        """Return what encodes calls of one method of one node, whose number all receivers know.

        Args:
            name: see :meth:`call`.
            number: see there.
            node: the node's number.

        Returns:
            A function from arguments, as many as the method takes, to the packet. It raises as
            :meth:`call` does.
        """

        def encode(arguments: Sequence[object]) -> bytes:
            return self.call(name, number, arguments).by_number(node, shortest=True)

        return encode

    @abstractmethod
    def announce(self, node: int, path: str, methods: Sequence[str]) -> bytes:
        """Encode an :class:`Announce`.

        Args:
            node: the number.
            path: see :class:`Announce`.
            methods: the names of the methods in the order of their numbers; for a checksum, those
                that the node itself configures come first.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the path or a name cannot be written.
        """

    @abstractmethod
    def raw(self, payload: bytes) -> bytes:
        """Encode a :class:`Raw`; ``payload`` is not empty."""

    def forget(self, nodes: Sequence[int]) -> bytes:
        """Encode a :class:`Forget` of at least one number, if :attr:`forgets`."""
        raise NotImplementedError

    def confirm(self, node: int, path: str, *, agrees: bool) -> bytes:
        """Encode a :class:`Confirm`, if :attr:`confirms`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the path cannot be written.
        """
        raise NotImplementedError

    def read_value(self, value: Encoded, max_depth: int = DEFAULT_MAX_DEPTH) -> object:
        """Return the value of an :class:`Assign` or :class:`Response`, if the dialect has them.

        Args:
            value: that of such a packet.
            max_depth: see :meth:`read_arguments`.

        Raises:
            DecodeError: it cannot be decoded.
        """
        raise NotImplementedError

    def assign(self, name: str, value: object) -> OutgoingCall:
        """Encode an :class:`Assign`, if :attr:`assigns`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`call`.
        """
        raise NotImplementedError

    def request(
        self, request_id: int, name: str, number: int, arguments: Sequence[object]
    ) -> OutgoingCall:
        """Encode a :class:`Request`, if :attr:`responds`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`call`.
        """
        raise NotImplementedError

    def response(self, request_id: int, value: object) -> bytes:
        """Encode a :class:`Response`, if :attr:`responds`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the value has no counterpart.
        """
        raise NotImplementedError

    def error_response(self, request_id: int, kind: str, text: str) -> bytes:
        """Encode an :class:`ErrorResponse`, if :attr:`responds`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a text cannot be written.
        """
        raise NotImplementedError

    def authenticate(self, data: bytes) -> bytes:
        """Encode an :class:`Authenticate`, if :attr:`authenticates`."""
        raise NotImplementedError

    def add_peer(self, peer: int) -> bytes:
        """Encode an :class:`AddPeer`; only where the API announces peers."""
        raise NotImplementedError

    def del_peer(self, peer: int) -> bytes:
        """Encode a :class:`DelPeer`; only where the API announces peers."""
        raise NotImplementedError

    def relay(self, peer: int, packet: bytes) -> bytes:
        """Encode a :class:`Relay`; only where the API relays."""
        raise NotImplementedError
