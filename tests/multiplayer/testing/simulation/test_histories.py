"""Whatever becomes of connections, servers and tokens: exactly once and in order, or both know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from multiplayer.endpoint.arrivals import Arrivals
from multiplayer.endpoint.replay_ring import ReplayRing
from tests.multiplayer.testing.simulation.histories import silence, what_fails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from multiplayer import TransferMode


__all__ = ["silence"]

KINDS: Final[dict[str, dict[str, bool]]] = {
    "drops": {},
    "small rings": {"tight": True},
    "dying servers": {"deaths": True},
    "stolen tokens": {"thefts": True},
    "all of it": {"deaths": True, "thefts": True, "tight": True},
}
SEEDS: Final = 100
"""How many histories of each kind."""

SUSPECTS: Final = 40
"""How many are enough to find a bug that was planted."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", KINDS)
def test_each_packet_comes_once_and_in_order_or_both_sides_know(kind: str) -> None:
    for seed in range(SEEDS):
        assert what_fails(seed, **KINDS[kind]) == ""


def takes_the_number_before(self: Arrivals, number: int) -> None:
    """What the page warns of: ``received`` is not ``next`` - 1."""
    go_on_at(self, number)
    self.received = number - 1


def forgets_what_was_cut_off(
    self: ReplayRing, frames: Iterable[tuple[bytes, TransferMode]]
) -> None:
    cut_off(self, [*frames][1:])


def drops_one_too_many(self: ReplayRing, number: int) -> bool:
    return acknowledge(self, min(number + 1, self.written))


def goes_on_with_the_old_numbers(self: ReplayRing, received: int) -> list[bytes]:
    written = self.written
    again = take_after(self, received)
    self.written = max(written - len(again), 0)
    return again


go_on_at, cut_off = Arrivals.go_on_at, ReplayRing.cut_off
acknowledge, take_after = ReplayRing.acknowledge, ReplayRing.take_after

BUGS: Final[list[tuple[type, str, Callable[..., Any]]]] = [
    (Arrivals, "go_on_at", takes_the_number_before),
    (ReplayRing, "cut_off", forgets_what_was_cut_off),
    (ReplayRing, "acknowledge", drops_one_too_many),
    (ReplayRing, "take_after", goes_on_with_the_old_numbers),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("owner", "method", "bug"), BUGS, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str, bug: Callable[..., Any]
) -> None:
    monkeypatch.setattr(owner, method, bug)
    found = (what_fails(seed) for seed in range(SUSPECTS))
    assert next(filter(None, found), "")
