"""``ChannelState``: how far a simulated connection has come, and what is counted about it."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from multiplayer.endpoint.channel_record import ChannelRecord
from multiplayer.endpoint.heartbeat import Heartbeat
from multiplayer.endpoint.sending import Sending

from .frames import Kind

if TYPE_CHECKING:
    from multiplayer.endpoint.channel_settings import ChannelSettings
    from multiplayer.endpoint.events import Broken
    from multiplayer.endpoint.peer_channel import PeerNotices


class Incoming(Protocol):
    """The way on which frames come, as their receiver knows it."""

    def read(self, size: int) -> None:
        """Note that so many bytes are not under way any more."""

    def close(self) -> None:
        """Swallow what arrives from now on."""


class Phase(Enum):
    """How far a connection has come."""

    OPENING = auto()
    """Nobody has been let in."""
    JOINING = auto()
    """It is open, and a client waits for its id."""
    OPEN = auto()
    CLOSING = auto()
    """We have said that we close."""
    HEARD = auto()
    """The other side has said so, and it has not been answered."""
    ANSWERED = auto()
    """Our answer, or a refusal, leaves."""
    FAILED = auto()
    """We have said what is wrong; the session knows."""
    OVER = auto()


UP: Final = (Phase.JOINING, Phase.OPEN)
ENDING: Final = (Phase.CLOSING, Phase.HEARD, Phase.ANSWERED, Phase.FAILED)


class ChannelState(ChannelRecord):
    """What one end of a connection is and has; see ``PeerChannel``.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        now: the time.
        client: it is a client's.
        awaits_id: keep the handshake's deadline until :meth:`settle`.
        query: what a client asks for besides, as in the query of a URL.

    Attributes:
        arrived: what has come and was not read: the kind of each frame, what is in it, and how many
            bytes it takes on its way.
        incoming: the way on which it has come; told when it is read.
    """

    __slots__ = (
        "_awaits_id",
        "_client",
        "_closed_by_us",
        "_heartbeat",
        "_query",
        "_sending",
        "_settings",
        "_settled",
        "arrived",
        "behind",
        "incoming",
        "outbox",
        "phase",
    )

    encrypted = False
    lingering = False
    numbered: ClassVar[int] = int(Kind.RELIABLE)  # the others may be lost

    def __init__(
        self,
        settings: ChannelSettings,
        notices: PeerNotices,
        now: float,
        *,
        client: bool,
        awaits_id: bool = False,
        query: str = "",
    ) -> None:
        super().__init__(settings, notices, now)
        self._query = query
        self.behind = False
        self.phase = Phase.OPENING
        self.arrived: deque[tuple[int, bytes, int]] = deque()
        self.incoming: Incoming | None = None
        self._settings = settings
        self._client = client
        self._awaits_id = awaits_id
        self._settled = False
        self._closed_by_us = False
        self._sending = sending = Sending(settings, self)
        self.outbox = sending.outbox
        self._heartbeat = Heartbeat(settings.heartbeat_interval, now)

    # ---------------------------------------------------------------- how far it has come

    @property
    def over(self) -> bool:
        """Whether it is over altogether."""
        return self.phase is Phase.OVER

    @property
    def is_open(self) -> bool:
        """Whether messages may come, and nobody has begun to close it, as far as is known."""
        return self.phase in UP

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is expected from the other side than its end."""
        return self.phase in ENDING

    @property
    def opening(self) -> bool:
        """Whether it has not been opened yet."""
        return self.phase is Phase.OPENING

    @property
    def pending(self) -> bool:
        """Whether nobody has been let in yet."""
        return self.phase is Phase.OPENING

    @property
    def closed_by_us(self) -> bool:
        """Whether this side began to close it."""
        return self._closed_by_us

    @property
    def is_held(self) -> bool:
        """Whether it is held, and we have not closed it meanwhile."""
        return self.held and self.phase in UP

    @property
    def reads(self) -> bool:
        """Whether it takes more of what has arrived."""
        if self.phase in UP:
            return not (self.held or self.behind or self.is_full)
        return self.phase is not Phase.OVER

    @property
    def missing(self) -> int:
        """How many bytes are to come of a message: none, since they arrive whole."""
        return 0

    # ---------------------------------------------------------------- time

    @property
    def round_trip_time(self) -> float | None:
        """How long the last ping and its pong took, in seconds; None before one."""
        return self._heartbeat.round_trip_time

    def blame(self, event: Broken) -> None:
        """Count a violation of the connection's own protocol, as over WebSockets."""
        self.violate(f"rfc6455_{event.code}")
