"""``websockets`` on asyncio, with ``broadcast``; no compression, no keepalive."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.contestants.large_job import answer

JOB = sys.argv[1]
PEERS: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    if JOB == "hold":
        broadcast(PEERS, b"somebody joined")
    PEERS.add(connection)
    try:
        async for message in connection:
            assert isinstance(message, bytes)
            if JOB == "relay":
                broadcast(PEERS - {connection}, message)
            else:
                await connection.send(answer(message))
    finally:
        PEERS.discard(connection)


async def main() -> None:
    options = {"compression": None, "ping_interval": None, "max_size": None, "open_timeout": 60}
    async with serve(handle, "127.0.0.1", 0, backlog=4096, **options) as server:  # type: ignore[arg-type]
        print(f"port {next(iter(server.sockets)).getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
