"""Attacks and soak in small: the honest pair goes on, the attackers meet the limits."""

from __future__ import annotations

import pytest

pytest.importorskip("resource")

from tests.hostile.__main__ import attack
from tests.hostile.guests import GUESTS
from tests.hostile.soak import left_over, soak


@pytest.mark.parametrize(
    ("name", "amount", "limit"),
    [
        ("announced_gibibyte", 2, "inbound_buffer_size"),
        ("pings", 5000, "max_control_frames"),
        ("fragments", 20_000, "max_fragments"),
        ("empty_fragments", 20_000, "max_fragments"),
        ("short_packets", 100, "max_violations"),
        ("connects", 20, ""),
    ],
)
async def test_an_attack_ends_at_a_limit_and_honest_peers_go_on(
    name: str, amount: int, limit: str
) -> None:
    done = await attack(name, amount)
    assert done.exchanged > 0  # and each packet came back, or it would not have ended
    assert ({limit} if limit else set()) <= {*done.state.limits_reached}


async def test_a_short_soak_leaves_nothing_behind() -> None:
    outcome = await soak(4.0, 30, seed=1)
    assert {*outcome.tally.visits} == {kind.__name__ for kind, _ in GUESTS}
    assert outcome.tally.packets > 0
    assert left_over(outcome) == ""
