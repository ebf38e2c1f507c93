"""``WebSocketServer``: a server for any WebSocket client, or for a gd_mp session."""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer import ConnectionStatus, Error, MultiplayerError, Signal, TransferMode
from multiplayer.wire import gd_mp

from .certificates import PEM, server_context
from .close_codes import POLICY_VIOLATION, check_close, without_nul
from .frames import Broken, CloseReceived, Message, message_frame
from .link_events import Ended, Failed, LinkEvent, ReadyState, Requested
from .locked_setting import LockedSetting
from .tls import TLSLayer
from .upgrade import UpgradeRefusedError, agreed_dialect, check_protocols, choose_protocol
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
from .websocket_peer import WebSocketPeer, check_packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .link import Link
    from .link_settings import LinkSettings

_log = logging.getLogger(__name__)

_VIOLATION_WINDOW: Final = 60.0
"""Within how many seconds ``max_violations`` count."""

_DEPARTED_KEPT: Final = 256
"""How many peers that have left may have packets to be fetched still."""


class WebSocketServer(WebSocketMultiplayerPeer):
    """A WebSocket server (Godot 3 and early 4: ``WebSocketServer``).

    In plain mode it serves any RFC 6455 client through ``get_peer(id)``. In gd_mp mode it is peer 1
    of a Godot session: it gives out ids, announces peers and relays their packets.

    Attributes:
        bind_ip: the address to listen at, "*" for every interface. Not while listening.
        max_violations: at how many things that must not come, within 60 s, a peer is closed with
            code 1008; 0 for never.
        private_key: with :attr:`tls_certificate`, the server speaks only ``wss://``. The key of
            that certificate, as PEM text, PEM bytes or a path, not encrypted. Not while listening.
        tls_certificate: the certificate to show, in the same forms. Not while listening.
        ca_chain: the certificates between that one and an authority that clients trust, if there
            are any. Not while listening.
    """

    private_key = LockedSetting[PEM | None](None)
    tls_certificate = LockedSetting[PEM | None](None)
    ca_chain = LockedSetting[PEM | None](None)

    client_connected = Signal[int, str, str]("id", "protocol", "resource_name")
    """A client has connected, with that sub-protocol and request path (query included)."""
    client_disconnected = Signal[int, bool]("id", "was_clean_close")
    """A client has gone; cleanly if close frames went both ways."""
    client_close_request = Signal[int, int, str]("id", "code", "reason")
    """A client closes its connection; ``client_disconnected`` follows."""
    data_received = Signal[int]("id")
    """A packet can be fetched from ``get_peer(id)``; plain mode only."""

    def __init__(self) -> None:
        super().__init__(eager=False)
        self.max_violations = 16
        self._bind_ip = "*"
        self._listening = False
        self._leaving = False
        self._protocols: tuple[str, ...] = ()
        self._session = gd_mp.ServerSession()
        self._links: dict[int, Link] = {}
        self._peers: dict[int, WebSocketPeer] = {}
        self._departed: dict[int, WebSocketPeer] = {}
        self._violations: dict[int, deque[float]] = {}

    # ---------------------------------------------------------------- listening

    @property
    def bind_ip(self) -> str:
        """The address to listen at; "*" for every interface."""
        return self._bind_ip

    @bind_ip.setter
    def bind_ip(self, address: str) -> None:
        if self._listening:
            message = "bind_ip cannot change while listening; stop() first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._bind_ip = address

    def listen(self, port: int, protocols: Sequence[str] = (), gd_mp_api: bool = False) -> None:
        """Begin to accept clients at :attr:`bind_ip`.

        Args:
            port: the TCP port; 0 for a free one, which :meth:`get_local_port` tells.
            protocols: the sub-protocols that clients may choose from. With some, a client must ask
                for one of them; without, for none (as Godot demands).
            gd_mp_api: be the server of a Godot session.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this server listens, or something else has the
                port; ``ERR_CANT_CREATE``: the address cannot be listened at;
                ``ERR_INVALID_PARAMETER``: an argument, a key or a certificate makes no sense;
                ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: a path of those cannot be read.
        """
        if self._listening:
            message = "this server listens already; stop() it first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        if not 0 <= port < 65536:
            message = f"{port} is no port; use 1 to 65535, or 0 for a free one"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._protocols = check_protocols(protocols)
        settings = self._with_tls(self._settings())
        try:
            self._reactor.listen(self._bind_ip, port, settings)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            code = Error.ERR_ALREADY_IN_USE if in_use else Error.ERR_CANT_CREATE
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            message = f"cannot listen at {self._bind_ip} port {port}: {why}"
            raise MultiplayerError(code, message) from error
        self._max_packet = settings.outbound_buffer_size
        self._listening = True
        self._gd_mp = gd_mp_api
        self._inbox.clear()
        self._departed.clear()
        self.failure = None

    def _with_tls(self, settings: LinkSettings) -> LinkSettings:
        key, certificate = self.private_key, self.tls_certificate
        if key is None and certificate is None:
            return settings
        if key is None or certificate is None:
            given, lacks = "tls_certificate", "private_key"
            if certificate is None:
                given, lacks = lacks, given
            message = f"there is a {given} but no {lacks}; TLS takes both, ws:// neither"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        context = server_context(key, certificate, self.ca_chain)
        return replace(settings, tls=partial(TLSLayer, context))

    def stop(self) -> None:
        """End at once and silently: peers get a close frame 1000, no signal is emitted."""
        self.close()

    def end_at_once(self, code: int) -> None:
        """Do what :meth:`stop` does, with another close code."""
        self._reactor.close(code)
        self._steps.clear()
        for link in self._links.values():
            self._past.add(link.statistics)
        self._listening = False
        self._leaving = False
        self._links.clear()
        self._peers.clear()
        self._violations.clear()
        self._session.clear()

    def begin_leaving(self) -> None:
        """Close all connections with code 1000, accept no more, and stop when all have gone."""
        if not self._listening:
            return
        self._leaving = True
        self._reactor.stop_listening()
        for link in self._reactor.links:
            if link.peer_id:
                link.close(1000, "", self.now())
            else:
                link.abandon()
        self._reactor.wake()

    def poll(self) -> None:
        """Do all I/O that is possible now, emit the signals of what has happened, then send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what a listener raised; see ``WebSocketMultiplayerPeer.poll``.
        """
        super().poll()
        if self._leaving and self._reactor.idle:
            self.stop()

    def is_listening(self) -> bool:
        """Return whether clients can connect."""
        return self._listening

    def get_local_port(self) -> int:
        """Return the TCP port that the server listens at; 0 while it does not."""
        return self._reactor.local_port

    # ---------------------------------------------------------------- what happens

    def _handle(self, link: Link, event: LinkEvent) -> None:
        peer_id = link.peer_id
        if isinstance(event, Requested):
            self._decide(link, event)
        elif isinstance(event, Failed):
            self._past.failed_handshakes += 1
            _log.info("%s port %s never connected: %s", link.address, link.port, event.failure)
        elif peer_id not in self._links:
            self._see_off(link, event)
        elif isinstance(event, Message):
            self._take_message(link, event)
        elif isinstance(event, CloseReceived):
            self._then(
                partial(
                    self.client_close_request.emit, peer_id, event.code, without_nul(event.reason)
                ),
                partial(link.answer_close, event, self.now()),
            )
        elif isinstance(event, Broken):
            link.violate(f"rfc6455_{event.code}")
            link.fail(event, self.now())
            self._leave(peer_id, clean=False)
        elif isinstance(event, Ended):
            self._leave(peer_id, clean=event.clean)

    def _see_off(self, link: Link, event: LinkEvent) -> None:
        """Do what an event of a peer that was disconnected by force takes: no signals."""
        if isinstance(event, Message):
            link.fetched()
        elif isinstance(event, CloseReceived):
            link.answer_close(event, self.now())
        elif isinstance(event, Broken):
            link.fail(event, self.now())

    def _decide(self, link: Link, event: Requested) -> None:
        if link.state != ReadyState.STATE_CONNECTING:
            return  # it has gone, or was refused for being late, before its turn came
        request = event.request
        try:
            if self.refuse_new_connections:
                raise UpgradeRefusedError(403, "this server refuses new connections")
            protocol = choose_protocol(request.protocols, self._protocols)
        except UpgradeRefusedError as error:
            link.refuse(error.status, error.detail, self.now())
            return
        while (peer_id := self.generate_unique_id()) in self._links or peer_id in self._departed:
            pass
        link.peer_id = peer_id
        dialect = agreed_dialect(request.headers) if self._gd_mp else 0
        link.accept(protocol, self.now(), dialect)
        peer = WebSocketPeer()
        peer.attach(link, self._reactor, self._max_packet)
        self._links[peer_id] = link
        self._peers[peer_id] = peer
        self._then(partial(self.client_connected.emit, peer_id, protocol, request.path))
        if self._gd_mp:
            self._announce(self._session.join(peer_id))
            self._then(partial(self._tell_joined, peer_id))

    def _tell_joined(self, peer_id: int) -> None:
        if peer_id in self._peers:  # else a listener of client_connected has forced it out
            self.peer_connected.emit(peer_id)

    def _announce(self, announcements: list[tuple[int, bytes]]) -> None:
        for receiver, packet in announcements:
            self._links[receiver].send(packet, text=False)

    def _leave(self, peer_id: int, *, clean: bool) -> None:
        self._forget(peer_id)
        if self._gd_mp:
            self._announce(self._session.leave(peer_id))
            self._then(partial(self.peer_disconnected.emit, peer_id))
        self._then(partial(self.client_disconnected.emit, peer_id, clean))

    def _forget(self, peer_id: int) -> None:
        self._past.add(self._links.pop(peer_id).statistics)
        self._violations.pop(peer_id, None)
        peer = self._peers.pop(peer_id)
        peer.detach()
        # Also after its signals: what it sent, and why it closed, can still be asked for.
        self._departed[peer_id] = peer
        if len(self._departed) > _DEPARTED_KEPT:
            oldest = self._departed.pop(next(iter(self._departed)))
            self._past.drops["departed"] += oldest.get_available_packet_count()

    def _take_message(self, link: Link, message: Message) -> None:
        if not self._gd_mp:
            self._peers[link.peer_id].store(message)
            self.data_received.emit(link.peer_id)
            return
        data = message.data
        verdict = self._session.receive(link.peer_id, data, agreed=link.dialect > 0)
        if isinstance(verdict, gd_mp.Route):
            for_server, receivers, mode, channel = verdict
            if receivers:
                self._send(data, receivers, mode)
            if for_server:
                self._receive(link, link.peer_id, gd_mp.payload_of(data), mode, channel)
            else:
                link.fetched()
            return
        link.fetched()
        if isinstance(verdict, gd_mp.Drop):
            link.drop(verdict)
        else:
            self._punish(link, verdict)

    def _punish(self, link: Link, violation: gd_mp.Violation) -> None:
        link.violate(violation)
        if not self.max_violations:
            return
        now = self.now()
        times = self._violations.setdefault(link.peer_id, deque())
        times.append(now)
        while now - times[0] > _VIOLATION_WINDOW:
            times.popleft()
        if len(times) >= self.max_violations:
            link.close(POLICY_VIOLATION, f"too many violations, the last: {violation}", now)

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (see ``set_target_peer``); gd_mp mode only.

        It leaves at the end of the next :meth:`poll`, or at :meth:`flush`. Never blocks. An empty
        buffer, and a packet to the server itself, go nowhere (as in Godot). To clients that read
        too slowly, those that are not reliable (see ``transfer_mode``) may be dropped.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(id).put_packet``;
                ``FAILED``: not listening, or no such target; ``ERR_OUT_OF_MEMORY``: longer than
                ``outbound_buffer_size``; ``ERR_INVALID_PARAMETER``: not bytes.
        """
        data = check_packet(buffer, self._max_packet, envelope=self._header_size)
        if not data:
            return
        self._require_gd_mp("put_packet")
        if not self._listening:
            raise MultiplayerError(Error.FAILED, "this server does not listen; listen() first")
        receivers = self._session.receivers(self._target_peer)
        if receivers is None:
            message = f"there is no peer {self._target_peer}; set_target_peer() to one that is"
            raise MultiplayerError(Error.FAILED, message)
        mode, channel = self._transfer_mode, self._transfer_channel
        packet = gd_mp.packet(gd_mp.SERVER_ID, self._target_peer, data, mode, channel)
        self._send(packet, receivers, mode)

    def _send(self, packet: bytes, receivers: list[int], mode: TransferMode) -> None:
        """Send the same packet to several clients; a server's frame is the same for all.

        But for those that understand Godot's bytes only, if it has others.
        """
        frame = plain_frame = message_frame(packet, text=False)
        size = plain_size = len(packet)
        links = self._links
        if packet[0] and not all(links[receiver].dialect for receiver in receivers):
            plain = gd_mp.plain(packet)
            plain_frame, plain_size = message_frame(plain, text=False), len(plain)
        for receiver in receivers:
            link = links[receiver]
            if link.dialect:
                link.send_shared(frame, size, mode)
            else:
                link.send_shared(plain_frame, plain_size, mode)

    # ---------------------------------------------------------------- peers

    def has_peer(self, id: int) -> bool:  # noqa: A002 - Godot's name
        """Return whether a client with that id is connected."""
        return id in self._peers

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to a client.

        Clients that have left can be asked for too, for their last packets and their close code,
        until 256 more have left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        peer = self._peers.get(peer_id) or self._departed.get(peer_id)
        if peer is None:
            raise _no_peer(peer_id)
        return peer

    def get_peer_address(self, id: int) -> str:  # noqa: A002 - Godot's name
        """Return a client's IP address.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        return self._link_of(id).address

    def get_peer_port(self, id: int) -> int:  # noqa: A002 - Godot's name
        """Return a client's TCP port.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        return self._link_of(id).port

    def _link_of(self, peer_id: int) -> Link:
        link = self._links.get(peer_id)
        if link is None:
            raise _no_peer(peer_id)
        return link

    def disconnect_peer(  # pyright: ignore[reportIncompatibleMethodOverride] - Godot 3's order
        self, peer: int, code: int = 1000, reason: str = "", *, force: bool = False
    ) -> None:
        """Begin to close the connection to a client (RFC 6455 section 7.1.2).

        The client counts as connected until it has answered or ``close_timeout`` is over.

        Args:
            peer: the client's id.
            code: see ``WebSocketClient.disconnect_from_host``. ``True`` means ``force``, so that
                Godot 4's ``disconnect_peer(id, true)`` works too.
            reason: cut to 123 bytes of UTF-8.
            force: forget the client at once; no signal is emitted for it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client;
                ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        if isinstance(code, bool):
            force, code = force or code, 1000
        code, reason = check_close(code, reason)
        link = self._link_of(peer)
        link.close(code, reason, self.now())
        if force:
            self._forget(peer)
            if self._gd_mp:
                self._announce(self._session.leave(peer))

    def get_connection_status(self) -> ConnectionStatus:
        """Return ``CONNECTION_CONNECTED`` while listening, else ``CONNECTION_DISCONNECTED``."""
        if self._listening:
            return ConnectionStatus.CONNECTION_CONNECTED
        return ConnectionStatus.CONNECTION_DISCONNECTED

    def get_unique_id(self) -> int:
        """Return 1: the server's id."""
        return gd_mp.SERVER_ID

    def _counted_links(self) -> list[Link]:
        return list(self._links.values())

    def _readable_peers(self) -> list[WebSocketPeer]:
        return [*self._peers.values(), *self._departed.values()]


def _no_peer(peer_id: int) -> MultiplayerError:
    message = f"there is no peer {peer_id}; has_peer() tells"
    return MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
