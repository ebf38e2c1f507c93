"""The speed that is aimed at: ours, pure and with its speedups, beside 0.1.0 and the others.

Everything is measured in turns, several times; the table has the medians. Costs and rates that
can be are by the processor time of the server, which other work on the machine changes least.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from multiplayer.accelerator import is_accelerated

from . import relay
from .builds import FAST, OLD, PURE, Build, fetch_old
from .contestants import GODOT4, OURS, OURS_GODOT4_POLLED, RECEIVER, WEBSOCKETS, Contestant
from .contestants.godot4 import launch as godot4
from .programs import MeasurementFailedError, measure, running
from .rpc import OURS as CALLERS
from .rpc import SOCKETIO
from .tables import number, table

if TYPE_CHECKING:
    from collections.abc import Callable

GODOT: Final = "Godot 4.6.3"
PYTHON_SOCKETIO: Final = "python-socketio"
WS: Final = "websockets"

Who = Build | str
Found = dict[str, dict[Who, list[float]]]
"""What was measured, of whom, each time: as many a second, or microseconds, or bytes."""


def _ours_or(who: Who, ours: Contestant, other: Contestant) -> Contestant:
    return replace(ours, build=who) if isinstance(who, Build) else other


def _received(who: Who, kind: str, seconds: float) -> dict[str, float]:
    with running(_ours_or(who, RECEIVER, GODOT4), kind) as (port, pid):
        return {kind: measure("receive_load", port, kind, seconds, pid)["work"]}


def _crowd(who: Who, each: int) -> dict[str, float]:
    assert isinstance(who, Build)
    times = measure("receive_work", "uniform", 100, each, build=who)["times"]
    return {f"crowd {each}": statistics.median(times)}


def _sent(who: Who) -> dict[str, float]:
    assert isinstance(who, Build)
    times = measure("send_work", "GODOT_4", build=who)["times"]
    return {"sent": statistics.median(times)}


def _called(who: Who, seconds: float) -> dict[str, float]:
    caller = replace(CALLERS[0], build=who) if isinstance(who, Build) else SOCKETIO
    return {"called": caller.calls_a_second(seconds)}


def _large(who: Who, size: int, way: str, seconds: float) -> dict[str, float]:
    with running(_ours_or(who, OURS, WEBSOCKETS), "large") as (port, pid):
        rate = measure("large_load", port, way, size << 10, seconds, pid)["work"]
    return {f"{size} KiB {way}": rate}


def _relayed(who: Who, seconds: float) -> dict[str, float]:
    contestant = _ours_or(who, OURS_GODOT4_POLLED, GODOT4)
    return {"relayed": relay.once(contestant, 3, 1, seconds)["deliveries"]}


def _held(who: Who) -> dict[str, float]:
    with running(_ours_or(who, OURS, WEBSOCKETS), "silent") as (port, pid):
        found = measure("hold_load", port, "silent", 1000, pid)
    return {"idle": found["memory"] / 1024, "handshake": found["handshake_cpu"] * 1e6}


@dataclass(frozen=True)
class Goal:
    """A line of the table.

    Attributes:
        words: what is aimed at.
        what: a key of what was measured.
        rival: beside whom; None for an absolute figure.
        pure: what the pure build is to reach, at least, or at most if it is an absolute figure.
        fast: what it is to reach with its speedups.
        cost: less is better of what was measured.
    """

    words: str
    what: str
    rival: Who | None
    pure: float
    fast: float
    cost: bool = False

    def reached(self, found: Found, who: Who) -> float | None:
        """Return what is compared with the goal, if it has been measured."""
        ours = found[self.what].get(who)
        if not ours:
            return None
        if self.rival is None:
            return statistics.median(ours)
        theirs = found[self.what].get(self.rival)
        if not theirs:
            return None
        times = statistics.median(ours) / statistics.median(theirs)
        return 1 / times if self.cost else times

    def cells(self, found: Found, who: Who) -> list[str]:
        """Return what is wanted of this build, and what came of it."""
        goal = self.fast if who is FAST else self.pure
        wanted = f"{'≥' if self.rival else '≤'} {goal:g}"
        reached = self.reached(found, who)
        if reached is None:
            return [wanted, "-"]
        missed = reached < goal if self.rival else reached > goal
        return [wanted, f"{reached:.2f}, missed" if missed else f"{reached:.2f}"]


GOALS: Final = (
    Goal("GODOT_4 received, one client : 0.1.0", "uniform", OLD, 5, 18),
    Goal("of native Godot 4.6.3", "uniform", GODOT, 0.25, 0.9),
    Goal("mixed calls, `validate=True` : 0.1.0", "mixed", OLD, 5, 12),
    Goal("100 clients x 1 call a poll : 0.1.0", "crowd 1", OLD, 2, 2.5, cost=True),
    Goal("100 clients x 4 calls a poll : 0.1.0", "crowd 4", OLD, 3.5, 6, cost=True),
    Goal("`rpc_id` to outbox, GODOT_4, µs", "sent", None, 4, 2.5),
    Goal("NATIVE over loopback : python-socketio events", "called", PYTHON_SOCKETIO, 6, 10),
    Goal("64 KiB to the server : websockets", "64 KiB up", WS, 0.3, 0.8),
    Goal("1 MiB to the server : websockets", "1024 KiB up", WS, 0.3, 1),
    Goal("1 MiB from the server : websockets", "1024 KiB down", WS, 1, 1),
    Goal("3 clients relay rounds : native Godot 4.6.3", "relayed", GODOT, 0.8, 1),
    Goal("an idle peer, KiB", "idle", None, 3.2, 3.2),
    Goal("handshakes : 0.1.0, by server CPU", "handshake", OLD, 2, 2, cost=True),
)
UNITS: Final = {
    "uniform": "calls received a second of CPU, all alike",
    "mixed": "calls received a second of CPU, mixed, `validate=True`",
    "crowd 1": "µs of CPU a call, 100 clients x 1",
    "crowd 4": "µs of CPU a call, 100 clients x 4",
    "sent": "µs an `rpc_id`, GODOT_4",
    "called": "calls a second over loopback, NATIVE or events",
    "64 KiB up": "bytes a second of CPU, 64 KiB to the server",
    "1024 KiB up": "bytes a second of CPU, 1 MiB to the server",
    "1024 KiB down": "bytes a second of CPU, 1 MiB from the server",
    "relayed": "deliveries a second, 3 clients",
    "idle": "KiB of memory an idle peer",
    "handshake": "µs of server CPU a handshake",
}


def _jobs(
    builds: list[Who], *, quick: bool
) -> list[tuple[list[Who], Callable[[Who], dict[str, float]]]]:
    """Return what is measured, and of whom."""
    seconds = 0.4 if quick else 1.0
    old: list[Who] = [OLD] if fetch_old() else []
    engine: list[Who] = [GODOT] if godot4.program() is not None else []
    return [
        ([*builds, *old, *engine], lambda who: _received(who, "uniform", seconds)),
        ([*builds, *old], lambda who: _received(who, "mixed", seconds)),
        ([*builds, *old], lambda who: _crowd(who, 1)),
        ([*builds, *old], lambda who: _crowd(who, 4)),
        ([*builds, *old], _sent),
        ([*builds, *old, PYTHON_SOCKETIO], lambda who: _called(who, 2 * seconds)),
        ([*builds, *old, WS], lambda who: _large(who, 64, "up", seconds)),
        ([*builds, *old, WS], lambda who: _large(who, 1024, "up", seconds)),
        ([*builds, *old, WS], lambda who: _large(who, 1024, "down", seconds)),
        ([*builds, *engine], lambda who: _relayed(who, seconds)),
        ([*builds, *old], _held),
    ]


def measured(builds: list[Who], *, quick: bool, rounds: int) -> Found:
    """Measure everything in turns."""
    found: Found = defaultdict(lambda: defaultdict(list))
    jobs = _jobs(builds, quick=quick)
    for _ in range(rounds):
        for several, job in jobs:
            for who in several:
                try:
                    for what, figure in job(who).items():
                        found[what][who].append(figure)
                except MeasurementFailedError as error:
                    print(f"{_name(who)}: {error}", file=sys.stderr)
    return found


def _name(who: Who) -> str:
    return who.name if isinstance(who, Build) else who


def _median(values: list[float] | None) -> str:
    return number(statistics.median(values)) if values else "-"


def goals(found: Found, builds: list[Who]) -> list[list[str]]:
    """Return what was aimed at, and what came of it."""
    return [
        [goal.words, *(cell for who in builds for cell in goal.cells(found, who))] for goal in GOALS
    ]


def figures(found: Found, whose: list[Who]) -> list[list[str]]:
    """Return what the ratios are made of."""
    return [
        [words, *(_median(found[what].get(who)) for who in whose)]
        for what, words in UNITS.items()
        if found.get(what)
    ]


def main(*, quick: bool) -> None:
    """Print the tables."""
    builds: list[Who] = [PURE, FAST] if is_accelerated() else [PURE]
    found = measured(builds, quick=quick, rounds=2 if quick else 5)
    print("## What is aimed at\n")
    head = ["medians", *(cell for who in builds for cell in ("wanted", _name(who)))]
    print(table(head, goals(found, builds)), flush=True)
    print()
    others = [
        who
        for who in (OLD, GODOT, PYTHON_SOCKETIO, WS)
        if any(found[what].get(who) for what in UNITS)
    ]
    whose = [*builds, *others]
    print(table(["medians", *map(_name, whose)], figures(found, whose)), flush=True)
    print()
    if not is_accelerated():
        print(
            "Without speedups: they are not installed (`make speedups`), or GDPEERS_PURE is set.\n"
        )
