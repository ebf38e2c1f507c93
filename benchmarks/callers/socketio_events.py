"""``python-socketio``: ``socketio_events.py default|msgpack server``, or ``… client PORT SECONDS``.

Events without acknowledgement, on aiohttp, with the transports that it chooses by itself.
"""

from __future__ import annotations

import asyncio
import json
import sys

import socketio
from aiohttp import web

from benchmarks.callers.job import ARGUMENTS, WINDOW, WINDOWS_UNDER_WAY, Receiver, Sender


async def serve(serializer: str) -> None:
    server = socketio.AsyncServer(async_mode="aiohttp", serializer=serializer, ping_interval=300)
    receivers: dict[str, Receiver] = {}

    @server.event
    async def move(sid: str, entity: int, x: float, y: float, state: str) -> None:
        del entity, x, y, state
        if receivers.setdefault(sid, Receiver()).handle():
            await server.emit("seen", to=sid)

    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"port {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


async def call(serializer: str, port: int, seconds: float) -> None:
    client = socketio.AsyncClient(serializer=serializer)
    sender = Sender(seconds)
    done = asyncio.Event()

    async def send_window() -> None:
        for _ in range(WINDOW):
            await client.emit("move", ARGUMENTS)

    @client.event
    async def seen() -> None:
        if sender.told():
            await send_window()
        elif sender.calls_a_second:
            done.set()

    await client.connect(f"http://127.0.0.1:{port}")
    while client.transport() != "websocket":  # noqa: ASYNC110 - it begins with HTTP and changes over by itself
        await asyncio.sleep(0.05)  # there is no event for it
    sender.begin()
    for _ in range(WINDOWS_UNDER_WAY):
        await send_window()
    await done.wait()
    await client.disconnect()
    print(json.dumps(sender.calls_a_second))


if __name__ == "__main__":
    kind = sys.argv[1]
    if sys.argv[2] == "server":
        asyncio.run(serve(kind))
    else:
        asyncio.run(call(kind, int(sys.argv[3]), float(sys.argv[4])))
