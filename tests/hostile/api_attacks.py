"""What hostile clients do to a server with ``SceneMultiplayer``, after they have joined."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import trio

from multiplayer.wire.dialects.native import NativeWire
from multiplayer.wire.envelopes import godot3 as gd_mp
from tests.hostile.game import PASSWORD, PATH
from tests.hostile.thrown_out import thrown_out
from tests.raw import BINARY, Raw, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MASK: Final = b"abcd"
_AT_ONCE: Final = 200
"""Packets in one write."""

_wire: Final = NativeWire()
LOGIN: Final = (_wire.authenticate(PASSWORD), _wire.authenticate(b""))


def _announced(method: str) -> tuple[bytes, ...]:
    return (*LOGIN, _wire.announce(1, PATH, [method]))


async def unknown_rpcs(port: int, amount: int) -> None:
    """So many calls of a method that is not there."""
    one = _wire.call("no_such", 0, [1]).by_number(1, shortest=True)
    await _flood(port, amount, _announced("no_such"), lambda _: one)


async def announcements(port: int, amount: int) -> None:
    """So many nodes, each with a number of its own."""
    await _flood(port, amount, LOGIN, lambda number: _wire.announce(number, f"N{number}", []))


async def questions(port: int, amount: int) -> None:
    """So many questions for an async method that takes its time."""

    def ask(number: int) -> bytes:
        return _wire.request(number, "slow", 0, []).by_number(1, shortest=True)

    await _flood(port, amount, _announced("slow"), ask)


async def async_calls(port: int, amount: int) -> None:
    """The same, without wanting answers."""
    one = _wire.call("slow", 0, []).by_number(1, shortest=True)
    await _flood(port, amount, _announced("slow"), lambda _: one)


async def raising_calls(port: int, amount: int) -> None:
    """So many calls of a method that raises."""
    one = _wire.call("fail", 0, []).by_number(1, shortest=True)
    await _flood(port, amount, _announced("fail"), lambda _: one)


async def limited_calls(port: int, amount: int) -> None:
    """So many calls of a method that one peer may call 20 times a second."""
    one = _wire.call("limited", 0, []).by_number(1, shortest=True)
    await _flood(port, amount, _announced("limited"), lambda _: one)


async def _flood(
    port: int, amount: int, begin: Sequence[bytes], make: Callable[[int], bytes]
) -> None:
    """Join, again when thrown out; send ``begin``, then packets until so many were sent."""
    sent = 0
    while sent < amount:
        with thrown_out():
            raw = await Raw.connect(port)
            async with raw.stream, trio.open_nursery() as nursery:
                own = await own_id(raw)
                nursery.start_soon(_drain, raw, nursery.cancel_scope)
                await raw.send(b"".join(_framed(own, packet) for packet in begin))
                while sent < amount:
                    numbers = range(sent + 1, sent + 1 + min(_AT_ONCE, amount - sent))
                    sent = numbers[-1]
                    await raw.send(b"".join(_framed(own, make(number)) for number in numbers))
                await raw.send(frame(b"\x03\xe8", 8, mask=_MASK))
                await trio.sleep(2)  # for the server to hear it all; it closes before that
                nursery.cancel_scope.cancel()


async def own_id(raw: Raw) -> int:
    """Return the id that a server gives its client."""
    greeting = await raw.receive_message()
    (own,) = struct.unpack_from("<i", greeting, 9)
    return own


def _framed(own: int, packet: bytes) -> bytes:
    return frame(gd_mp.packet(own, 1, packet), BINARY, mask=_MASK)


async def _drain(raw: Raw, ended: trio.CancelScope) -> None:
    with thrown_out():
        while await raw.stream.receive_some():
            pass
    ended.cancel()


async def logins(port: int, amount: int) -> None:
    """So many peers at a time that never get the password right, for 6 seconds."""
    until = trio.current_time() + 6
    async with trio.open_nursery() as nursery:
        for _ in range(amount):
            nursery.start_soon(_guess, port, until)


async def _guess(port: int, until: float) -> None:
    while trio.current_time() < until:
        with thrown_out():
            raw = await Raw.connect(port)
            async with raw.stream:
                own = await own_id(raw)
                number = 0
                while trio.current_time() < until:
                    number += 1
                    await raw.send(_framed(own, _wire.authenticate(b"%d" % number)))
                    await trio.sleep(0.5)
