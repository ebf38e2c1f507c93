"""Attacks and soak in small: the honest pair goes on, the attackers meet the limits."""

from __future__ import annotations

import pytest

pytest.importorskip("resource")

from tests.hostile import sipping
from tests.hostile.__main__ import attack
from tests.hostile.api_guests import API_GUESTS
from tests.hostile.guests import GUESTS, Tally
from tests.hostile.observed import State
from tests.hostile.soak import LONG_ENOUGH, MOST_GROWTH, Outcome, left_over, soak
from tests.hostile.stalled import measure


@pytest.mark.parametrize(
    ("name", "amount", "limit"),
    [
        ("announced_gibibyte", 2, "inbound_buffer_size"),
        ("pings", 5000, "max_control_frames"),
        ("fragments", 20_000, "max_fragments"),
        ("empty_fragments", 20_000, "max_fragments"),
        ("short_packets", 100, "max_violations"),
        ("connects", 20, ""),
        ("relay_bursts_godot4", 20_000, ""),
        ("floods_to_slow_readers", 2, ""),
        ("key_updates", 1000, "max_control_frames"),
        ("log_floods", 300, "max_log_lines"),
    ],
)
async def test_an_attack_ends_at_a_limit_and_honest_peers_go_on(
    name: str, amount: int, limit: str
) -> None:
    done = await attack(name, amount)
    assert done.exchanged > 0  # and each packet came back, or it would not have ended
    assert ({limit} if limit else set()) <= {*done.state.limits_reached}


@pytest.mark.parametrize(
    ("name", "amount", "reason"),
    [
        ("unknown_rpcs", 2000, "unknown_method"),
        ("announcements", 5000, "too_many_paths"),
        ("questions", 1500, "too_many_calls"),
        ("async_calls", 1500, "too_many_calls"),
        ("limited_calls", 1000, "too_many_calls"),
        ("logins", 20, ""),
    ],
)
async def test_an_attack_on_the_api_is_dropped_and_honest_peers_call_each_other(
    name: str, amount: int, reason: str
) -> None:
    done = await attack(name, amount)
    assert done.exchanged > 0
    assert {*done.state.rejected} == ({reason} if reason else set())
    assert done.memory_peak - done.memory_before < 32


@pytest.mark.parametrize("api", [False, True])
async def test_a_short_soak_leaves_nothing_behind(api: bool) -> None:
    outcome = await soak(4.0, 30, seed=1, api=api)
    kinds = API_GUESTS if api else GUESTS
    assert {*outcome.tally.visits} == {kind.__name__ for kind, _ in kinds}
    assert outcome.tally.packets > 0
    assert left_over(outcome) == ""


async def test_one_stalled_reader_delays_nobody() -> None:
    done = await measure(10, 12.0, stalls=True)
    # 5 s after the system has taken what it takes for the one; its sender is held until then.
    assert "stall_timeout" in done.state.limits_reached
    assert len(done.times) > 50
    assert sorted(done.times)[len(done.times) // 2] < 0.2


def test_a_soak_in_which_memory_grows_has_failed() -> None:
    state = State(30.0, 0.01, 9, 0, 5, 0, 0, {}, 0, 0, {}, 0, 1000)
    fine = Outcome(LONG_ENOUGH, state, state, Tally(), 35.0, 35.0 + MOST_GROWTH / 2, 300)
    assert left_over(fine) == ""
    assert "memory" in left_over(fine._replace(late=35.0 + MOST_GROWTH * 2))
    assert "after" in left_over(fine._replace(after=state._replace(kept=1)))


async def test_a_reader_that_sips_comes_in_between_and_is_compared() -> None:
    done = await sipping.measure(10, 1.0, 1)
    for rates in (done.sent, done.received):
        assert len(rates.away) == len(rates.there) == 10
        assert 0 < rates.lowest <= rates.together
