"""``ClientOrServer``: what any peer over WebSocket does with its connections."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.addressing import check_id
from multiplayer.support.log_line import write_line
from multiplayer.support.log_text import one_line

from .clients import Clients
from .failure import Failure
from .newcomer_ids import draw_id
from .role_settings import RoleSettings
from .server_connection import SERVER_ID, ServerConnection
from .websocket.close_codes import POLICY_VIOLATION, check_close
from .websocket.events import (
    Drained,
    Ended,
    Failed,
    HttpEvent,
    LinkEvent,
    Opened,
    ReadyState,
    Requested,
)
from .websocket.frames import Broken, CloseReceived, Message
from .websocket.handshake_headers import check_protocols
from .websocket.http_head import HttpRefusedError
from .websocket.http_service import HttpService
from .websocket.settings import SESSION_HEARTBEAT
from .websocket.upgrade import UpgradeRequest, choose_protocol
from .websocket.upgrade_policy import ask, check_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer import Limits

    from .tls_options import TLSOptions
    from .websocket.link import Link
    from .websocket.settings import LinkSettings
    from .websocket.tls import TLSLayer
    from .websocket_peer import WebSocketPeer

_log = logging.getLogger(__name__)

_CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
_ENDS = (Broken, CloseReceived, Ended, Failed)


class ClientOrServer(RoleSettings):
    """A peer that is a client of one server, or a server of many clients.

    It connects and listens, knows who is there, and takes what happens; what messages mean, and
    what signals tell, is up to the classes below. Its attributes are those of
    ``WebSocketMultiplayerPeer``, and told there.
    """

    _envelope: ClassVar[str]
    """What packets travel in, unless in plain mode."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        super().__init__(eager=True)
        self._serving = False
        self._server = ServerConnection(self._reactor, self._past)
        self._clients = Clients(self._reactor, self._past)
        self._http = HttpService(self._past, self.handlers, self._reactor.clock)
        self._protocols: tuple[str, ...] = ()
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._not_admitted: Failure | None = None
        if limits is not None:
            self.limits = limits

    @property
    def _is_server(self) -> bool | None:
        """Whether this is a server; None while it may still become either."""
        status = self.get_connection_status()
        return None if status == ConnectionStatus.CONNECTION_DISCONNECTED else self._serving

    # ---------------------------------------------------------------- beginning

    def _require_idle(self) -> None:
        if self.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this peer is in use; close() it first, or make another one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)

    def _connect(
        self,
        url: str,
        tls: TLSOptions | None,
        protocols: Sequence[str],
        headers: Sequence[tuple[bytes, bytes]],
        *,
        dialect: bool = False,
        mp_mode: bool = True,
    ) -> None:
        """Begin to be a client.

        Args:
            url: see ``ServerConnection.open``, also for the next four.
            tls: see there.
            protocols: see there.
            headers: see there.
            dialect: see there.
            mp_mode: packets go through this object, once the server has told our id.
        """
        self._check_settings(serving=False, mp_mode=mp_mode)
        settings = self._settings_for(mp_mode)
        self._server.open(
            url,
            settings,
            tls,
            protocols,
            headers,
            owner=self,
            dialect=dialect,
            awaits_id=mp_mode,
        )
        self._begin(settings, serving=False, mp_mode=mp_mode)

    def _listen(
        self,
        port: int,
        address: str,
        protocols: Sequence[str],
        make_tls: Callable[[], Callable[[], TLSLayer]] | None,
        headers: Sequence[tuple[bytes, bytes]] = (),
        *,
        mp_mode: bool = True,
    ) -> None:
        """Begin to be a server.

        Args:
            port: the TCP port; 0 for a free one.
            address: the address to listen at, "*" for every interface.
            protocols: the sub-protocols that clients may choose from.
            make_tls: gives what makes the encrypting layer of each connection; None for ``ws://``.
            headers: further header fields of the answer to each client.
            mp_mode: packets go through this object.
        """
        self._clients.check_address(address, port)
        self._check_settings(serving=True, mp_mode=mp_mode)
        known = check_protocols(protocols)
        settings = self._settings_for(mp_mode)
        if mp_mode and self.heartbeat_interval is None:
            settings = replace(settings, heartbeat_interval=SESSION_HEARTBEAT)
        if make_tls is not None:
            settings = replace(settings, tls=make_tls())
        self._clients.listen(address, port, settings)
        self._protocols, self._headers = known, headers
        self._begin(settings, serving=True, mp_mode=mp_mode)

    def _settings_for(self, mp_mode: bool) -> LinkSettings:
        return replace(self._settings(), envelope=self._envelope if mp_mode else "plain")

    def _begin(self, settings: LinkSettings, *, serving: bool, mp_mode: bool) -> None:
        """Forget what is left of the last session."""
        self.sessions += 1
        self._serving = serving
        self._mp_mode = mp_mode
        self._reactor.eager = not serving
        self._max_packet = settings.outbound_buffer_size
        self._inbox.clear()
        self.handlers.clear()
        self.failure = self._not_admitted = None

    # ---------------------------------------------------------------- ending

    def end_at_once(self, code: int) -> None:
        """Do what :meth:`close` does, with another close code.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = check_close(code, "", plain=not self._mp_mode)
        self._make_whole()
        inherited = self._reactor.inherited  # then the clients are the parent's, and stay
        self._reactor.close(code)
        self._steps.clear()
        self.handlers.at_work = None
        self._server.forget()
        self._clients.stop(silently=inherited)

    def begin_leaving(self, code: int = 1000) -> None:
        """Begin the closing handshakes that lead to CONNECTION_DISCONNECTED; keep polling.

        What was sent arrives before them; see ``close_timeout``.

        Args:
            code: to close with; see ``WebSocketClient.disconnect_from_host``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = check_close(code, "", plain=not self._mp_mode)
        self._server.close(code, "")
        self._clients.begin_leaving(code)

    def poll(self) -> None:
        """Do all I/O that is possible now, emit the signals of what has happened, then send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``, when everything has had its
                turn: one exception as itself, several as an ``ExceptionGroup``.
        """
        super().poll()
        if self._clients.have_left:
            self.close()

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """Close the connection with one peer, code 1000; on a client that is the server, 1.

        What was sent before arrives, what is put from now on is dropped. It counts as connected
        until it has answered or ``close_timeout`` is over; keep polling. For another code, or a
        reason, use ``get_peer(peer).close``.

        One that has left is left alone.

        Args:
            peer: its id.
            force: forget the peer at once; no signal is emitted for it, and the last packets may be
                lost.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        if self._serving:
            self._disconnect_client(peer, 1000, "", force=force)
            return
        self._server.get_peer(check_id(peer))
        if force:
            self.close()
        else:
            self._server.close(1000, "")

    def _disconnect_client(self, peer: int, code: int, reason: str, *, force: bool) -> None:
        code, reason = check_close(code, reason, plain=not self._mp_mode)
        if self._clients.has_left(check_id(peer)):
            return
        self._reactor.begin_closing(self._clients.link_of(peer), code, reason, at_once=force)
        if force:
            self._forget_client(peer)
            if self.on_forced_out is not None:
                self.on_forced_out(peer)

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - Godot's name
        """Close the connection with a peer that broke the rules, with code 1008.

        One that has left is left alone.

        Args:
            id: the peer's.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        if self._serving:
            self._disconnect_client(id, POLICY_VIOLATION, reason, force=False)
        else:
            self._server.get_peer(check_id(id)).close(POLICY_VIOLATION, reason)

    def note_not_admitted(self, why: str = "") -> None:
        """Let :attr:`failure` be that the API above did not get into the session.

        Args:
            why: in words; "" if it is the server that has ended the connection: the code and reason
                that came, or how it was lost.
        """
        server = self._server
        if why:
            self._not_admitted = Failure("authentication", why)
            self.failure = self._not_admitted
        elif server.link is None and self.failure is None:
            peer = server.peer
            if not peer.closed_by_us:
                code, reason = peer.get_close_code(), peer.get_close_reason()
                said = f" {reason!r}" if reason else ""
                self.failure = Failure("authentication", f"the server closed with {code}{said}")
        elif server.link is None and self.failure is not None and self.failure.stage == "left":
            detail = f"the server ended the connection {self.failure.detail}"
            self.failure = Failure("authentication", detail)

    # ---------------------------------------------------------------- what happens

    def _handle(self, link: Link, event: LinkEvent) -> None:
        if self._serving:
            self._handle_client(link, event)
        elif link is self._server.link:  # else an earlier connection that still lingers
            self._handle_server(link, event)

    @abstractmethod
    def _take_message(self, link: Link, message: Message) -> None:
        """Do what a message takes."""

    @abstractmethod
    def _told_to_close(self, link: Link, event: CloseReceived) -> None:
        """Tell that the other side closes; it is answered after that."""

    def _punish(self, link: Link, violation: str) -> None:
        """Count what must not come; a server closes who sends it all the time."""
        link.violate(violation)
        if self._serving and self._clients.too_many_violations(link, self.limits):
            reason = f"too many violations, the last: {violation}"
            link.close(POLICY_VIOLATION, reason, self.now(), at_once=True)

    # ---------------------------------------------------------------- on a client

    def _handle_server(self, link: Link, event: LinkEvent) -> None:
        if isinstance(event, Message):
            self._take_message(link, event)
        elif isinstance(event, Opened):
            self._opened(link)
        elif isinstance(event, CloseReceived):
            self._told_to_close(link, event)
            self._then(partial(self._answer_close, link, event))
        elif isinstance(event, Broken):
            link.violate(f"rfc6455_{event.code}")
            link.fail(event, self.now())
            self._end_of_server(link.failure, clean=False)
        elif isinstance(event, Failed):
            self._end_of_server(event.failure, clean=False)
        elif isinstance(event, Ended):
            self._end_of_server(event.failure, clean=event.clean)
        elif isinstance(event, Drained) and self._server.status == _CONNECTED:
            self._then_emit(self.peer_drained, SERVER_ID, SERVER_ID)

    def _answer_close(self, link: Link, event: CloseReceived) -> None:
        if link is self._server.link:
            link.answer_close(event, self.now())

    @abstractmethod
    def _opened(self, link: Link) -> None:
        """Note that the server has agreed to the upgrade."""

    def _came_up(self, link: Link) -> None:
        """Note that the session is up."""
        self._server.status = ConnectionStatus.CONNECTION_CONNECTED
        link.settle(self.now())

    def _end_of_server(self, failure: Failure | None, *, clean: bool) -> None:
        was_up = self._server.status == ConnectionStatus.CONNECTION_CONNECTED
        if failure is None and not was_up:
            peer = self._server.peer
            code, reason = peer.get_close_code(), peer.get_close_reason()
            with_reason = f" {reason!r}" if reason else ""
            failure = Failure("id", f"closed with {code}{with_reason} before the session was up")
        forget = partial(self._forget_server, self._server.link, failure, was_up=was_up)
        self._then(forget, *self._words_of_the_end(was_up=was_up, clean=clean))

    def _forget_server(self, link: Link | None, failure: Failure | None, *, was_up: bool) -> None:
        if link is not self._server.link:
            return
        self.failure = self._not_admitted or failure
        self._server.forget()
        if not was_up:
            why = one_line(str(failure))
            write_line(_log, logging.INFO, "never connected: %s", why, fields={})

    @abstractmethod
    def _words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Callable[[], object]]:
        """Return the signals that the connection is not there any more, or never came up."""

    def _see_who_ended(self) -> None:
        server = self._server.link
        gone = [] if server is None or not server.over else [server]
        gone += self._clients.recover()
        told = {link for link, event in self._reactor.waiting_entries() if isinstance(event, _ENDS)}
        for link in gone:
            if link not in told:
                self._reactor.entries.append((link, Ended(link.failure is None, link.failure)))

    def _server_link(self) -> Link:
        link = self._server.link
        if link is None or self._server.status != ConnectionStatus.CONNECTION_CONNECTED:
            message = "the session is not up; wait for connection_succeeded"
            raise MultiplayerError(Error.FAILED, message)
        return link

    # ---------------------------------------------------------------- on a server

    def _handle_client(self, link: Link, event: LinkEvent) -> None:
        if isinstance(event, Message) and link.peer_id in self._clients.links:
            if self._may_send(link, event):
                self._take_message(link, event)
        elif isinstance(event, Requested):
            self._decide(link, event.request)
        elif isinstance(event, HttpEvent):
            self._http.take(link, event, self.http_callback)
        elif isinstance(event, Failed):
            self._past.failed_handshakes += 1
            self._past.add(link.statistics)
            fields = {"peer_id": 0, **link.log_fields}
            sentence = "%s port %s never connected: %s"
            why = one_line(str(event.failure))
            if self._reactor.may_log(link.address, logging.INFO, _log):
                who = (link.address, link.port)
                write_line(_log, logging.INFO, sentence, *who, why, fields=fields)
        elif link.peer_id not in self._clients.links:
            self._see_off(link, event)
        elif isinstance(event, CloseReceived):
            self._told_to_close(link, event)
            self._then(partial(link.answer_close, event, self.now()))
        elif isinstance(event, Broken):
            link.violate(f"rfc6455_{event.code}")
            link.fail(event, self.now())
            self._client_left(link.peer_id, clean=False)
        elif isinstance(event, Ended):
            self._client_left(link.peer_id, clean=event.clean)
        elif isinstance(event, Drained) and link.peer_id in self._clients.told:
            self._then_emit(self.peer_drained, link.peer_id, link.peer_id)

    def _may_send(self, link: Link, message: Message) -> bool:
        """Return whether a message is within the rates; drop it if not."""
        limits = self._limits
        if not (limits.packets_per_second or limits.bytes_per_second):
            return True
        rates, size = self._clients.rates, len(message.data)
        if rates.allow(link, size, limits, self.now()):
            return True
        link.fetched(size)
        link.drop("rate")
        if rates.is_hopeless(link):
            reason = "too many packets, or bytes, a second"
            link.close(POLICY_VIOLATION, reason, self.now(), at_once=True)
        return False

    def _see_off(self, link: Link, event: LinkEvent) -> None:
        """Do what an event of a peer that was disconnected by force takes: no signals."""
        if isinstance(event, Message):
            link.fetched(len(event.data))
        elif isinstance(event, CloseReceived):
            link.answer_close(event, self.now())
        elif isinstance(event, Broken):
            link.fail(event, self.now())

    def _decide(self, link: Link, request: UpgradeRequest) -> None:
        if link.state != ReadyState.STATE_CONNECTING:
            return  # it has gone, or was refused for being late, before its turn came
        request = replace(request, address=link.address, port=link.port)
        try:
            if self.refuse_new_connections:
                raise HttpRefusedError(403, "this server refuses new connections")
            self._clients.check_room(link, self.limits)
            check_origin(request, self.allowed_origins)
            protocol = choose_protocol(request.protocols, self._protocols)
            headers, userdata = ask(self.upgrade_callback, request, self._headers)
        except HttpRefusedError as error:
            link.refuse(error.status, error.detail, self.now())
            return
        except Exception as error:
            link.refuse(500, "this server could not decide", self.now())
            self.handlers.failed(0, "upgrade_callback", error)
            return
        except BaseException:  # Ctrl-C, or a task that is cancelled
            link.abandon()
            raise
        if link.state != ReadyState.STATE_CONNECTING:
            return  # the callback has stopped the server
        try:
            peer_id = draw_id(self.generate_unique_id, self._clients.links, self._clients.left)
        except Exception as error:  # the program may have one of its own
            link.refuse(500, "this server has no id for another client", self.now())
            self.handlers.failed(0, "generate_unique_id", error)
            return
        except BaseException:
            link.abandon()
            raise
        if link.state != ReadyState.STATE_CONNECTING:
            return  # it has stopped the server
        link.peer_id = peer_id
        link.accept(protocol, self.now(), self._dialect_for(request), headers)
        self._clients.add(link, self, request, userdata)
        self._client_joined(link, request)

    @abstractmethod
    def _dialect_for(self, request: UpgradeRequest) -> int:
        """Return which version of ``docs/protocol/gdpeers.md`` to agree to, 0 for none."""

    @abstractmethod
    def _client_joined(self, link: Link, request: UpgradeRequest) -> None:
        """Greet a client that was accepted, and tell of it."""

    @abstractmethod
    def _client_left(self, peer_id: int, *, clean: bool) -> None:
        """Forget a client that has gone, and tell of it."""

    def _forget_client(self, peer_id: int) -> None:
        """Forget a client; whom the others have to be told of, too."""
        self._clients.forget(peer_id)

    def _has_target(self, target: int) -> bool:
        """Return whether whom a server sends to is there; False, and counted, if it has left.

        Raises:
            MultiplayerError: ``FAILED``: it does not listen, or there never was such a peer.
        """
        if not self._clients.listening:
            raise MultiplayerError(Error.FAILED, "this server does not listen; let it listen first")
        if target <= SERVER_ID or target in self._clients.links:
            return True
        if self._clients.has_left(target):
            return False
        message = f"there is no peer {target}; set_target_peer() to one that is"
        raise MultiplayerError(Error.FAILED, message)

    # ---------------------------------------------------------------- peers and state

    def may_log(self, id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        """Count a line of the log about what a peer did; return whether it may be written.

        See ``Limits.max_log_lines``. Whoever a client hears of, it is its server that tells.

        Args:
            id: the peer's; it may have left.
            level: of the line, as in ``logging``.
        """
        peer = self._clients.find(id) if self._serving else self._server.peer
        address = peer.address if peer is not None else ""
        return self._reactor.log_bounds.allow(address, level, self.now())

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to one peer.

        A client has one to the server (1), even before connecting. A server's clients that have
        left can be asked for too, for their last packets and their close code, until 256 more have
        left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
        """
        peers = self._clients if self._serving else self._server
        return peers.get_peer(check_id(peer_id))

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer, frame headers included.

        On a client that is what waits for the server, through which everything goes, whichever
        peer is asked for. 0 for a client that has left, and without a connection.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: a server never had such a client.
        """
        check_id(peer)
        link = self._clients.links.get(peer) if self._serving else self._server.link
        if link is not None:
            return link.buffered
        if self._serving and peer not in self._clients.left:
            self._clients.link_of(peer)  # which raises
        return 0

    def get_peer_address(self, id: int) -> str:  # noqa: A002 - Godot's name
        """Return the IP address of a peer that we are connected to.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such peer.
        """
        return self._link_of(id).address

    def get_peer_port(self, id: int) -> int:  # noqa: A002 - Godot's name
        """Return the TCP port of a peer that we are connected to.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such peer.
        """
        return self._link_of(id).port

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - as elsewhere
        """Return whether a peer has left by itself and without a close frame.

        Args:
            id: the peer's, from its ``peer_disconnected`` on.
        """
        peer = self._clients.find(id) if self._serving else self._server.peer
        if peer is None or peer.closed_by_us or self._clients.leaving:
            return False
        return peer.failure is not None and peer.failure.stage in ("tcp", "left")

    def is_plain(self) -> bool:
        """Return whether packets go through ``get_peer(id)`` only (``gd_mp_api=False``)."""
        return not self._mp_mode

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending; none in plain mode."""
        if not self._mp_mode:
            return []
        if self._serving:
            return sorted(self._clients.links)
        return self._announced_peers()

    def _announced_peers(self) -> list[int]:
        """Return whom a client knows of."""
        connected = self._server.status == ConnectionStatus.CONNECTION_CONNECTED
        return [SERVER_ID] if connected else []

    def _link_of(self, peer_id: int) -> Link:
        peers = self._clients if self._serving else self._server
        return peers.link_of(check_id(peer_id))

    def get_local_port(self) -> int:
        """Return the TCP port that a server listens at; 0 while it does not."""
        return self._reactor.local_port

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether a client's session is up; on a server, whether it listens."""
        if self._clients.listening:
            return ConnectionStatus.CONNECTION_CONNECTED
        return self._server.status

    def _counted_links(self) -> list[Link]:
        links = list(self._clients.links.values())
        return links if self._server.link is None else [*links, self._server.link]

    def _readable_peers(self) -> list[WebSocketPeer]:
        clients = self._clients
        return [self._server.peer, *clients.peers.values(), *clients.departed.values()]
