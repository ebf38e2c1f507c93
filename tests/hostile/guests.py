"""The guests of a soak: each joins, behaves in some way, and leaves."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import MultiplayerError, TransferMode
from peers import WebSocketClient, connect, emissions
from tests.hostile.thrown_out import thrown_out
from tests.raw import BINARY, CLOSE, CONT, PING, TEXT, Raw, close_body, frame, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

_MASK: Final = b"abcd"
_KNOWN: Final = b"soak:"


class Tally:
    """What the guests did, and what honest ones saw that they must not."""

    def __init__(self) -> None:
        self.visits: dict[str, int] = {}
        self.packets = 0
        self.wrong: list[str] = []


async def talker(port: int, random: Random, tally: Tally) -> None:
    """Joins, sends to everybody and to single peers, in every mode, and leaves properly or not."""
    url = f"ws://127.0.0.1:{port}"
    here: set[int] = set()
    client = WebSocketClient()
    client.peer_connected.connect(here.add)
    client.peer_disconnected.connect(here.discard)
    with suppress(MultiplayerError):  # thrown out by the end of the soak, or for being slow
        async with connect(url, peer=client, timeout=10), trio.open_nursery() as nursery:
            nursery.start_soon(_listen, client, tally)
            with trio.move_on_after(random.uniform(2, 20)):
                while client.get_connection_status() == client.CONNECTION_CONNECTED:
                    _say_something(client, here, random)
                    await trio.sleep(random.uniform(0.05, 1))
            nursery.cancel_scope.cancel()
            if random.random() < 0.3:
                client.close()


async def _listen(client: WebSocketClient, tally: Tally) -> None:
    async with emissions(client.peer_packet) as packets:
        async for _ in packets:
            source = client.get_packet_peer()
            packet = client.get_packet()
            tally.packets += 1
            # Hostile guests send packets too, but cannot send as somebody else.
            if packet.startswith(_KNOWN) and packet != _words(source, len(packet)):
                tally.wrong.append(f"{packet[:20]!r} from {source}")


def _words(peer: int, size: int) -> bytes:
    """What an honest peer says, and nobody else: its own id, again and again."""
    return (_KNOWN + struct.pack("<i", peer) * (size // 4 + 1))[:size]


def _say_something(client: WebSocketClient, here: set[int], random: Random) -> None:
    client.set_target_peer(random.choice([0, 1, *sorted(here)[-5:]]))
    client.transfer_mode = random.choice([*TransferMode])
    client.put_packet(_words(client.get_unique_id(), random.choice([12, 100, 1000])))


async def staller(port: int, random: Random, tally: Tally) -> None:
    """Joins and reads nothing."""
    del tally
    raw = await Raw.dial(port, receive_buffer=4096)
    async with raw.stream:
        await raw.send(request(port))
        await trio.sleep(random.uniform(1, 15))


async def half_open(port: int, random: Random, tally: Tally) -> None:
    """Begins a handshake and does not end it."""
    del tally
    raw = await Raw.dial(port)
    async with raw.stream:
        await raw.send(request(port)[: random.randrange(100)])
        await trio.sleep(random.uniform(0, 5))


async def vandal(port: int, random: Random, tally: Tally) -> None:
    """Joins and sends what must not be, mixed with what may be."""
    del tally
    raw = await Raw.connect(port)
    async with raw.stream:
        greeting = await raw.receive_message()
        (own,) = struct.unpack_from("<i", greeting, 9)
        for _ in range(random.randrange(1, 40)):
            await raw.send(_something_odd(random, own))
            await trio.sleep(random.uniform(0, 0.1))
        if random.random() < 0.5:
            await raw.reset()


def _something_odd(random: Random, own: int) -> bytes:
    forged = struct.pack("<Bii", 0, random.choice([1, own + 1, -own]), 0) + b"soak:forged"
    proper = struct.pack("<Bii", 0, own, random.choice([0, 1, -1, 77])) + b"hello"
    return random.choice(
        [
            frame(forged, mask=_MASK),
            frame(proper, mask=_MASK),
            frame(proper, mask=_MASK),
            frame(proper[: random.randrange(len(proper))], mask=_MASK),
            frame(bytes([random.randrange(256)]) + proper[1:], mask=_MASK),
            frame(random.randbytes(random.randrange(200)), TEXT, mask=_MASK),
            frame(b"", PING, mask=_MASK) * random.randrange(1, 200),
            frame(b"x", BINARY, fin=False, mask=_MASK) + frame(b"", CONT, mask=_MASK),
            frame(proper),
            frame(close_body(random.choice([1000, 999, 1005, 4000])), CLOSE, mask=_MASK),
            random.randbytes(random.randrange(1, 50)),
        ]
    )


Guests = tuple[tuple["Callable[[int, Random, Tally], Awaitable[None]]", int], ...]
"""Kinds, and how often each comes."""

GUESTS: Final[Guests] = ((talker, 12), (staller, 2), (half_open, 2), (vandal, 4))


async def visit(guests: Guests, port: int, random: Random, tally: Tally) -> None:
    """Let one guest come and go, whatever the server does to it."""
    (kind,) = random.choices([kind for kind, _ in guests], [often for _, often in guests])
    tally.visits[kind.__name__] = tally.visits.get(kind.__name__, 0) + 1
    with thrown_out():
        await kind(port, random, tally)
