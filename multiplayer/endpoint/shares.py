"""What each connection gets of frames that all share: a plan says how it differs, a share has it.

See ``fanout.py``.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multiplayer.addressing import TransferMode

    from .channel import Channel
    from .pressure import Account


class Queued(NamedTuple):
    """A frame, the length of the packet in it, its transfer mode, and who is charged for it."""

    frame: bytes
    size: int
    mode: TransferMode
    origin: Account | None = None


_Cut = tuple[int, int, Queued | None]
"""Where a rider's stream differs from its lane: from one byte to another, something is left out.

If there is a frame, it is inserted there, and nothing is left out. (A named tuple takes longer, and
one is made for each packet of each peer.)
"""


class Plan:
    """How one rider's share of a lane differs from the whole.

    Attributes:
        start: the byte from which it rides.
        index: the frame from which it rides.
        cuts: what it does not get, and what it gets alone, ascending.
        octets: how many bytes on the wire its share is longer than the lane; negative if it is
            shorter.
        packets: the same, counted in packets.
        payload: the same, counted in bytes of packets.
    """

    __slots__ = ("cuts", "index", "octets", "packets", "payload", "start")

    def __init__(self) -> None:
        self.start = 0
        self.index = 0
        self.cuts: list[_Cut] = []
        self.octets = 0
        self.packets = 0
        self.payload = 0

    def leave_out(self, start: int, end: int, size: int) -> None:
        """Note that the frame from ``start`` to ``end``, of a packet of ``size``, is not for it."""
        self.octets -= end - start
        self.packets -= 1
        self.payload -= size
        cuts = self.cuts
        if cuts:
            before, at, extra = cuts[-1]
            if at == start and extra is None:
                cuts[-1] = (before, end, None)  # one slice less
                return
        cuts.append((start, end, None))

    def recover(self, frames: list[Queued], octets: int) -> None:
        """Recount, after an interrupt, what the cuts make of a lane's frames."""
        while self.cuts and self.cuts[-1][1] > octets:
            self.cuts.pop()  # that of a frame that never came
        mine = [*_frames_of(frames, self)]
        self.octets = sum(len(each.frame) for each in mine) - octets
        self.packets = len(mine) - len(frames)
        self.payload = sum(each.size for each in mine) - sum(each.size for each in frames)

    def insert(self, at: int, extra: Queued) -> None:
        """Note a frame only for it."""
        self.octets += len(extra[0])
        self.packets += 1
        self.payload += extra[1]
        self.cuts.append((at, at, extra))


class Written:
    """What one write took of a lane, for a ring; see ``replay_ring.Run``.

    Attributes:
        messages: how many frames that was.
        octets: how many bytes they have.
    """

    __slots__ = ("_frames", "_plan", "messages", "octets")

    def __init__(self, frames: list[Queued], plan: Plan | None, octets: int) -> None:
        self._frames = frames
        self._plan = plan
        self.messages = len(frames) + (0 if plan is None else plan.packets)
        self.octets = octets

    def __iter__(self) -> Iterator[tuple[bytes, TransferMode]]:
        for frame, _, mode, _ in _frames_of(self._frames, self._plan):
            yield frame, mode


class Share(NamedTuple):
    """What to send to one connection: ``size`` bytes in ``pieces``, in order."""

    channel: Channel
    frames: list[Queued]
    payload: int
    plan: Plan | None
    pieces: list[bytes | memoryview]
    size: int

    def sent(self) -> None:
        """Count all of it as sent."""
        statistics = self.channel.statistics
        plan = self.plan
        if plan is None:
            statistics.packets_sent += len(self.frames)
            statistics.bytes_sent += self.payload
        else:
            statistics.packets_sent += len(self.frames) + plan.packets
            statistics.bytes_sent += self.payload + plan.payload

    def written(self) -> None:
        """Count all of it as sent, and tell whoever may have to write it again."""
        self.sent()
        ring = self.channel.outbox.ring
        if ring is not None:
            ring.left_run(Written(self.frames, self.plan, self.size))

    def to_outbox(self, taken: int = 0) -> None:
        """Count it, and put into the rider's outbox what follows the first ``taken`` bytes."""
        self.sent()
        outbox = self.channel.outbox
        ring = outbox.ring
        for frame, _, mode, origin in _frames_of(self.frames, self.plan):
            if taken >= len(frame):
                taken -= len(frame)
                if ring is not None:
                    ring.left(frame, mode)
                continue
            outbox.append(frame, mode, origin)
            if taken:
                outbox.taken(taken)
                taken = 0


def _frames_of(frames: list[Queued], plan: Plan | None) -> Iterator[Queued]:
    if plan is None:
        yield from frames
        return
    index, at = plan.index, plan.start
    for start, end, extra in plan.cuts:
        while at < start:
            yield frames[index]
            at += len(frames[index].frame)
            index += 1
        while at < end:
            at += len(frames[index].frame)
            index += 1
        if extra is not None:
            yield extra
    yield from islice(frames, index, None)


def pieces_of(view: memoryview, plan: Plan) -> list[bytes | memoryview]:
    """Return the bytes that one rider gets of its lane.

    Args:
        view: the bytes of the lane's frames, of which slices are returned.
        plan: how the rider's share differs.
    """
    pieces: list[bytes | memoryview] = []
    at = plan.start
    for start, end, extra in plan.cuts:
        if at < start:
            pieces.append(view[at:start])
        if extra is not None:
            pieces.append(extra.frame)
        at = end
    if at < len(view):
        pieces.append(view[at:])
    return pieces
