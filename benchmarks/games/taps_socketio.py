"""Two players tap, and both see the scores: with python-socketio."""

from __future__ import annotations

import asyncio
import sys

import socketio
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp")
scores: dict[str, dict[str, int]] = {}
room_of: dict[str, str] = {}


@server.event
async def join(sid: str, room: str) -> bool:
    if len(scores.setdefault(room, {})) >= 2:
        return False
    scores[room][sid] = 0
    room_of[sid] = room
    await server.enter_room(sid, room)
    return True


@server.event
async def tap(sid: str) -> None:
    if sid in room_of:
        room = room_of[sid]
        scores[room][sid] += 1
        await server.emit("scores", scores[room], room=room)


@server.event
async def disconnect(sid: str, reason: str) -> None:  # noqa: ARG001
    room = room_of.pop(sid, None)
    if room is not None:
        del scores[room][sid]


async def play(url: str, room: str) -> None:
    client = socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=4)
    seen: dict[str, int] = {}

    @client.event
    async def connect() -> None:
        await client.emit("join", room)

    @client.on("scores")
    def take(new: dict[str, int]) -> None:
        seen.clear()
        seen.update(new)

    await client.connect(url)
    while True:
        if client.connected:
            await client.emit("tap")
        await asyncio.sleep(0.1)
        print(client.get_sid(), seen, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        app = web.Application()
        server.attach(app)
        web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=None)
    else:
        asyncio.run(play(sys.argv[1], sys.argv[2]))
