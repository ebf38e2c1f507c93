"""What the arena's server answers over HTTP, asked by the standard library's client."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trio

import peers
from demos.arena.command import site_of
from demos.arena.ground import WALLS
from demos.arena.measuring import metrics_of
from tests.driving import until
from tests.marked_blocks import text_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from http.client import HTTPMessage

pytestmark = pytest.mark.needs_sockets


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: str


@asynccontextmanager
async def asking() -> AsyncGenerator[tuple[peers.RoomServer, Callable[..., Awaitable[Answer]]]]:
    server = site_of()

    async def ask(path: str, method: str = "GET") -> Answer:
        url = f"http://127.0.0.1:{server.get_local_port()}{path}"
        request = urllib.request.Request(url, method=method)

        def fetch() -> Answer:
            try:
                with urllib.request.urlopen(request, timeout=10) as response:
                    return Answer(response.status, response.headers, response.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    return Answer(error.code, error.headers, error.read().decode())

        return await trio.to_thread.run_sync(fetch)

    async with peers.serve_rooms(0, peer=server):
        yield server, ask


async def test_a_page_and_all_that_it_names() -> None:
    async with asking() as (_, ask):
        page = await ask("/")
        assert (page.status, page.headers.get_content_type()) == (200, "text/html")
        assert page.body == (await ask("/index.html")).body
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        waiting, seen = [*re.findall(r'(?:href|src)="([\w.]+)"', page.body)], set[str]()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            file = await ask(f"/{name}")
            assert file.status == 200, name
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            assert file.headers.get_content_type() == kind
            waiting += re.findall(r'from "\./(.+?)"', file.body)
        assert {"main.js", "arena.js", "gdpeers.js", "page.css"} <= seen
        assert (await ask("/gdpeers.js")).body == text_of("clients/javascript/gdpeers.js")
        ground = await ask("/arena.json")
        assert [tuple(wall) for wall in json.loads(ground.body)["walls"]] == [*WALLS]


async def test_what_is_not_there() -> None:
    async with asking() as (_, ask):
        for path in ("/nothing", "/../rules.py", "/%2e%2e/rules.py", "//", "/arena/any"):
            assert (await ask(path)).status == 426, path
        refused = await ask("/", "POST")
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
        head = await ask("/", "HEAD")
        assert (head.status, head.body) == (200, "")


async def test_whoever_runs_it_can_look() -> None:
    async with asking() as (server, ask):
        health = await ask("/healthz")
        assert (health.status, health.body) == (200, "ok\n")
        server.refuse_new_connections = True
        assert (await ask("/healthz")).status == 503
        server.refuse_new_connections = False
        figures = (await ask("/metrics")).body
        assert 'gdpeers_players{kind="arena"} 0.0' in figures
        assert "\narena_ticks_total 0.0\n" in figures
        async with peers.connect(f"ws://127.0.0.1:{server.get_local_port()}/arena/any"):
            await until(lambda: any(room.seats for room in server.rooms))
            figures = (await ask("/metrics")).body
        assert 'gdpeers_players{kind="arena"} 1.0' in figures
        assert 'gdpeers_rooms{kind="arena"} 1.0' in figures


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peers.metrics.find_spec", lambda name: None)
    answer = metrics_of(site_of())()
    assert (answer.status, answer.body) == (
        501,
        "ERR_UNAVAILABLE: metrics need prometheus-client: pip install prometheus-client\n",
    )
