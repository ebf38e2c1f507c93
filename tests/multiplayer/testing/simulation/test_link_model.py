"""``LinkModel``: when packets arrive, whatever is asked of it."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import mean

import pytest

from multiplayer import TransferMode
from multiplayer.testing.simulation.chance import Chance
from multiplayer.testing.simulation.conditions import Conditions
from multiplayer.testing.simulation.link_model import LinkModel
from multiplayer.testing.simulation.presets import PRESETS

RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
MODES = tuple(TransferMode)
MS = 1000


def model(seed: int = 1, **conditions: float) -> LinkModel:
    return LinkModel(Conditions().changed(**conditions), Chance(seed))


def test_latency_alone() -> None:
    link = model(latency=0.05)
    assert [link.arrivals(now, 100, mode) for now, mode in enumerate(MODES)] == [
        (50_000,),
        (50_001,),
        (50_002,),
    ]


def test_nothing_arrives_at_the_instant_at_which_it_was_put() -> None:
    assert model().arrivals(7, 100, RELIABLE) == (8,)


def test_bandwidth_makes_packets_wait_for_each_other() -> None:
    link = model(bandwidth=100_000, latency=0.01)
    arrivals = [link.arrivals(0, 1000, RELIABLE)[0] for _ in range(3)]
    assert arrivals == [20 * MS, 30 * MS, 40 * MS]
    assert link.arrivals(1_000_000, 1000, RELIABLE) == (1_020_000,)


def test_jitter_delays_and_does_not_reorder() -> None:
    link = model(latency=0.02, jitter=0.01)
    arrivals = [link.arrivals(50 * MS * i, 60, UNRELIABLE)[0] - 50 * MS * i for i in range(4000)]
    assert min(arrivals) >= 20 * MS
    assert max(arrivals) <= 20 * MS + 63 * MS + 13 * MS
    assert mean(arrivals) == pytest.approx(30 * MS, rel=0.05)
    close = [link.arrivals(10**9 + i, 60, UNRELIABLE)[0] for i in range(1000)]
    assert close == sorted(close)


@pytest.mark.parametrize("mode", [UNRELIABLE, TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED])
def test_unreliable_packets_are_lost_doubled_and_overtaken(mode: TransferMode) -> None:
    link = model(latency=0.02, loss=0.1, duplication=0.05, reordering=0.2)
    fates = [link.arrivals(i * MS, 60, mode) for i in range(5000)]
    assert [len(fate) for fate in fates].count(0) == pytest.approx(500, rel=0.2)
    assert [len(fate) for fate in fates].count(2) == pytest.approx(225, rel=0.3)
    firsts = [fate[0] for fate in fates if fate]
    overtaken = sum(one > other for one, other in pairwise(firsts))
    assert overtaken == pytest.approx(900, rel=0.3)


@pytest.mark.parametrize("conditions", PRESETS.values(), ids=[*PRESETS])
def test_reliable_packets_arrive_once_and_in_order(conditions: Conditions) -> None:
    link = LinkModel(conditions, Chance(3))
    fates = [link.arrivals(i * MS, 60, RELIABLE) for i in range(3000)]
    assert all(len(fate) == 1 for fate in fates)
    assert fates == sorted(fates)


def test_a_lost_reliable_packet_comes_late_and_the_next_ones_wait() -> None:
    link = model(latency=0.05, loss=0.1)
    late = [link.arrivals(i * 10**7, 60, RELIABLE)[0] - i * 10**7 for i in range(2000)]
    assert {each % (50 * MS) for each in late} == {0}
    assert late.count(50 * MS) == pytest.approx(1800, rel=0.05)
    assert late.count(150 * MS) == pytest.approx(180, rel=0.3)  # a round trip later
    assert 350 * MS in late  # and twice as long again
    link = model(latency=0.05, loss=0.3)
    arrivals = [link.arrivals(i, 60, RELIABLE)[0] for i in range(100)]
    assert len({*arrivals}) < 20  # those that wait for the same one come with it
    unreliable = [link.arrivals(100 + i, 60, UNRELIABLE) for i in range(100)]
    assert all(fate[0] <= 50 * MS + 200 for fate in unreliable if fate)  # these do not wait


def test_changed_conditions_hold_for_what_is_put_from_then_on() -> None:
    link = model(latency=0.1)
    assert link.arrivals(0, 10, RELIABLE) == (100 * MS,)
    link.conditions = Conditions(latency=0.01)
    assert link.arrivals(0, 10, RELIABLE) == (100 * MS,)  # not before those put earlier
    assert link.arrivals(95 * MS, 10, RELIABLE) == (105 * MS,)
    link.conditions = Conditions(bandwidth=math.inf)
    assert link.arrivals(200 * MS, 10, UNRELIABLE) == (200 * MS + 1,)


def test_one_seed_gives_one_run_and_another_another() -> None:
    def run(seed: int) -> list[tuple[int, ...]]:
        link = LinkModel(PRESETS["terrible"], Chance(seed))
        return [link.arrivals(i * MS, 60, MODES[i % 3]) for i in range(200)]

    assert run(1) == run(1)
    assert run(1) != run(2)
