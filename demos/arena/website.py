"""``Website``: what the arena's server answers over HTTP, on the port on which players join.

``/`` and what is in ``browser/`` let a browser play; ``/healthz`` and ``/metrics`` are for whoever
runs the server.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from peers import HttpResponse

from .ground import HEIGHT, WALLS, WIDTH
from .movement import GRAIN, RADIUS, SPEED, TICK_HZ
from .rules import FULL_HEALTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peers import HttpRequest, RoomServer

_HERE: Final = Path(__file__).parent
_CLIENT: Final = _HERE.parents[1] / "clients" / "javascript" / "gdpeers.js"

_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

_ALWAYS: Final = (
    "Cache-Control: no-cache",
    "X-Content-Type-Options: nosniff",
    # The page loads nothing from elsewhere, and connects to this server alone.
    "Content-Security-Policy: default-src 'self'; img-src data:",
)


class Website:
    """Answers requests; give it to a server as its ``http_callback``.

    The files are read once, so that a request opens none, and names none.

    Args:
        server: the server that it is of.
        metrics: returns what ``/metrics`` answers; None if there is none.
    """

    def __init__(
        self, server: RoomServer, metrics: Callable[[], HttpResponse] | None = None
    ) -> None:
        self._server = server
        self._metrics = metrics
        self._pages = dict(_pages())

    def __call__(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a request; None if it is for what is not here."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(
                405, "This server answers GET alone.\n", headers=["Allow: GET, HEAD"]
            )
        if request.path == "/healthz":
            return self._health()
        if request.path == "/metrics" and self._metrics is not None:
            return self._metrics()
        return self._pages.get(request.path)

    def _health(self) -> HttpResponse:
        """Answer whether new players can come: 503 takes a server out of a load balancer."""
        if self._server.refuse_new_connections:
            return HttpResponse(503, "no new players\n")
        return HttpResponse(200, "ok\n")


def _pages() -> Iterator[tuple[str, HttpResponse]]:
    """Yield the paths that there are, and what is there."""
    for file in [*(_HERE / "browser").iterdir(), _CLIENT]:
        if kind := _TYPES.get(file.suffix):
            page = HttpResponse(200, file.read_text("utf-8"), f"{kind}; charset=utf-8", _ALWAYS)
            yield f"/{file.name}", page
            if file.name == "index.html":
                yield "/", page
    yield "/arena.json", HttpResponse(200, json.dumps(_map()), "application/json", _ALWAYS)


def _map() -> dict[str, object]:
    """Return what a page has to know of the rules to predict its own player."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "walls": WALLS,
        "tickHz": TICK_HZ,
        "speed": SPEED,
        "radius": RADIUS,
        "grain": GRAIN,
        "fullHealth": FULL_HEALTH,
    }
