"""The port of a ``RoomServer``: it reads what each connection asks for, and lets others decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.resume_words import Return, read_wish
from multiplayer.endpoint.seat_keys import room_of
from multiplayer.rooms.addresses import RoomAddress, Wish, address_of
from peers.sockets.endpoint_sockets import EndpointSockets
from peers.websocket.consulting import Consulting
from peers.websocket.endpoint import adopt_links
from peers.websocket.events import HttpEvent, ReadyState, Requested
from peers.websocket.handshake_headers import handshake_fields
from peers.websocket.http_head import HttpRefusedError
from peers.websocket.http_service import HttpService
from peers.websocket.upgrade import UpgradeRequest
from peers.websocket.upgrade_policy import ask, check_origin
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from multiplayer.endpoint.commons import Commons
    from multiplayer.endpoint.peer_channel import PeerChannel, PeerEndpoint
    from multiplayer.endpoint.server_role import ServerRole
    from multiplayer.endpoint.statistics import Statistics
    from peers.sockets.hall import HallSystem
    from peers.websocket.http_exchange import HttpCallback, HttpRequest, HttpResponse
    from peers.websocket.link import Link

NO_ROOM: Final = "there is no such room"
"""What everybody is told whose room is not there, for whatever reason."""


@dataclass(frozen=True, slots=True)
class RoomRequest(UpgradeRequest):
    """What a client asks a room for: an ``UpgradeRequest``, and what the server has made of it.

    Attributes:
        room: what its URL says about the room.
        userdata: what the server's ``upgrade_callback`` attached to it by ``Accept``.
        fields: the header fields that it gets, if the room accepts it.
        opens: it is for this request that the room was opened.
        returns: it brings a token of a seat; neither the server nor the room is asked.
        tried: to how many rooms it was brought; several if those before have lost their place.
    """

    room: RoomAddress = RoomAddress(Wish.ANY, "")  # noqa: RUF009 - it cannot be changed
    userdata: object = None
    fields: tuple[tuple[bytes, bytes], ...] = ()
    opens: bool = False
    returns: bool = False
    tried: int = 0

    @property
    def options(self) -> Mapping[str, str]:
        """What the query of its URL says besides about rooms and seats: a stranger's words."""
        return self.room.options


class Usher(Protocol):
    """Brings connections to their rooms."""

    def receive(self, link: Link, request: RoomRequest) -> None:
        """Go on with a connection that the front has nothing against."""


class Front(WebSocketMultiplayerPeer):
    """What has the port of a ``RoomServer``, and whoever is in no room yet.

    Args:
        usher: brings them there.
        system: what it has of the computer.

    Attributes:
        answers: asked before ``http_callback``; None for no answer.
    """

    answers: HttpCallback | None

    def __init__(self, usher: Usher, system: HallSystem) -> None:
        self._usher = usher
        self.answers = None
        super().__init__()
        self.sockets.live_in(system)

    @property
    def sockets(self) -> EndpointSockets[PeerChannel]:
        """The sockets of those connections."""
        engine = self.endpoint.engine
        assert isinstance(engine, EndpointSockets)
        return engine

    @property
    def is_leaving(self) -> bool:
        """Whether it accepts nobody any more, and ends once all have left."""
        return self._role.leaving

    def _make_gate(
        self, protocols: tuple[str, ...], headers: Sequence[tuple[bytes, bytes]]
    ) -> FrontGate:
        del protocols, headers  # rooms have them
        return FrontGate(self._itself, self._commons, self._usher)

    def answering(self) -> HttpCallback | None:
        """Return what answers HTTP requests: the lobby, and then the program's own callback."""
        return self.http_callback if self.answers is None else self._answer

    def _answer(self, request: HttpRequest) -> HttpResponse | None:
        answer = None if self.answers is None else self.answers(request)
        if answer is None and self.http_callback is not None:
            return self.http_callback(request)
        return answer

    def begin_without_port(self) -> None:
        """Be a server whose connections are those that somebody else has accepted.

        Raises:
            MultiplayerError: as for ``create_server``.
        """
        adopt_links(self.endpoint, self.begin_room(handshake_fields(self.handshake_headers)))

    @property
    def past(self) -> Statistics:
        """What was counted of connections, and in rooms, that are gone."""
        return self._commons.past

    def reach(self, limit: str) -> None:
        """Count that a limit was reached by somebody who wanted to come in."""
        self._commons.past.limits_reached[limit] += 1

    def take_back(self, link: Link, room: PeerEndpoint, request: RoomRequest | None = None) -> None:
        """Go on with a connection that has no place in its room any more: find it another.

        Args:
            link: the connection.
            room: what has it.
            request: what it has asked for; None if the room has not come to that yet.
        """
        self.endpoint.take(link, room)  # with its request, if that waits there
        if request is None:
            self.wake()
        else:
            self.ask_again(link, request)

    def ask_again(self, link: Link, request: RoomRequest) -> None:
        """Find another room for a connection, as if it had just come."""
        self.endpoint.entries.append((link, Requested(request)))
        self.wake()

    def adopt(self, sock: socket.socket, address: tuple[str, int], received: bytes) -> None:
        """Go on with a connection that somebody else has accepted; see ``RoomServer.adopt``."""
        self.sockets.adopt(sock, address, received, self.now())
        self.wake()


class FrontGate:
    """Decides about requests before a room does.

    Args:
        host: the front.
        commons: what it works with.
        usher: brings to a room whoever may go on.
    """

    def __init__(
        self,
        host: Front,
        commons: Commons,
        usher: Usher,
    ) -> None:
        self._host = host
        self._usher = usher
        clock = commons.endpoint.clock
        self._consulting = Consulting(commons.handlers, clock)
        self._http = HttpService(commons.past, commons.handlers, clock)

    def take(self, role: ServerRole, link: PeerChannel, event: object) -> None:
        """Handle an event of a connection that is in no room yet."""
        websocket = cast("Link", link)  # nothing else has such events
        if isinstance(event, Requested):
            self._decide(role, websocket, event.request)
        elif isinstance(event, HttpEvent):
            self._http.take(websocket, event, self._host.answering())

    def _decide(self, role: ServerRole, link: Link, request: UpgradeRequest) -> None:
        if link.state != ReadyState.STATE_CONNECTING:
            return  # it left, or was refused for being late, before its turn came
        if not isinstance(request, RoomRequest):  # otherwise a room has given it back
            check = partial(self._check, role, request)
            trouble = "this server could not decide"
            verdict = self._consulting.ask(link, check, "upgrade_callback", trouble)
            if verdict is None:
                return
            request = verdict.value
        admit = partial(self._usher.receive, link, request)
        self._consulting.ask(link, admit, "opening a room", "the room could not be opened")

    def _check(self, role: ServerRole, request: UpgradeRequest) -> RoomRequest:
        """Return the request with what the server knows about it.

        Raises:
            HttpRefusedError: the request is refused.
            Exception: what the callback raised.
        """
        host = self._host
        wish = read_wish(request.target)
        returns = isinstance(wish, Return)
        if role.leaving or (host.refuse_new_connections and not returns):
            raise HttpRefusedError(CloseCode.TRY_LATER, "this server takes no new players")
        check_origin(request, host.allowed_origins)
        known = {name: getattr(request, name) for name in UpgradeRequest.__dataclass_fields__}
        if isinstance(wish, Return):  # to the room of its seat, whatever the path says
            room = RoomAddress(Wish.NAMED, "", room_of(wish.token))
            return RoomRequest(**known, room=room, returns=True)
        room = address_of(request.target)
        if room is None:
            raise HttpRefusedError(CloseCode.NO_SUCH_ROOM, NO_ROOM)
        # Of the headers that every answer has, the room knows itself.
        fields, userdata = ask(host.upgrade_callback, request, ())
        return RoomRequest(**known, room=room, userdata=userdata, fields=tuple(fields))
