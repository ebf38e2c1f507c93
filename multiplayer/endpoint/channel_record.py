"""``ChannelRecord``: what is noted about a connection, whatever carries it, and whom it tells."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from .close_codes import NORMAL
from .ledger import Ledger

if TYPE_CHECKING:
    from collections import deque

    from multiplayer.runs import Run

    from .channel_settings import ChannelSettings
    from .failure import Failure
    from .peer_channel import PeerNotices
    from .pressure import Account


class ChannelRecord(Ledger, ABC):
    """A base of what is a ``PeerChannel``, where the attributes are explained.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        now: the time.
    """

    __slots__ = (
        "_entries",
        "_touched",
        "account",
        "address",
        "calm_unfetched",
        "calm_unfetched_bytes",
        "close_code",
        "close_reason",
        "deadline",
        "failure",
        "gdpeers_version",
        "held",
        "peer_id",
        "port",
        "protocol",
        "resumed",
        "run",
        "too_slow",
        "unfetched",
        "unfetched_bytes",
    )

    def __init__(self, settings: ChannelSettings, notices: PeerNotices, now: float) -> None:
        super().__init__(settings.envelope, notices.faults)
        self.peer_id = 0
        self.address = ""
        self.port = 0
        self.protocol = ""
        self.gdpeers_version = 0
        self.unfetched: int = 0
        self.unfetched_bytes: int = 0
        self.close_code = -1
        self.too_slow = False
        self.close_reason = ""
        self.failure: Failure | None = None
        self.account: Account | None = None
        self.held = False
        self.resumed = False
        self.run: Run | None = None
        self.deadline: float | None = now + settings.handshake_timeout
        self._entries = cast("deque[tuple[ChannelRecord, object]]", notices.entries)
        self._touched = cast("dict[ChannelRecord, None]", notices.touched)
        self.bound_by(settings)

    def bound_by(self, settings: ChannelSettings) -> None:
        """Let so much wait to be fetched as these settings say."""
        self.calm_unfetched: float = settings.max_queued_packets
        self.calm_unfetched_bytes: float = settings.limits.max_inbox_bytes or math.inf

    def report_to(self, notices: PeerNotices) -> None:
        """Put what happens from now on into these, which are another endpoint's."""
        self._entries = cast("deque[tuple[ChannelRecord, object]]", notices.entries)
        self._touched = cast("dict[ChannelRecord, None]", notices.touched)
        self.log_by(notices.faults)

    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it with 1000, and gave no reason."""
        return self.close_code == NORMAL and not self.close_reason

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be fetched that nothing more should be taken."""
        too_many = self.unfetched >= self.calm_unfetched
        return too_many or self.unfetched_bytes >= self.calm_unfetched_bytes

    @abstractmethod
    def fetched(self, size: int, count: int = 1) -> None:
        """See ``Channel``."""

    def settle_run(self, less: int = 0) -> None:
        """Count as fetched what was taken of :attr:`run`, but for the last ``less``."""
        if self.run is not None:
            count, size = self.run.unsettled(less)
            if count > 0:
                self.fetched(size, count)

    # ---------------------------------------------------------------- telling

    def tell(self, event: object) -> None:
        """Queue what happened for the endpoint."""
        self._entries.append((self, event))

    def ready(self) -> None:
        """Note that something has changed: there is something to send, or it is over."""
        self._touched[self] = None

    def resume(self) -> None:
        """Note that there is room again."""
        self.resumed = True
        self._touched[self] = None

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""
        self.deadline = deadline
        self._touched[self] = None
