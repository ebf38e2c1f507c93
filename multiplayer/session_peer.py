"""``SessionPeer``: a client or a server of a session, whatever its connections are.

Subclasses begin sessions; everything that follows is here: it asks the role of the session that is
under way.
"""

from __future__ import annotations

import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING

from .addressing import check_id
from .connection_status import ConnectionStatus
from .endpoint.agenda import Agenda
from .endpoint.client_role import ClientRole
from .endpoint.close_codes import POLICY_VIOLATION, check_close
from .endpoint.commons import Commons
from .endpoint.inbox import Inbox
from .endpoint.member import Member
from .endpoint.polling import Polling
from .endpoint.seat import checked_seat
from .endpoint.server_role import ServerRole
from .endpoint.statistics import Statistics
from .errors import Error, MultiplayerError
from .session_packets import SessionPackets
from .setting_checks import only_for_servers
from .support.internal import internal
from .support.log_text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Self

    from .endpoint.commons import Framed
    from .endpoint.face import Face
    from .endpoint.failure import Failure
    from .endpoint.peer_channel import PeerChannel, PeerEndpoint
    from .endpoint.seat import SavedSeat
    from .endpoint.seating import Seating
    from .limits import Limits


class SessionPeer(SessionPackets):
    """A client or a server of a session, as users hold it.

    Args:
        make_endpoint: returns what has its connections, given the peer's clock.
        framed: see ``Commons``.
        face: the connection to a server as users see it, one after another.
        limits: those that Godot does not have.

    Attributes:
        failure: why the last attempt or connection failed; None if it did not.
    """

    failure: Failure | None

    def __init__(
        self,
        make_endpoint: Callable[[Callable[[], float]], PeerEndpoint],
        framed: Framed,
        face: Face,
        *,
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self.failure = None
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

    def _state(self) -> str:
        role: ClientRole | ServerRole | None = vars(self).get("_role")
        if role is None:
            return "being made"
        if role.status == ConnectionStatus.CONNECTION_DISCONNECTED:
            return "disconnected" if self.failure is None else f"disconnected ({self.failure})"
        mode = role.envelope.name
        if isinstance(role, ServerRole):
            port, clients = self.get_local_port(), counted(len(role.clients.members), "client")
            doing = f"listening on port {port}" if port else "without a port"
            return f"{'closing' if role.leaving else doing}, {mode}, {clients}"
        if role.status == ConnectionStatus.CONNECTION_CONNECTING:
            return f"connecting, {mode}"
        return f"connected as {role.id}, {mode}" if role.id else f"connected, {mode}"

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
        self._inbox.discard(discards=self._discard_packets)
        if isinstance(self._role, ServerRole):
            self._role.limits = self._limits
            self._role.seats.settings = self.seat_settings

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
        self._inbox.straight.note_change()
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

    def make_whole(self) -> None:
        """After an interrupted poll, do what the next one would do first."""
        self._polling.make_whole()

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

    def begin_leaving(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshakes that lead to CONNECTION_DISCONNECTED; keep polling.

        What was sent arrives before them; see ``close_timeout``.

        Args:
            code: the close code; see ``WebSocketClient.disconnect_from_host``.
            reason: what the close frames say, cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        self._role.begin_leaving(*self._check_close(code, reason))

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

    # ---------------------------------------------------------------- seats

    @internal
    def token_time(self) -> float:
        """Return the time on the clock of seats' tokens, in seconds.

        Servers that know each other's tokens have the same one.
        """
        return self.now()

    def get_suspended_peers(self) -> list[int]:
        """Return which clients of a server have lost their connections, and may come back."""
        return [] if self._seating is None else sorted(self._seating.seats.suspended)

    def tell_renewed(self, id: int) -> Collection[int]:  # noqa: A002 - Godot's name
        """Tell clients that a peer has come back and begins anew, and return which were told.

        Those that have agreed on ``docs/protocol/resume.md``, on a server over which the API
        announces peers.
        """
        if self._seating is None or not self.is_server_relay_supported():
            return ()
        return self._seating.tell_renewed(check_id(id))

    def expire_seat(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Let nobody come back to a client's seat.

        If the client has no connection, it leaves by the next poll; otherwise once it has lost it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client;
                ``ERR_UNAVAILABLE``: on a client.
        """
        self._require_seating("expire_seat()")
        if isinstance(self._role, ServerRole):
            self._role.expire(id)

    def save_seats(self) -> list[SavedSeat]:
        """Return the seats of all clients as plain values, for :meth:`restore_seats`.

        Whoever has them and the secret of ``seat_keys`` can make tokens: keep them secret.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: on a client.
        """
        return self._require_seating("save_seats()").seats.saved()

    def restore_seats(self, seats: Iterable[SavedSeat]) -> None:
        """Go on with the seats of another server that had the same ``seat_keys``.

        Their clients are here at once, without connections: ``peer_suspended`` is emitted for each
        by the next poll. They have :attr:`grace` to come back, and begin anew then. An id that is
        here already is left out.

        Args:
            seats: what ``save_seats`` has returned.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: on a client, or ``grace`` is 0; ``FAILED``: the
                server does not listen; ``ERR_INVALID_PARAMETER``: one of them is not a seat.
        """
        seating = self._require_seating("restore_seats()")
        if not self._grace:
            message = "grace is 0, so nobody could come back; set it, then restore the seats"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        if self._role.status != ConnectionStatus.CONNECTION_CONNECTED:
            raise MultiplayerError(Error.FAILED, "listen first, then restore the seats")
        seating.restore([checked_seat(each) for each in seats], self._make_member)

    def _make_member(self, link: PeerChannel) -> Member:
        face = type(self._face)()
        face.attach(link, self._endpoint, self._role.max_packet, self)
        return Member(link, face)

    @property
    def _seating(self) -> Seating | None:
        return self._role.seating if isinstance(self._role, ServerRole) else None

    def _require_seating(self, name: str) -> Seating:
        if self._seating is None:
            raise only_for_servers(name)
        return self._seating

    # ---------------------------------------------------------------- who is there

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending; none in plain mode."""
        return self._role.peers() if self._role.envelope.in_session else []

    def has_given_id(self, id: int) -> bool:  # noqa: A002 - Godot's name
        """Return whether a client has an id, also one that no signal has reported yet."""
        role = self._role
        return id in (role.clients.members if isinstance(role, ServerRole) else role.peers())

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

    @internal
    def get_backlogs(self, peers: Iterable[int]) -> list[int]:
        """Return :meth:`get_backlog` of each of these; 0 for one that is not there."""
        role = self._role
        own_way = type(self).get_backlog is not SessionPeer.get_backlog
        if own_way or "get_backlog" in vars(self) or not isinstance(role, ServerRole):
            return super().get_backlogs(peers)
        return role.backlogs(peers)

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
        for each in self._role.snapshots():
            total.add(each)
        if left_out := self._endpoint.log_bounds.left_out:
            total.limits_reached["max_log_lines"] = left_out
        # Not the sum of the links: what those that are gone sent can still be fetched.
        in_plain_mode = sum(face.get_available_packet_count() for face in self._role.faces())
        total.packets_queued = len(self._inbox.packets) + in_plain_mode
        total.handler_errors = self.handlers.failures
        return total


def _clock_of(peer: SessionPeer) -> Callable[[], float]:
    """Return ``peer.now`` without keeping the peer alive."""
    reference = weakref.ref(peer)

    def clock() -> float:
        alive = reference()
        return alive.now() if alive is not None else 0.0

    return clock
