"""What a connection is: how far it has come, what has been counted, and how it tells of both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final, cast

from multiplayer.endpoint.close_codes import NORMAL
from multiplayer.endpoint.ledger import Ledger

from .events import ReadyState
from .phases import Life, Phase

if TYPE_CHECKING:
    from collections import deque

    from multiplayer.endpoint.events import Broken
    from multiplayer.endpoint.failure import Failure
    from multiplayer.endpoint.peer_channel import PeerNotices
    from multiplayer.endpoint.pressure import Account

    from .events import LinkEvent
    from .settings import LinkSettings

_CONNECTING: Final = ReadyState.STATE_CONNECTING
_OPEN: Final = ReadyState.STATE_OPEN
_CLOSING: Final = ReadyState.STATE_CLOSING


class LinkState:
    """The state of a link.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        now: the time.

    Attributes:
        peer_id: the id that the other side has in the session; initially 0.
        deadline: when :meth:`check` wants to be called, in seconds on the endpoint's clock.
        unfetched: messages that were queued but not fetched.
        unfetched_bytes: how many bytes they have.
        close_code: the code of the received close frame; -1 if none came.
        close_reason: its reason.
        closed_by_us: we began the closing handshake.
        failure: why it failed; None if it did not.
        protocol: the agreed sub-protocol, "" for none.
        gdpeers_version: the agreed version of ``docs/protocol/gdpeers.md``, 0 for none: Godot's
            bytes only.
        address, port: the other side's; "" and 0 until connected.
        account: for a server's client, what it has sent to others.
        held: see ``pressure``; the endpoint's to change.
        resumed: there is room again for what was not decoded or read; :meth:`receive` takes it.
        statistics: the counts.
        numbered: the first byte of frames that are binary messages.
    """

    __slots__ = (
        "_entries",
        "_ledger",
        "_life",
        "_settings",
        "_touched",
        "account",
        "address",
        "calm_unfetched",
        "calm_unfetched_bytes",
        "close_code",
        "close_reason",
        "closed_by_us",
        "deadline",
        "failure",
        "gdpeers_version",
        "held",
        "peer_id",
        "port",
        "protocol",
        "resumed",
        "statistics",
        "unfetched",
        "unfetched_bytes",
    )

    numbered: ClassVar[int] = 0x82  # a whole binary message (RFC 6455 section 5.2)

    def __init__(self, settings: LinkSettings, notices: PeerNotices, now: float) -> None:
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
        self.deadline: float | None = now + settings.handshake_timeout
        self._settings = settings
        self.closed_by_us = False
        self._life = Life(self)
        self._entries = cast("deque[tuple[LinkState, object]]", notices.entries)
        self._touched = cast("dict[LinkState, None]", notices.touched)
        self._ledger = Ledger(self, settings.envelope, notices.faults)
        self.statistics = self._ledger.statistics

    # ---------------------------------------------------------------- how far it has come

    @property
    def phase(self) -> Phase:
        """How far it has come."""
        return self._life.phase

    @property
    def state(self) -> ReadyState:
        """Godot's word for the phase."""
        return self._life.phase.state

    @property
    def over(self) -> bool:
        """Whether the socket can be closed."""
        return self._life.phase is Phase.OVER

    @property
    def lingering(self) -> bool:
        """Whether it is over for its endpoint, and its last bytes still leave.

        That is so after :meth:`fail`, and when a server has refused or answered a request. What
        comes is thrown away until the other side closes, or the deadline comes.
        """
        return self._life.phase.lingers

    @property
    def is_open(self) -> bool:
        """Whether messages may come, and nobody has begun to close it, as far as is known."""
        return self._life.phase.state is _OPEN

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is expected from the other side than its end."""
        phase = self._life.phase
        return phase.lingers or phase.state is _CLOSING

    @property
    def opening(self) -> bool:
        """Whether there has been no upgrade, and nothing has ended it."""
        return self._life.phase.state is _CONNECTING

    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it with 1000, and gave no reason."""
        return self.close_code == NORMAL and not self.close_reason

    @property
    def plain(self) -> bool:
        """Whether the messages do not belong to a Godot session."""
        return self._settings.envelope == "plain"

    # ---------------------------------------------------------------- telling

    def tell(self, event: LinkEvent) -> None:
        """Queue what happened for the endpoint."""
        self._entries.append((self, event))

    def ready(self) -> None:
        """Note that there is something to send, or that it is over."""
        self._touched[self] = None

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""
        self.deadline = deadline
        self._touched[self] = None

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere."""
        self._ledger.drop(reason, count)

    def blame(self, event: Broken) -> None:
        """Count a violation of RFC 6455, or of what it leaves to us."""
        self._ledger.violate(f"rfc6455_{event.code}")

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation."""
        self._ledger.violate(kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        self._ledger.reach(limit)

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""
        self._ledger.note(level, kind, detail)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every log line about this connection has, besides the peer's id."""
        return self._ledger.log_fields
