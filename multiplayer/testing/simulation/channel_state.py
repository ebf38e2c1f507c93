"""``ChannelState``: how far a simulated connection has come, and what is counted about it."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, cast

from multiplayer.endpoint.close_codes import NORMAL
from multiplayer.endpoint.heartbeat import Heartbeat
from multiplayer.endpoint.ledger import Ledger
from multiplayer.endpoint.sending import Sending

from .frames import Kind

if TYPE_CHECKING:
    from multiplayer.endpoint.channel_settings import ChannelSettings
    from multiplayer.endpoint.events import Broken
    from multiplayer.endpoint.failure import Failure
    from multiplayer.endpoint.peer_channel import PeerChannel, PeerNotices
    from multiplayer.endpoint.pressure import Account


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


class ChannelState:
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
        "_entries",
        "_heartbeat",
        "_ledger",
        "_query",
        "_sending",
        "_settings",
        "_settled",
        "_touched",
        "account",
        "address",
        "arrived",
        "behind",
        "calm_unfetched",
        "calm_unfetched_bytes",
        "close_code",
        "close_reason",
        "deadline",
        "failure",
        "gdpeers_version",
        "held",
        "incoming",
        "outbox",
        "peer_id",
        "phase",
        "port",
        "protocol",
        "resumed",
        "statistics",
        "unfetched",
        "unfetched_bytes",
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
        self._query = query
        self.peer_id = 0
        self.address = ""
        self.port = 0
        self.protocol = ""
        self.gdpeers_version = 0
        self.unfetched: int = 0
        self.unfetched_bytes: int = 0
        self.calm_unfetched: float = settings.max_queued_packets
        self.calm_unfetched_bytes: float = settings.limits.max_inbox_bytes or math.inf
        self.close_code = -1
        self.close_reason = ""
        self.failure: Failure | None = None
        self.account: Account | None = None
        self.held = False
        self.resumed = False
        self.behind = False
        self.deadline: float | None = now + settings.handshake_timeout
        self.phase = Phase.OPENING
        self.arrived: deque[tuple[int, bytes, int]] = deque()
        self.incoming: Incoming | None = None
        self._settings = settings
        self._entries, self._touched, faults = notices
        self._client = client
        self._awaits_id = awaits_id
        self._settled = False
        self._closed_by_us = False
        self._ledger = ledger = Ledger(self, settings.envelope, faults)
        self.statistics = ledger.statistics
        self._sending = sending = Sending(settings, ledger)
        self.outbox = sending.outbox
        self._heartbeat = Heartbeat(settings.heartbeat_interval, now)

    def report_to(self, notices: PeerNotices) -> None:
        """Put what happens from now on into these, which are another endpoint's."""
        self._entries, self._touched, faults = notices
        self._ledger.write_to(faults)

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
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it with 1000, and gave no reason."""
        return self.close_code == NORMAL and not self.close_reason

    @property
    def _is_full(self) -> bool:
        settings = self._settings
        return (
            self.unfetched >= settings.max_queued_packets
            or 0 < settings.limits.max_inbox_bytes <= self.unfetched_bytes
        )

    @property
    def is_held(self) -> bool:
        """Whether it is held, and we have not closed it meanwhile."""
        return self.held and self.phase in UP

    @property
    def reads(self) -> bool:
        """Whether it takes more of what has arrived."""
        if self.phase in UP:
            return not (self.held or self.behind or self._is_full)
        return self.phase is not Phase.OVER

    def _resume(self) -> None:
        self.resumed = True
        self.ready()

    # ---------------------------------------------------------------- time

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""
        self.deadline = deadline
        self.ready()

    @property
    def round_trip_time(self) -> float | None:
        """How long the last ping and its pong took, in seconds; None before one."""
        return self._heartbeat.round_trip_time

    # ---------------------------------------------------------------- telling

    def tell(self, event: object) -> None:
        """Queue what happened for the endpoint."""
        self._entries.append((cast("PeerChannel", self), event))

    def ready(self) -> None:
        """Note that something has changed."""
        self._touched[cast("PeerChannel", self)] = None

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere."""
        self._ledger.drop(reason, count)

    def blame(self, event: Broken) -> None:
        """Count a violation of the connection's own protocol, as over WebSockets."""
        self._ledger.violate(f"rfc6455_{event.code}")

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation of the session's rules."""
        self._ledger.violate(kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        self._ledger.reach(limit)

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this channel."""
        self._ledger.note(level, kind, detail)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every line of the log about it has, besides the peer's id."""
        return self._ledger.log_fields
