"""What shows the effect of a setting, or that there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers import Resume
from tests.driving import pause
from tests.peers.sockets import narrow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .bench import Bench

    Probe = Callable[[Bench], Awaitable[str | None]]
    """Returns NOTHING if it has seen that there is no effect; else there was the one expected."""

PROBES: dict[str, Probe] = {}
"""For each row of the first table."""


def shows(name: str) -> Callable[[Probe], Probe]:
    """Let a function be the probe of a setting."""

    def note(probe: Probe) -> Probe:
        assert name not in PROBES, name
        PROBES[name] = probe
        return probe

    return note


@shows("resume")
async def _(bench: Bench) -> None:
    await bench.set(resume=Resume()).begin()
    raw = await bench.dialled()
    assert (await raw.read_head()).startswith("GET /?resume=1 HTTP/1.1")


async def block(bench: Bench, *, waiting: int = 1) -> None:
    """Send until the socket takes no more, and ``waiting`` bytes: the other side does not read."""
    narrow(bench.peer, bench.id)
    while True:
        before = bench.connection.get_current_outbound_buffered_amount()
        for _ in range(5):
            await pause()
        if waiting <= before == bench.connection.get_current_outbound_buffered_amount():
            return
        bench.put(bytes(60_000))
