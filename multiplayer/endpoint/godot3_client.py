"""What the messages of a server mean to a ``WebSocketClient``: with Godot 3's envelope, or none."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from multiplayer.addressing import SERVER_ID
from multiplayer.connection_status import ConnectionStatus
from multiplayer.wire.envelopes import godot3 as gd_mp

from .cause import Cause
from .events import without_nul
from .failure import Failure
from .godot4 import Signals as SessionSignals
from .inbox import no_session

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode
    from multiplayer.signals import Signal

    from .agenda import Agenda, Step
    from .client_role import ClientRole
    from .commons import Commons
    from .events import CloseReceived, Message
    from .peer_channel import PeerChannel


class Signals(SessionSignals, Protocol):
    """The signals of ``WebSocketClient``."""

    connection_established: Signal[str]
    connection_error: Signal[()]
    connection_closed: Signal[bool]
    data_received: Signal[()]
    server_close_request: Signal[int, str]


class PlainClient:
    """What the messages of any WebSocket server mean: packets of the only connection.

    Args:
        signals: report them.
        commons: what the client works with.

    Attributes:
        id: 0; there is no session.
    """

    name = "plain"
    in_session = False
    overhead = channel_overhead = 0
    id = 0

    def __init__(self, signals: Signals, commons: Commons) -> None:
        self._signals = signals
        self._agenda = commons.agenda
        self._handlers = commons.handlers

    def others(self) -> list[int]:
        """Return nobody."""
        return []

    def opened(self, role: ClientRole, link: PeerChannel) -> None:
        """Be connected."""
        role.status = ConnectionStatus.CONNECTION_CONNECTED
        self._agenda.then_emit(self._signals.connection_established, SERVER_ID, link.protocol)

    def told_to_close(self, event: CloseReceived) -> None:
        """Report that the server is closing; the answer goes out after that."""
        _tell_close_request(self._signals, self._agenda, event)

    def take(self, role: ClientRole, link: PeerChannel, message: Message) -> None:
        """Keep the packet and report it."""
        del link
        role.face.store(message)
        self._handlers.emit(self._signals.data_received, SERVER_ID)

    def words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Step]:
        """Return the signal for a connection that is gone, or never came up."""
        signals, emission = self._signals, self._handlers.emission
        if was_up:
            return [emission(signals.connection_closed, SERVER_ID, clean)]
        return [emission(signals.connection_error, SERVER_ID)]

    def send(
        self, link: PeerChannel, data: bytes, target: int, mode: TransferMode, channel: int
    ) -> None:
        """Raise: packets go through the connection."""
        del link, data, target, mode, channel
        raise no_session("put_packet")


class GdMpClient:
    """What the messages of a Godot 3 server mean.

    Args:
        signals: report them.
        commons: what the client works with.
    """

    name = "gd_mp"
    in_session = True
    overhead, channel_overhead = gd_mp.HEADER_SIZE, 1

    def __init__(self, signals: Signals, commons: Commons) -> None:
        self._signals = signals
        self._endpoint = commons.endpoint
        self._agenda = commons.agenda
        self._inbox = commons.inbox
        self._handlers = commons.handlers
        self._session = gd_mp.ClientSession()
        self._told: set[int] = set()  # peers that the program knows of

    @property
    def id(self) -> int:
        """Our own id; 0 until the server has sent it."""
        return self._session.id

    def others(self) -> list[int]:
        """Return the peers that the server has announced."""
        return sorted(self._session.peers)

    def opened(self, role: ClientRole, link: PeerChannel) -> None:
        """Wait for the id."""
        del role
        self._session.agreed = link.gdpeers_version > 0
        self._agenda.then_emit(self._signals.connection_established, SERVER_ID, link.protocol)

    def told_to_close(self, event: CloseReceived) -> None:
        """Report that the server is closing; the answer goes out after that."""
        _tell_close_request(self._signals, self._agenda, event)

    def take(self, role: ClientRole, link: PeerChannel, message: Message) -> None:
        """Handle a message, whether it is text or binary."""
        data = message.data
        happened = self._session.receive(data)
        if type(happened) is gd_mp.Received:
            source, payload, announced, mode, channel = happened
            if not announced:
                link.violate("unannounced_sender")
            self._inbox.receive(link, source, payload, len(data), mode, channel)
            return
        link.fetched(len(data))
        if isinstance(happened, gd_mp.Violation):
            link.violate(happened)
        elif isinstance(happened, gd_mp.OtherGeneration):
            role.close(Cause.MISUNDERSTOOD, "this is not a gd_mp session")
            role.end_of_server(Failure("id", happened.detail), clean=False)
        elif isinstance(happened, gd_mp.Left):
            self._tell_left(happened.peer)
        elif isinstance(happened, gd_mp.Joined):
            self._tell_joined(role, link, happened)

    def _tell_left(self, peer: int) -> None:
        self._agenda.then(
            partial(self._told.discard, peer),
            self._handlers.emission(self._signals.peer_disconnected, peer, peer),
            partial(self._handlers.forget, peer),
        )

    def _tell_joined(self, role: ClientRole, link: PeerChannel, joined: gd_mp.Joined) -> None:
        peer, signals, emission = joined.peer, self._signals, self._handlers.emission
        steps: list[Step] = [partial(self._told.add, peer)]
        if joined.completes:
            steps.append(partial(role.came_up, link))
        steps.append(emission(signals.peer_connected, peer, peer))
        if joined.completes:
            steps.append(emission(signals.connection_succeeded, peer))
        self._agenda.then(*steps)

    def words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Step]:
        """Return the signals for a connection that is gone, or never came up."""
        signals, emission = self._signals, self._handlers.emission
        words: list[Step] = []
        # All who were announced are gone, even if the session never came up: the server last.
        for peer in sorted(self._told, key=lambda peer: (peer == SERVER_ID, peer)):
            words.append(emission(signals.peer_disconnected, peer, peer))  # noqa: PERF401
        words.append(self._told.clear)
        if was_up:
            words.append(emission(signals.server_disconnected, SERVER_ID))
            words.append(emission(signals.connection_closed, SERVER_ID, clean))
        else:
            words.append(emission(signals.connection_error, SERVER_ID))
            words.append(emission(signals.connection_failed, SERVER_ID))
        return words

    def send(
        self, link: PeerChannel, data: bytes, target: int, mode: TransferMode, channel: int
    ) -> None:
        """Send a packet to the server, which passes it on."""
        session = self._session
        if target in session.left:
            link.drop("departed")
            return
        framed = gd_mp.packet(session.id, target, data, mode, channel)
        message = framed if link.gdpeers_version else gd_mp.plain(framed)
        self._endpoint.send(link, message, mode=mode)


def _tell_close_request(signals: Signals, agenda: Agenda, event: CloseReceived) -> None:
    """Report that the server is closing."""
    reason = without_nul(event.reason)
    agenda.then_emit(signals.server_close_request, SERVER_ID, event.code, reason)
