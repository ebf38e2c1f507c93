"""``Run``: packets that came one behind the other, in one read; and ``RunTaker``: an API for them.

Most of what arrives on a busy connection are calls of the same few methods. They go from the read
to the methods in one pass, the *straight way*, while that makes no difference to anybody. Whatever
is unusual takes the long way, as an event of its own: there are all refusals and all logs.
"""

from __future__ import annotations

from operator import length_hint
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


class Run:
    """Whole binary messages that came together: the common kind, which need no event each.

    It stays at the head of the queue until all have had their turn. Each is taken from
    :attr:`left` before it is handled; so whatever its handling raises, the next poll goes on with
    the one behind it.

    Args:
        packets: what the messages hold, in order of arrival; none is empty.
        size: how many bytes they have together.

    Attributes:
        packets: see above; without those that have been taken elsewhere.
        size: see above, likewise.
        left: yields those whose turn has not come.
        settled: how many have had their turn and are counted as fetched, or need not be.
    """

    __slots__ = ("left", "packets", "settled", "size")

    def __init__(self, packets: list[bytes], size: int) -> None:
        self.packets = packets
        self.size = size
        self.left: Iterator[bytes] = iter(packets)
        self.settled = 0

    @property
    def taken(self) -> int:
        """How many have had their turn, the one that is being handled included."""
        return len(self.packets) - length_hint(self.left)

    def rest(self) -> list[bytes]:
        """Return those whose turn has not come; they stay."""
        return self.packets[self.taken :]

    def take(self) -> bytes | None:
        """Take one that is settled elsewhere; None if all have had their turn."""
        data = next(self.left, None)
        self.settled += 1  # all before it are settled
        return data

    def empty(self) -> None:
        """Leave none: they wait elsewhere, or never have their turn, and do not count here."""
        del self.packets[self.taken :]
        self.size = sum(map(len, self.packets))

    def unsettled(self, less: int = 0) -> tuple[int, int]:
        """Return how many were taken since the last time, but for the last ``less``.

        Returns:
            Their number, and how many bytes they have together.
        """
        packets, begin = self.packets, self.settled
        self.settled = taken = len(packets) - length_hint(self.left)
        count = taken - less - begin
        if count == len(packets):  # mostly
            return count, self.size
        if count == 1:
            return 1, len(packets[begin])
        return count, sum(map(len, packets[begin : begin + count]))

    def __repr__(self) -> str:
        return f"<{length_hint(self.left)} of {len(self.packets)} messages>"


class Watch(NamedTuple):
    """What shows that a call has changed something that the next packet depends on.

    Attributes:
        touched: the connections that have changed.
        pressing: those that are held.
        steps: what is to be done before the next packet.
    """

    touched: Collection[object]
    pressing: Collection[object]
    steps: Collection[object]


class Fetching(Protocol):
    """A connection, as far as it counts what of it was fetched."""

    def fetched(self, size: int, count: int = 1) -> None:
        """Note that some of its messages, of ``size`` bytes together, have been fetched."""


class RunTaker(Protocol):
    """What takes packets straight from the queue: an API that listens to ``peer_packet``.

    Attributes:
        listener: what it has connected to that signal.
        calls: for each first byte of a packet of its own, 0 if such a packet is no call.
    """

    @property
    def calls(self) -> bytes:
        """See the class."""
        ...

    @property
    def listener(self) -> Callable[[int], Any]:
        """See the class."""
        ...

    def take(self, peer: int, run: Run, at: int, link: object, watch: Watch) -> bytes | None:
        """Do what the packets of a run say, one after the other.

        Args:
            peer: whose connection it is.
            run: the packets.
            at: how many bytes of an envelope are before each.
            link: that connection.
            watch: it stops after a call that has changed one of these, of the touched ``link``.

        Returns:
            The first that has to go the long way, which was taken; None if there is none so far.
        """
        ...

    def take_one(self, peer: int, data: bytes, at: int, link: Fetching) -> bool:
        """Do what a single packet says, see :meth:`take`; return False if it goes the long way."""
        ...

    def expect(self, peer: int, data: bytes, at: int) -> None:
        """Note that a packet goes the long way, for the arguments see :meth:`take`.

        If it is accepted there, those like it may go straight.
        """

    def expect_nothing(self) -> None:
        """Note that it has gone it."""

    def forget(self) -> None:
        """Let everything go the long way once more: something has changed."""


class RelayTaker(Protocol):
    """What passes on, straight from the queue, what clients send to each other: such an API.

    Attributes:
        head: what such a packet begins with.
    """

    @property
    def head(self) -> bytes:
        """See the class."""
        ...

    def pass_on(self, peer: int, data: bytes, link: Fetching) -> bool:
        """Pass on what a client sends to others; return False if it goes the long way."""
        ...
