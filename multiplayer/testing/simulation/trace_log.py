"""``TraceLog``: what a network did, as records of bytes: small, quick to write, easy to compare.

A record is a head, and the packet where one was sent::

    u64 time in microseconds | u8 what | u8 kind | u16 sender | u16 receiver | u32 serial | u32 size

Peers are numbered as they were made. A packet is known by its sender and the ``serial`` that the
sender gave it; only the record of its sending has the packet.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = struct.Struct("<QBBHHII")
_ACTOR: Final = itemgetter(0)
_FAULT_KIND: Final = 0


class What(IntEnum):
    """What became of a packet, or of the network."""

    SENT = 0
    DELIVERED = 1
    LOST = 2
    """By chance, as :attr:`Conditions.loss` says."""
    DOUBLED = 3
    """It was delivered once more."""
    OVERTAKEN = 4
    """An unreliable_ordered one that came after a later one."""
    CUT = 5
    """There was a partition."""
    HELD = 6
    """It waits for ``release``, or for the end of a partition."""
    VANISHED = 7
    """There was nobody any more whom it could reach."""
    REPLAYED = 8
    """It was delivered once more, long after."""
    FAULT = 9
    """Something was done to the network; the packet is the sentence."""


class Record(NamedTuple):
    """One record.

    Attributes:
        time: in microseconds.
        what: what happened.
        kind: the kind of the packet's frame; see ``frames``.
        sender: who put it, by number.
        receiver: for whom, by number.
        serial: the sender's number for it.
        data: the packet, if it was sent; the sentence of a fault; else empty.
    """

    time: int
    what: What
    kind: int
    sender: int
    receiver: int
    serial: int
    data: bytes


class TraceLog:
    """Writes records; those of one instant in the order of who acts, whoever was polled first."""

    __slots__ = ("_instant", "_log", "_time")

    def __init__(self) -> None:
        self._log = bytearray()
        self._time = 0
        self._instant: list[tuple[int, bytes]] = []

    def sent(
        self, time: int, kind: int, sender: int, receiver: int, serial: int, data: bytes
    ) -> None:
        """Note that a packet was put on its way."""
        if time != self._time:
            self._begin(time)
        head = _HEAD.pack(time, 0, kind, sender, receiver, serial, len(data))
        self._instant.append((sender, head + data))

    def befell(
        self, time: int, what: What, kind: int, sender: int, receiver: int, serial: int
    ) -> None:
        """Note what became of a packet: an act of its receiver, if it is not lost at once."""
        if time != self._time:
            self._begin(time)
        head = _HEAD.pack(time, what, kind, sender, receiver, serial, 0)
        self._instant.append((sender if what is What.LOST else receiver, head))

    def fault(self, time: int, peer: int, sentence: str) -> None:
        """Note that something was done to the network, in words."""
        if time != self._time:
            self._begin(time)
        data = sentence.encode()
        head = _HEAD.pack(time, What.FAULT, _FAULT_KIND, peer, peer, 0, len(data))
        self._instant.append((peer, head + data))

    def _begin(self, time: int) -> None:
        """Close the instant that is over."""
        instant = self._instant
        if len(instant) > 1:
            instant.sort(key=_ACTOR)
        log = self._log
        for _, record in instant:
            log += record
        instant.clear()
        self._time = time

    def finished(self) -> bytes:
        """Return all records until now."""
        instant = sorted(self._instant, key=_ACTOR)
        return b"".join([self._log, *(record for _, record in instant)])


def records_of(log: bytes) -> Iterator[Record]:
    """Yield the records of a log.

    Raises:
        DecodeError: it is cut off, or no log.
    """
    at, end = 0, len(log)
    while at < end:
        start = at + _HEAD.size
        if start > end:
            reason = "the trace is cut off"
            raise DecodeError(reason, at)
        time, what, kind, sender, receiver, serial, size = _HEAD.unpack_from(log, at)
        if start + size > end or what > max(What):
            reason = "the trace is cut off, or not one of this version"
            raise DecodeError(reason, at)
        at = start + size
        yield Record(time, What(what), kind, sender, receiver, serial, log[start:at])
