"""``python-socketio`` on aiohttp; clients come by WebSocket at once, without polling first."""

from __future__ import annotations

import asyncio

import socketio
from aiohttp import web

SERVER = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*", ping_interval=300)


@SERVER.event
async def m(sid: str, packet: str) -> None:
    await SERVER.emit("m", packet, skip_sid=sid)


async def main() -> None:
    app = web.Application()
    SERVER.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(f"port {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
