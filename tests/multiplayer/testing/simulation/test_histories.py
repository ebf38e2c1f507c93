"""Whatever becomes of connections, servers and tokens: exactly once and in order, or both know."""

from __future__ import annotations

import logging
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from multiplayer.endpoint.arrivals import Arrivals
from multiplayer.endpoint.replay_ring import ReplayRing
from tests.multiplayer.testing.simulation.histories import History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from multiplayer import TransferMode

    Trace = Callable[[FrameType, str, Any], "Trace | None"]

KINDS: Final[dict[str, dict[str, bool]]] = {
    "drops": {},
    "small rings": {"tight": True},
    "dying servers": {"deaths": True},
    "stolen tokens": {"thefts": True},
    "all of it": {"deaths": True, "thefts": True, "tight": True},
}
SEEDS: Final = 100
"""How many histories of each kind."""

RUNS: Final = 12
"""How many interrupts are tried."""

ENDPOINT: Final = str(Path("multiplayer", "endpoint"))

SUSPECTS: Final = 40
"""How many are enough to find a bug that was planted."""


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Much is lost here, and a session logs much of that."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def what_fails(seed: int, **kind: Any) -> str:
    """What does not hold in a history, and its end; "" if all does."""
    history = History(seed, **kind)
    try:
        history.run()
    except AssertionError as error:
        return "\n".join([f"seed {seed}: {error}", *history.log[-20:]])
    return ""


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


class Steps:
    """Counts the lines of ``multiplayer/endpoint`` that polls run, and raises at one of them."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at

    def __call__(self, poll: Callable[[], None]) -> None:
        if 0 < self._at <= self.count:
            poll()
            return
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            poll()
        except KeyboardInterrupt:
            if self.count != self._at:
                raise
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Trace | None:
        del event, arg
        return self._line if ENDPOINT in frame.f_code.co_filename else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Trace:
        del frame, arg
        if event == "line":
            self.count += 1
            if self.count == self._at:
                raise KeyboardInterrupt
        return self._line


@pytest.mark.timeout(120)
@pytest.mark.parametrize("subject", ["client", "server"])
def test_after_an_interrupt_anywhere_the_same_holds(subject: str) -> None:
    dice = random.Random(subject)
    for seed in range(RUNS):
        short: dict[str, Any] = {"interrupted": subject, "length": 4}
        steps = Steps(0)
        History(seed, **short, inject=steps).run()
        at = dice.randrange(1, steps.count)
        assert what_fails(seed, **short, inject=Steps(at)) == "", f"at step {at}"
