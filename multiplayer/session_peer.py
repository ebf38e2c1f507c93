"""``SessionPeer``: a client or a server of a session, whatever its connections are.

Subclasses begin sessions; everything that follows is here: it asks the role of the session that is
under way.
"""

from __future__ import annotations

import sys
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from .addressing import TransferMode, check_channel, check_id, check_mode
from .connection_status import ConnectionStatus
from .endpoint.agenda import Agenda
from .endpoint.client_role import ClientRole
from .endpoint.close_codes import POLICY_VIOLATION, check_close
from .endpoint.commons import Commons
from .endpoint.inbox import Inbox, no_session
from .endpoint.polling import Polling
from .endpoint.server_role import ServerRole
from .endpoint.statistics import Statistics
from .errors import Error, MultiplayerError
from .session_settings import SessionSettings
from .support.internal import internal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Self

    from .api_hooks import Arrived
    from .endpoint.commons import Framed
    from .endpoint.face import Face
    from .endpoint.failure import Failure
    from .endpoint.inbox import Queued
    from .endpoint.peer_channel import PeerChannel, PeerEndpoint
    from .handlers import Handlers
    from .limits import Limits
    from .members import Members

_PUTTING = ("put_packet", "set_target_peer", "transfer_mode", "transfer_channel")
_TAKING = (
    "get_packet",
    "_take_packet",
    "get_available_packet_count",
    "get_packet_peer",
    "get_packet_mode",
    "get_packet_channel",
)


class SessionPeer(SessionSettings):
    """A client or a server of a session, as users hold it.

    Args:
        endpoint: what has its connections, and has :meth:`_clock` for its clock.
        framed: see ``Commons``.
        face: the connection to a server as users see it, one after another.
        limits: those that Godot does not have.

    Attributes:
        failure: why the last attempt or connection failed; None if it did not.
    """

    _puts_in_a_way_of_its_own: ClassVar[bool] = False
    _takes_in_a_way_of_its_own: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Note whether a class below, or a mixin of it, has a way of its own for each packet."""
        super().__init_subclass__()
        cls._puts_in_a_way_of_its_own = _differ(SessionPeer, cls, _PUTTING)
        cls._takes_in_a_way_of_its_own = _differ(SessionPeer, cls, _TAKING)

    def __init__(
        self,
        make_endpoint: Callable[[Callable[[], float]], PeerEndpoint],
        framed: Framed,
        face: Face,
        *,
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self.failure: Failure | None = None
        self._endpoint = make_endpoint(_clock_of(self))
        self._inbox = Inbox(self.handlers, self.peer_packet, self._endpoint.fetched)
        agenda = Agenda(self.handlers)
        self._commons = Commons(
            self._endpoint, self.handlers, agenda, self._inbox, Statistics(), framed
        )
        self._face = face
        self._role = self._role_at_rest()
        self._endpoint.eager = not self._role.serves
        self._polling = Polling(self._commons, self._role)
        # None of these knows us, so that the last reference to us is the user's.
        weakref.finalize(self, self._endpoint.close)
        if limits is not None:
            self.limits = limits

    @property
    def _itself(self) -> Self:
        """This object as roles and envelopes know it, without keeping it alive."""
        return weakref.proxy(self)

    @abstractmethod
    def _role_at_rest(self) -> ClientRole | ServerRole:
        """Return the role that answers before the first session."""

    @abstractmethod
    def now(self) -> float:
        """Return the time on the peer's clock, in seconds."""

    # ---------------------------------------------------------------- beginning

    def _tell_session(self) -> None:
        self._inbox.discards = self._discard_packets
        if isinstance(self._role, ServerRole):
            self._role.limits = self._limits

    @property
    def _is_server(self) -> bool | None:
        status = self._role.status
        return None if status == ConnectionStatus.CONNECTION_DISCONNECTED else self._role.serves

    @property
    def _is_in_plain_mode(self) -> bool:
        disconnected = self._role.status == ConnectionStatus.CONNECTION_DISCONNECTED
        return not (self._role.envelope.in_session or disconnected)

    def _require_idle(self) -> None:
        if self._role.status != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this peer is in use; close() it first, or make another"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)

    def _take_on(self, role: ClientRole | ServerRole) -> None:
        """Take on a new role, and forget what is left of the last session."""
        self.sessions += 1
        self._role = self._polling.role = role
        self._endpoint.eager = not role.serves
        self._endpoint.log_bounds.most = self.limits.max_log_lines
        self._inbox.packets.clear()
        self.handlers.clear()
        self.failure = None

    # ---------------------------------------------------------------- polling

    @internal
    @property
    def endpoint(self) -> PeerEndpoint:
        """The endpoint, for whoever drives this peer."""
        return self._endpoint

    def poll(self) -> None:
        """Do all I/O that is possible now, emit signals for what has happened, then send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``, once everything has been
                handled: one exception as itself, several as an ``ExceptionGroup``.
        """
        self._polling.poll(self.now)
        if self._role.leaving and self._endpoint.idle:
            self.close()

    def wake(self) -> None:
        """Make ``peers.run``, if it runs this peer, poll it at once."""
        self._endpoint.wake()

    def flush(self) -> None:
        """Send what has been put, now instead of at the end of the next :meth:`poll`."""
        self._endpoint.flush()

    # ---------------------------------------------------------------- ending

    def close(self) -> None:
        """End at once and silently: peers get a close frame 1000, no signal is emitted.

        It waits for nothing, so the last packets may be lost: those that the socket does not take,
        and those that a Godot 4 engine reads together with the close frame. If the last packets
        must arrive, use ``disconnect_peer`` or :meth:`begin_leaving` and keep polling, or leave the
        block of ``peers.serve`` or ``peers.connect``.
        """
        self.end_at_once(1000)

    @internal
    def end_at_once(self, code: int) -> None:
        """Do what :meth:`close` does, with another close code.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = self._check_close(code, "")
        self._polling.make_whole()
        inherited = self._endpoint.inherited  # then the clients are the parent's, and stay
        self._endpoint.close(code)
        self._commons.agenda.steps.clear()
        self.handlers.at_work = None
        self._role.end(silently=inherited)

    def begin_leaving(self, code: int = 1000) -> None:
        """Begin the closing handshakes that lead to CONNECTION_DISCONNECTED; keep polling.

        What was sent arrives before them; see ``close_timeout``.

        Args:
            code: the close code; see ``WebSocketClient.disconnect_from_host``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = self._check_close(code, "")
        self._role.begin_leaving(code)

    def _check_close(self, code: int, reason: str) -> tuple[int, str]:
        return check_close(code, reason, plain=not self._role.envelope.in_session)

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """Close the connection to a peer with code 1000; on a client that is the server, 1.

        What was sent before arrives, what is put from now on is dropped. The peer counts as
        connected until it has answered or ``close_timeout`` is over; keep polling. For another
        code, or a reason, use ``get_peer(peer).close``.

        A peer that has left is left alone.

        Args:
            peer: its id.
            force: forget the peer at once; no signal is emitted for it, and the last packets may be
                lost.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        self._role.disconnect(peer, 1000, "", force=force)
        if force and not self._role.serves:
            self.close()

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - Godot's name
        """Close the connection to a peer that broke the rules, with code 1008.

        A peer that has left is left alone.

        Args:
            id: the peer's id.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        code, reason = self._check_close(POLICY_VIOLATION, reason)
        self._role.disconnect(id, code, reason, force=False)

    def note_not_admitted(self, why: str = "") -> None:
        """Make :attr:`failure` say that the API above did not get into the session.

        Args:
            why: in words; "" if the server ended the connection: then the code and reason that
                came, or how it was lost.
        """
        if isinstance(self._role, ClientRole):
            self._role.note_not_admitted(why)

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (``set_target_peer``), if this is a session.

        Never blocks. An empty buffer, and a server's packet to itself, go nowhere (as in Godot).
        So do packets for a client that has left, and those put while the connection is closing;
        these are counted. With Godot 4's protocol a client's target does not matter: packets for
        another client go to the server, too, and the layer above has to say so in the packet.
        Packets for a peer that reads too slowly may be dropped if they are not reliable (see
        ``transfer_mode``). A server's packets leave at the end of the next :meth:`poll`, or at
        :meth:`flush`.

        Raises:
            MultiplayerError: ``FAILED``: not connected, not listening, or there never was such a
                target; ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(id).put_packet``;
                ``ERR_OUT_OF_MEMORY``: longer than ``outbound_buffer_size``;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        self._role.put(buffer, self._target_peer, self._transfer_mode, self._transfer_channel)

    def send_packet(
        self,
        packet: bytes,
        target: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet, ignoring what ``set_target_peer`` and the like have set.

        Raises:
            MultiplayerError: as for these, and for :meth:`put_packet`.
        """
        if self._puts_in_a_way_of_its_own or "put_packet" in vars(self):
            super().send_packet(packet, target, mode, channel)
        else:
            self._role.put(packet, check_id(target), check_mode(mode), check_channel(channel))

    def send_to_members(
        self,
        packet: bytes,
        members: Members,
        excluded: Collection[int] = (),
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to all of a session's members except some: one frame, however many.

        Raises:
            MultiplayerError: as for :meth:`send_packet`.
        """
        role = self._role
        own_way = self._puts_in_a_way_of_its_own or "put_packet" in vars(self)
        if own_way or not (isinstance(role, ServerRole) and role.envelope.sends_to_members):
            super().send_to_members(packet, members, excluded, mode, channel)
            return
        check_channel(channel)  # the envelope has no room for it
        role.send_to_members(packet, members, excluded, check_mode(mode))

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have.

        That is the ``outbound_buffer_size`` with which the session began, less what Godot 3's
        envelope adds; ``sys.maxsize`` if it is 0.

        Args:
            channel: the ``transfer_channel`` to send it on.
        """
        role = self._role
        if not role.max_packet:
            return sys.maxsize
        envelope = role.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        return max(role.max_packet - size, 0)

    def is_server_relay_supported(self) -> bool:
        """Return whether the layer above announces peers to each other and relays.

        False with Godot 3's protocol, where the peer itself announces and relays.
        """
        return True

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched; always 0 in plain mode."""
        return len(self._inbox.packets)

    def _take_packet(self) -> bytes:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.take()

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it, in one call; None if there is none.

        Args:
            handlers: the API's; their ``at_work`` becomes the sender before it is removed.
            asks_how: whether mode and channel matter.
        """
        if self._takes_in_a_way_of_its_own or "get_packet" in vars(self):
            return super().take_arrived(handlers, asks_how=asks_how)  # somebody looks on
        packets = self._inbox.packets
        if not packets:
            return None
        queued = packets[0]
        handlers.at_work = queued.source
        self._inbox.take()
        self._packet_error = Error.OK
        return queued

    def make_whole(self) -> None:
        """After an interrupted poll, do what the next one would do first."""
        self._polling.make_whole()

    def _next_packet(self) -> Queued[PeerChannel]:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.packets[0]

    def _nothing_waits(self) -> MultiplayerError:
        if not self._role.envelope.in_session:
            return no_session("get_packet")
        message = "no packet waits; check get_available_packet_count() first"
        return MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def get_packet_peer(self) -> int:
        """Return who sent the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits; ``ERR_UNCONFIGURED``: in plain
                mode.
        """
        return self._next_packet().source

    def get_packet_channel(self) -> int:
        """Return the ``transfer_channel`` of the packet that :meth:`get_packet` returns next.

        Always 0 if Godot sent or relayed it, and with Godot 4's envelope: engines send no channel
        over WebSocket.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the ``transfer_mode`` of the packet that :meth:`get_packet` returns next.

        Always ``TRANSFER_MODE_RELIABLE`` if Godot sent or relayed it, and with Godot 4's envelope.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().mode

    # ---------------------------------------------------------------- peers and state

    def get_unique_id(self) -> int:
        """Return our own id: 1 on a server; on a client 0 until the server has sent it.

        In plain mode a client has none: it is always 0.
        """
        return self._role.id

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether a client's session is up; on a server, whether it listens."""
        return self._role.status

    def is_plain(self) -> bool:
        """Return whether packets go only through ``get_peer(id)`` (``gd_mp_api=False``)."""
        return not self._role.envelope.in_session

    def get_local_port(self) -> int:
        """Return the TCP port that a server listens on; 0 while it does not."""
        return self._endpoint.local_port

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending; none in plain mode."""
        return self._role.peers() if self._role.envelope.in_session else []

    def get_peer(self, peer_id: int) -> Face:
        """Return the connection to one peer.

        A client has one to the server (1), even before connecting. A server also returns those of
        clients that have left, for their last packets and their close code, until 256 more have
        left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
        """
        return self._role.get_peer(peer_id)

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer, frame headers included.

        On a client that is what waits for the server, through which everything goes, whatever peer
        you ask for. 0 for a client that has left, and without a connection.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: a server never had such a client.
        """
        return self._role.backlog(check_id(peer))

    def get_peer_address(self, id: int) -> str:  # noqa: A002 - Godot's name
        """Return the IP address of a peer that we are connected to.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such peer.
        """
        return self._role.link_of(id).address

    def get_peer_port(self, id: int) -> int:  # noqa: A002 - Godot's name
        """Return the TCP port of a peer that we are connected to.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such peer.
        """
        return self._role.link_of(id).port

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - as elsewhere
        """Return whether a peer left by itself and without a close frame.

        Args:
            id: the peer's id, from its ``peer_disconnected`` on.

        Returns:
            None if it was a client of a ``WebSocketServer`` and closed with 1000 and no reason, as
            an ordinary client does, and as Godot 4 does at once if it does not understand such a
            server.
        """
        return self._role.left_silently(id)

    def may_log(self, id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        """Count a log line about what a peer did; return whether it may be written.

        See ``Limits.max_log_lines``. Whatever a client hears of others, it hears from its server.

        Args:
            id: the peer's id; the peer may have left.
            level: the line's level, as in ``logging``.
        """
        face = self._role.find(id)
        address = face.address if face is not None else ""
        return self._endpoint.log_bounds.allow(address, level, self.now())

    @property
    def statistics(self) -> Statistics:
        """A copy of the counts of all connections together, including those that are gone."""
        total = Statistics()
        total.add(self._commons.past)
        for counted in self._role.snapshots():
            total.add(counted)
        if left_out := self._endpoint.log_bounds.left_out:
            total.limits_reached["max_log_lines"] = left_out
        # Not the sum of the links: what those that are gone sent can still be fetched.
        in_plain_mode = sum(face.get_available_packet_count() for face in self._role.faces())
        total.packets_queued = len(self._inbox.packets) + in_plain_mode
        total.handler_errors = self.handlers.failures
        return total


def _differ(class_: type, below: type, names: Iterable[str]) -> bool:
    """Return whether a class has other members of these names than one above it."""
    return any(getattr(below, name) is not getattr(class_, name) for name in names)


def _clock_of(peer: SessionPeer) -> Callable[[], float]:
    """Return ``peer.now`` without keeping the peer alive."""
    reference = weakref.ref(peer)

    def clock() -> float:
        alive = reference()
        return alive.now() if alive is not None else 0.0

    return clock
