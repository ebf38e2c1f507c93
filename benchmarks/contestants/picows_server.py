"""``picows`` on asyncio's own loop."""

from __future__ import annotations

import asyncio
import sys

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

from benchmarks.contestants.large_job import answer

JOB = sys.argv[1]
PEERS: set[WSTransport] = set()


class Peer(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        PEERS.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        message = frame.get_payload_as_bytes()
        if JOB == "large":
            transport.send(WSMsgType.BINARY, answer(message))
            return
        for peer in PEERS:
            if peer is not transport:
                peer.send(WSMsgType.BINARY, message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        PEERS.discard(transport)


async def main() -> None:
    server = await ws_create_server(
        lambda _: Peer(),
        "127.0.0.1",
        0,
        max_frame_size=8 << 20,
        backlog=4096,
        enable_auto_ping=False,
    )
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
