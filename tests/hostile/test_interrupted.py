"""Interrupts, and mistakes of ours, at any line that a poll runs: nothing is left half done."""

from __future__ import annotations

import logging
import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.hostile.interrupted import ERRORS, Steps, lines_of, session

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 40
"""How many interrupts are tried for each kind of session."""

FULL = "GDPEERS_FULL" in os.environ
"""Try each line that is run at its first, its last and another time instead: some minutes each."""


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
@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
@pytest.mark.parametrize("subject", ["server", "client"])
@pytest.mark.parametrize("authenticates", [False, True] if FULL else [True])
def test_an_interrupt_anywhere_leaves_nothing_half_done(
    subject: str, godot4: bool, authenticates: bool
) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    options = {"godot4": godot4, "authenticates": authenticates}
    wrong: list[str] = []
    for at in chosen(lines_of(subject, **options), dice):
        error = dice.choice(ERRORS)
        steps = Steps(at, error)
        if faults := session(steps, subject, **options):
            wrong.append(f"{error.__name__} at step {at}, {steps.where}: {'; '.join(faults)}")
    assert not wrong, f"seed {seed}"
