"""Rooms in several processes: what passing costs, what workers do, how long a failover takes."""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import sys
from typing import NamedTuple

import trio

from peers.workers.front import Front

from .processes import family, used
from .programs import measure, running
from .rooms_front import WORKER
from .tables import number, table


class Way(NamedTuple):
    """A way to the rooms."""

    way: str
    workers: int = 1

    @property
    def name(self) -> str:
        return f"{self.way}, {self.workers}"

    def command(self, job: str) -> list[str]:
        del job
        return [sys.executable, "-m", "benchmarks.rooms_front", self.way, str(self.workers)]


def trips(*, quick: bool) -> None:
    """Round trips at 60/s: direct, by a passed socket, by a splice; side by side."""
    with (
        running(Way("direct"), "") as (direct, _),
        running(Way("passed"), "") as (passed, _),
        running(Way("spliced"), "") as (spliced, _),
    ):
        seconds = 2 if quick else 10
        taken = measure("rooms_work", "trips", seconds, direct, passed, spliced)["found"]
    base = statistics.median(taken[0])
    rows = [
        (
            name,
            number(statistics.median(times) * 1e6),
            number(statistics.quantiles(times, n=100)[98] * 1e6),
            number((statistics.median(times) - base) * 1e6),
        )
        for name, times in zip(("direct", "passed socket", "splice"), taken, strict=True)
    ]
    head = ("round trip of a call at 60/s, in µs", "median", "p99", "added to the median")
    print(table(head, rows), end="\n\n", flush=True)


def workers_of(front: int) -> list[int]:
    """The workers of a front, its spare included, which costs next to nothing."""
    return [each for each in family(front) if each != front]


def work(*, quick: bool) -> None:
    """Joins and calls a second of the workers' CPU: one worker beside four, as busy each."""
    rows: list[tuple[str, str, str, str]] = []
    seconds, rate, clients = (1, 20, 4) if quick else (5, 25, 8)  # of each worker
    found: dict[int, list[float]] = {}
    for workers in (1, 4):
        with running(Way("passed", workers), "") as (port, front):
            children = workers_of(front)
            measure("rooms_work", "joins", 1, 50, port)  # so that all of it is loaded
            rates: list[float] = []
            for job, arguments in (
                ("joins", (seconds, rate * workers)),
                ("calls", (seconds, clients * workers)),
            ):
                before, front_before = [*map(used, children)], _own(front)
                count = measure("rooms_work", job, *arguments, port)["found"]
                taken = sum(map(used, children)) - sum(before)
                rates += [count / taken, count / (_own(front) - front_before)]
            found[workers] = rates
    for index, name in enumerate(("joins, ask once, leave", "", "calls at 60/s each", "")):
        if name:
            one, four = (found[workers][index] for workers in (1, 4))
            rows.append((name, number(one), number(four), f"{four / one:.2f}"))
    one, four = (found[workers][1] for workers in (1, 4))
    rows.append(("joins a second of the front's CPU", number(one), number(four), "-"))
    head = ("a second of the workers' CPU", "1 worker", "4 workers", "ratio")
    print(table(head, rows), end="\n\n", flush=True)


def _own(pid: int) -> float:
    """Return what a process has used without its children."""
    return used(pid) - sum(used(each) for each in family(pid) if each != pid)


async def failovers(times: int) -> list[float]:
    """Return how long rooms of killed workers took to be open again, in seconds."""
    front = Front(WORKER, 2)
    placement = front.placement
    async with trio.open_nursery() as nursery:
        nursery.start_soon(front.run)
        for each in range(times):
            while len(placement.workers) < 2 or not front.has_spare:  # noqa: ASYNC110
                await trio.sleep(0.05)
            code = f"ROOM{each}{secrets.token_hex(4)}"
            room = front.create("echo", code)
            assert room is not None
            while room.snapshot is None:  # noqa: ASYNC110
                await trio.sleep(0.01)
            worker = front.worker_of(room)
            assert worker is not None
            os.kill(worker.process.pid, signal.SIGKILL)
            while len(front.moved) <= each:  # noqa: ASYNC110
                await trio.sleep(0.001)
        front.end_at_once()
    return front.moved


def failover(*, quick: bool) -> None:
    """From the end of a process until its rooms are open in another."""
    # Workers that die again and again are waited for longer and longer: two of each front.
    taken = [each for _ in range(1 if quick else 8) for each in trio.run(failovers, 2)]
    row = (
        "room open again after kill -9, in ms",
        number(statistics.median(taken) * 1e3),
        number(max(taken) * 1e3),
    )
    print(table(("failover, supervised", "median", "longest"), [row]), end="\n\n", flush=True)


def main(*, quick: bool) -> None:
    """Print the tables."""
    trips(quick=quick)
    work(quick=quick)
    failover(quick=quick)
