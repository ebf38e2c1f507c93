"""``WebSocketMultiplayerPeer``: a peer of a Godot 4 session. Mirrors the Godot class."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from multiplayer import DecodeError, Error, MultiplayerError, TransferMode
from multiplayer.addressing import check_channel, check_mode
from multiplayer.misplaced import misplace
from multiplayer.wire.envelopes import godot4 as godot4_envelope
from multiplayer.wire.envelopes.godot4 import SERVER_ID

from .client_or_server import ClientOrServer
from .failure import Failure
from .fanout import Queued
from .tls_options import TLSOptions
from .websocket.close_codes import PROTOCOL_ERROR
from .websocket.frames import message_frame
from .websocket.handshake_headers import handshake_fields
from .websocket_peer import check_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from multiplayer import Limits
    from multiplayer.members import Members

    from .websocket.frames import CloseReceived, Message
    from .websocket.link import Link
    from .websocket.settings import LinkSettings
    from .websocket.upgrade import UpgradeRequest


class WebSocketMultiplayerPeer(ClientOrServer):
    """A client or a server of Godot 4's protocol (Godot 4: ``WebSocketMultiplayerPeer``).

    By itself it speaks as Godot 4 does: the server gives each client an id, and then every message
    is one packet between a client and the server. Clients do not see each other; whatever lies
    above (``SceneMultiplayer``) announces and relays. ``WebSocketClient`` and ``WebSocketServer``
    are the same with the protocol of Godot 3, or none.

    Drive it by calling :meth:`poll` in a loop, or hand it to ``peers.run`` under trio.

    After ``os.fork()`` the connections are the parent's. A child that closes, drops or forgets its
    copy of this object sends nothing, and changes nothing for the parent. If it polls, or runs, it
    goes on with them instead, as a daemon does: the parent must not poll any more then. Fork
    outside of ``trio.run``: what trio has cannot be shared.

    Order of signals. A client, up: ``peer_connected(1)``, ``connection_succeeded``. Never up:
    ``connection_failed``. Down: ``peer_disconnected(1)``, ``server_disconnected``; the close code
    can be asked for at ``get_peer(1)``. A server: ``peer_connected`` and ``peer_disconnected`` for
    each client.

    The attributes below hold for sessions that begin after they are set.

    Attributes:
        handshake_timeout: how long TCP, TLS, the upgrade and, on a client, waiting for the peer id
            may take together, in seconds; more than 0.
        handshake_headers: further header lines of a client's request or a server's answer, as
            ``"Name: value"``.
        supported_protocols: the sub-protocols that a client asks for, or that a server lets its
            clients choose from. Both must have one in common, or none at all (as Godot demands).
        close_timeout: how long to wait for the answer to a close frame, from when it has left, in
            seconds; more than 0. Before it, as long again may go by until the other side has read
            what was sent: not in a gd_mp session, but with Godot 4's protocol and in plain mode,
            because a Godot 4 engine throws away what it reads together with a close frame. All in
            all a connection ends within twice this time.
        heartbeat_interval: after how many seconds of silence to ping. A peer of which nothing has
            been heard for three times as long is gone, though it was pinged twice. 0 for never;
            None, as at first, for 15 on the server of a session, and never on clients and in plain
            mode.
        inbound_buffer_size: the longest message to accept, in bytes.
        outbound_buffer_size: how many bytes may wait for a peer that reads too slowly, and the
            longest packet to send, in bytes; 0 for any number.
        max_unreliable_ordered: how many unreliable_ordered packets may wait for a peer that reads
            too slowly, before the oldest of them is dropped.
        max_queued_packets: when so many packets of a peer wait to be fetched, it is not read until
            some have been.
        limits: those that Godot does not have, a :class:`Limits`.
        allowed_origins: the origins of the web pages, like ``https://example.org``, whose browsers
            a server accepts; None for any. Who sends no ``Origin`` is no browser, and accepted.
        upgrade_callback: a server's, called with the :class:`UpgradeRequest` of each client that
            would be accepted. It returns None or ``Accept(headers, userdata)`` to accept it,
            ``Refuse(status, text)`` not to. If it raises, the client gets HTTP 500, and
            ``on_error`` says what becomes of the exception.
        http_callback: a server's, called with the :class:`HttpRequest` of each request that asks
            for no upgrade (health checks, metrics, a page). It returns an :class:`HttpResponse`, or
            None for HTTP 426. Without one such requests get 426 and count as violations. If it
            raises, the client gets HTTP 500, and ``on_error`` says what becomes of the exception.
            ``allowed_origins``, ``refuse_new_connections`` and ``max_peers`` are about peers, not
            about such requests.
        discard_packets: keep no packet for ourselves; for a server that only relays. Not in plain
            mode.
        failure: why the last attempt or connection failed; None if it did not.
    """

    _envelope = "godot4"

    def __init__(self, *, limits: Limits | None = None) -> None:
        super().__init__(limits=limits)
        self._handshake_headers: Sequence[str] = ()
        self._supported_protocols: Sequence[str] = ()
        self._mp_mode = True
        self._own_id = 0

    @property
    def handshake_headers(self) -> Sequence[str]:
        """Further header lines of a client's request or a server's answer."""
        return self._handshake_headers

    @handshake_headers.setter
    def handshake_headers(self, lines: Sequence[str]) -> None:
        self._handshake_headers = lines

    @property
    def supported_protocols(self) -> Sequence[str]:
        """The sub-protocols that a client asks for, or that a server's clients choose from."""
        return self._supported_protocols

    @supported_protocols.setter
    def supported_protocols(self, protocols: Sequence[str]) -> None:
        self._supported_protocols = protocols

    # ---------------------------------------------------------------- beginning

    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> None:
        """Begin to connect to a Godot 4 server; how it went is told by signals.

        Args:
            url: ``ws://host:port/path``, or ``wss://`` for TLS; port (80, and 443 for ``wss``),
                path ``/`` and the scheme may be left out.
            tls_client_options: how to check a ``wss`` server; None for ``TLSOptions.client()``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use;
                ``ERR_INVALID_PARAMETER``: an argument or attribute makes no sense, or the options
                are a server's; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: a certificate cannot
                be read.
        """
        self._require_idle()
        tls = tls_client_options
        if not isinstance(tls, TLSOptions | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{tls!r} are no TLSOptions; address and port both belong into the URL"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if tls is not None and tls.is_server():
            message = "tls_client_options are a server's; use TLSOptions.client()"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        fields = handshake_fields(self.handshake_headers)
        self._connect(url, tls, self.supported_protocols, fields)

    def create_server(
        self,
        port: int,
        bind_address: str = "*",
        tls_server_options: TLSOptions | None = None,
    ) -> None:
        """Begin to accept clients; the status is CONNECTION_CONNECTED at once.

        Args:
            port: the TCP port; 0 for a free one, which :meth:`get_local_port` tells.
            bind_address: the address to listen at, "*" for every interface.
            tls_server_options: key and certificate for ``wss://``; None for ``ws://``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use, or something else has the
                port; ``ERR_CANT_CREATE``: the address cannot be listened at;
                ``ERR_INVALID_PARAMETER``: an argument or attribute makes no sense, or the options
                are a client's; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: key or certificate
                cannot be read.
        """
        self._require_idle()
        fields = handshake_fields(self.handshake_headers)
        tls = tls_server_options
        if not isinstance(tls, TLSOptions | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{tls!r} are no TLSOptions; use TLSOptions.server(key, certificate)"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        layer = None if tls is None else tls.server_layer
        self._listen(port, bind_address, self.supported_protocols, layer, fields)

    def _begin(self, settings: LinkSettings, *, serving: bool, mp_mode: bool) -> None:
        super()._begin(settings, serving=serving, mp_mode=mp_mode)
        self._own_id = SERVER_ID if serving else 0

    # ---------------------------------------------------------------- what happens

    def _take_message(self, link: Link, message: Message) -> None:
        """Do what a message takes, whether it is text or binary."""
        data = message.data
        if not self._serving and not self._own_id:
            link.fetched(len(data))
            self._take_id(link, data)
        elif data:
            self._receive(link, link.peer_id, data, len(data))
        else:
            link.fetched(0)
            self._punish(link, godot4_envelope.EMPTY_MESSAGE)

    def _told_to_close(self, link: Link, event: CloseReceived) -> None:
        """Godot 4 has no signal for it."""

    def _opened(self, link: Link) -> None:
        """Godot 4 has no signal for it."""

    def _take_id(self, link: Link, message: bytes) -> None:
        try:
            self._own_id = godot4_envelope.read_id(message)
        except DecodeError as error:
            link.close(PROTOCOL_ERROR, "this is no peer id", self.now())
            self._end_of_server(Failure("id", error.reason), clean=False)
            return
        emission = self.handlers.emission
        self._then(
            partial(self._came_up, link),
            emission(self.peer_connected, SERVER_ID, SERVER_ID),
            emission(self.connection_succeeded, SERVER_ID),
        )

    def _words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Callable[[], object]]:
        del clean
        emission = self.handlers.emission
        if not was_up:
            return [emission(self.connection_failed, SERVER_ID)]
        return [
            emission(self.peer_disconnected, SERVER_ID, SERVER_ID),
            emission(self.server_disconnected, SERVER_ID),
        ]

    def _dialect_for(self, request: UpgradeRequest) -> int:
        del request
        return 0

    def _client_joined(self, link: Link, request: UpgradeRequest) -> None:
        del request
        peer_id = link.peer_id
        link.send(godot4_envelope.id_message(peer_id), text=False)
        self._clients.include(link)
        told = partial(self._clients.told.add, peer_id)
        self._then(told, self.handlers.emission(self.peer_connected, peer_id, peer_id))

    def _client_left(self, peer_id: int, *, clean: bool) -> None:
        del clean
        steps: list[Callable[[], object]] = [partial(self._forget_client, peer_id)]
        if peer_id in self._clients.told:
            steps.append(self.handlers.emission(self.peer_disconnected, peer_id, peer_id))
        self._then(*steps, partial(self.handlers.forget, peer_id))

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer``: a server to its target (``set_target_peer``), a client to the server.

        Never blocks. An empty buffer, and a server's packet to itself, go nowhere (as in Godot); so
        does one for a client that has left, and is counted. A client's target does not matter: what
        is for another client goes to the server too, and whatever lies above has to say so in the
        packet. Packets for who reads too slowly may be dropped if they are not reliable (see
        ``transfer_mode``). A server's leave at the end of the next :meth:`poll`, or at
        :meth:`flush`.

        Raises:
            MultiplayerError: ``FAILED``: not connected, or there never was such a target;
                ``ERR_OUT_OF_MEMORY``: longer than ``outbound_buffer_size``;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        self._put(buffer, self._target_peer, self._transfer_mode, self._transfer_channel)

    def _put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        del channel  # the envelope has no place for it
        data = check_packet(packet, self._max_packet)
        if not data:
            return
        if not self._serving:
            self._reactor.send(self._server_link(), data, mode=mode)
            return
        if not self._has_target(target):
            return
        self._clients.send((self._queued(data, mode),), target)

    def send_to_members(
        self,
        packet: bytes,
        members: Members,
        excluded: Collection[int] = (),
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to all of a session's members but some: one frame, however many.

        Raises:
            MultiplayerError: as :meth:`send_packet`.
        """
        if type(self).put_packet is not WebSocketMultiplayerPeer.put_packet:
            # A class below sends in a way of its own: each packet has to go that way.
            super().send_to_members(packet, members, excluded, mode, channel)
            return
        mode = check_mode(mode)
        check_channel(channel)  # the envelope has no place for it
        data = check_packet(packet, self._max_packet)
        if self._has_target(0) and data:
            self._clients.send_to_members(self._queued(data, mode), members, excluded)

    def _queued(self, data: bytes, mode: TransferMode) -> Queued:
        return Queued(message_frame(data, text=False), len(data), mode, self._reactor.origin)

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have.

        That is the ``outbound_buffer_size`` that the session began with, less what the envelope of
        Godot 3 adds; ``sys.maxsize`` if it is 0.

        Args:
            channel: the ``transfer_channel`` that it is to be sent on.
        """
        del channel
        return self._max_packet or sys.maxsize

    def is_server_relay_supported(self) -> bool:
        """Return True: whatever lies above announces peers to each other and relays."""
        return True

    # ---------------------------------------------------------------- state

    def get_unique_id(self) -> int:
        """Return the own id: 1 on a server; on a client 0 until the server has told it."""
        return self._own_id


misplace(
    WebSocketMultiplayerPeer,
    (
        "bind_ip",
        "private_key",
        "tls_certificate",
        "ca_chain",
        "trusted_tls_certificate",
        "verify_tls",
    ),
    "create_client() and create_server() take an address and TLSOptions",
)
