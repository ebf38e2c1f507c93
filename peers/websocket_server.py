"""``WebSocketServer``: a server for any WebSocket client, or for a gd_mp session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError, Signal, TransferMode
from multiplayer.addressing import check_id
from multiplayer.misplaced import misplace
from multiplayer.wire.envelopes import godot3 as gd_mp

from .certificates import PEM
from .fanout import Queued
from .locked_setting import LockedSetting
from .roster import ANNOUNCEMENT_SIZE, Roster, announcement
from .seed_peer import SeedPeer
from .setting_checks import not_in_plain_mode
from .tls_options import TLSOptions
from .websocket.close_codes import NORMAL, without_nul
from .websocket.frames import message_frame
from .websocket.upgrade import agreed_dialect
from .websocket_peer import check_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer import Limits

    from .websocket.frames import CloseReceived, Message
    from .websocket.link import Link
    from .websocket.tls import TLSLayer
    from .websocket.upgrade import UpgradeRequest

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_ADD: Final = gd_mp.PacketType.ADD
_ID: Final = gd_mp.PacketType.ID


class WebSocketServer(SeedPeer):
    """A WebSocket server (Godot 3 and early 4: ``WebSocketServer``).

    In plain mode it serves any RFC 6455 client through ``get_peer(id)``. In gd_mp mode it is peer 1
    of a Godot session: it gives out ids, announces peers and relays their packets.

    Attributes:
        bind_ip: the address to listen at, "*" for every interface. Not while listening.
        private_key: with :attr:`tls_certificate`, the server speaks only ``wss://``. The key of
            that certificate, as PEM text, PEM bytes or a path, not encrypted. Not while listening.
        tls_certificate: the certificate to show, in the same forms. Not while listening.
        ca_chain: the certificates between that one and an authority that clients trust, if there
            are any. Not while listening.
    """

    bind_ip = LockedSetting[str]("*")
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

    _envelope = "gd_mp"

    _begins_with = ("WebSocketServer", "listen(port, gd_mp_api=True)")

    _headers_instead = "an upgrade_callback answers with Accept(headers)"
    _protocols_instead = "listen(port, protocols=…) says which clients may choose"

    def __init__(self, *, limits: Limits | None = None) -> None:
        super().__init__(limits=limits)
        self._mp_mode = False
        self._serving = True
        self._reactor.eager = False
        self._own_id = gd_mp.SERVER_ID
        self._session = gd_mp.ServerSession()
        self._roster = Roster()

    # ---------------------------------------------------------------- listening

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
        self._listen(port, self.bind_ip, protocols, self._make_tls(), mp_mode=gd_mp_api)

    def _make_tls(self) -> Callable[[], Callable[[], TLSLayer]] | None:
        key, certificate = self.private_key, self.tls_certificate
        if key is None and certificate is None:
            if self.ca_chain is not None:
                message = (
                    "there is a ca_chain, but neither private_key nor tls_certificate: the "
                    "server would listen unencrypted; set both, or take the chain away"
                )
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
            return None
        if key is None or certificate is None:
            given, lacks = "tls_certificate", "private_key"
            if certificate is None:
                given, lacks = lacks, given
            message = f"there is a {given} but no {lacks}; TLS takes both, ws:// neither"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return partial(TLSOptions.server(key, certificate).server_layer, self.ca_chain)

    def stop(self) -> None:
        """End at once and silently, as :meth:`close` does: the last packets may be lost."""
        self.close()

    def end_at_once(self, code: int) -> None:
        """Do what :meth:`stop` does, with another close code."""
        super().end_at_once(code)
        self._session.clear()
        self._roster.clear()

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - as elsewhere
        """Return whether a peer has left by itself and without a close frame.

        Args:
            id: the peer's, from its ``peer_disconnected`` on.

        Returns:
            None if it closed with 1000 and no reason, as an ordinary client does, and as Godot 4
            does at once when it cannot make anything of what this server says.
        """
        peer = self._clients.find(id)
        if peer is None or peer.closed_by_us or self._clients.leaving or peer.get_close_reason():
            return super().left_silently(id)
        return None if peer.get_close_code() == NORMAL else super().left_silently(id)

    def is_listening(self) -> bool:
        """Return whether clients can connect."""
        return self._clients.listening

    # ---------------------------------------------------------------- what happens

    def _dialect_for(self, request: UpgradeRequest) -> int:
        return agreed_dialect(request.headers) if self._mp_mode else 0

    def _client_joined(self, link: Link, request: UpgradeRequest) -> None:
        peer_id, emission = link.peer_id, self.handlers.emission
        steps: list[Callable[[], object]] = [partial(self._clients.told.add, peer_id)]
        told = (peer_id, link.protocol, request.target)
        steps.append(emission(self.client_connected, peer_id, *told))
        if self._mp_mode:
            self._session.join(peer_id)
            own = announcement(_ID, peer_id) + announcement(_ADD, gd_mp.SERVER_ID)
            link.send_run(own, 2, 2 * ANNOUNCEMENT_SIZE)
            if not self.holds_new_peers:
                self._admit(link)
            # A listener of client_connected may force it out.
            gone = partial(self._clients.lacks, peer_id)
            steps.append(emission(self.peer_connected, peer_id, peer_id, unless=gone))
        self._then(*steps)

    def _admit(self, link: Link) -> None:
        """Tell a newcomer who is there, and the others that it is."""
        if not self._session.holds(link.peer_id):
            return
        self._reactor.writing.append(link)  # whoever calls this, it is who may miss something
        arrival = self._session.admit(link.peer_id)
        if arrival:
            roster = self._roster
            link.send_run(roster.frames, len(roster), roster.size)
            self._reactor.look_at(link)
            roster.add(link.peer_id)
            self._tell_all(arrival)
        self._clients.include(link)
        self._reactor.writing.pop()

    def _tell_all(self, packet: bytes) -> None:
        queued = Queued(message_frame(packet, text=False), len(packet), _RELIABLE)
        self._clients.send((queued, queued), 0)

    def _told_to_close(self, link: Link, event: CloseReceived) -> None:
        reason = without_nul(event.reason)
        peer_id = link.peer_id
        self._then_emit(self.client_close_request, peer_id, peer_id, event.code, reason)

    def _client_left(self, peer_id: int, *, clean: bool) -> None:
        emission = self.handlers.emission
        steps: list[Callable[[], object]] = [partial(self._forget_client, peer_id)]
        if peer_id in self._clients.told:
            if self._mp_mode:
                steps.append(emission(self.peer_disconnected, peer_id, peer_id))
            steps.append(emission(self.client_disconnected, peer_id, peer_id, clean))
        self._then(*steps, partial(self.handlers.forget, peer_id))

    def _forget_client(self, peer_id: int) -> None:
        self._clients.exclude(peer_id)
        if self._mp_mode:
            # Told before it is noted: a second time does less harm than never.
            departure = self._session.departure(peer_id)
            if departure:
                self._tell_all(departure)
                self._roster.remove(peer_id)
            self._session.leave(peer_id)
        super()._forget_client(peer_id)

    def _see_who_ended(self) -> None:
        super()._see_who_ended()
        self._roster.begin_anew(self._session.admitted if self._session.relays else ())

    def _take_message(self, link: Link, message: Message) -> None:
        if not self._mp_mode:
            self._clients.peers[link.peer_id].store(message)
            self.handlers.emit(self.data_received, link.peer_id, link.peer_id)
            return
        data = message.data
        verdict = self._session.receive(link.peer_id, data, agreed=link.dialect > 0)
        if isinstance(verdict, gd_mp.Route):
            for_server, target, mode, channel, held_back = verdict
            if held_back:
                link.drop(gd_mp.Drop.NOT_ADMITTED)
            if target != gd_mp.SERVER_ID:
                self._send(data, target, mode, link)
            if for_server:
                payload = gd_mp.payload_of(data)
                self._receive(link, link.peer_id, payload, len(data), mode, channel)
            else:
                link.fetched(len(data))
            return
        link.fetched(len(data))
        if isinstance(verdict, gd_mp.Drop):
            link.drop(verdict)
        else:
            self._punish(link, verdict)

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (see ``set_target_peer``); gd_mp mode only.

        It leaves at the end of the next :meth:`poll`, or at :meth:`flush`. Never blocks. An empty
        buffer, and a packet to the server itself, go nowhere (as in Godot); so does one for a
        client that has left, and is counted. To clients that read too slowly, those that are not
        reliable (see ``transfer_mode``) may be dropped.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(id).put_packet``;
                ``FAILED``: not listening, or there never was such a target;
                ``ERR_OUT_OF_MEMORY``: longer than ``outbound_buffer_size``;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        self._put(buffer, self._target_peer, self._transfer_mode, self._transfer_channel)

    def _put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        data = check_packet(packet, self._max_packet, envelope=gd_mp.header_size(channel))
        if not data:
            return
        self._require_mp_mode("put_packet")
        if not self._has_target(target):
            return
        self._send(gd_mp.packet(gd_mp.SERVER_ID, target, data, mode, channel), target, mode)

    def _send(
        self, packet: bytes, target: int, mode: TransferMode, sender: Link | None = None
    ) -> None:
        """Send a packet to those whom ``target`` means, as each of them understands it."""
        origin = self._reactor.origin
        queued = plain = Queued(message_frame(packet, text=False), len(packet), mode, origin)
        if packet[0]:  # not Godot's own bytes
            packet = gd_mp.plain(packet)
            plain = Queued(message_frame(packet, text=False), len(packet), mode, origin)
        self._clients.send((plain, queued), target, sender)

    # ---------------------------------------------------------------- peers

    @property
    def server_relay(self) -> bool:
        """Whether a gd_mp server tells clients of each other and relays between them (True).

        While it is False, clients know the server alone: what they send to all reaches the server
        only; what they send to others is dropped, and counted as ``not_relayed``.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: there are clients, who have been told already;
                ``ERR_UNAVAILABLE``: in plain mode, where nobody is told of anybody.
        """
        return self._session.relays

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        if not relay:
            self._require_relay("server_relay", "server_relay")
        if self._clients.links and relay != self._session.relays:
            message = "server_relay cannot change while clients are here; set it before listen()"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._session.relays = relay

    @property
    def _is_server(self) -> bool:
        return True

    def _require_relay(self, name: str, instead: str) -> None:
        del instead
        if self._clients.listening and not self._mp_mode:
            raise not_in_plain_mode(name)

    def has_peer(self, id: int) -> bool:  # noqa: A002 - Godot's name
        """Return whether a client with that id is connected."""
        return check_id(id) in self._clients.peers

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Announce a client that is held (``holds_new_peers``) to the others, and them to it.

        One that has left is left alone.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client.
        """
        if self._clients.has_left(check_id(id)):
            return
        link = self._link_of(id)
        if self._mp_mode:
            self._admit(link)

    def disconnect_peer(  # pyright: ignore[reportIncompatibleMethodOverride] - Godot 3's order
        self, peer: int, code: int = 1000, reason: str = "", *, force: bool = False
    ) -> None:
        """Begin to close the connection to a client (RFC 6455 section 7.1.2).

        What was sent before arrives, what is put from now on is dropped. The client counts as
        connected until it has answered or ``close_timeout`` is over; keep polling. One that has
        left is left alone.

        Args:
            peer: the client's id.
            code: see ``WebSocketClient.disconnect_from_host``. ``True`` means ``force``, so that
                Godot 4's ``disconnect_peer(id, true)`` works too.
            reason: cut to 123 bytes of UTF-8.
            force: forget the client at once; no signal is emitted for it, and the last packets may
                be lost.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client;
                ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        if isinstance(code, bool):
            force, code = force or code, 1000
        self._disconnect_client(peer, code, reason, force=force)


misplace(WebSocketServer, ("ssl_certificate",), "Godot 4 calls it tls_certificate")
misplace(WebSocketServer, ("trusted_tls_certificate", "verify_tls"), "it is a setting of clients")
