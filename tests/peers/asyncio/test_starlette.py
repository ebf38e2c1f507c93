"""A web application whose lifespan begins and ends a server on a port of its own.

The application is Starlette's, on which FastAPI stands. It is served by hand, with the messages
that ASGI has for it; a web server such as uvicorn sends the same ones.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import peers.asyncio
from multiplayer import ConnectionStatus, SceneMultiplayer, rpc
from tests.driving import Recorder
from tests.peers.asyncio.sessions import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from starlette.requests import Request

    from peers import WebSocketServer

    InLoop = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


class Lobby:
    def __init__(self) -> None:
        self.names: dict[int, str] = {}

    @rpc("any_peer")
    async def enter(self, name: str) -> int:
        await asyncio.sleep(0)  # as if it were looked up somewhere
        self.names[len(self.names)] = name
        return len(self.names)


class Program:
    """The application, and the game that it serves beside itself."""

    def __init__(self) -> None:
        self.api = SceneMultiplayer()
        self.lobby = Lobby()
        self.api.add("Lobby", self.lobby)
        self.server: WebSocketServer | None = None
        routes = [Route("/players", self.players)]
        self.app = Starlette(lifespan=self.lifespan, routes=routes)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        async with peers.asyncio.serve(0, api=self.api) as self.server:
            yield

    async def players(self, request: Request) -> JSONResponse:
        return JSONResponse({"peers": self.api.get_peers(), "names": [*self.lobby.names.values()]})


class Asgi:
    """What a web server is for an application."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def lifespan(self) -> None:
        await self.app({"type": "lifespan", "state": {}}, self.received.get, self.sent.put)

    async def say(self, kind: str) -> str:
        await self.received.put({"type": kind})
        return (await self.sent.get())["type"]

    async def get(self, path: str) -> Any:
        body = asyncio.Queue[dict[str, Any]]()
        request = {"type": "http.request", "body": b"", "more_body": False}

        async def receive() -> dict[str, Any]:
            return request

        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [],
            "state": {},
        }
        await self.app(scope, receive, body.put)
        assert (await body.get())["status"] == 200
        return json.loads((await body.get())["body"])


def test_the_lifespan_of_an_application_is_that_of_a_server(in_loop: InLoop) -> None:
    async def main() -> None:
        program = Program()
        web = Asgi(program.app)
        living = asyncio.create_task(web.lifespan())
        assert await web.say("lifespan.startup") == "lifespan.startup.complete"
        server = program.server
        assert server is not None
        client, mine = SceneMultiplayer(), Lobby()
        client.add("Lobby", mine)
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        async with peers.asyncio.connect(url, api=client) as connected:
            assert await peers.asyncio.reply(mine.enter.call_id(1, "Ada")) == 1
            seen = await web.get("/players")
            assert seen == {"peers": [client.get_unique_id()], "names": ["Ada"]}
            at_client = Recorder(connected)
            assert await web.say("lifespan.shutdown") == "lifespan.shutdown.complete"
            await living
            assert server.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
            await until(lambda: "connection_closed" in at_client)
            assert at_client.of("server_close_request") == [(1000, "")]

    in_loop(main)


def test_an_application_that_is_cancelled_closes_its_server(in_loop: InLoop) -> None:
    async def main() -> None:
        program = Program()
        web = Asgi(program.app)
        living = asyncio.create_task(web.lifespan())
        await web.say("lifespan.startup")
        living.cancel()
        await asyncio.wait([living])
        assert program.server is not None
        assert not program.server.is_listening()

    in_loop(main)
