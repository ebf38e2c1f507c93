"""One connection that carries a peer, as the roles of a session know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from .channel import Channel

if TYPE_CHECKING:
    from multiplayer.runs import Run

    from .channel import Notices
    from .endpoint import Endpoint
    from .events import Broken, CloseReceived
    from .statistics import Statistics

    PeerEndpoint = Endpoint["PeerChannel", object]
    PeerNotices = Notices["PeerChannel", object]


class PeerChannel(Channel, Protocol):
    """A connection that a client has to its server, or a server to one of its clients.

    What it puts into its :class:`Notices` are the events of ``events.py``. Others are for the gate
    of a server, which decides who gets in.

    Attributes:
        peer_id: the id that the other side has in the session; 0 until it has one.
        address: the other side's address; "" until connected.
        port: its port; 0 until connected.
        protocol: the sub-protocol that was agreed on, "" for none.
        gdpeers_version: the version of ``docs/protocol/gdpeers.md`` that was agreed on, 0 for none:
            Godot's bytes only.
        run: the packets that an API is taking straight; None if none is. Those that it has taken
            are fetched no later than this is read.
        unfetched: how many messages have come and were not fetched.
        unfetched_bytes: how many bytes they have.
        calm_unfetched: while fewer messages wait, :meth:`fetched` only counts; any at first.
        calm_unfetched_bytes: likewise with bytes.
        close_code: the code with which the other side has closed; -1 if it has not.
        close_reason: its reason.
        too_slow: this side has closed it because the other one reads too slowly.
    """

    peer_id: int
    address: str
    port: int
    protocol: str
    gdpeers_version: int
    run: Run | None
    unfetched: int
    unfetched_bytes: int
    calm_unfetched: float
    calm_unfetched_bytes: float
    close_code: int
    close_reason: str
    too_slow: bool
    numbered: ClassVar[int]
    """The first byte of those frames that have a number; see ``docs/protocol/resume.md``."""

    # ---------------------------------------------------------------- how far it has come

    @property
    def opening(self) -> bool:
        """Whether it has not been opened yet."""
        ...

    @property
    def closed_by_us(self) -> bool:
        """Whether this side began to close it."""
        ...

    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it as done (``Cause.DONE``), and gave no reason."""
        ...

    def settle_run(self, less: int = 0) -> None:
        """Count as fetched what was taken of :attr:`run`, but for the last ``less``."""

    def settle(self, now: float) -> None:
        """Note that the session is up, which has had a deadline until now."""

    # ---------------------------------------------------------------- what leaves

    @property
    def buffered(self) -> int:
        """How many bytes wait, including what is for all and has not reached the outbox yet."""
        ...

    def payload_of(self, frame: bytes) -> bytes:
        """Return what a frame of a message carries: one that was queued, or is for all."""
        ...

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together."""

    # ---------------------------------------------------------------- the end

    def answer_close(self, event: CloseReceived, now: float) -> None:
        """Answer the close whose turn in the queue has come."""

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come, and end."""

    def leave(self, now: float) -> None:
        """End it before it carries anybody; its last bytes may still leave."""

    # ---------------------------------------------------------------- counting

    @property
    def log_fields(self) -> dict[str, object]:
        """What every line of the log about it has, besides the peer's id."""
        ...

    @property
    def round_trip_time(self) -> float | None:
        """How long a message and its answer take, in seconds; None if nobody knows."""
        ...

    def blame(self, event: Broken) -> None:
        """Count a violation of the connection's own protocol."""

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation of the session's rules."""

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere."""

    def snapshot(self) -> Statistics:
        """Return a copy of what was counted, with what waits now."""
        ...
