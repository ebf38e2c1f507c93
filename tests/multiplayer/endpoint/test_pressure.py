"""``multiplayer.endpoint.pressure``: who is charged, who is held, and who makes no progress."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from multiplayer import TransferMode
from multiplayer.endpoint.outbox import Outbox
from multiplayer.endpoint.pressure import Account, Stalls

UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE

SIZE: Final = 1000
"""``outbound_buffer_size``."""


def blocked(max_ordered: int = 64, *, least: int = 0) -> Outbox:
    """An outbox whose socket takes nothing for now."""
    outbox = Outbox(max_ordered, least=least)
    outbox.blocked = True
    return outbox


class Sender:
    """One peer and its account; notes what the account wants of its holder."""

    def __init__(self, receivers: int = 10, rate: float = 0.0) -> None:
        self.count = receivers
        self.told: list[str] = []
        self.account = Account(self, self, SIZE, rate, 0.0)

    def receivers(self) -> int:
        return self.count

    def hold(self, channel: object, why: str) -> None:
        assert channel is self
        self.told.append(why)

    def let_go(self, channel: object) -> None:
        assert channel is self
        self.told.append("")

    @property
    def held(self) -> bool:
        assert bool(self.told and self.told[-1]) == self.account.held
        return self.account.held

    def send(self, outbox: Outbox, size: int) -> None:
        """Send one packet to one peer, whose socket takes nothing."""
        self.account.note_sent(outbox, size)
        outbox.append(bytes(size), origin=self.account)

    def broadcast(self, size: int, *blocked: Outbox) -> None:
        """Send one packet to all, of whom the sockets of some take nothing."""
        self.account.sent_to_all += size
        self.account.spent += size * self.count
        for outbox in blocked:
            outbox.append(bytes(size), origin=self.account)


def test_who_fills_more_than_half_of_the_one_it_sends_to_is_held_until_a_quarter_waits() -> None:
    sender, reader = Sender(), blocked()
    sender.send(reader, 250)
    sender.send(reader, 250)
    assert not sender.held
    sender.send(reader, 1)
    assert sender.held
    reader.taken(250)
    assert sender.held
    reader.taken(250)
    assert not sender.held
    assert sender.told == ["what it has sent fills the others' buffers", ""]


def test_what_is_left_of_a_long_packet_holds_nobody_when_looked_at_again() -> None:
    sender, reader = Sender(), blocked()
    sender.send(reader, 900)
    reader.taken(700)
    sender.account.look_again()
    assert not sender.held  # although it is charged for all of the packet


def test_what_the_socket_has_not_been_offered_holds_nobody() -> None:
    sender, reader = Sender(), Outbox()
    sender.send(reader, 900)
    assert not sender.held
    reader.blocked = True
    sender.send(reader, 1)
    assert sender.held


@pytest.mark.parametrize(("behind", "held"), [(1, False), (4, False), (5, True), (9, True)])
def test_it_takes_half_of_those_that_it_sends_to(behind: int, held: bool) -> None:
    sender, readers = Sender(receivers=11), [blocked() for _ in range(behind)]
    for _ in range(6):
        sender.broadcast(100, *readers)
    assert sender.held is held
    for reader in readers:
        reader.clear()
    assert not sender.held


def test_who_keeps_up_with_most_is_waited_for_and_who_does_not_is_not() -> None:
    sender, readers = Sender(receivers=7), [blocked() for _ in range(5)]
    for _ in range(55):
        sender.broadcast(10, *readers)
    assert sender.held
    behind, sipper, *quick = readers
    behind.taken(130)
    sipper.taken(10)
    for reader in quick:
        assert sender.held
        reader.taken(300)
    assert sender.held  # two outboxes are still filled, and one of these keeps up
    behind.taken(170)
    assert not sender.held


def test_a_word_to_all_does_not_make_a_flood_to_one_a_word_to_all() -> None:
    sender, reader = Sender(receivers=200), blocked()
    sender.broadcast(100, reader)
    for _ in range(9):
        sender.send(reader, 100)
    assert sender.held


def test_one_that_is_behind_with_what_all_get_holds_nobody_up_whatever_it_gets_alone() -> None:
    sender, reader = Sender(receivers=200), blocked()
    for _ in range(9):
        sender.broadcast(100, reader)
        sender.send(reader, 5)
    assert not sender.held


def test_several_that_flood_share_the_half_and_who_says_little_is_not_held() -> None:
    floods, modest, reader = [Sender(2) for _ in range(5)], Sender(2), blocked()
    modest.send(reader, 10)
    for _ in range(1000):
        for sender in floods:
            if not sender.held:
                sender.send(reader, 10)
    assert all(sender.held for sender in floods)
    assert reader.load < SIZE
    modest.send(reader, 10)
    assert not modest.held
    while reader.load > SIZE / 4:
        reader.taken(10)
    for sender in floods:
        sender.account.look_again()
    assert not any(sender.held for sender in floods)


def test_who_is_behind_with_what_the_program_sends_by_itself_holds_nobody_up() -> None:
    sender, reader = Sender(), blocked()
    reader.append(bytes(900))
    sender.send(reader, 90)
    assert not sender.held


def test_short_packets_weigh_as_much_as_the_longest_queue_allows() -> None:
    sender, reader = Sender(), blocked(least=10)
    for _ in range(52):
        sender.send(reader, 3)
    assert sender.held
    reader.taken(3 * 30)
    assert not sender.held


def test_what_can_be_dropped_charges_nobody() -> None:
    sender, reader = Sender(), blocked()
    for mode in (UNRELIABLE, ORDERED):
        sender.account.note_sent(reader, 900)
        reader.append(bytes(900), mode, sender.account)
    assert reader.waiting == 900
    assert (reader.charged, reader.load) == (0, 0)
    assert not sender.held


def test_without_a_buffer_size_nobody_fills_anything() -> None:
    sender, reader = Sender(), blocked()
    sender.account = Account(sender, sender, 0, 0.0, 0.0)
    sender.send(reader, 1 << 20)
    assert not sender.held


def test_who_sets_off_too_much_rests_as_long_as_that_takes() -> None:
    sender = Sender(receivers=11, rate=1000)
    sender.broadcast(50)
    assert not sender.account.settle(0.0)  # 550 of the 1000 that may come at once
    sender.broadcast(150)
    assert sender.account.settle(0.0)  # 1200 too many
    assert sender.held
    assert sender.account.rests_until == pytest.approx(1.2)
    assert not sender.account.settle(1.0)
    assert sender.held
    assert not sender.account.settle(1.21)
    assert not sender.held
    assert sender.told == ["it has set off more than relayed_bytes_per_second", ""]
    sender.account.spent += 1010
    assert sender.account.settle(100.0)  # however long it has sent nothing
    assert sender.account.rests_until == pytest.approx(100.01)


class Bookkeeping(RuleBasedStateMachine):
    """Whatever happens to the outboxes, each account is charged what waits there of it."""

    def __init__(self) -> None:
        super().__init__()
        self.senders = [Sender() for _ in range(3)]
        self.outboxes = [blocked(2, least=7) for _ in range(3)]
        self.queued: list[list[tuple[int, Sender | None]]] = [[] for _ in self.outboxes]
        self.begun = [0, 0, 0]

    @rule(
        at=st.integers(0, 2),
        who=st.integers(0, 3),
        size=st.integers(1, 400),
        mode=st.sampled_from([RELIABLE, RELIABLE, RELIABLE, UNRELIABLE, ORDERED]),
    )
    def append(self, at: int, who: int, size: int, mode: TransferMode) -> None:
        sender = self.senders[who] if who < 3 else None
        outbox = self.outboxes[at]
        was = outbox.behind, outbox.waiting
        outbox.append(bytes(size), mode, sender.account if sender else None)
        if mode is RELIABLE:
            self.queued[at].append((size, sender))
        elif (outbox.behind, outbox.waiting) != was:
            self.queued[at].append((size, None))
        if mode is ORDERED and outbox.blocked:
            self._match(at)

    def _match(self, at: int) -> None:
        """Forget what was dropped of the frames for which nobody is charged."""
        sizes = [len(frame) for frame in self.outboxes[at].frames]
        kept: list[tuple[int, Sender | None]] = []
        for size, sender in self.queued[at]:
            if sender is not None or (len(kept) < len(sizes) and sizes[len(kept)] == size):
                kept.append((size, sender))
        self.queued[at] = kept

    @rule(at=st.integers(0, 2), share=st.floats(0, 1))
    def take(self, at: int, share: float) -> None:
        count = int(self.outboxes[at].waiting * share)
        self.outboxes[at].taken(count)
        count += self.begun[at]
        queued = self.queued[at]
        while queued and count >= queued[0][0]:
            count -= queued.pop(0)[0]
        self.begun[at] = count

    @rule(at=st.integers(0, 2))
    def drop_unbegun(self, at: int) -> None:
        self.outboxes[at].drop_unbegun()
        del self.queued[at][1 if self.begun[at] else 0 :]

    @rule(at=st.integers(0, 2))
    def clear(self, at: int) -> None:
        self.outboxes[at].clear()
        self.outboxes[at].blocked = True
        self.queued[at].clear()
        self.begun[at] = 0

    @invariant()
    def what_is_charged_is_what_waits(self) -> None:
        for outbox, queued in zip(self.outboxes, self.queued, strict=True):
            charged = {sender for _, sender in queued if sender is not None}
            assert outbox.charged_to == len(charged)
            total = 0
            for sender in self.senders:
                due = sum(max(size, 7) for size, origin in queued if origin is sender)
                assert sender.account._charges.get(outbox, 0) == due
                total += due
            assert outbox.charged == total
        for sender in self.senders:
            sender.account.look_again()
            held = sender.held
            if not sender.account._charges:
                assert not held
            assert not held or any(outbox.load > SIZE / 4 for outbox in self.outboxes)

    def teardown(self) -> None:
        for outbox in self.outboxes:
            outbox.clear()
        for sender in self.senders:
            assert not sender.account._charges
            assert not sender.account._filled
            assert not sender.held


TestBookkeeping = Bookkeeping.TestCase
TestBookkeeping.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, database=None
)


# ------------------------------------------------------------------ who makes no progress


class Slow:
    """A reader that is behind."""

    def __init__(self, load: int, size: int = SIZE, timeout: float = 5.0) -> None:
        self.outbox = Outbox()
        self.outbox.append(bytes(load))
        self.stall_terms = timeout, size

    def stall(self, now: float) -> None: ...


def test_a_reader_that_takes_less_than_a_buffer_in_time_is_stalled_however_many_bytes() -> None:
    stalls, reader = Stalls(), Slow(501)
    stalls.note(reader, 0.0)
    for tick in range(50):
        reader.outbox.sent += 19
        stalls.note(reader, tick / 10)
        assert stalls.stalled(tick / 10) == []
    assert stalls.due == 5.0
    assert stalls.stalled(5.0) == [reader]
    assert not stalls.terms


def test_one_that_takes_a_little_each_time_before_more_comes_is_stalled_too() -> None:
    stalls, reader = Stalls(), Slow(501)
    for tick in range(50):
        stalls.note(reader, tick / 10)
        reader.outbox.taken(10)
        stalls.note(reader, tick / 10)
        reader.outbox.append(bytes(10))
    assert stalls.stalled(5.0) == [reader]


def test_one_for_whom_little_waits_any_more_is_behind_no_longer() -> None:
    stalls, reader = Stalls(), Slow(501)
    stalls.note(reader, 0.0)
    reader.outbox.taken(250)
    stalls.note(reader, 1.0)
    assert stalls.terms
    reader.outbox.taken(1)
    stalls.note(reader, 1.0)
    assert not stalls.terms


def test_one_that_takes_a_buffer_in_time_has_another_term() -> None:
    stalls, reader = Stalls(), Slow(501)
    stalls.note(reader, 0.0)
    reader.outbox.sent += SIZE
    stalls.note(reader, 4.9)
    assert stalls.due == pytest.approx(9.9)


@pytest.mark.parametrize(
    "reader", [Slow(500), Slow(10**6, size=0), Slow(501, timeout=0.0)], ids=["half", "any", "off"]
)
def test_who_has_no_terms_is_never_stalled(reader: Slow) -> None:
    stalls = Stalls()
    stalls.note(reader, 0.0)
    assert stalls.due == float("inf")
    assert stalls.stalled(1e9) == []


def test_who_was_not_written_to_is_not_blamed_for_that() -> None:
    stalls, reader = Stalls(), Slow(501)
    stalls.note(reader, 0.0)
    assert stalls.stalled(60.0) == []  # nobody polled for a minute
    assert stalls.due == 63.0
    assert stalls.stalled(62.9) == []
    assert stalls.stalled(100.0) == [reader]
