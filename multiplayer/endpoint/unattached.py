"""``Unattached``: what a restored member has instead of a connection that it had here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .failure import Failure
from .outbox import Outbox
from .peer_channel import PeerChannel
from .statistics import Statistics

if TYPE_CHECKING:
    from .channel import Ride


class Unattached(PeerChannel):
    """The last connection of a member that has had none: that of another server has carried it.

    It is over from the beginning.

    Args:
        peer_id: the member's id.
    """

    numbered: ClassVar[int] = -1

    def __init__(self, peer_id: int) -> None:
        self.peer_id = peer_id
        self.address = self.protocol = self.close_reason = ""
        self.port = self.gdpeers_version = self.unfetched = self.unfetched_bytes = 0
        self.run = None
        self.calm_unfetched = self.calm_unfetched_bytes = 0
        self.close_code = -1
        self.too_slow = False
        self.deadline = None
        self.statistics = Statistics()
        self.outbox = Outbox()
        self.account = None
        self.held = self.resumed = self.behind = self.encrypted = False
        self.failure = Failure("left", "with its last server")

    @property
    def is_open(self) -> bool:
        """Whether messages may come: no."""
        return False

    @property
    def over(self) -> bool:
        """Whether it is over: yes."""
        return True

    @property
    def opening(self) -> bool:
        """Whether it has not been opened yet: it has."""
        return False

    @property
    def closed_by_us(self) -> bool:
        """Whether this side began to close it: nobody did."""
        return False

    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it as done: it has not."""
        return False

    @property
    def is_ending(self) -> bool:
        """Whether only its end is expected: that has come."""
        return False

    @property
    def lingering(self) -> bool:
        """Whether last bytes still leave: none do."""
        return False

    @property
    def pending(self) -> bool:
        """Whether it is not of a session yet: it was of one."""
        return False

    @property
    def reads(self) -> bool:
        """Whether it takes more bytes: none."""
        return False

    @property
    def missing(self) -> int:
        """How many bytes are to come of a message: none."""
        return 0

    @property
    def is_held(self) -> bool:
        """Whether it is held: nobody waits for it."""
        return False

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written to it: nothing can."""
        return False

    @property
    def overflowing(self) -> bool:
        """Whether more waits than may: nothing does."""
        return False

    @property
    def ought_to_leave(self) -> bool:
        """Whether it should be written: nothing waits."""
        return False

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait: none."""
        return 0

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds to take how many bytes: any time will do."""
        return 0.0, 0

    def receive(self, data: bytes, now: float, most: int = 0) -> bool:
        """Take nothing."""
        del data, now, most
        return False

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return nothing."""
        del last
        return []

    def sent(self, count: int) -> bool:
        """Note nothing."""
        del count
        return False

    def written(self) -> bool:
        """Note nothing."""
        return False

    def payload_of(self, frame: bytes) -> bytes:
        """Return the frame: nothing was framed here."""
        return frame

    @property
    def waiting(self) -> int:
        """How many bytes wait: none."""
        return 0

    @property
    def buffered(self) -> int:
        """The same."""
        return 0

    @property
    def ride(self) -> Ride | None:
        """Where what is for everybody waits: nowhere."""
        return None

    @ride.setter
    def ride(self, ride: Ride | None) -> None:
        del ride

    @property
    def log_fields(self) -> dict[str, object]:
        """What every line of the log about it has."""
        return {"address": ""}

    @property
    def round_trip_time(self) -> float | None:
        """How long a message and its answer take: nobody knows."""
        return None

    def snapshot(self) -> Statistics:
        """Return a copy of what was counted: nothing."""
        return Statistics()
