"""What the messages of a server mean to a client with Godot 3's envelope."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID
from multiplayer.wire.envelopes import godot3 as gd_mp

from .cause import Cause
from .failure import Failure
from .godot3_words import Godot3Client

if TYPE_CHECKING:
    from .agenda import Step
    from .client_envelope import Connecting
    from .commons import Commons
    from .events import Message
    from .peer_channel import PeerChannel
    from .signals_of_peers import Godot3ClientSignals


class GdMpClient(Godot3Client):
    """What the messages of a Godot 3 server mean.

    Args:
        signals: report them.
        commons: what the client works with.
    """

    name = "gd_mp"
    in_session = True
    overhead, channel_overhead = gd_mp.HEADER_SIZE, 1
    packet_at = gd_mp.HEADER_SIZE

    def __init__(self, signals: Godot3ClientSignals, commons: Commons) -> None:
        super().__init__(signals, commons)
        self._inbox = commons.inbox
        self._session = gd_mp.ClientSession()
        self.message = self._session.message
        self._told: set[int] = set()  # peers that the program knows of

    @property
    def id(self) -> int:
        """Our own id; 0 until the server has sent it."""
        return self._session.id

    def others(self) -> list[int]:
        """Return the peers that the server has announced."""
        return sorted(self._session.peers)

    def opened(self, role: Connecting, link: PeerChannel) -> None:
        """Wait for the id."""
        del role
        self._session.agreed = link.gdpeers_version > 0
        self._agenda.then_emit(self._signals.connection_established, SERVER_ID, link.protocol)

    def take(self, role: Connecting, link: PeerChannel, message: Message) -> None:
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

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is a packet of the game, without a channel."""
        return gd_mp.is_plain_packet(data)

    def _tell_left(self, peer: int) -> None:
        self._agenda.then(
            partial(self._told.discard, peer),
            self._handlers.emission(self._signals.peer_disconnected, peer, peer),
            partial(self._handlers.forget, peer),
        )

    def _tell_joined(self, role: Connecting, link: PeerChannel, joined: gd_mp.Joined) -> None:
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

    def begin_anew(self) -> None:
        """Expect our id and all who are there once more."""
        self._session.begin_anew()

    def end_roster(self) -> None:
        """Report those who have gone while we were away."""
        for peer in self._session.end_roster():
            self._tell_left(peer)
