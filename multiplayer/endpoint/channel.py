"""One connection, as an endpoint and its engine know it, and where it tells what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from multiplayer.addressing import TransferMode

if TYPE_CHECKING:
    from collections import deque
    from typing import Any

    from multiplayer.support.log_once import LogOnce

    from .cause import Cause
    from .failure import Failure
    from .outbox import Outbox
    from .pressure import Account
    from .statistics import Statistics

_RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE


class Ride(Protocol):
    """A place among those who are sent what is for all: what waits there, and how to leave it."""

    @property
    def waiting(self) -> int:
        """How many bytes wait, frame headers included."""
        ...

    @property
    def packets(self) -> int:
        """How many packets wait in the lane."""
        ...

    @property
    def payload(self) -> int:
        """How many bytes those packets have together."""
        ...

    def catch_up(self) -> None:
        """Move what waits into the outbox, because something else is to follow it."""

    def get_on(self) -> None:
        """Get what follows in passing."""

    def get_off(self) -> None:
        """Get what waits and what follows by the outbox."""


class Channel(Protocol):
    """One connection without I/O: bytes and times go in, bytes come out.

    It never calls its endpoint or its engine. What has happened it puts into its :class:`Notices`,
    and itself whenever it has changed.

    Attributes:
        deadline: when :meth:`check` is to be called, on the endpoint's clock; None for never.
        statistics: what has been counted.
        outbox: what waits to be sent.
        account: of a server's client, what it has sent to others.
        held: it has to wait; see ``pressure``. The endpoint's to change.
        resumed: it can take more again, and :meth:`receive` is to be called, if only without bytes.
        failure: why it failed; None if it did not.
        behind: it has more to decode than it was let; seen when it is touched.
        encrypted: what is sent has to be copied; else what its outbox has can be written as it is.
    """

    deadline: float | None
    statistics: Statistics
    outbox: Outbox
    account: Account | None
    held: bool
    resumed: bool
    behind: bool
    encrypted: bool
    failure: Failure | None

    def report_to(self, notices: Notices[Any, Any]) -> None:
        """Put what happens from now on into these, which are another endpoint's."""

    # ---------------------------------------------------------------- how far it has come

    @property
    def is_open(self) -> bool:
        """Whether messages may come, and nobody has begun to close it, as far as is known."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is expected from the other side than its end."""
        ...

    @property
    def lingering(self) -> bool:
        """Whether it is over for the endpoint, and its last bytes still leave."""
        ...

    @property
    def over(self) -> bool:
        """Whether it is over altogether."""
        ...

    @property
    def pending(self) -> bool:
        """Whether it has not come so far yet as to be one of a session."""
        ...

    # ---------------------------------------------------------------- what comes

    @property
    def reads(self) -> bool:
        """Whether it takes more bytes."""
        ...

    @property
    def is_held(self) -> bool:
        """Whether it is held, and we have not closed it meanwhile."""
        ...

    @property
    def missing(self) -> int:
        """How many bytes are still to come of a message of which many have; 0 if there is none."""
        ...

    def connected(self, address: str, port: int, now: float) -> None:
        """Note that the other side is there, at that address."""

    def receive(self, data: bytes, now: float, most: int = ...) -> bool:
        """Take bytes, or ``b""`` to go on with what has come; decode so many messages at most.

        Returns:
            Whether it is open and takes more; else its engine has to look what it is.
        """
        ...

    def receive_eof(self) -> None:
        """Note that the other side sends nothing more."""

    def lose(self, why: str, *, gone: bool = False) -> None:
        """Note that nothing can be sent, and nothing will come; whether the other side has gone."""

    def fetched(self, size: int, count: int = 1) -> None:
        """Note that some of its messages, of ``size`` bytes together, have been fetched."""

    # ---------------------------------------------------------------- what leaves

    @property
    def waiting(self) -> int:
        """How many bytes the engine has not taken yet."""
        ...

    @property
    def ride(self) -> Ride | None:
        """Where, on a server, what is sent to everybody waits, after the outbox."""
        ...

    @ride.setter
    def ride(self, ride: Ride | None) -> None: ...

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this channel first."""
        ...

    @property
    def overflowing(self) -> bool:
        """Whether more waits than may."""
        ...

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that it should be written before more comes."""
        ...

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait, or count as full if any number may."""
        ...

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds to take how many bytes; if one of them is 0, any time will do."""
        ...

    def send(
        self,
        data: bytes,
        *,
        text: bool,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue a message, charged to ``origin``, or count it as dropped."""

    def send_shared(
        self,
        frame: bytes,
        size: int,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue a message of ``size`` bytes that is a frame already."""

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return what to write next; nothing follows what is queued now if it is the ``last``."""
        ...

    def sent(self, count: int) -> bool:
        """Note that ``count`` bytes of :meth:`to_send` were taken; return whether to ask again."""
        ...

    def written(self) -> bool:
        """Note that what could be taken for now was taken.

        Returns:
            Whether that was all, and the channel is open.
        """
        ...

    def lose_output(self, why: str, now: float | None = None) -> None:
        """Note that nothing can be sent any more; what has arrived may still be read."""

    def overflow(self, now: float) -> None:
        """Close it: the other side reads too slowly."""

    def stall(self, now: float) -> None:
        """Close it: the other side makes no progress."""

    # ---------------------------------------------------------------- time and the end

    def check(self, now: float, obstacle: str = ...) -> None:
        """Do what is due; ``obstacle`` is what has kept it from connecting, if it has not."""

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""

    def close(self, code: int | Cause, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin to close it, with a code of its own kind or what corresponds to a cause."""

    def close_at_once(self, code: int | Cause) -> None:
        """Queue what says that it ends now."""

    def give_way(self, now: float) -> None:
        """End what is pending: others wait for its place."""

    def finish(self, now: float) -> None:
        """Note, while it is closed, that nothing waits."""

    def end(self, failure: Failure | None) -> None:
        """It is over; tell the endpoint."""

    def give_up(self, failure: Failure) -> None:
        """It cannot go on, whatever its state is."""

    def abandon(self) -> None:
        """It is over, and the endpoint knows."""

    # ---------------------------------------------------------------- counting

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this channel."""


ChannelT = TypeVar("ChannelT", bound=Channel)
EventT = TypeVar("EventT")


class Notices(NamedTuple, Generic[ChannelT, EventT]):
    """Where the channels of one endpoint put what it has to know.

    Attributes:
        entries: what has happened, in order of arrival over all channels.
        touched: the channels that have changed, the first to do so first: each has something to
            send, another deadline, room again, more to decode or something to settle, or is over.
            Which of these it is, its attributes say.
        faults: logs what goes wrong.
    """

    entries: deque[tuple[ChannelT, EventT]]
    touched: dict[ChannelT, None]
    faults: LogOnce
