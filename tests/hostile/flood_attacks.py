"""Attacks on relays of other envelopes, on TLS, on the log; and floods to readers that are slow."""

from __future__ import annotations

import ssl
import struct
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import trio

from multiplayer.wire.envelopes import godot3 as gd_mp
from tests.hostile.api_attacks import own_id
from tests.hostile.thrown_out import thrown_out
from tests.peers.tls_records import Records, logging_context
from tests.raw import BINARY, Raw, frame, request

_MASK: Final = bytes(4)
_BETWEEN: Final = 0.01
"""Seconds between two that join, or leave: each is told to all."""

_SECONDS: Final = 6.0


async def relay_bursts_godot4(port: int, amount: int) -> None:
    """So many tiny packets to 200 others on Godot 4's envelope, in writes of 64 KiB."""
    one = frame(struct.pack("<BBi", 7, 3, -1) + b"\x03tiny", BINARY, mask=_MASK)
    each = (1 << 16) // len(one)
    async with trio.open_nursery() as nursery:
        raws: list[Raw] = []
        for _ in range(201):
            raws.append(await Raw.connect(port))
            nursery.start_soon(_read, raws[-1])
            await trio.sleep(_BETWEEN)
        with thrown_out():
            for _ in range(0, amount, each):
                await raws[0].send(one * each)
        await trio.sleep(1)
        for raw in raws:
            await raw.close()
            await trio.sleep(_BETWEEN)
        nursery.cancel_scope.cancel()


async def floods_to_slow_readers(port: int, amount: int) -> None:
    """So many that send to all, as fast as they can, and 50 that read 500 kB/s, for 6 seconds."""
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            reader = await Raw.dial(port, receive_buffer=16384)
            await reader.send(request(port))
            nursery.start_soon(partial(_read, reader, at_once=5000, every=0.01))
        for _ in range(amount):
            nursery.start_soon(_flood, port)
        await trio.sleep(_SECONDS)
        nursery.cancel_scope.cancel()


async def _flood(port: int) -> None:
    with thrown_out():
        raw = await Raw.connect(port)
        own = await own_id(raw)
        one = frame(gd_mp.packet(own, 0, bytes(1000)), BINARY, mask=_MASK)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read, raw)
            while True:
                await raw.send(one * 16)


async def key_updates(port: int, amount: int) -> None:
    """So many records of TLS that announce new keys, 16 a write."""
    sent = 0
    with tempfile.TemporaryDirectory() as folder:
        while sent < amount:
            key_log = Path(folder, f"keys {sent}")
            context = logging_context(key_log)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with thrown_out():
                tcp = await trio.open_tcp_stream("127.0.0.1", port)
                stream = trio.SSLStream(tcp, context, server_hostname="localhost")
                async with tcp:
                    await stream.do_handshake()
                    records = Records(stream._ssl_object, key_log)  # type: ignore[attr-defined]
                    await tcp.send_all(records.record(request(port)))
                    while sent < amount:
                        sent += 16
                        await tcp.send_all(b"".join(records.key_update() for _ in range(16)))


async def log_floods(port: int, amount: int) -> None:
    """So many connections that are refused, each with words of its own."""
    for number in range(amount):
        with thrown_out():
            raw = await Raw.dial(port)
            async with raw.stream:
                await raw.send(b"GET /%d\x1b[31m\nforged HTTP/1.1\r\n\r\n" % number)
                await raw.stream.receive_some()


async def _read(raw: Raw, *, at_once: int = 1 << 18, every: float = 0.0) -> None:
    with thrown_out():
        while await raw.stream.receive_some(at_once):
            if every:
                await trio.sleep(every)
