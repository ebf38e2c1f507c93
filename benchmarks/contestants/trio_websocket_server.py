"""``trio-websocket``: the only other one on trio."""

from __future__ import annotations

import sys
from functools import partial

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from benchmarks.contestants.large_job import answer

JOB = sys.argv[1]
PEERS: set[WebSocketConnection] = set()


async def handle(request: WebSocketRequest) -> None:
    connection = await request.accept()
    if JOB == "hold":
        for peer in list(PEERS):
            await peer.send_message(b"somebody joined")
    PEERS.add(connection)
    try:
        while True:
            message = await connection.get_message()
            assert isinstance(message, bytes)
            if JOB == "large":
                await connection.send_message(answer(message))
                continue
            for peer in list(PEERS):
                if peer is not connection:
                    await peer.send_message(message)
    except ConnectionClosed:
        pass
    finally:
        PEERS.discard(connection)


async def main() -> None:
    serve = partial(serve_websocket, max_message_size=8 << 20, connect_timeout=60)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve, handle, "127.0.0.1", 0, None)
        print(f"port {server.port}", flush=True)


if __name__ == "__main__":
    trio.run(main)
