"""``SimulatedGate``: who gets into a simulated server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.face import Face, FaceOwner
from multiplayer.endpoint.member import Member
from multiplayer.endpoint.newcomer_ids import draw_id
from multiplayer.endpoint.room import limit_reached
from multiplayer.endpoint.seats import Returning, TurnedAway

from .simulated_channel import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.commons import Commons
    from multiplayer.endpoint.peer_channel import PeerChannel
    from multiplayer.endpoint.seats import SeatWish
    from multiplayer.endpoint.server_role import ServerRole

    from .simulated_channel import SimulatedChannel

_VERSION: Final = 1  # of docs/protocol/gdpeers.md
_FULL: Final = {
    "max_peers": "503: this server is full",
    "max_peers_per_address": "429: too many connections from your address",
}
_NO_ID: Final = "500: this server has no id for another client"


class GateHost(FaceOwner, Protocol):
    """What a gate needs of the object that users hold."""

    @property
    def refuse_new_connections(self) -> bool:
        """See ``MultiplayerPeer``."""
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


class SimulatedGate:
    """Decides about those who ask, one at a time.

    Args:
        host: the object that users hold.
        commons: what the server works with.
    """

    def __init__(self, host: GateHost, commons: Commons) -> None:
        self._host = host
        self._endpoint = commons.endpoint
        self._handlers = commons.handlers

    def take(self, role: ServerRole, link: PeerChannel, event: object) -> None:
        """Handle an event of a connection that is not a client yet."""
        if isinstance(event, Asked) and link.opening:
            self._decide(role, cast("SimulatedChannel", link), event)

    def _decide(self, role: ServerRole, link: SimulatedChannel, asked: Asked) -> None:
        guest = role.seats.receive(f"/?{asked.query}", self._host.token_time())
        version = min(asked.version, _VERSION) if role.envelope.may_agree else 0
        if isinstance(guest, TurnedAway):
            link.turn_away(CloseCode.SEAT_GONE, guest.why, self._endpoint.clock())
        elif isinstance(guest, Returning):
            link.peer_id = guest.member.id
            link.accept(version, self._endpoint.clock())
            role.come_back(guest, link)
        else:
            self._let_in(role, link, version, guest.wish)

    def _let_in(
        self, role: ServerRole, link: SimulatedChannel, version: int, wish: SeatWish | None
    ) -> None:
        """Let a newcomer in, with a seat if it asks for one and may have one."""
        host, clients, now = self._host, role.clients, self._endpoint.clock()
        if host.refuse_new_connections:
            link.refuse("403: this server refuses new connections", now)
            return
        limit = limit_reached(clients, link, role.limits)
        if limit:
            link.refuse(_FULL[limit], now)
            return
        generate, elsewhere = host.generate_unique_id, host.is_id_elsewhere
        draw = partial(draw_id, generate, clients.members, clients.left, elsewhere)
        try:
            drawn = draw()
        except Exception as error:
            self._handlers.failed(0, "generate_unique_id", error)
            link.refuse(_NO_ID, now)
            return
        link.peer_id = drawn
        link.accept(version, now)
        face = Face()
        face.attach(link, self._endpoint, role.max_packet, host)
        role.welcome(Member(link, face), "/", wish)
