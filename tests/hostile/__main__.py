"""Attacks a server while two honest peers talk: ``python -m tests.hostile [ATTACK …]``."""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple

import trio

from tests.hostile.attacks import ATTACKS
from tests.hostile.honest import exchanging
from tests.hostile.observed import State, observed
from tests.programs import ROOT

TIME_LIMIT = 120.0
"""How long one attack may take, in seconds."""


class Outcome(NamedTuple):
    """How a server and its honest peers came through an attack."""

    seconds: float
    exchanged: int
    median: float
    worst: float
    memory_before: float
    memory_peak: float
    state: State
    """When the attackers had gone."""


async def attack(name: str, amount: int) -> Outcome:
    """Attack a server of its own; the attackers are another process."""
    command = [sys.executable, "-m", "tests.hostile.attacks", name]
    kind = ATTACKS[name].on
    async with observed(kind) as target:
        memory_before = (await target.next_state()).memory
        async with exchanging(target.url, kind) as trips:
            started = trio.current_time()
            with trio.fail_after(TIME_LIMIT):
                await trio.run_process([*command, str(target.port), str(amount)], cwd=ROOT)
            seconds = trio.current_time() - started
        await target.next_state()
        return Outcome(
            seconds,
            len(trips.times),
            trips.median,
            trips.worst,
            memory_before,
            target.peak,
            await target.next_state(),
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=", ".join(ATTACKS))
    chosen = parser.parse_args().attacks or ATTACKS
    columns = (
        "attack",
        "seconds",
        "honest round trips",
        "median, ms",
        "worst, ms",
        "longest poll, ms",
        "memory before, at most, MiB",
        "what the server counted",
    )
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    for name in chosen:
        amount = ATTACKS[name].amount
        done = trio.run(attack, name, amount)
        counted = {
            "violations": done.state.violations,
            "failed handshakes": done.state.failed_handshakes,
            **done.state.limits_reached,
            **done.state.rejected,
            "times held": done.state.times_held,
            "lines of the log": done.state.log_lines,
        }
        words = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
        cells = (
            f"{amount} {name}",
            f"{done.seconds:.1f}",
            f"{done.exchanged}",
            f"{done.median * 1e3:.1f}",
            f"{done.worst * 1e3:.0f}",
            f"{done.state.longest_poll * 1e3:.0f}",
            f"{done.memory_before:.0f}, {done.memory_peak:.0f}",
            words or "nothing",
        )
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
