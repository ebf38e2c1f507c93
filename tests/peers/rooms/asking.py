"""HTTP requests to a server of rooms, by ``urllib``, which knows nothing of us."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import trio

from tests.raw import PATIENCE

if TYPE_CHECKING:
    from email.message import Message

    from peers import RoomServer


class Told(NamedTuple):
    """What an HTTP server has answered."""

    status: int
    body: Any
    headers: Message


def ask_now(
    url: str, method: str, body: object = None, headers: dict[str, str] | None = None
) -> Told:
    """Ask, and wait for the answer."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"} | (headers or {}))
    request.method = method
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            status, content, head = answer.status, answer.read(), answer.headers
    except HTTPError as error:
        with error:
            status, content, head = error.code, error.read(), error.headers
    kind = head.get("Content-Type", "")
    return Told(status, json.loads(content) if kind == "application/json" else content, head)


async def ask(
    server: RoomServer,
    path: str,
    method: str = "GET",
    body: object = None,
    headers: dict[str, str] | None = None,
) -> Told:
    """Ask a server that is being driven."""
    url = f"http://127.0.0.1:{server.get_local_port()}{path}"
    return await trio.to_thread.run_sync(ask_now, url, method, body, headers)
