"""``Gate``: who gets into a server, and what happens to HTTP requests that ask for no upgrade."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.face import FaceOwner
from multiplayer.endpoint.member import Member
from multiplayer.endpoint.newcomer_ids import draw_id
from multiplayer.endpoint.room import limit_reached
from multiplayer.endpoint.seats import Returning, TurnedAway

from .websocket.consulting import Consulting
from .websocket.events import HttpEvent, ReadyState, Requested
from .websocket.http_head import HttpRefusedError
from .websocket.http_service import HttpService
from .websocket.upgrade import agreed_version, choose_protocol
from .websocket.upgrade_policy import ask, check_origin
from .websocket_peer import WebSocketPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from multiplayer import Limits
    from multiplayer.endpoint.clients import Clients
    from multiplayer.endpoint.commons import Commons
    from multiplayer.endpoint.peer_channel import PeerChannel
    from multiplayer.endpoint.seats import SeatWish
    from multiplayer.endpoint.server_role import ServerRole

    from .websocket.http_exchange import HttpCallback
    from .websocket.link import Link
    from .websocket.upgrade import UpgradeRequest
    from .websocket.upgrade_policy import UpgradeCallback


_FULL: Final = {
    "max_peers": (503, "this server is full"),
    "max_peers_per_address": (429, "too many connections from your address"),
}


class GateHost(FaceOwner, Protocol):
    """What a gate needs of the object that users hold."""

    @property
    def refuse_new_connections(self) -> bool:
        """See ``WebSocketMultiplayerPeer``."""
        ...

    @property
    def allowed_origins(self) -> Collection[str] | None:
        """See ``WebSocketMultiplayerPeer``."""
        ...

    @property
    def upgrade_callback(self) -> UpgradeCallback | None:
        """See ``WebSocketMultiplayerPeer``.

        That of a room may give the connection to another endpoint, which goes on with it.
        """
        ...

    @property
    def http_callback(self) -> HttpCallback | None:
        """See ``WebSocketMultiplayerPeer``."""
        ...

    @property
    def is_id_elsewhere(self) -> Callable[[int], bool] | None:
        """See ``ApiHooks``."""
        ...

    def generate_unique_id(self) -> int:
        """See ``MultiplayerPeer``."""
        ...

    def token_time(self) -> float:
        """See ``SessionPeer``."""
        ...


_SESSION_WANTED: Final = (
    "it has connected with gd_mp_api=True, and this server is in plain mode: use "
    "listen(port, gd_mp_api=True) here, or connect without it there"
)


class Gate:
    """Decides about requests, one connection at a time.

    Args:
        host: the object that users hold.
        commons: what the server works with.
        protocols: the sub-protocols that clients may choose from.
        headers: additional header fields of the response to each client.
    """

    def __init__(
        self,
        host: GateHost,
        commons: Commons,
        protocols: tuple[str, ...] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        self._host = host
        self._endpoint = commons.endpoint
        self._consulting = Consulting(commons.handlers, commons.endpoint.clock)
        self._http = HttpService(commons.past, commons.handlers, commons.endpoint.clock)
        self._protocols = protocols
        self._headers = headers

    def take(self, role: ServerRole, link: PeerChannel, event: object) -> None:
        """Handle an event of a connection that is not a client yet."""
        websocket = cast("Link", link)  # nothing else has such events
        if isinstance(event, Requested):
            self._decide(role, websocket, event.request)
        elif isinstance(event, HttpEvent):
            self._http.take(websocket, event, self._host.http_callback)

    def _decide(self, role: ServerRole, link: Link, request: UpgradeRequest) -> None:
        if link.state != ReadyState.STATE_CONNECTING:
            return  # it left, or was refused for being late, before its turn came
        guest = role.seats.receive(request.target, self._host.token_time())
        if isinstance(guest, TurnedAway):
            link.turn_away(CloseCode.SEAT_GONE, guest.why, self._endpoint.clock())
        elif isinstance(guest, Returning):
            self._let_back(role, link, request, guest)
        else:
            self._let_in(role, link, request, guest.wish)

    def _let_back(
        self, role: ServerRole, link: Link, request: UpgradeRequest, guest: Returning
    ) -> None:
        """Let a client come back to its seat.

        Its page's origin and the sub-protocol are checked, but it is not a newcomer: no limit
        counts, and the ``upgrade_callback``, whose ``userdata`` it has, is not asked.
        """
        check = partial(self._check_again, request)
        verdict = self._consulting.ask(link, check, "", "this server could not decide")
        if verdict is None:
            return
        member = guest.member
        link.peer_id = member.id
        version = agreed_version(request.headers) if role.envelope.may_agree else 0
        link.asked.accept(verdict.value, self._endpoint.clock(), version, self._headers)
        if isinstance(member.face, WebSocketPeer):
            member.face.request = request
        role.come_back(guest, link)

    def _check_again(self, request: UpgradeRequest) -> str:
        """Return the sub-protocol to agree with.

        Raises:
            HttpRefusedError: the request is refused.
        """
        check_origin(request, self._host.allowed_origins)
        return choose_protocol(request.protocols, self._protocols)

    def _let_in(
        self, role: ServerRole, link: Link, request: UpgradeRequest, wish: SeatWish | None
    ) -> None:
        """Let a newcomer in, with a seat if it asks for one and may have one."""
        host, clients = self._host, role.clients
        check = partial(self._check, role, link, request)
        trouble = "this server could not decide"
        verdict = self._consulting.ask(link, check, "upgrade_callback", trouble)
        if verdict is None or link not in self._endpoint.engine.channels:
            return  # it is answered, or somebody else's by now: see GateHost.upgrade_callback
        protocol, headers, userdata = verdict.value
        generate, elsewhere = host.generate_unique_id, host.is_id_elsewhere
        draw = partial(draw_id, generate, clients.members, clients.left, elsewhere)
        trouble = "this server has no id for another client"
        drawn = self._consulting.ask(link, draw, "generate_unique_id", trouble)
        if drawn is None:
            return
        link.peer_id = drawn.value
        agreed = agreed_version(request.headers)
        version = agreed if role.envelope.may_agree else 0
        link.asked.accept(protocol, self._endpoint.clock(), version, headers)
        face = WebSocketPeer()
        face.request = request
        if userdata is not None:
            face.userdata = userdata
        face.attach(link, self._endpoint, role.max_packet, host)
        role.welcome(Member(link, face), request.target, wish)
        if agreed and not role.envelope.in_session:
            link.note(logging.WARNING, "expects_a_session", _SESSION_WANTED)

    def _check(
        self, role: ServerRole, link: Link, request: UpgradeRequest
    ) -> tuple[str, Sequence[tuple[bytes, bytes]], object]:
        """Return the sub-protocol and the headers to agree with, and the ``userdata``.

        Raises:
            HttpRefusedError: the request is refused.
            Exception: what the callback raised.
        """
        host = self._host
        if host.refuse_new_connections:
            raise HttpRefusedError(403, "this server refuses new connections")
        _check_room(role.clients, link, role.limits)
        check_origin(request, host.allowed_origins)
        protocol = choose_protocol(request.protocols, self._protocols)
        headers, userdata = ask(host.upgrade_callback, request, self._headers)
        return protocol, headers, userdata


def _check_room(clients: Clients, link: Link, limits: Limits) -> None:
    """Raise if there is no room for another client from that address.

    Raises:
        HttpRefusedError: 503 or 429.
    """
    limit = limit_reached(clients, link, limits)
    if limit:
        raise HttpRefusedError(*_FULL[limit])
