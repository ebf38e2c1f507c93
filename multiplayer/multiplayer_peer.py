"""``MultiplayerPeer``: a packet peer with an id in a session. Mirrors the Godot class."""

from __future__ import annotations

import sys
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from .addressing import SERVER_ID, TransferMode, check_channel, check_id, check_mode, check_one
from .api_hooks import ApiHooks
from .connection_status import ConnectionStatus
from .errors import Error, MultiplayerError
from .handlers import Handlers, OnError, check_on_error
from .limits import Limits
from .misplaced import LIMITS, misplace
from .signals import Signal
from .support.internal import internal
from .support.log_text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from .members import Members


_LIMITS: Final = Limits()
"""Those of all peers that are given none."""


class _Addressing:
    """To whom the packets go that are put from now on, and how; written for each packet."""

    __slots__ = ("channel", "mode", "target")

    def __init__(self) -> None:
        self.target = 0
        self.mode = TransferMode.TRANSFER_MODE_RELIABLE
        self.channel = 0


class MultiplayerPeer(ApiHooks):
    """A packet peer that is one of several in a session (Godot: ``MultiplayerPeer``).

    The server's id is 1; a client's is a number from 2 to 2**31 - 1 that the server chose.
    Nothing happens outside :meth:`poll`: signals are emitted inside it, on the caller's thread.

    Attributes:
        refuse_new_connections: while True, a server turns away everybody who wants to join.
    """

    TARGET_PEER_BROADCAST: Final = 0
    TARGET_PEER_SERVER: Final = SERVER_ID

    CONNECTION_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED
    CONNECTION_CONNECTING: Final = ConnectionStatus.CONNECTION_CONNECTING
    CONNECTION_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED

    TRANSFER_MODE_UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE
    TRANSFER_MODE_UNRELIABLE_ORDERED: Final = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
    TRANSFER_MODE_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

    peer_connected = Signal[int]("id")
    """A peer joined: on a client the server (1) and the other clients, on a server a client."""
    peer_disconnected = Signal[int]("id")
    """A peer left. Its packets that have not been fetched stay readable."""
    connection_succeeded = Signal[()]()
    """On a client: the session is up; its id is known, and the server is a peer."""
    connection_failed = Signal[()]()
    """On a client: the session never came up."""
    server_disconnected = Signal[()]()
    """On a client: the session was up and has ended."""
    peer_packet = Signal[int]("peer_source")
    """A packet from that peer can be fetched; emitted for each packet, in order of arrival."""
    peer_drained = Signal[int]("id")
    """What was waiting to be sent to that peer has left: see :meth:`get_backlog`."""
    peer_suspended = Signal[int]("id")
    """On a server: a client has lost its connection, and may come back to its seat.

    It is of the session as before; ``peer_resumed`` or ``peer_disconnected`` follows."""
    peer_resumed = Signal[int, bool]("id", "replayed")
    """On a server: a client is back, with its id; on a client: another one is, ``replayed`` False.

    ``replayed``: nothing reliable was lost. Otherwise it begins anew: it knows nothing of what it
    was sent before."""
    session_suspended = Signal[()]()
    """On a client: the connection is lost, and it is dialling again; the session goes on."""
    session_resumed = Signal[bool]("replayed")
    """On a client: the connection is back; ``replayed`` as for ``peer_resumed``."""
    handler_failed = Signal[int, str, Exception]("id", "where", "error")
    """A listener, or another of the program's functions, raised; see :attr:`on_error`.

    ``id`` is the peer whose action was being handled, 0 if it has none; ``where`` says in words
    what was called."""

    refuse_new_connections: bool

    def __init__(self) -> None:
        super().__init__()
        self._limits = _LIMITS
        self.refuse_new_connections = False
        self._server_relay = True
        self.handlers = Handlers(self.handler_failed, _may_log_of(self))
        self._addressing = _Addressing()

    @abstractmethod
    def now(self) -> float:
        """Return the time in seconds on a clock that never goes back; the peer's only clock."""

    def may_log(self, id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        """Count a log line about what a peer did; return whether it may be written.

        Peers that have addresses bound how many lines each address can cause.

        Args:
            id: the peer's id; the peer may have left.
            level: the line's level, as in ``logging``.
        """
        del id, level
        return True

    @abstractmethod
    def randbits(self, bits: int) -> int:
        """Return a random number of ``bits`` bits; the peer's only source of randomness."""

    def __repr__(self) -> str:
        is_made = "_server_relay" in vars(self)
        state = self._state() if is_made else "without super().__init__()"
        return f"<{type(self).__name__}, {state}>"

    def _state(self) -> str:
        """Return what it is doing, for people."""
        status = self.get_connection_status()
        in_words = status.name.removeprefix("CONNECTION_").lower()
        if status == ConnectionStatus.CONNECTION_CONNECTED:
            return f"{in_words} as {self.get_unique_id()}, {counted(len(self.get_peers()), 'peer')}"
        return in_words

    @property
    def on_error(self) -> OnError:
        """What happens to an exception that a listener or a callback of this peer raises.

        ``"log"``, the default: it is logged, with its traceback, once for each peer and handler.
        ``"raise"``: :meth:`poll` raises it once everything else has been handled; for tests. A
        function is called with the exception, inside the poll. In each case the poll goes on,
        :attr:`handler_failed` reports the exception, and ``statistics.handler_errors`` counts it.
        KeyboardInterrupt and SystemExit leave the poll at once.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: none of the three.
        """
        return self.handlers.on_error or "log"

    @on_error.setter
    def on_error(self, on_error: OnError) -> None:
        check_on_error(on_error)
        self.handlers.on_error = on_error

    @abstractmethod
    def poll(self) -> None:
        """Do what can be done now without waiting: receive, emit signals, send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``, once everything has been
                handled: one exception as itself, several as an ``ExceptionGroup``.
        """

    @abstractmethod
    def close(self) -> None:
        """End at once and silently, emitting no signal. Without a connection, do nothing."""

    @abstractmethod
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """End the connection to a peer; leave one that has just left alone.

        Args:
            peer: its id.
            force: forget the peer at once, without emitting ``peer_disconnected`` for it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - Godot's name
        """End the connection to a peer that broke the rules.

        Args:
            id: the peer's id.
            reason: for people; sent to the peer where that is possible.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        del reason
        self.disconnect_peer(id)

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - as elsewhere
        """Return whether a peer left by itself and without notice, such as a close frame.

        Args:
            id: the peer's id, from its ``peer_disconnected`` on.

        Returns:
            None if this peer does not know.
        """
        del id
        return None

    @property
    def limits(self) -> Limits:
        """The limits that Godot does not have; set another ``Limits`` to change them.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a ``Limits``, or sets a limit
                that this peer can never reach.
        """
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._check_limits(limits)
        self._limits = limits

    def _check_limits(self, limits: Limits) -> None:
        """Raise unless these can be the peer's limits."""
        if not isinstance(limits, Limits):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"limits must be a Limits, such as Limits(max_peers=8), not {limits!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    @property
    def server_relay(self) -> bool:
        """Whether a server that announces and relays by itself does so (True).

        While it is False, clients know only the server and reach nobody else. Where the API
        announces and relays (:meth:`is_server_relay_supported`), and on a client,
        ``SceneMultiplayer.server_relay`` decides; on a server it sets this attribute.

        Raises (when it is set to False):
            MultiplayerError: ``ERR_UNAVAILABLE``: this peer does not relay.
        """
        return self._server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        if not relay:
            self._require_relay("server_relay", "server_relay")
        self._server_relay = relay

    def _require_relay(self, name: str, instead: str) -> None:
        """Raise unless this peer may announce and relay by itself.

        Args:
            name: the setting that such peers have.
            instead: what the API has for the others.
        """
        if self.is_server_relay_supported():
            message = (
                f"{name} is for peers that announce and relay by themselves (WebSocketServer); "
                f"over this one the API does: use SceneMultiplayer.{instead}"
            )
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    @abstractmethod
    def get_connection_status(self) -> ConnectionStatus:
        """Return whether this peer is disconnected, connecting or connected."""

    @abstractmethod
    def get_unique_id(self) -> int:
        """Return our own id: 1 on a server; on a client 0 until the server has sent it."""

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have; ``sys.maxsize`` for any number.

        Args:
            channel: the :attr:`transfer_channel` to send it on.
        """
        del channel
        return sys.maxsize

    @abstractmethod
    def get_packet_peer(self) -> int:
        """Return who sent the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits.
        """

    @abstractmethod
    def get_packet_channel(self) -> int:
        """Return the channel of the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits.
        """

    @abstractmethod
    def get_packet_mode(self) -> TransferMode:
        """Return the transfer mode of the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits.
        """

    @abstractmethod
    def is_server_relay_supported(self) -> bool:
        """Return whether the API above has to announce peers and relay between them.

        False if the peer does both by itself.
        """

    def is_plain(self) -> bool:
        """Return whether packets belong to single connections, so that there is no session."""
        return False

    def flush(self) -> None:
        """Send what has been put, now instead of at the end of the next :meth:`poll`.

        Peers that send everything at once have nothing to do.
        """

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer that reads too slowly.

        For programs that can skip some of what they send: :attr:`peer_drained` says when there is
        room again. A peer class that does not know returns 0 and never emits the signal, so that
        such programs send everything.

        Args:
            peer: its id.
        """
        check_id(peer)
        return 0

    @internal
    def get_backlogs(self, peers: Iterable[int]) -> list[int]:
        """Return :meth:`get_backlog` of each of these; 0 for one that is not there."""
        found: list[int] = []
        for peer in peers:
            try:
                found.append(self.get_backlog(peer))
            except MultiplayerError:
                found.append(0)
        return found

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending."""
        return []

    def get_suspended_peers(self) -> list[int]:
        """Return which of :meth:`get_peers` have lost their connections and may come back."""
        return []

    def set_target_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Choose who gets the packets that are put from now on.

        Args:
            id: 0 everybody (the default), n that peer, -n everybody but that peer. Packets for a
                peer that has just left are dropped and counted; everybody but it is everybody.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a 32-bit number.
        """
        self._addressing.target = check_id(id)

    def send_packet(
        self,
        packet: bytes,
        target: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet, ignoring what ``set_target_peer`` and the like have set.

        For the layers above, whose packets come between the user's. It sets everything, calls
        :meth:`put_packet` and resets it, so what a class of your own does there also happens here.

        Args:
            packet: what to send.
            target: see :meth:`set_target_peer`.
            mode: see :attr:`transfer_mode`.
            channel: see :attr:`transfer_channel`.

        Raises:
            MultiplayerError: as for these, and for :meth:`put_packet`.
        """
        to = self._addressing
        before = to.target, to.mode, to.channel
        try:
            self.set_target_peer(target)
            self.transfer_mode = mode
            self.transfer_channel = channel
            self.put_packet(packet)
        finally:
            to.target, to.mode, to.channel = before

    def send_each(
        self,
        packets: Iterable[tuple[int, bytes]],
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
    ) -> None:
        """Send packets, each to one peer, on channel 0.

        A class of your own need not implement it; do so if many at once cost less than each alone.

        Args:
            packets: to whom, and what.
            mode: see :attr:`transfer_mode`.

        Raises:
            MultiplayerError: as for :meth:`send_packet`, after all that can be sent have been.
        """
        failure: MultiplayerError | None = None
        for target, packet in packets:
            try:
                self.send_packet(packet, target, mode)
            except MultiplayerError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def send_to_members(
        self,
        packet: bytes,
        members: Members,
        excluded: Collection[int] = (),
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to all of a session's members except some; for servers.

        Peers that are connected but not members get nothing. A class of your own need not
        implement it; do so if one packet for many costs less than one for each.

        Args:
            packet: what to send.
            members: who belongs to the session.
            excluded: who does not get it in any case.
            mode: see :attr:`transfer_mode`.
            channel: see :attr:`transfer_channel`.

        Raises:
            MultiplayerError: as for :meth:`send_packet`, after everybody who can get it has.
        """
        failure: MultiplayerError | None = None
        for peer in [each for each in members if each not in excluded]:
            try:
                self.send_packet(packet, peer, mode, channel)
            except MultiplayerError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def send_to_peers(
        self,
        packet: bytes,
        targets: Collection[int],
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to some peers, each of which gets it once.

        A class of your own need not implement it; do so if one packet for many costs less than one
        for each.

        Args:
            packet: what to send.
            targets: the ids of those peers, each at most once.
            mode: see :attr:`transfer_mode`.
            channel: see :attr:`transfer_channel`.

        Raises:
            MultiplayerError: as for :meth:`send_packet`, after everybody who can get it has.
        """
        failure: MultiplayerError | None = None
        for peer in targets:
            try:
                self.send_packet(packet, check_one(peer), mode, channel)
            except MultiplayerError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def generate_unique_id(self) -> int:
        """Return a random id that a client may have: 2 to 2**31 - 1.

        A subclass may choose ids of its own. A server calls this for each new client, and again, up
        to 100 times, if somebody here has that id, or had it and left. If there is no other, an id
        of somebody who left is used again; a client for which there is none gets HTTP 500.
        """
        while (drawn := self.randbits(31)) < 2:
            pass
        return drawn

    @property
    def transfer_channel(self) -> int:
        """The channel of the packets that are put from now on, 0 to 255."""
        return self._addressing.channel

    @transfer_channel.setter
    def transfer_channel(self, channel: int) -> None:
        self._addressing.channel = check_channel(channel)

    @property
    def transfer_mode(self) -> TransferMode:
        """The transfer mode of the packets that are put from now on; reliable by default.

        Over WebSocket all arrive in order; the mode decides what happens to packets for a peer that
        reads too slowly. Reliable ones wait, unreliable ones are dropped, and if there are too many
        unreliable_ordered ones, the oldest is dropped.
        """
        return self._addressing.mode

    @transfer_mode.setter
    def transfer_mode(self, mode: TransferMode | int) -> None:
        self._addressing.mode = check_mode(mode)

    # For classes of your own, whose put_packet() needs them.

    @property
    def _target_peer(self) -> int:
        return self._addressing.target

    @property
    def _transfer_mode(self) -> TransferMode:
        return self._addressing.mode

    @property
    def _transfer_channel(self) -> int:
        return self._addressing.channel


def _may_log_of(peer: MultiplayerPeer) -> Callable[[int, int], bool]:
    """Return ``peer.may_log`` without keeping the peer alive."""
    reference = weakref.ref(peer)

    def may_log(id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        alive = reference()
        return alive is None or alive.may_log(id, level)

    return may_log


misplace(MultiplayerPeer, LIMITS, "set limits = Limits({name}=…)")
misplace(
    MultiplayerPeer,
    ("auth_callback", "auth_timeout", "validate", "root_path"),
    "it is a setting of SceneMultiplayer",
)
