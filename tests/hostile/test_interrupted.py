"""Interrupts, and mistakes of ours, at any line that a poll runs: nothing is left half done."""

from __future__ import annotations

import logging
import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.hostile.failing_calls import REASONS, Calls, calls_of
from tests.hostile.interrupted import ERRORS, Steps, lines_of, session

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 25
"""How many interrupts, or failing calls, are tried for each kind of session."""

FULL = "GDPEERS_FULL" in os.environ
"""Try each line that is run at its first, its last and another time instead: some minutes each."""


KINDS: dict[str, dict[str, bool]] = {
    "gd_mp": {},
    "godot4": {"godot4": True},
    "one engine": {"one_engine": True},
    "plain": {"plain": True},
}
if FULL:
    KINDS |= {
        f"{kind}, open": {**KINDS[kind], "authenticates": False} for kind in ("gd_mp", "godot4")
    }


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """What fails here is to fail, and a session logs much of it."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def chosen(lines: list[str], dice: random.Random) -> list[int]:
    """The steps at which to interrupt, from 1."""
    if not FULL:
        every = max(1, len(lines) // RUNS)
        return [*range(1 + dice.randrange(every), len(lines) + 1, every)]
    steps: dict[str, list[int]] = {}
    for step, line in enumerate(lines, 1):
        steps.setdefault(line, []).append(step)
    return sorted({each for at in steps.values() for each in (at[0], dice.choice(at), at[-1])})


@pytest.mark.timeout(7200 if FULL else 60)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of a socket that was just being accepted
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("subject", ["server", "client"])
def test_an_interrupt_anywhere_leaves_nothing_half_done(subject: str, kind: str) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    options = KINDS[kind]
    wrong: list[str] = []
    for at in chosen(lines_of(subject, **options), dice):
        error = dice.choice(ERRORS)
        steps = Steps(at, error)
        if faults := session(steps, subject, **options):
            wrong.append(f"{error.__name__} at step {at}, {steps.where}: {'; '.join(faults)}")
    assert not wrong, f"seed {seed}"


@pytest.mark.timeout(7200 if FULL else 60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("subject", ["server", "client"])
def test_a_system_call_that_fails_leaves_nothing_half_done(subject: str, kind: str) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    options = KINDS[kind]
    calls = enumerate(calls_of(subject, **options), 1)
    failing = [(at, name, reason) for at, name in calls for reason in REASONS[name]]
    if not FULL:  # each call has the same chance, however many of its kind there are
        dice.shuffle(failing)
        failing.sort(key=lambda each: sum(each[1] == other[1] for other in failing))
        rare = failing[: RUNS // 2]
        failing = rare + dice.sample(failing[RUNS // 2 :], RUNS // 2)
    wrong: list[str] = []
    for at, name, reason in failing:
        if faults := session(Calls(at, reason), subject, **options):
            wrong.append(f"{reason} at call {at}, {name}: {'; '.join(faults)}")
    assert not wrong, f"seed {seed}"
