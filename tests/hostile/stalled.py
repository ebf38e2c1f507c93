"""One stalled reader among 100 peers: ``python -m tests.hostile.stalled``.

Fifty pairs exchange packets through a server. One more client is sent as much as its connection
takes; it reads all of that, or nothing. Nobody else may notice which.
"""

from __future__ import annotations

import argparse
import struct
from typing import TYPE_CHECKING, NamedTuple

import trio

from multiplayer import MultiplayerError
from peers import connect
from tests.hostile.honest import exchanging
from tests.hostile.observed import State, observed
from tests.hostile.thrown_out import thrown_out
from tests.raw import PONG, Raw, frame, request

if TYPE_CHECKING:
    from tests.hostile.honest import RoundTrips

_EVERY = 0.2
"""Seconds between two packets of a pair."""

_PACKET = bytes(8000)
_AT_ONCE = 4
"""So many of them are sent to the one client 50 times a second: 1.6 MB/s."""


class Outcome(NamedTuple):
    """How the pairs fared."""

    times: list[float]
    state: State


async def measure(pairs: int, seconds: float, *, stalls: bool) -> Outcome:
    """Let pairs exchange packets for a while, with one client that reads, or does not."""
    trips: list[RoundTrips] = []
    begin = trio.Event()
    async with observed() as target, trio.open_nursery() as nursery:

        async def exchange(task_status: trio.TaskStatus[None]) -> None:
            async with exchanging(target.url, every=_EVERY) as times:
                task_status.started()
                await begin.wait()
                times.times.clear()
                times.sent = 0
                trips.append(times)
                await trio.sleep(seconds)

        for _ in range(pairs):
            await nursery.start(exchange)
        one = await Raw.dial(target.port, receive_buffer=4096)
        async with one.stream:
            await one.send(request(target.port))
            await one.read_head()
            (its_id,) = struct.unpack_from("<i", await one.receive_message(), 9)
            begin.set()
            async with trio.open_nursery() as others:
                if not stalls:
                    others.start_soon(_read, one)
                    others.start_soon(_show_life, one)
                with trio.move_on_after(seconds):
                    await _send_to(target.url, its_id)
                    await trio.sleep_forever()
                await target.next_state()
                state = await target.next_state()
                others.cancel_scope.cancel()
        times = [time for each in trips for time in each.times]
        return Outcome(times, state)


async def _read(raw: Raw) -> None:
    with thrown_out():
        while await raw.stream.receive_some():
            pass


async def _show_life(raw: Raw) -> None:
    """Send what keeps the server from taking it for dead."""
    with thrown_out():
        while True:
            await raw.send(frame(b"", PONG, mask=b"abcd"))
            await trio.sleep(1)


async def _send_to(url: str, receiver: int) -> None:
    """Send until the receiver is gone."""
    async with connect(url, timeout=20) as client:
        client.discard_packets = True
        client.set_target_peer(receiver)
        while receiver in client.get_peers():
            try:
                for _ in range(_AT_ONCE):
                    client.put_packet(_PACKET)
            except MultiplayerError:  # it is gone
                return
            await trio.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.stalled")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    print("| one more client | round trips | median, ms | worst, ms | what the server counted |")
    print("|---|---|---|---|---|", flush=True)
    for stalls in (False, True):
        done = trio.run(_measure, options.pairs, options.seconds, stalls)
        times = sorted(done.times)
        median, worst = times[len(times) // 2] * 1e3, times[-1] * 1e3
        print(
            f"| {'reads nothing' if stalls else 'reads'} | {len(times)} | {median:.1f} "
            f"| {worst:.0f} | {done.state.limits_reached or 'nothing'} |",
            flush=True,
        )


async def _measure(pairs: int, seconds: float, stalls: bool) -> Outcome:
    return await measure(pairs, seconds, stalls=stalls)


if __name__ == "__main__":
    main()
