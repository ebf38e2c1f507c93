"""``SimulatedServer`` and ``SimulatedClient``: peers of a session on a simulated network."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from multiplayer.addressing import check_id
from multiplayer.connection_status import ConnectionStatus
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from multiplayer.endpoint.client_role import ClientRole
from multiplayer.endpoint.endpoint import Endpoint
from multiplayer.endpoint.events import Drained
from multiplayer.endpoint.face import Face
from multiplayer.endpoint.godot3_client import GdMpClient
from multiplayer.endpoint.godot3_server import GdMpServer
from multiplayer.endpoint.godot4 import Godot4Client, Godot4Server
from multiplayer.endpoint.plain import PlainClient, PlainServer
from multiplayer.endpoint.returning_role import FIRST_QUERY, ReturningRole
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.errors import Error, MultiplayerError
from multiplayer.session_peer import SessionPeer
from multiplayer.setting_checks import not_in_plain_mode
from multiplayer.signals import Signal
from multiplayer.support.internal import internal
from multiplayer.without_seats import WithoutSeats

from .frames import message_frame
from .simulated_channel import SimulatedChannel
from .simulated_gate import SimulatedGate

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.channel_settings import ChannelSettings
    from multiplayer.endpoint.client_role import ClientEnvelope
    from multiplayer.endpoint.engine import Engine
    from multiplayer.endpoint.peer_channel import PeerChannel, PeerEndpoint, PeerNotices
    from multiplayer.endpoint.server_role import ServerEnvelope

    from .chance import Chance
    from .ether import Ether
    from .simulated_engine import SimulatedEngine

ENVELOPES: Final = ("gd_mp", "godot4", "plain")
"""What the packets of a session travel in: that of Godot 3, that of Godot 4, or none."""

_log: Final = logging.getLogger("multiplayer.testing.simulation")


class SimulatedPeer(SessionPeer):
    """What servers and clients of a simulated network have in common.

    A ``SimulatedNetwork`` makes them. They follow the rules of the peers over WebSockets, and have
    their settings but for what is about TLS, HTTP and URLs.

    Args:
        ether: what carries what they send.
        engine: what moves it.
        chance: what their ids are drawn from.
        envelope: one of :data:`ENVELOPES`.
        name: what the peer is called in traces.

    Attributes:
        name: see above.
        number: its number in the network.
    """

    _serves: ClassVar[bool]

    name: str
    number: int

    def __init__(
        self, ether: Ether, engine: SimulatedEngine, chance: Chance, envelope: str, name: str
    ) -> None:
        if envelope not in ENVELOPES:
            message = f"there is no envelope {envelope!r}; choose one of {', '.join(ENVELOPES)}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._ether = ether
        self._engine = engine
        self._chance = chance
        self._envelope = envelope
        self.name = name
        self.number = engine.number
        super().__init__(partial(_endpoint_over, engine), message_frame, Face())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {self._state()}>"

    @internal
    def lives_in(self, ether: Ether) -> bool:
        """Return whether it is a peer of that network."""
        return self._ether is ether

    @property
    def envelope(self) -> str:
        """What its packets travel in: "gd_mp", "godot4" or "plain"."""
        return self._envelope

    def now(self) -> float:
        """Return the network's time, in seconds."""
        return self._ether.seconds

    def randbits(self, bits: int) -> int:
        """Return the next bits of this peer's own stream of chance."""
        return self._chance.bits(bits)

    def is_server_relay_supported(self) -> bool:
        """Return whether the layer above announces peers and relays: with "godot4"."""
        return self._envelope == "godot4"


class SimulatedServer(SimulatedPeer):
    """A server; its signals are those of ``WebSocketServer``, and come in the same order."""

    _serves = True

    client_connected = Signal[int, str, str]("id", "protocol", "resource_name")
    """A client has connected; not with the envelope "godot4"."""
    client_disconnected = Signal[int, bool]("id", "was_clean_close")
    """A client is gone; cleanly if both sides have said so."""
    client_close_request = Signal[int, int, str]("id", "code", "reason")
    """A client is closing its connection; ``client_disconnected`` follows."""
    data_received = Signal[int]("id")
    """A packet can be fetched from ``get_peer(id)``; with the envelope "plain" only."""

    def _role_at_rest(self) -> ServerRole:
        gate = SimulatedGate(self._itself, self._commons)
        return ServerRole(self._itself, self._commons, self._make_envelope(), gate)

    def _make_envelope(self) -> ServerEnvelope:
        if self._envelope == "gd_mp":
            return GdMpServer(self._itself, self._commons, relays=self._server_relay)
        if self._envelope == "godot4":
            return Godot4Server(self._itself, self._commons)
        return PlainServer(self._itself, self._commons)

    def listen(self, port: int = 0) -> None:
        """Begin to accept clients.

        Args:
            port: where, within the network; 0 for a free one, see :meth:`get_local_port`.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it is listening, or another has the port;
                ``ERR_UNAVAILABLE``: a setting has no effect with this envelope.
        """
        self._require_idle()
        envelope = self._make_envelope()
        self._check_settings(serving=True, in_session=envelope.in_session)
        settings = self._channel_settings(envelope.name)
        if envelope.in_session and self.heartbeat_interval is None:
            settings = replace(settings, heartbeat_interval=SESSION_HEARTBEAT)
        make = partial(_newcomer, settings, self._endpoint.notices)
        size = settings.outbound_buffer_size
        self._endpoint.listen(self._engine.address, port, make, size, settings.limits)
        gate = SimulatedGate(self._itself, self._commons)
        role = ServerRole(self._itself, self._commons, envelope, gate)
        role.begin(size)
        self._take_on(role)

    def stop(self) -> None:
        """End at once and silently, as :meth:`close` does: the last packets may be lost."""
        self.close()

    def is_listening(self) -> bool:
        """Return whether clients can connect."""
        return self._role.status == ConnectionStatus.CONNECTION_CONNECTED

    @property
    def _is_server(self) -> bool:
        return True

    @property
    def _server_role(self) -> ServerRole:
        assert isinstance(self._role, ServerRole)
        return self._role

    @property
    def server_relay(self) -> bool:
        """Whether a server with the envelope "gd_mp" announces clients to each other and relays.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: there are clients, to which others have
                already been announced; ``ERR_UNAVAILABLE``: with another envelope.
        """
        return self._server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        if not relay:
            self._require_relay("server_relay", "server_relay")
        role = self._server_role
        if role.clients.members and relay != self._server_relay:
            message = "server_relay cannot change while clients are here; set it before listen()"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._server_relay = relay
        if isinstance(role.envelope, GdMpServer):
            role.envelope.session.relays = relay

    def _require_relay(self, name: str, instead: str) -> None:
        if self._envelope == "godot4":
            super()._require_relay(name, instead)
        elif self._envelope == "plain":
            raise not_in_plain_mode(name)

    def has_peer(self, id: int) -> bool:  # noqa: A002 - Godot's name
        """Return whether a client with that id is connected."""
        return check_id(id) in self._server_role.clients.members

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Announce a client that is held (``holds_new_peers``) to the others, and them to it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client.
        """
        self._server_role.admit(id)


class SimulatedClient(WithoutSeats, SimulatedPeer):
    """A client; its signals are those of ``WebSocketClient``, and come in the same order."""

    _serves = False

    connection_established = Signal[str]("protocol")
    """The connection is open; not with the envelope "godot4"."""
    connection_error = Signal[()]()
    """The connection (in a session: the session) never came up; ``failure`` says why."""
    connection_closed = Signal[bool]("was_clean_close")
    """The connection has ended; cleanly if both sides have said so."""
    data_received = Signal[()]()
    """A packet can be fetched from ``get_peer(1)``; with the envelope "plain" only."""
    server_close_request = Signal[int, str]("code", "reason")
    """The server is closing the connection."""

    def _role_at_rest(self) -> ClientRole:
        return ClientRole(self._itself, self._commons, self._make_envelope(), self._face)

    def _make_envelope(self) -> ClientEnvelope:
        made = {"gd_mp": GdMpClient, "godot4": Godot4Client, "plain": PlainClient}
        return made[self._envelope](self._itself, self._commons)

    def connect_to_server(self, server: SimulatedServer | int) -> None:
        """Begin to connect; signals report how it went. Again, once a connection is over.

        Args:
            server: a server of the same network, or the port that one listens at.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this client is in use;
                ``ERR_INVALID_PARAMETER``: the server is of another network;
                ``ERR_UNAVAILABLE``: a setting has no effect on a client.
        """
        if isinstance(server, SimulatedServer):
            if not server.lives_in(self._ether):
                message = f"{server!r} is a server of another network; connect to one of this"
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
            port = server.get_local_port()
        else:
            port = server
        envelope = self._make_envelope()
        self._check_settings(serving=False, in_session=envelope.in_session)
        self._require_idle()
        settings = self._channel_settings(envelope.name)
        dialling = _Dialling(settings, self._endpoint, self._ether, port, envelope.in_session)
        resume = self._resume
        channel = dialling.channel("" if resume is None else FIRST_QUERY)
        parts = self._itself, self._commons, envelope, self._face
        role = ClientRole(*parts)
        if resume is not None:
            role = ReturningRole(*parts, resume, dialling)
        role.begin(channel, settings.outbound_buffer_size, self)
        dialling.connect(channel)
        self._take_on(role)

    def disconnect_from_host(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close the connection; without one, do nothing.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, reason = self._check_close(code, reason)
        assert isinstance(self._role, ClientRole)
        self._role.close(code, reason)

    @property
    def _is_server(self) -> bool:
        return False

    def _require_relay(self, name: str, instead: str) -> None:
        if self._envelope == "godot4":
            super()._require_relay(name, instead)
            return
        message = (
            f"{name} is for servers; to take only the server into a client's session, set "
            f"{instead} on its API"
        )
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)


class _Dialling:
    """Connects a client to one port, as often as it takes."""

    def __init__(
        self,
        settings: ChannelSettings,
        endpoint: PeerEndpoint,
        ether: Ether,
        port: int,
        in_session: bool,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._ether = ether
        self._port = port
        self._in_session = in_session

    def __call__(self, query: str) -> PeerChannel:
        """Begin to connect, and ask for that."""
        channel = self.channel(query)
        self.connect(channel)
        return channel

    def channel(self, query: str) -> PeerChannel:
        """Return a channel that is to ask for that."""
        endpoint = self._endpoint
        return SimulatedChannel(
            self._settings,
            endpoint.notices,
            endpoint.clock(),
            client=True,
            awaits_id=self._in_session,
            query=query,
        )

    def connect(self, channel: PeerChannel) -> None:
        """Begin to connect it."""
        self._endpoint.connect(self._ether.address_of(self._port), self._port, channel)


def _endpoint_over(engine: Engine[PeerChannel], clock: Callable[[], float]) -> PeerEndpoint:
    return Endpoint(engine, clock, drained=Drained(), log=_log, eager=True)


def _newcomer(settings: ChannelSettings, notices: PeerNotices, now: float) -> PeerChannel:
    return SimulatedChannel(settings, notices, now, client=False)
