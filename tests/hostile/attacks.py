"""What hostile clients do: ``python -m tests.hostile.attacks NAME PORT AMOUNT``.

Each attack does a certain amount of harm, as fast as it can, and reconnects when it is thrown out.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from tests.hostile import api_attacks, flood_attacks
from tests.hostile.observed import allow_many_sockets
from tests.hostile.thrown_out import thrown_out
from tests.raw import BINARY, CONT, PING, Raw, frame, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_MASK: Final = b"abcd"
_AT_ONCE: Final = 16384
"""About how many bytes one write has."""


async def slowloris(port: int, amount: int) -> None:
    """So many handshakes at a time that never end, a byte every half second, for 6 seconds."""
    await _many(amount, _trickle, port)


async def _trickle(port: int, until: float) -> None:
    head = request(port, headers=["X-Padding: " + "x" * 1000])
    while trio.current_time() < until:
        with thrown_out():
            raw = await Raw.dial(port)
            async with raw.stream:
                for byte in head:
                    await raw.send(bytes([byte]))
                    await trio.sleep(0.5)
                    if trio.current_time() > until:
                        return


async def silence(port: int, amount: int) -> None:
    """So many connections at a time that send nothing at all, for 6 seconds."""
    await _many(amount, _wait, port)


async def _wait(port: int, until: float) -> None:
    while trio.current_time() < until:
        with thrown_out():
            raw = await Raw.dial(port)
            async with raw.stream:
                with trio.move_on_at(until):
                    while await raw.stream.receive_some():
                        pass


async def _many(amount: int, do: Callable[[int, float], Awaitable[None]], port: int) -> None:
    until = trio.current_time() + 6
    async with trio.open_nursery() as nursery:
        for _ in range(amount):
            nursery.start_soon(do, port, until)


async def announced_gibibyte(port: int, amount: int) -> None:
    """So many connections that announce a message of 1 GiB and send as much as is taken of it."""
    header = struct.pack("!BBQ", 0x82, 0xFF, 1 << 30) + _MASK
    for _ in range(amount):
        with thrown_out():
            raw = await Raw.connect(port)
            async with raw.stream:
                await raw.send(header)
                with trio.move_on_after(0.2):
                    while True:
                        await raw.send(bytes(_AT_ONCE))


async def pings(port: int, amount: int) -> None:
    """So many pings."""
    await _flood(port, amount, frame(b"", PING, mask=_MASK))


async def fragments(port: int, amount: int) -> None:
    """So many fragments of one byte, of a message that never ends."""
    begin = frame(b"x", BINARY, fin=False, mask=_MASK)
    await _flood(port, amount, frame(b"x", CONT, fin=False, mask=_MASK), begin)


async def empty_fragments(port: int, amount: int) -> None:
    """So many fragments without any bytes: the message does not even grow."""
    begin = frame(b"", BINARY, fin=False, mask=_MASK)
    await _flood(port, amount, frame(b"", CONT, fin=False, mask=_MASK), begin)


async def short_packets(port: int, amount: int) -> None:
    """So many packets that are no gd_mp packets."""
    await _flood(port, amount, frame(b"short", BINARY, mask=_MASK))


async def _flood(port: int, amount: int, one: bytes, begin: bytes = b"") -> None:
    each = _AT_ONCE // len(one)
    sent = 0
    while sent < amount:
        with thrown_out():
            raw = await Raw.connect(port)
            async with raw.stream:
                await raw.send(begin)
                while sent < amount:
                    sent += each
                    await raw.send(one * each)


async def connects(port: int, amount: int) -> None:
    """So many connections that are opened properly and reset, 10 000 a minute."""
    started = trio.current_time()
    limiter = trio.CapacityLimiter(64)

    async def connect(number: int) -> None:
        await trio.sleep_until(started + number * 60 / 10_000)
        with thrown_out():
            async with limiter:
                raw = await Raw.connect(port)
                await raw.reset()

    async with trio.open_nursery() as nursery:
        for number in range(amount):
            nursery.start_soon(connect, number)


async def stalled_readers(port: int, amount: int) -> None:
    """So many peers that send to everybody, themselves and never read anything, for 6 seconds."""
    await _many(amount, _stall, port)


async def _stall(port: int, until: float) -> None:
    while trio.current_time() < until:
        with thrown_out():
            raw = await Raw.dial(port, receive_buffer=4096)
            async with raw.stream:
                await raw.send(request(port))
                await trio.sleep(0.5)
                head = await raw.read_head()
                assert head.startswith("HTTP/1.1 101")
                greeting = await raw.receive_message()
                (own,) = struct.unpack_from("<i", greeting, 9)
                packet = struct.pack("<Bii", 0, own, 0) + bytes(8000)
                one = frame(packet, BINARY, mask=_MASK)
                while trio.current_time() < until:
                    with trio.move_on_after(0.1):
                        await raw.send(one)
                    await trio.sleep(0.05)


async def relay_bursts(port: int, amount: int) -> None:
    """So many packets of 14 bytes to 200 others who read all of it, in writes of 16 KiB."""
    async with trio.open_nursery() as nursery:
        for _ in range(200):
            raw = await Raw.connect(port)
            nursery.start_soon(_read_all, raw)
        one = await _relaying(port)
        nursery.start_soon(_read_all, one.raw)
        each = _AT_ONCE // len(one.frame(b"tiny"))
        for _ in range(0, amount, each):
            await one.raw.send(one.frame(b"tiny") * each)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()


async def floods(port: int, amount: int) -> None:
    """So many peers that send 8 KB to everybody as fast as they can, and read, for 6 seconds."""
    await _many(amount, _flood_all, port)


async def _flood_all(port: int, until: float) -> None:
    while trio.current_time() < until:
        with thrown_out():
            one = await _relaying(port)
            async with one.raw.stream, trio.open_nursery() as nursery:
                nursery.start_soon(_read_all, one.raw)
                with trio.move_on_at(until):
                    while True:
                        await one.raw.send(one.frame(bytes(8000)))
                nursery.cancel_scope.cancel()


async def deaf_floods(port: int, amount: int) -> None:
    """So many pairs that flood each other and read nothing, for 12 seconds."""
    until = trio.current_time() + 12
    async with trio.open_nursery() as nursery:
        for _ in range(amount):
            nursery.start_soon(_flood_each_other, port, until)


async def _flood_each_other(port: int, until: float) -> None:
    while trio.current_time() < until:
        with thrown_out():
            pair = [await _relaying(port), await _relaying(port)]
            async with trio.open_nursery() as nursery:
                for one, other in (pair, pair[::-1]):
                    nursery.start_soon(_flood_one, one, other.own, until)


async def _flood_one(one: _Relayed, target: int, until: float) -> None:
    with thrown_out():
        async with one.raw.stream:
            with trio.move_on_at(until):
                while True:
                    await one.raw.send(one.frame(bytes(8000), target))


async def sipping_readers(port: int, amount: int) -> None:
    """So many peers that take a byte a second of what a flood of 1 MB/s brings, for 12 seconds."""
    until = trio.current_time() + 12
    async with trio.open_nursery() as nursery:
        for _ in range(amount):
            nursery.start_soon(_sip, port, until)
        one = await _relaying(port)
        nursery.start_soon(_read_all, one.raw)
        while trio.current_time() < until:
            await one.raw.send(one.frame(bytes(8000)))
            await trio.sleep(0.008)
        nursery.cancel_scope.cancel()


async def _sip(port: int, until: float) -> None:
    while trio.current_time() < until:
        with thrown_out():
            raw = await Raw.dial(port, receive_buffer=4096)
            async with raw.stream:
                await raw.send(request(port))
                while trio.current_time() < until:
                    await raw.stream.receive_some(1)
                    await trio.sleep(1)


async def _read_all(raw: Raw) -> None:
    with thrown_out():
        while await raw.stream.receive_some():
            pass


class _Relayed(NamedTuple):
    """A peer that sends to others."""

    raw: Raw
    own: int

    def frame(self, payload: bytes, target: int = 0) -> bytes:
        """A packet of it, as it sends it."""
        packet = struct.pack("<Bii", 0, self.own, target) + payload
        return frame(packet, BINARY, mask=_MASK)


async def _relaying(port: int) -> _Relayed:
    raw = await Raw.connect(port)
    return _Relayed(raw, await api_attacks.own_id(raw))


class Attack(NamedTuple):
    """What it does, how much of it is a whole attack, and what it needs.

    Attributes:
        on: which server it is one on; see ``tests.hostile.target``.
    """

    run: Callable[[int, int], Awaitable[None]]
    amount: int
    on: str = "gd_mp"


ATTACKS: Final = {
    "slowloris": Attack(slowloris, 2000),
    "silence": Attack(silence, 1000),
    "announced_gibibyte": Attack(announced_gibibyte, 50),
    "pings": Attack(pings, 100_000),
    "fragments": Attack(fragments, 1_000_000),
    "empty_fragments": Attack(empty_fragments, 1_000_000),
    "short_packets": Attack(short_packets, 100_000),
    "connects": Attack(connects, 1667),
    "stalled_readers": Attack(stalled_readers, 20),
    "relay_bursts": Attack(relay_bursts, 20_000),
    "relay_bursts_godot4": Attack(flood_attacks.relay_bursts_godot4, 20_000, on="godot4"),
    "floods": Attack(floods, 4),
    "floods_to_slow_readers": Attack(flood_attacks.floods_to_slow_readers, 3),
    "deaf_floods": Attack(deaf_floods, 4),
    "sipping_readers": Attack(sipping_readers, 4),
    "key_updates": Attack(flood_attacks.key_updates, 20_000, on="tls"),
    "log_floods": Attack(flood_attacks.log_floods, 5000),
    "raising_calls": Attack(api_attacks.raising_calls, 20_000, on="api"),
    "unknown_rpcs": Attack(api_attacks.unknown_rpcs, 100_000, on="api"),
    "announcements": Attack(api_attacks.announcements, 10_000, on="api"),
    "questions": Attack(api_attacks.questions, 10_000, on="api"),
    "async_calls": Attack(api_attacks.async_calls, 10_000, on="api"),
    "limited_calls": Attack(api_attacks.limited_calls, 100_000, on="api"),
    "logins": Attack(api_attacks.logins, 500, on="api"),
}


def main() -> None:
    name, port, amount = sys.argv[1:]
    allow_many_sockets()
    trio.run(ATTACKS[name].run, int(port), int(amount))


if __name__ == "__main__":
    main()
