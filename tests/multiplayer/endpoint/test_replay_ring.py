"""``multiplayer.endpoint.replay_ring`` and ``arrivals``: two sides, and connections that break."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from multiplayer import TransferMode
from multiplayer.endpoint.arrivals import (
    ACK_AFTER_BYTES,
    ACK_AFTER_MESSAGES,
    ACK_AFTER_SECONDS,
    Arrivals,
)
from multiplayer.endpoint.outbox import Outbox
from multiplayer.endpoint.replay_ring import ReplayRing

if TYPE_CHECKING:
    from collections.abc import Iterator

RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
NUMBERED, OTHER = 0x82, 0x89


def frame(number: int, kind: int = NUMBERED) -> bytes:
    return bytes([kind]) + number.to_bytes(4, "big")


class Run:
    def __init__(self, *frames: tuple[bytes, TransferMode]) -> None:
        self._frames = frames
        self.messages = len(frames)
        self.octets = sum(len(each) for each, _ in frames)

    def __iter__(self) -> Iterator[tuple[bytes, TransferMode]]:
        return iter(self._frames)


class Side:
    """One side of a session: its outbox, its ring, and what it has received."""

    def __init__(self, max_bytes: int, max_packets: int) -> None:
        self.ring = ReplayRing(NUMBERED, max_bytes, max_packets)
        self.arrivals = Arrivals()
        self.outbox = Outbox()
        self.put: list[int] = []  # reliable ones, of this generation of the session
        self.got: list[int] = []
        self.count = 0

    def connect(self) -> None:
        self.outbox = Outbox()
        self.outbox.ring = self.ring

    def send(self, mode: TransferMode, *, connected: bool) -> None:
        self.count += 1
        data = frame(self.count)
        if mode is RELIABLE:
            self.put.append(self.count)
        if connected:
            self.outbox.append(data, mode)
        else:
            self.ring.put(data, mode)


class Sessions(RuleBasedStateMachine):
    """What each side gets is what the other has put: all of it, once, and in order."""

    @initialize(most=st.sampled_from([(10**6, 10**6), (10**6, 6), (60, 100)]))
    def begin(self, most: tuple[int, int]) -> None:
        self.sides = Side(*most), Side(*most)
        self.roomy = most == (10**6, 10**6)
        self.on_the_way: tuple[deque[bytes], deque[bytes]] = deque(), deque()
        self.connected = True
        self.unanswered = False
        for side in self.sides:
            side.connect()

    @rule(who=st.integers(0, 1), mode=st.sampled_from([RELIABLE, RELIABLE, UNRELIABLE]))
    def send(self, who: int, mode: TransferMode) -> None:
        self.sides[who].send(mode, connected=self.connected)

    @rule(who=st.integers(0, 1))
    def ping(self, who: int) -> None:
        if self.connected:
            self.sides[who].outbox.append(frame(0, OTHER))

    @rule(who=st.integers(0, 1), count=st.integers(1, 40))
    def write(self, who: int, count: int) -> None:
        side = self.sides[who]
        if not (self.connected and side.outbox.waiting):
            return
        count = min(count, side.outbox.waiting)
        frames, begun = [*side.outbox.frames], side.outbox.begun
        side.outbox.taken(count)
        count += begun
        for each in frames:
            count -= len(each)
            if count >= 0:
                self.on_the_way[who].append(each)

    @rule(who=st.integers(0, 1))
    def write_run(self, who: int) -> None:
        side = self.sides[who]
        if not self.connected or side.outbox.waiting:
            return
        modes = (RELIABLE, UNRELIABLE, RELIABLE)
        numbers = range(side.count + 1, side.count + 4)
        run = Run(*((frame(n), mode) for n, mode in zip(numbers, modes, strict=True)))
        side.put += [side.count + 1, side.count + 3]
        side.count += 3
        side.ring.left_run(run)
        self.on_the_way[who].extend(each for each, _ in run)

    @rule(who=st.integers(0, 1), count=st.integers(1, 4))
    def arrive(self, who: int, count: int) -> None:
        other = self.sides[1 - who]
        for _ in range(min(count, len(self.on_the_way[who]))):
            data = self.on_the_way[who].popleft()
            if data[0] == NUMBERED:
                other.arrivals.came(len(data), 0.0)
                other.got.append(int.from_bytes(data[1:], "big"))

    @rule(who=st.integers(0, 1))
    def acknowledge(self, who: int) -> None:
        number = self.sides[who].arrivals.acknowledge()
        assert self.sides[1 - who].ring.acknowledge(number)

    @rule()
    def lose(self) -> None:
        if self.connected:
            self.connected = False
            for side, lost in zip(self.sides, self.on_the_way, strict=True):
                side.outbox.clear()
                lost.clear()

    @rule(answered=st.booleans())
    def come_back(self, *, answered: bool) -> None:
        """The first is the client."""
        if self.connected:
            return
        client, server = self.sides
        r, m, lost = client.arrivals.received, client.ring.next, client.ring.lost
        r2, n = server.arrivals.received, server.ring.next
        goes_on = server.ring.has_all_after(r) and r2 >= lost and m > r2
        assert goes_on or not self.roomy or self.unanswered
        server.arrivals.go_on_at(m)
        if not goes_on:
            server.ring.begin_anew(after=r)
            n = server.ring.next
        self._connect(server, r, goes_on=goes_on)
        if not answered:  # the greeting is lost, and all behind it
            server.outbox.clear()
            self.unanswered |= not goes_on
            return
        client.arrivals.go_on_at(n)
        if goes_on:
            assert client.ring.has_all_after(r2)
        self._connect(client, r2, goes_on=goes_on)
        self.connected = True
        if not goes_on:
            self.unanswered = False
            for side in self.sides:
                side.put.clear()
                side.got.clear()

    def _connect(self, side: Side, received: int, *, goes_on: bool) -> None:
        side.connect()
        if not goes_on:
            side.ring.begin_anew()
            side.put.clear()
            return
        for each in side.ring.take_after(received):
            side.outbox.append(each)

    @invariant()
    def all_once_and_in_order(self) -> None:
        for one, other in (self.sides, self.sides[::-1]):
            reliable = [number for number in other.got if number in {*one.put}]
            assert reliable == one.put[: len(reliable)]
            assert one.ring.octets >= 0
            assert one.ring.lost <= one.ring.next

    def teardown(self) -> None:
        if not hasattr(self, "sides"):
            return
        self.come_back(answered=True)
        for who in (0, 1):
            self.write(who, 10**9)
            self.arrive(who, 10**9)
        for one, other in (self.sides, self.sides[::-1]):
            assert [number for number in other.got if number in {*one.put}] == one.put


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_what_is_too_much_is_lost_and_known_to_be() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 3)
    for number in range(1, 6):
        ring.left(frame(number), RELIABLE)
    assert (ring.written, ring.lost, ring.packets) == (5, 2, 3)
    assert not ring.has_all_after(1)
    assert ring.has_all_after(2)
    assert not ring.has_all_after(6)
    assert ring.take_after(3) == [frame(4), frame(5)]
    assert (ring.packets, ring.octets) == (0, 0)


def test_what_waits_and_is_too_much_tears_it() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 3)
    ring.left(frame(1), RELIABLE)
    for number in range(2, 6):
        ring.put(frame(number), RELIABLE)
    assert ring.lost == ring.next == 2
    assert not ring.has_all_after(1)
    ring.put(frame(6), RELIABLE)
    assert ring.packets == 0
    assert ring.dropped == 5
    ring.begin_anew()
    assert ring.has_all_after(1)
    ring.put(frame(7), RELIABLE)
    assert ring.take_after(1) == [frame(7)]


def test_what_had_begun_to_leave_comes_before_the_rest() -> None:
    ring, outbox = ReplayRing(NUMBERED, 10**6, 10**6), Outbox()
    outbox.ring = ring
    for number in range(1, 4):
        outbox.append(frame(number))
    outbox.taken(2)
    outbox.drop_unbegun()
    ring.put(frame(4), RELIABLE)
    outbox.append(frame(0, OTHER))  # a close frame
    outbox.clear()
    assert ring.waiting == 20
    assert ring.take_after(0) == [frame(number) for number in range(1, 5)]
    assert (ring.waiting, ring.octets, ring.packets) == (0, 0, 0)


def test_what_is_cut_off_and_too_much_tears_it() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 3)
    ring.put(frame(3), RELIABLE)
    ring.cut_off([(frame(number), RELIABLE) for number in range(3)])
    assert ring.lost == ring.next
    assert (ring.packets, ring.octets, ring.waiting) == (0, 0, 0)
    assert ring.take_after(0) == []


def test_unreliable_messages_have_numbers_and_are_not_written_again() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 10**6)
    ring.left(frame(1), UNRELIABLE)
    ring.left(frame(2), RELIABLE)
    ring.put(frame(3), UNRELIABLE)
    assert ring.written == 2
    assert ring.dropped == 1
    assert ring.take_after(0) == [frame(2)]


@pytest.mark.parametrize("word", [b'{"renewed":7}', b'{"roster":true}'])
def test_of_the_words_these_have_numbers(word: bytes) -> None:
    ring = ReplayRing(NUMBERED, 10**6, 10**6)
    said = bytes([0x81, len(word)]) + word
    greeting = b'{"resume":1,"seat":"a","grace":1,"received":0,"next":1}'
    ring.left(bytes([0x81, len(greeting)]) + greeting, RELIABLE)
    ring.left(b"\x81\x08" + b'{"ack":1}', RELIABLE)
    ring.left(frame(1, OTHER), RELIABLE)
    ring.left(said, RELIABLE)
    assert ring.written == 1
    assert ring.take_after(0) == [said]


def test_what_was_never_written_cannot_be_acknowledged() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 10**6)
    ring.left(frame(1), RELIABLE)
    assert not ring.acknowledge(2)
    assert ring.packets == 1
    assert ring.acknowledge(1)
    assert ring.acknowledge(0)
    assert ring.packets == 0


def test_a_run_of_which_a_part_has_come_is_written_again_in_part() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 10**6)
    ring.left_run(Run(*((frame(n), RELIABLE) for n in range(1, 5))))
    ring.acknowledge(2)
    assert ring.take_after(2) == [frame(3), frame(4)]


@given(st.lists(st.tuples(st.integers(0, 9000), st.floats(0, 0.5)), max_size=100))
def test_acknowledgements_are_due_in_time(messages: list[tuple[int, float]]) -> None:
    arrivals, now = Arrivals(), 0.0
    waiting: list[tuple[int, float]] = []
    for size, pause in messages:
        now += pause
        if now >= arrivals.due:
            assert waiting
            assert arrivals.acknowledge() == arrivals.received
            waiting.clear()
            assert arrivals.due == math.inf
        due = arrivals.came(size, now)
        waiting.append((size, now))
        octets = sum(size for size, _ in waiting)
        assert due == (len(waiting) >= ACK_AFTER_MESSAGES or octets >= ACK_AFTER_BYTES)
        assert arrivals.due == (now if due else waiting[0][1] + ACK_AFTER_SECONDS)
        if due:
            arrivals.acknowledge()
            waiting.clear()
    assert arrivals.received == len(messages)


def test_what_is_counted_ahead_is_counted_once() -> None:
    arrivals = Arrivals()
    arrivals.came(1, 0.0)
    arrivals.count_ahead(2)
    assert arrivals.received == 3
    arrivals.go_on_at(9)
    arrivals.came(1, 0.0)
    arrivals.came(1, 0.0)
    assert arrivals.received == 3
    arrivals.came(1, 0.0)
    assert (arrivals.received, arrivals.next) == (9, 10)


@pytest.mark.parametrize("number", [-1, 10**9])
def test_numbers_without_sense_change_nothing(number: int) -> None:
    ring = ReplayRing(NUMBERED, 10**6, 10**6)
    ring.left(frame(1), RELIABLE)
    assert not ring.acknowledge(number)
    assert not ring.has_all_after(number)
    assert ring.take_after(0) == [frame(1)]


def test_who_has_everything_of_before_cannot_go_on_where_a_number_was_skipped() -> None:
    ring = ReplayRing(NUMBERED, 10**6, 10**6)
    ring.left(frame(1), RELIABLE)
    ring.begin_anew(after=1)
    assert ring.next == 3
    assert not ring.has_all_after(1)
    assert ring.has_all_after(2)
    ring.begin_anew(after=30)  # which another server has written
    assert ring.next == 32
    assert not ring.has_all_after(30)
