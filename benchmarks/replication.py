"""What replication costs a server, and a client, beside native Godot 4.6.3 doing the same work.

Seconds of processor time for each second in which nodes are replicated, twenty times, to raw
clients. Each node has a position that is sent always and two properties that are sent on change,
of which one changes once a second.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from .contestants.godot4 import launch as godot4
from .programs import measure, running
from .tables import median_and_spread, ratio, table


@dataclass(frozen=True)
class Case:
    """A world.

    Attributes:
        name: what the table calls it.
        peers: how many clients.
        nodes: how many nodes.
        seen: how many of them each client sees, another part of them each.
        late: whether the clients join when all nodes are there.
    """

    name: str
    peers: int
    nodes: int
    seen: int
    late: bool

    def options(self) -> list[str]:
        """What both servers are told."""
        late = int(self.late)
        return [f"nodes={self.nodes}", f"peers={self.peers}", f"seen={self.seen}", f"late={late}"]


@dataclass(frozen=True)
class Server:
    """A server of a case.

    Attributes:
        name: whose it is.
        case: what it does.
    """

    name: str
    case: Case

    def command(self, job: str) -> list[str] | None:
        """What starts it; None if it is not installed here."""
        del job
        if self.name == GODOT:
            return godot4.replication_server(*self.case.options())
        module = "benchmarks.contestants.replication"
        return [sys.executable, "-m", module, *self.case.options()]

    def measured(self, seconds: float) -> dict[str, float]:
        """Run it with clients for so many seconds."""
        with running(self, "replication") as (port, pid):
            return measure("replication_load", port, pid, self.case.peers, seconds)


OURS = "gdpeers, `GODOT_4`"
GODOT = "Godot 4.6.3"
CASES = (
    Case("100 x 100, all visible, joined early", 100, 100, 100, late=False),
    Case("100 x 100, all visible, joined late", 100, 100, 100, late=True),
    Case("100 x 100, each its own half, joined early", 100, 100, 50, late=False),
    Case("100 x 100, each its own half, joined late", 100, 100, 50, late=True),
    Case("100 x 2000, 40 near each, joined late", 100, 2000, 40, late=True),
)


def main(*, quick: bool) -> None:
    """Print the table."""
    rounds, seconds = (1, 3.0) if quick else (3, 5.0)
    print("## Replication\n")
    rows: list[tuple[str, ...]] = []
    for case in CASES:
        used: dict[str, list[float]] = {OURS: [], GODOT: []}
        sizes: dict[str, list[float]] = {OURS: [], GODOT: []}
        names = (OURS, GODOT) if godot4.program() is not None else (OURS,)
        for _ in range(rounds):
            for name in names:
                found = Server(name, case).measured(seconds)
                used[name].append(found["used"])
                sizes[name] += [found["least"] / 1000, found["most"] / 1000]
        rows.append(
            (
                case.name,
                *(median_and_spread(used[name]) if used[name] else "-" for name in (OURS, GODOT)),
                ratio(used[GODOT], used[OURS]),
                *(median_and_spread(sizes[name]) if sizes[name] else "-" for name in (OURS, GODOT)),
            )
        )
    head = (
        "peers x nodes",
        f"{OURS}, s/s",
        f"{GODOT}, s/s",
        "ratio",
        "ours, kB/s a peer",
        "its, kB/s a peer",
    )
    print(table(head, rows), flush=True)
    times = [measure("replication_work", 100, seconds)["client"] for _ in range(rounds)]
    print(f"\nA client told 2000 states a second: {median_and_spread(times)} s/s.\n", flush=True)
