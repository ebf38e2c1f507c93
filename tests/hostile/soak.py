"""Guests come and go for minutes; then nothing may be left: ``python -m tests.hostile.soak``."""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import trio

from tests.hostile.api_guests import API_GUESTS
from tests.hostile.guests import GUESTS, Tally, visit
from tests.hostile.observed import PATIENCE, Observed, State, observed

if TYPE_CHECKING:
    from tests.hostile.guests import Guests


LONG_ENOUGH = 120.0
"""Of a soak, in seconds: a shorter one has no minute to compare the rest with."""

MOST_GROWTH = 4.0
"""In MiB, from the most memory in the first minute to the most later.

More than chance makes: how many guests talk at a time varies, and an allocator gives back little of
what the largest crowd took; 0.5 to 1.3 MiB were seen. Less than a leak would make: in five minutes
come some 10 000 guests, and half a KiB of each would be 5 MiB.
"""


class Outcome(NamedTuple):
    """What a soak ended with."""

    seconds: float
    before: State
    after: State
    """When the last guest had gone."""
    tally: Tally
    early: float
    """The most memory in the first minute (or the first fifth), in MiB."""
    late: float
    """The most memory after that, in MiB."""
    most_connections: int


async def soak(seconds: float, guests: int, seed: int, *, api: bool = False) -> Outcome:
    """Keep so many guests visiting for so long, then wait until all traces of them have gone.

    Args:
        seconds: how long.
        guests: how many at a time.
        seed: for what they do.
        api: they make RPCs, on a server with ``SceneMultiplayer``.
    """
    random, tally = Random(seed), Tally()
    kinds = API_GUESTS if api else GUESTS
    async with observed("api" if api else "gd_mp") as target:
        before = await target.next_state()
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for _ in range(guests):
                    nursery.start_soon(_seat, kinds, target.port, Random(random.random()), tally)
        states = list(target.states)
        after = await _calm(target, before)
    warm = len(states) * min(60.0, seconds / 5) / seconds
    memory = [state.memory for state in states]
    return Outcome(
        seconds,
        before,
        after,
        tally,
        max(memory[: int(warm)]),
        max(memory[int(warm) :]),
        max(state.connections for state in states),
    )


async def _seat(guests: Guests, port: int, random: Random, tally: Tally) -> None:
    """One guest after another."""
    while True:
        await visit(guests, port, random, tally)
        await trio.sleep(random.uniform(0, 0.5))


async def _calm(target: Observed, before: State) -> State:
    """Wait until the target is as it was, but for its memory; return what it is at last."""
    with trio.move_on_after(PATIENCE):
        while _traces(await target.next_state()) != _traces(before):
            pass
    return target.states[-1]


def _traces(state: State) -> tuple[int, ...]:
    return state.descriptors, state.connections, state.tasks, state.waiting, state.kept


def left_over(outcome: Outcome) -> str:
    """What is not as it should be, in words; "" if all is well."""
    faults = list(outcome.tally.wrong[:10])
    if _traces(outcome.after) != _traces(outcome.before):
        faults.append(f"before: {outcome.before}, after: {outcome.after}")
    growth = outcome.late - outcome.early
    if outcome.seconds >= LONG_ENOUGH and growth > MOST_GROWTH:
        faults.append(f"memory has grown by {growth:.1f} MiB after the first minute")
    return "; ".join(faults)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.soak")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--guests", type=int, default=300)
    parser.add_argument("--api", action="store_true", help="with SceneMultiplayer")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    logging.disable()
    run = partial(soak, api=options.api)
    outcome = trio.run(run, options.seconds, options.guests, options.seed)
    before, after, tally = outcome.before, outcome.after, outcome.tally
    print(f"visits: {tally.visits}; honest peers heard {tally.packets} packets")
    print(f"at most {outcome.most_connections} connections at a time")
    for what in ("descriptors", "connections", "tasks", "waiting", "kept", "blocks"):
        print(f"{what} before and after: {getattr(before, what)}, {getattr(after, what)}")
    print(f"memory at first: {before.memory:.1f} MiB; most in the first minute: ", end="")
    print(f"{outcome.early:.1f}; most later: {outcome.late:.1f}; at last: {after.memory:.1f}")
    print(f"violations: {after.violations}; failed handshakes: {after.failed_handshakes}; ", end="")
    print(f"limits reached: {after.limits_reached}; rejected: {after.rejected}")
    if wrong := left_over(outcome):
        print(f"WRONG: {wrong}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
