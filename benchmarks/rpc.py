"""RPCs a second, from the sender to the handler, beside ``python-socketio``'s events.

The ratios say how many times theirs ours is.
"""

from __future__ import annotations

import statistics
import subprocess
from dataclasses import dataclass

from .builds import HERE, Build
from .contestants.godot4 import launch as godot4
from .programs import MeasurementFailedError, measure, running
from .tables import median_and_spread, ratio, table


@dataclass(frozen=True)
class Caller:
    """A pair of programs, a server and a client that calls it.

    Attributes:
        name: what the table calls it.
        module: of :mod:`benchmarks.callers`.
        kind: its first argument.
        engine: which of the two is a Godot 4.6.3: "server", "client", "both" or "".
        build: of gdpeers, if it is one.
    """

    name: str
    module: str
    kind: str
    engine: str = ""
    build: Build = HERE

    def command(self, job: str) -> list[str] | None:
        """What starts the server."""
        del job
        if self.engine in ("server", "both"):
            return godot4.server()
        return self.build.python(f"benchmarks.callers.{self.module}", self.kind, "server")

    def calls_a_second(self, seconds: float) -> float:
        """Measure over loopback, server and client in two processes."""
        with running(self, "calls") as (port, _):
            if self.engine in ("client", "both"):
                return _calls_of_the_engine(port, seconds)
            program = f"callers.{self.module}"
            return measure(program, self.kind, "client", port, seconds, build=self.build)


def _calls_of_the_engine(port: int, seconds: float) -> float:
    command = godot4.client(port, seconds)
    assert command is not None, "it is not installed here"
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + LIMIT, check=False
    )
    for line in done.stdout.splitlines():
        if line.startswith("result "):
            return float(line.removeprefix("result "))
    raise MeasurementFailedError((done.stdout + done.stderr)[-2000:])


OURS = (
    Caller("gdpeers, `NATIVE`", "ours", "NATIVE"),
    Caller("gdpeers, `GODOT_3`", "ours", "GODOT_3"),
    Caller("gdpeers, `GODOT_4`", "ours", "GODOT_4"),
)
WITH_GODOT = (
    Caller("gdpeers calls Godot 4.6.3", "ours", "GODOT_4", "server"),
    Caller("Godot 4.6.3 calls gdpeers", "ours", "GODOT_4", "client"),
    Caller("Godot 4.6.3 calls Godot 4.6.3", "ours", "GODOT_4", "both"),
)
LIMIT = 30.0
"""How much longer than it measures an engine may run, in seconds."""
SOCKETIO = Caller("python-socketio", "socketio_events", "default")
SOCKETIO_MSGPACK = Caller("python-socketio, msgpack", "socketio_events", "msgpack")


def main(*, quick: bool) -> None:
    """Print the table."""
    rounds, seconds = (3, 2.0) if quick else (5, 4.0)
    engines = WITH_GODOT if godot4.program() is not None else ()
    callers = (*OURS, *engines, SOCKETIO, SOCKETIO_MSGPACK)
    loopback: dict[str, list[float]] = {caller.name: [] for caller in callers}
    for _ in range(rounds):  # interleaved, so that a busy minute hits all
        for caller in callers:
            loopback[caller.name].append(caller.calls_a_second(seconds))
    print("## Calls\n")
    rows: list[tuple[str, ...]] = []
    for caller in callers:
        figures = loopback[caller.name]
        alone = "-"
        if caller in OURS:
            memory = [measure("callers.in_memory", caller.kind, seconds) for _ in range(3)]
            alone = median_and_spread(memory)
        rows.append(
            (
                caller.name,
                median_and_spread(figures),
                ratio(figures, loopback[SOCKETIO.name]),
                ratio(figures, loopback[SOCKETIO_MSGPACK.name]),
                alone,
            )
        )
    head = (
        "RPCs a second, sender to handler",
        "over loopback",
        "to python-socketio",
        "to its msgpack",
        "without sockets, both sides in one process",
    )
    print(table(head, rows), flush=True)
    print()
    best = statistics.median(loopback[OURS[0].name])
    print(f"`NATIVE` over loopback: {1e6 / best:.1f} µs a call.\n", flush=True)
