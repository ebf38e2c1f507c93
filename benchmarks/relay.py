"""Deliveries a second and round trips: everybody sends to everybody through the server."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict

from .contestants import ALL, GODOT, OURS, OURS_POLLED, PICOWS, TRIO_WEBSOCKET, Contestant
from .programs import MeasurementFailedError, measure, running
from .tables import median_and_spread, number, ratio, table

SIZES = ((2, 1), (2, 4), (20, 1), (20, 4), (100, 1), (100, 4), (300, 1), (300, 4))
QUICK = ((2, 1), (100, 1), (100, 4), (300, 1))
CROWDS = (20, 50, 200)
ENVELOPES = ("gd_mp", "godot4")

Found = dict[Contestant, list[dict[str, float]]]


def once(contestant: Contestant, clients: int, packets: int, seconds: float) -> dict[str, float]:
    """Measure one server once."""
    with running(contestant, "relay") as (port, _):
        found = measure("relay_load", port, contestant.dialect, clients, packets, seconds)
    times = sorted(found["times"])
    return {
        "deliveries": found["deliveries"] * len(times) / sum(times),
        "median": statistics.median(times) * 1000,
        "p99": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
    }


def all_of(clients: int, packets: int, repeats: int, seconds: float) -> Found:
    """Measure all servers by turns."""
    found: Found = defaultdict(list)
    for _ in range(repeats):
        for contestant in ALL:
            try:
                found[contestant].append(once(contestant, clients, packets, seconds))
            except MeasurementFailedError as error:
                print(f"{contestant.name}, {clients} x {packets}: {error}", file=sys.stderr)
    return found


def of(found: Found, contestant: Contestant, what: str) -> list[float]:
    """What was found of one server, each time."""
    return [each[what] for each in found.get(contestant, [])]


def work(repeats: int) -> dict[tuple[str, int], float]:
    """What passing on a packet costs our server, in microseconds, by envelope and clients.

    The smallest of all, since whatever else the machine does adds to it.
    """
    found: dict[tuple[str, int], float] = {}
    for _ in range(repeats):  # by turns, so that a busy minute hits all
        for clients in CROWDS:
            for envelope in ENVELOPES:
                times = measure("relay_work", envelope, clients)["times"]
                before = found.get((envelope, clients), times[0])
                found[envelope, clients] = min(before, *times)
    return found


def rows(found: Found) -> list[list[str]]:
    """One row a server, ours first."""
    ours = of(found, OURS, "deliveries")
    return [
        [
            contestant.name,
            median_and_spread(of(found, contestant, "deliveries")),
            ratio(ours, of(found, contestant, "deliveries")),
            number(statistics.median(of(found, contestant, "median"))),
            number(statistics.median(of(found, contestant, "p99"))),
        ]
        for contestant in ALL
        if found.get(contestant)
    ]


HEAD = ("server", "deliveries/s", "gdpeers is … times that", "median round, ms", "99 %, ms")


def main(*, quick: bool) -> None:
    """Print the tables."""
    print("## Relay\n")
    every: dict[tuple[int, int], Found] = {}
    for clients, packets in QUICK if quick else SIZES:
        found = all_of(clients, packets, 2 if quick else 3, 0.5 if quick else 1.0)
        every[clients, packets] = found
        print(f"{clients} clients, {packets} packets each a round:\n")
        print(table(HEAD, rows(found)), flush=True)
        print()
    costs = work(1 if quick else 3)
    print("One client sends to all the others, µs of the server's time a packet:\n")
    head = ("clients", "gd_mp", "Godot 4's envelope", "that is … times gd_mp")
    print(table(head, work_rows(costs)), flush=True)
    print()
    print(table(("goal", "wanted", "measured"), goals(every, costs)), flush=True)
    print()


def work_rows(costs: dict[tuple[str, int], float]) -> list[list[str]]:
    """One row a number of clients."""
    return [
        [
            str(clients),
            number(costs["gd_mp", clients]),
            number(costs["godot4", clients]),
            ratio([costs["godot4", clients]], [costs["gd_mp", clients]]),
        ]
        for clients in CROWDS
    ]


def goals(
    every: dict[tuple[int, int], Found], costs: dict[tuple[str, int], float]
) -> list[tuple[str, str, str]]:
    """What was aimed at, and what came of it, as far as it was measured."""
    lines: list[tuple[str, str, str]] = []
    wanted = (
        (100, 1, GODOT, 15),
        (100, 1, PICOWS, 10),
        (100, 1, TRIO_WEBSOCKET, 40),
        (100, 4, GODOT, 40),
        (100, 4, PICOWS, 20),
    )
    for clients, packets, rival, least in wanted:
        found = every.get((clients, packets), {})
        times = ratio(of(found, OURS, "deliveries"), of(found, rival, "deliveries"))
        goal = f"{clients} x {packets}: deliveries/s, `peers.run` : {rival.name}"
        lines.append((goal, f"≥ {least}", times))
    more, fewer = every.get((300, 1), {}), every.get((100, 1), {})
    if more and fewer:
        times = ratio(of(more, OURS, "deliveries"), of(fewer, OURS, "deliveries"))
        lines.append(("deliveries/s with 300 clients : with 100", "≥ 1", times))
    two = every.get((2, 1), {})
    for ours, most in ((OURS_POLLED, 1.3), (OURS, 2)):
        times = ratio(of(two, ours, "median"), of(two, PICOWS, "median"))
        lines.append((f"2 clients: median round, {ours.name} : picows", f"≤ {most}", times))
    for clients in CROWDS:
        times = ratio([costs["godot4", clients]], [costs["gd_mp", clients]])
        goal = f"{clients} clients: µs a packet, Godot 4's envelope : gd_mp"
        lines.append((goal, "≤ 2", times))
    return lines
