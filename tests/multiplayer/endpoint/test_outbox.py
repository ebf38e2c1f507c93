"""``multiplayer.endpoint.outbox``."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from multiplayer import TransferMode
from multiplayer.endpoint.long_frame import LONG, LongFrame
from multiplayer.endpoint.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterable

UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=150), st.data())
def test_whatever_the_socket_takes_the_bytes_leave_in_order(
    frames: list[bytes], data: st.DataObject
) -> None:
    outbox = Outbox()
    for frame in frames:
        outbox.append(frame)
    taken = b""
    while outbox.waiting:
        offered = b"".join(outbox.pieces())
        assert offered
        count = data.draw(st.integers(1, len(offered)))
        taken += offered[:count]
        outbox.taken(count)
        assert outbox.waiting == sum(map(len, frames)) - len(taken)
    assert taken == b"".join(frames)
    assert outbox.pieces() == []
    assert outbox.backlog == 0


def test_many_small_frames_are_one_piece() -> None:
    outbox = Outbox()
    frames = [bytes((place & 0xFF,)) * 40 for place in range(1500)]
    for frame in frames:
        outbox.append(frame)
    (piece,) = outbox.pieces()
    assert piece == b"".join(frames[:1024])
    assert outbox.taken(1000 * 40 + 7)
    (rest,) = outbox.pieces()
    assert rest == b"".join(frames)[1000 * 40 + 7 :]
    assert not outbox.taken(len(rest))
    assert (len(outbox), outbox.begun, outbox.waiting) == (0, 0, 0)
    outbox.append(b"next")
    assert outbox.pieces() == [b"next"]


def test_many_large_frames_are_not_copied() -> None:
    outbox = Outbox()
    frames = [bytes(1000) for _ in range(100)]
    for frame in frames:
        outbox.append(frame)
    assert all(piece is frame for piece, frame in zip(outbox.pieces(), frames, strict=False))


LONG_ONE = LongFrame(b"head of it", bytes(LONG))
"""A frame in two pieces."""


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=20), st.just(LONG_ONE)), max_size=3),
    st.data(),
)
@settings(deadline=None, max_examples=20)
def test_frames_in_two_pieces_leave_in_order(
    frames: list[bytes | LongFrame], data: st.DataObject
) -> None:
    outbox = Outbox()
    for frame in frames:
        outbox.append(frame)
    expected = b"".join(map(bytes, frames))
    taken = b""
    while outbox.waiting:
        offered = b"".join(outbox.pieces())
        few = st.integers(1, min(20, len(offered)))
        count = data.draw(st.one_of(few, st.integers(1, len(offered))))
        taken += offered[:count]
        outbox.taken(count)
        assert outbox.waiting == len(expected) - len(taken)
    assert taken == expected


def test_both_pieces_are_dropped_or_finished_together() -> None:
    outbox = Outbox()
    outbox.append(b"first")
    outbox.append(LONG_ONE)
    outbox.append(LONG_ONE)
    assert len(outbox) == 3
    outbox.taken(5 + 10)  # the head is gone, and the other piece has not begun
    assert outbox.drop_unbegun() == 1
    assert b"".join(outbox.pieces()) == bytes(LONG)
    outbox.append(b"last")
    outbox.taken(LONG - 1)
    assert b"".join(outbox.pieces()) == b"\0last"
    assert outbox.recover()
    assert outbox.waiting == 5


def test_somebody_else_gets_a_frame_in_two_pieces_whole() -> None:
    outbox, other, noted = Outbox(), Outbox(), Noted()
    outbox.append(LONG_ONE)
    outbox.taken(12)
    outbox.pour_into(other)
    assert b"".join(other.pieces()) == bytes(LONG_ONE)
    other.append(LONG_ONE)
    other.ring = noted
    other.taken(len(LONG_ONE))
    other.clear()
    assert noted.gone == [bytes(LONG_ONE)]
    assert noted.kept == [(bytes(LONG_ONE), RELIABLE)]


def test_a_frame_that_has_begun_is_finished() -> None:
    outbox = Outbox()
    for frame in (b"aaaa", b"bbb", b"cc"):
        outbox.append(frame)
    assert outbox.backlog == 5
    outbox.taken(1)
    assert outbox.backlog == 5
    assert outbox.drop_unbegun() == 2
    assert (outbox.waiting, outbox.backlog) == (3, 0)
    assert [bytes(piece) for piece in outbox.pieces()] == [b"aaa"]
    outbox.taken(3)
    outbox.append(b"dd")
    assert outbox.drop_unbegun() == 1
    assert outbox.waiting == 0
    outbox.append(b"ee")
    outbox.clear()
    assert (outbox.waiting, outbox.pieces()) == (0, [])


# ------------------------------------------------------------------ modes


def blocked_outbox(max_ordered: int, *frames: tuple[bytes, TransferMode]) -> Outbox:
    """An outbox whose socket has taken one byte of a first frame, b"first", and then no more."""
    outbox = Outbox(max_ordered)
    assert outbox.append(b"first") == 0
    for frame, mode in frames:
        assert outbox.append(frame, mode) == 0
    outbox.taken(1)
    outbox.blocked = True
    return outbox


def waiting(outbox: Outbox) -> list[bytes]:
    return [bytes(piece) for piece in outbox.pieces()]


def test_on_a_socket_that_takes_everything_nothing_is_dropped() -> None:
    outbox = Outbox(2)
    frames = [bytes([number]) for number in range(60)]
    for number, frame in enumerate(frames):
        assert outbox.append(frame, list(TransferMode)[number % 3]) == 0
    assert waiting(outbox) == frames
    assert outbox.backlog == 59


def test_an_unreliable_frame_does_not_wait_for_a_blocked_socket() -> None:
    outbox = blocked_outbox(2, (b"before", UNRELIABLE))
    assert outbox.append(b"late", UNRELIABLE) == 1
    assert waiting(outbox) == [b"irst", b"before"]
    outbox.taken(10)
    outbox.blocked = False
    assert outbox.append(b"again", UNRELIABLE) == 0
    assert waiting(outbox) == [b"again"]


def test_of_too_many_unreliable_ordered_frames_the_oldest_are_dropped_from_the_middle() -> None:
    outbox = blocked_outbox(2, (b"o1", ORDERED), (b"u", UNRELIABLE), (b"o2", ORDERED))
    assert outbox.append(b"r1") == 0
    assert outbox.append(b"o3", ORDERED) == 1
    assert waiting(outbox) == [b"irst", b"u", b"o2", b"r1", b"o3"]
    assert outbox.append(b"o4", ORDERED) == 1
    assert outbox.append(b"r2") == 0
    assert outbox.append(b"o5", ORDERED) == 1
    assert waiting(outbox) == [b"irst", b"u", b"r1", b"o4", b"r2", b"o5"]


def test_one_that_has_begun_is_neither_counted_nor_dropped() -> None:
    outbox = blocked_outbox(1, (b"o1", ORDERED), (b"r1", RELIABLE), (b"o2", ORDERED))
    outbox.taken(5)
    assert waiting(outbox) == [b"1", b"r1", b"o2"]
    assert outbox.append(b"o3", ORDERED) == 1
    assert outbox.append(b"r2") == 0
    assert outbox.append(b"o4", ORDERED) == 1
    assert waiting(outbox) == [b"1", b"r1", b"r2", b"o4"]
    outbox.taken(3)
    assert outbox.append(b"o5", ORDERED) == 1
    assert waiting(outbox) == [b"r2", b"o5"]


def test_more_than_may_wait_from_before_are_dropped_with_the_next() -> None:
    early = [(bytes([number]), ORDERED) for number in range(5)]
    outbox = blocked_outbox(3, *early)
    assert outbox.append(b"o", ORDERED) == 3
    assert waiting(outbox) == [b"irst", b"\3", b"\4", b"o"]
    nothing_waits = blocked_outbox(0)
    assert nothing_waits.append(b"o", ORDERED) == 1
    assert waiting(nothing_waits) == [b"irst"]


def test_while_blocked_only_reliable_frames_count_against_the_limit() -> None:
    outbox = blocked_outbox(2, (b"uuuuuuuu", UNRELIABLE), (b"oooooooo", ORDERED))
    assert outbox.backlog == 0
    assert outbox.append(b"rr") == 0
    assert (outbox.backlog, outbox.waiting) == (2, 22)
    outbox.taken(6)  # into the unreliable one
    assert outbox.backlog == 0  # one frame more may wait
    assert outbox.append(b"rrr") == 0
    assert outbox.backlog == 2
    outbox.blocked = False
    assert outbox.backlog == 13
    assert outbox.drop_unbegun() == 3
    outbox.blocked = True
    assert (outbox.waiting, outbox.backlog) == (6, 0)
    for number in range(3):
        assert outbox.append(bytes([number]), ORDERED) == (number == 2)
    outbox.clear()
    assert (outbox.waiting, outbox.backlog, outbox.blocked) == (0, 0, False)


class AnyModes(RuleBasedStateMachine):
    """Frames of any mode, and a socket that takes what it likes."""

    MAX_ORDERED = 3

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(self.MAX_ORDERED)
        self.put: dict[TransferMode, list[bytes]] = {mode: [] for mode in TransferMode}
        self.dropped = dict.fromkeys(TransferMode, 0)
        self.ordered_at_block = 0
        self.sent = b""

    @rule(mode=st.sampled_from(TransferMode), size=st.integers(0, 9))
    def append(self, mode: TransferMode, size: int) -> None:
        frame = bytes([mode, len(self.put[mode]) >> 8, len(self.put[mode]) & 255, size])
        self.put[mode].append(frame + bytes(size))
        dropped = self.outbox.append(frame + bytes(size), mode)
        assert not dropped or (self.outbox.blocked and mode != RELIABLE)
        self.dropped[mode] += dropped

    @precondition(lambda self: self.outbox.waiting)
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        """As an engine writes: until all is taken, or the socket takes no more."""
        budget = data.draw(st.integers(0, self.outbox.waiting))
        while budget:
            offered = b"".join(self.outbox.pieces())
            count = min(budget, len(offered))
            self.sent += offered[:count]
            self.outbox.taken(count)
            budget -= count
        self.outbox.blocked = self.outbox.waiting > 0

    def split(self, stream: bytes) -> list[bytes]:
        frames: list[bytes] = []
        while stream:
            end = 4 + stream[3]
            frames.append(stream[:end])
            stream = stream[end:]
        return frames

    @invariant()
    def the_stream_holds_what_it_should(self) -> None:
        outbox = self.outbox
        queued = [bytes(piece) for piece in outbox.pieces()]
        stream = self.split(self.sent + b"".join(queued))
        assert sum(map(len, queued)) == outbox.waiting
        for mode, put in self.put.items():
            arriving = [frame for frame in stream if frame[0] == mode]
            assert len(arriving) + self.dropped[mode] == len(put)
            assert arriving == sorted(arriving), "in the order of putting"
            assert set(arriving) <= set(put)
        assert self.dropped[RELIABLE] == 0
        modes = [frame[0] for frame in stream[len(stream) - len(queued) :]]
        counted = [not outbox.blocked or mode == RELIABLE for mode in modes]
        sizes = [len(piece) if counts else 0 for piece, counts in zip(queued, counted, strict=True)]
        assert outbox.backlog == sum(sizes) - max([0, *sizes[:1], *sizes[-1:]])

    @precondition(lambda self: self.outbox.blocked)
    @rule()
    def ordered_ones_are_bounded(self) -> None:
        self.append(ORDERED, 0)
        queued = self.outbox.pieces()
        stream = self.split(self.sent + b"".join(queued))
        ends = {0, *accumulate(map(len, stream))}
        if len(self.sent) not in ends:
            del queued[0]  # it has begun
        assert sum(piece[0] == ORDERED for piece in queued) <= self.MAX_ORDERED


AnyModes.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyModes = AnyModes.TestCase


def test_large_unreliable_ordered_frames_are_few() -> None:
    outbox = Outbox(64, 100)
    outbox.append(b"r" * 50)
    outbox.blocked = True
    dropped = sum(outbox.append(bytes([number]) * 40, ORDERED) for number in range(10))
    assert dropped == 8
    assert outbox.waiting == 50 + 2 * 40
    assert outbox.append(b"x" * 500, ORDERED) == 2
    assert outbox.waiting == 50 + 500


def test_unreliable_ordered_frames_do_not_count_as_waiting_behind() -> None:
    outbox = Outbox(max_ordered=64)
    outbox.blocked = True
    for _ in range(20):
        outbox.append(b"x", TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED)
    assert outbox.behind == 0
    for _ in range(3):
        outbox.append(b"y")
    assert outbox.behind == 3


class Noted:
    """What an outbox has told."""

    def __init__(self) -> None:
        self.gone: list[bytes] = []
        self.kept: list[tuple[bytes, TransferMode]] = []

    def left(self, frame: bytes, mode: TransferMode) -> None:
        del mode
        self.gone.append(frame)

    def cut_off(self, frames: Iterable[tuple[bytes, TransferMode]]) -> None:
        self.kept += frames


def test_a_ring_is_told_of_what_has_left_whole_and_of_what_never_will() -> None:
    outbox, noted = Outbox(), Noted()
    outbox.ring = noted
    outbox.append(b"one")
    outbox.append(b"two", UNRELIABLE)
    outbox.append(b"three")
    outbox.taken(4)
    assert noted.gone == [b"one"]
    outbox.clear()
    assert noted.kept == [(b"two", UNRELIABLE), (b"three", RELIABLE)]
    assert not outbox.waiting


def test_a_ring_is_told_of_what_is_dropped_for_being_too_much() -> None:
    outbox, noted = Outbox(), Noted()
    outbox.ring = noted
    for frame in (b"one", b"two", b"three"):
        outbox.append(frame)
    outbox.taken(1)
    assert outbox.drop_unbegun() == 2
    assert noted.kept == [(b"two", RELIABLE), (b"three", RELIABLE)]
    assert [*outbox.frames] == [b"one"]


def test_what_is_spared_counts_for_nothing_until_it_has_left() -> None:
    outbox = Outbox()
    for _ in range(5):
        outbox.append(bytes(10))
    outbox.spare()
    assert (outbox.backlog, outbox.behind) == (0, 0)
    for _ in range(3):
        outbox.append(bytes(10))
    assert (outbox.backlog, outbox.behind) == (20, 2)
    outbox.taken(45)
    assert (outbox.waiting, outbox.spared, outbox.spared_frames) == (35, 5, 1)
    assert (outbox.backlog, outbox.behind) == (20, 2)
    outbox.taken(10)
    assert (outbox.backlog, outbox.behind) == (15, 2)
