"""What shows the effect of a setting, or that there is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from peers import Resume, SeatKeys
from tests.driving import pause, until
from tests.peers.sockets import narrow
from tests.raw import Raw

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


async def greeted(bench: Bench) -> dict[str, Any]:
    """What a client is told that asks our server for a seat."""
    await bench.begin()
    raw = await Raw.connect(bench.peer.get_local_port(), path="/?resume=1")
    word: dict[str, Any] = json.loads(await raw.receive_message())
    await raw.close()
    return word


@shows("grace")
async def _(bench: Bench) -> None:
    bench.set(grace=12.0)
    assert (await greeted(bench))["grace"] == 12.0


@shows("seat_keys")
async def _(bench: Bench) -> None:
    keys = SeatKeys(bytes(16), "K7QX")
    bench.set(seat_keys=keys)
    if bench.serving and bench.mode != "plain":
        bench.set(grace=12.0)
    assert (await greeted(bench))["seat"].startswith("K7QX.")


async def beyond(bench: Bench) -> None:
    """See that our server forgets what a client without a connection has too much of."""
    if bench.serving and bench.mode != "plain":
        bench.set(grace=12.0)
    token = (await greeted(bench))["seat"]
    await until(bench.peer.get_suspended_peers)
    for _ in range(3):
        bench.put(bytes(100))
    path = f"/?resume=1&seat={token}&next=1"
    raw = await Raw.connect(bench.peer.get_local_port(), path=path)
    assert json.loads(await raw.receive_message())["replayed"] is False
    await raw.close()


@shows("max_replay_bytes")
async def _(bench: Bench) -> None:
    bench.set(max_replay_bytes=250)
    await beyond(bench)


@shows("max_replay_packets")
async def _(bench: Bench) -> None:
    bench.set(max_replay_packets=2)
    await beyond(bench)


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
