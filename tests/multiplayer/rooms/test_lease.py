"""Leases in virtual time: what a node believes of itself, and that no two believe the same."""

from __future__ import annotations

import os
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Error, MultiplayerError
from multiplayer.rooms.directory_entries import NodeEntry, RoomState
from multiplayer.rooms.directory_table import DirectoryTable
from multiplayer.rooms.lease import Change, Lease, LeaseTerms, Policy, What

if TYPE_CHECKING:
    from collections.abc import Callable

TERMS = LeaseTerms()
FULL = os.environ.get("GDPEERS_FULL") == "1"


def held(*rooms: str, policy: Policy = Policy.KEEP) -> Lease:
    """Return a lease that was granted at 10.0, 0.1 s after it was asked for."""
    lease = Lease(TERMS)
    lease.ask(9.9)
    lease.answer(10.0, known=False)
    for room in rooms:
        lease.add(room, 7, 10.0, 10.0, policy)
    return lease


def test_it_counts_from_before_the_request_and_stops_early() -> None:
    lease = held()
    assert lease.until == pytest.approx(9.9 + 3.0 - 0.5)
    assert lease.is_held(12.39)
    assert not lease.is_held(12.41)


def test_an_answer_that_comes_too_late_gives_nothing() -> None:
    lease = Lease(TERMS)
    lease.ask(0.0)
    lease.answer(2.6, known=True)
    assert not lease.is_held(2.6)
    assert lease.check(2.6) == []


def test_a_beat_a_second_and_sooner_after_a_failure() -> None:
    lease = Lease(TERMS)
    assert lease.is_due(0.0)
    lease.ask(0.0)
    lease.answer(0.1, known=False)
    assert not lease.is_due(0.9)
    assert lease.next_deadline() == 1.0
    lease.ask(1.0)
    lease.fail(1.1)
    assert lease.next_deadline() == pytest.approx(1.35)
    lease.ask(2.3)
    assert lease.next_deadline() == pytest.approx(2.5)  # when it is over


def test_rooms_are_isolated_when_it_is_over_and_rejoin() -> None:
    lease = held("A", "B")
    assert lease.owns("A", 12.0)
    assert lease.check(12.0) == []
    assert lease.check(12.5) == [Change("A", What.ISOLATED), Change("B", What.ISOLATED)]
    assert lease.check(12.6) == []
    lease.ask(20.0)
    lease.answer(20.1, known=False)
    assert not lease.owns("A", 20.1)  # somebody else may have it
    assert lease.doubtful == ["A", "B"]
    assert lease.claimed("A", 7, 20.1, 20.2) == Change("A", What.REJOINED)
    assert lease.claimed("B", None, 20.1, 20.2) == Change("B", What.YIELDED)
    assert lease.owns("A", 20.2)
    assert lease.codes == ["A"]


def test_a_room_that_fences_is_gone_at_once() -> None:
    lease = held("A", policy=Policy.FENCE)
    assert lease.check(12.5) == [Change("A", What.FENCED, 7)]
    assert lease.codes == []
    assert lease.claimed("A", 7, 13.0, 13.0) is None


def test_lost_data_is_claimed_again_and_nobody_sees_it() -> None:
    lease = held("A")
    lease.ask(11.0)
    lease.answer(11.0, known=False)
    assert lease.doubtful == ["A"]
    assert not lease.owns("A", 11.0)
    assert lease.claimed("A", 9, 11.0, 11.1) is None
    assert lease.owns("A", 11.1)
    assert lease.epoch("A") == 9


def test_an_answer_to_a_claim_that_comes_too_late_leaves_the_doubt() -> None:
    lease = held("A")
    lease.ask(11.0)
    lease.answer(11.0, known=False)
    assert lease.claimed("A", 7, 11.0, 14.0) is None
    assert lease.doubtful == ["A"]


def test_a_claim_from_before_a_doubt_gives_nothing_sure() -> None:
    lease = held()
    assert len(lease.check(12.5)) == 0
    lease.ask(20.0)
    lease.answer(20.1, known=False)
    lease.add("A", 7, 12.0, 20.2)
    assert lease.doubtful == ["A"]
    lease.add("B", 7, 20.1, 20.2)
    assert lease.owns("B", 20.2)


def test_a_room_that_was_opened_without_asking_is_isolated_until_it_is_claimed() -> None:
    lease = held()
    lease.adopt("A")
    assert not lease.owns("A", 10.0)
    assert lease.doubtful == ["A"]
    assert lease.claimed("A", 9, 10.1, 10.2) == Change("A", What.REJOINED)
    assert lease.owns("A", 10.2)


def test_a_room_whose_write_was_refused_is_in_doubt() -> None:
    lease = held("A")
    lease.doubt("A")
    lease.doubt("B")
    assert lease.doubtful == ["A"]
    assert lease.claimed("A", None, 10.1, 10.2) == Change("A", What.YIELDED)


@pytest.mark.parametrize("bad", [{"beat": 2.0}, {"margin": 0}, {"duration": float("nan")}])
def test_terms_that_leave_no_second_try_raise(bad: dict[str, float]) -> None:
    with pytest.raises(MultiplayerError) as caught:
        LeaseTerms(**bad)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


class _Node:
    def __init__(self, name: str, lease: Lease, rate: float, offset: float) -> None:
        self.entry = NodeEntry(name, "127.0.0.1", 1)
        self.lease = lease
        self.rate = rate  # of its clock
        self.offset = offset
        self.cut_until = 0.0
        self.asking = False


class _Cluster:
    """Nodes with clocks of their own, a directory, and a network between them that is cut at times.

    The one thing that is looked at after each step: whether two nodes say that they own a room.
    """

    def __init__(self, seed: int, make: type[Lease]) -> None:
        self.random = Random(seed)
        self.table = DirectoryTable()
        self.now = 0.0
        self.owned_twice = 0
        self.cuts = 0
        self.takeovers = 0
        self._steps: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self.nodes = [
            _Node(name, make(TERMS), self.random.uniform(0.9, 1.1), self.random.uniform(0, 1e6))
            for name in "abc"
        ]
        for node in self.nodes:
            self._wake(node)

    def local(self, node: _Node) -> float:
        return node.offset + self.now * node.rate

    def later(self, seconds: float, step: Callable[[], object]) -> None:
        heappush(self._steps, (self.now + seconds, next(self._numbers), step))

    def run(self, until: float) -> None:
        while self._steps and self._steps[0][0] < until:
            self.now, _, step = heappop(self._steps)
            step()
            for code in ("R", "S"):
                owners = [n for n in self.nodes if n.lease.owns(code, self.local(n))]
                self.owned_twice += len(owners) > 1

    def ask(
        self, node: _Node, question: Callable[[], object], then: Callable[[Any], object]
    ) -> None:
        """Ask the directory something; an answer may be lost, and then nobody knows."""
        delay, back = (self.random.expovariate(20) for _ in range(2))
        lost = self.now < node.cut_until and self.random.random() < 0.7

        def arrive() -> None:
            answer = question()
            if self.now >= node.cut_until:
                self.later(back, lambda: then(answer))

        if not lost:
            self.later(delay, arrive)

    def _wake(self, node: _Node) -> None:
        now = self.local(node)
        node.lease.check(now)
        if self.random.random() < 0.02:
            self.cuts += 1
            node.cut_until = self.now + self.random.uniform(0.1, 8)
        if node.lease.is_due(now):
            node.lease.ask(now)
            asked = now

            def answered(known: object) -> None:
                if node.lease._asked == asked:  # else a newer request has been sent
                    node.lease.answer(self.local(node), known=bool(known))

            self.ask(node, lambda: self.table.beat(node.entry, 3.0, self.now), answered)
        if node.lease.is_held(now):
            self._claim(node)
        self.later(0.1, lambda: self._wake(node))

    def _claim(self, node: _Node) -> None:
        lease, name = node.lease, node.entry.incarnation
        asked = self.local(node)
        for code in lease.doubtful:

            def again(epoch: Any, code: str = code) -> None:
                if epoch is not None:
                    lease.claimed(code, epoch or None, asked, self.local(node))

            self.ask(
                node, lambda c=code: self.table.claim(c, "k", name, RoomState(), self.now), again
            )
        code = self.random.choice("RS")
        if code in lease.codes:
            return

        def question() -> int | None:
            before = self.table.find(code, self.now)
            if taken := self.table.take(code, name, self.now):
                self.takeovers += before is None or before.room.epoch != taken.epoch
                return taken.epoch
            return self.table.claim(code, "k", name, RoomState(), self.now)

        def owned(epoch: Any) -> None:
            if epoch and code not in lease.codes:
                lease.add(code, epoch, asked, self.local(node))

        self.ask(node, question, owned)


SEEDS = range(200 if FULL else 25)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_room_is_owned_twice_whatever_is_cut(seed: int) -> None:
    cluster = _Cluster(seed, Lease)
    cluster.run(60.0)
    assert cluster.owned_twice == 0
    assert cluster.cuts > 3
    assert cluster.takeovers > 0


class _FromTheAnswer(Lease):
    """Counts from when the answer came, not from before it asked."""

    def answer(self, now: float, *, known: bool) -> None:
        self._asked = now + self.terms.margin
        super().answer(now, known=known)


class _NeverInDoubt(Lease):
    """Believes that its rooms are its own as soon as its lease is there again."""

    def _doubt(self, now: float) -> None:
        pass


@pytest.mark.parametrize("wrong", [_FromTheAnswer, _NeverInDoubt])
def test_a_lease_that_is_wrong_is_found_out(wrong: type[Lease]) -> None:
    twice = 0
    for seed in SEEDS:
        cluster = _Cluster(seed, wrong)
        cluster.run(60.0)
        twice += cluster.owned_twice
    assert twice > 0
