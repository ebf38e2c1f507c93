"""``ReplayRing``: what has been written to the other side, until that says that it has it.

The sending half of ``docs/protocol/resume.md``. Messages are numbered as they leave: 1, 2, 3 … over
all connections of a session, whatever their modes. Reliable ones are kept here with their numbers,
so that they can be written again on the next connection, with new numbers; and behind them, without
numbers, those that could not leave by the last one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from multiplayer.addressing import TransferMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_WORDS: Final = (b'{"renewed":', b'{"roster":')
_WHERE: Final = 16  # a frame of a short text begins with fewer bytes of its own than these


class Run(Protocol):
    """Several messages that were written one after another, kept as one.

    It may be shared with the rings of others; nobody changes it.
    """

    @property
    def messages(self) -> int:
        """How many there are."""
        ...

    @property
    def octets(self) -> int:
        """How many bytes they have together, as they were written."""
        ...

    def __iter__(self) -> Iterator[tuple[bytes, TransferMode]]:
        """Yield each as it was written, and its mode, in order."""
        ...


class _Kept(NamedTuple):
    """What is kept: the number of its last message, how long it is, one message or several."""

    last: int
    octets: int
    what: bytes | Run


class ReplayRing:
    """The reliable messages that may have been lost with a connection.

    It is what is told of each frame of an outbox (``Leaving``).

    Args:
        numbered: the first byte of those frames that have a number (``PeerChannel.numbered``);
            besides those, the words ``renewed`` and ``roster`` have one.
        max_bytes: how many bytes of messages to keep.
        max_packets: how many messages to keep.
        all_numbered: whatever its mode, each message has a number; False where unreliable ones have
            none, because the network may lose them.

    Attributes:
        written: the number of the last message that was written; 0 before there is one.
        octets: how many bytes are kept.
        packets: how many messages are kept.
        waiting: how many of the bytes are of messages that have not been written: they have no
            number yet.
        dropped: how many messages it was given for the next connection and has not kept: those that
            are not reliable, and all once it is torn.
    """

    __slots__ = (
        "_all_numbered",
        "_kept",
        "_lost",
        "_max_bytes",
        "_max_packets",
        "_numbered",
        "_torn",
        "_unwritten",
        "dropped",
        "octets",
        "packets",
        "waiting",
        "written",
    )

    def __init__(
        self, numbered: int, max_bytes: int, max_packets: int, *, all_numbered: bool = True
    ) -> None:
        self._numbered = numbered
        self._all_numbered = all_numbered
        self._max_bytes = max_bytes
        self._max_packets = max_packets
        self._kept: deque[_Kept] = deque()
        self._unwritten: list[bytes] = []
        self._lost = 0
        self._torn = False
        self.written = 0
        self.octets = 0
        self.packets = 0
        self.waiting = 0
        self.dropped = 0

    @property
    def next(self) -> int:
        """The number that the next message will have."""
        return self.written + 1

    @property
    def lost(self) -> int:
        """The number of the newest reliable message that cannot be written again; 0 if all can.

        It may be that of a message shortly after it. If something is lost that has no number yet,
        it is :attr:`next`.
        """
        return self.next if self._torn else self._lost

    # ---------------------------------------------------------------- what is written

    def left(self, frame: bytes, mode: TransferMode) -> None:
        """Note that a frame has left whole."""
        if frame[0] == self._numbered or _is_numbered_word(frame):
            self.written = last = self.written + 1
            if mode is _RELIABLE:
                self._kept.append(_Kept(last, len(frame), frame))
                self._grow(len(frame), 1)

    def left_run(self, run: Run) -> None:
        """Note that several messages have left: one entry, however many they are."""
        messages = run.messages
        if not self._all_numbered:
            for frame, mode in run:
                self.left(frame, mode)
        elif messages > 0:
            self.written += messages
            self._kept.append(_Kept(self.written, run.octets, run))
            self._grow(run.octets, messages)

    def cut_off(self, frames: Iterable[tuple[bytes, TransferMode]]) -> None:
        """Take frames that will not leave by the connection that they were queued for.

        They go before all that was put since: nothing is put here while it can be queued there. And
        before what was cut off earlier: that is the rest behind a frame that had begun to leave.
        """
        before, self._unwritten = self._unwritten, []
        for frame, mode in frames:
            self.put(frame, mode)
        if self._torn:
            self.dropped += len(before)
        else:
            self._unwritten += before

    def put(self, frame: bytes, mode: TransferMode) -> None:
        """Take a frame for the next connection; only numbered and reliable ones are kept."""
        if frame[0] != self._numbered and not _is_numbered_word(frame):
            return
        if self._torn or mode is not _RELIABLE:
            self.dropped += 1
            return
        self._unwritten.append(frame)
        self.waiting += len(frame)
        self._grow(len(frame), 1)

    def _grow(self, octets: int, messages: int) -> None:
        self.octets += octets
        self.packets += messages
        while self.octets > self._max_bytes or self.packets > self._max_packets:
            if self._kept:
                self._lost = self._drop_first()
            else:
                self.tear()

    def _drop_first(self) -> int:
        """Drop what is oldest; return the number of its last message."""
        last, octets, what = self._kept.popleft()
        self.octets -= octets
        self.packets -= 1 if isinstance(what, bytes) else what.messages
        return last

    # ---------------------------------------------------------------- what has arrived

    def acknowledge(self, number: int) -> bool:
        """Drop what the other side has: all up to that number.

        Returns:
            False if that was never written, and nothing was dropped.
        """
        if not 0 <= number <= self.written:
            return False
        kept = self._kept
        while kept and kept[0].last <= number:
            self._drop_first()
        return True

    def has_all_after(self, received: int) -> bool:
        """Return whether all that the other side lacks is here, if it has it up to that number."""
        return self.lost <= received <= self.written

    def take_after(self, received: int) -> list[bytes]:
        """Empty it; return what is to be written on the next connection, in order.

        Each frame comes back by :meth:`left`, with a new number, or by :meth:`cut_off`; whoever
        calls this puts them all into an outbox.

        Args:
            received: the number of the last message that the other side has.
        """
        again: list[bytes] = []
        for last, _, what in self._kept:
            if last <= received:
                continue
            if isinstance(what, bytes):
                again.append(what)
                continue
            first = last - what.messages + 1
            again += (
                frame
                for number, (frame, mode) in enumerate(what, first)
                if mode is _RELIABLE and number > received
            )
        again += self._unwritten
        self._clear()
        return again

    def begin_anew(self, after: int | None = None) -> None:
        """Empty it: the other side is told of all anew, in what is written from now on.

        Args:
            after: leave a number out, besides all up to this one, which the other side says it has.
                Then not even who has everything of before can go on where it was: the session that
                has begun anew may be that of another copy of the client. And another server may
                have written more than this one.
        """
        self.dropped += len(self._unwritten)
        self._clear()
        self._torn = False
        if after is not None:
            self.written = max(self.written, after) + 1
        self._lost = self.written

    def tear(self) -> None:
        """Empty it, and keep nothing until :meth:`begin_anew`: it has lost something."""
        self.dropped += len(self._unwritten)
        self._clear()
        self._torn = True

    def _clear(self) -> None:
        self._kept.clear()
        self._unwritten.clear()
        self.waiting = 0
        self.octets = self.packets = 0


def _is_numbered_word(frame: bytes) -> bool:
    return any(word in frame[:_WHERE] for word in _WORDS)
