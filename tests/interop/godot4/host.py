"""The HTTP server behind the page in which an engine runs."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HOLD = 20.0
"""How long a request for an order waits for one, in seconds."""

HERE = Path(__file__).parent
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".wasm": "application/wasm"}


class Host:
    """Serves the page, the engine and the pack on a free port of 127.0.0.1.

    It takes what the page tells, and hands it orders. It runs in threads of its own: an engine is
    used by many tests, each of which has an event loop of its own.

    Args:
        engine: the directory of the engine.
        pack: the project.
        tell: called in one of the threads with what the page tells: its kind, and a text.
    """

    def __init__(self, engine: Path, pack: bytes, tell: Callable[[str, str], None]) -> None:
        config = {
            "executable": "index",
            "mainPack": "game.pck",
            "args": ["--headless"],
            "canvasResizePolicy": 0,
            "focusCanvas": False,
            "gdextensionLibs": [],
            "persistentPaths": [],
            "fileSizes": {
                "game.pck": len(pack),
                "index.wasm": (engine / "index.wasm").stat().st_size,
            },
        }
        self.content = {
            "": (HERE / "page.html").read_bytes(),
            "config.json": json.dumps(config).encode(),
            "game.pck": pack,
            "favicon.ico": b"",
        }
        self.engine = engine
        self.tell = tell
        self.orders: queue.Queue[str] = queue.Queue()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def find(self, name: str) -> bytes | None:
        """What is at this place; None if nothing is."""
        if name in self.content:
            return self.content[name]
        files = {path.name: path for path in self.engine.iterdir() if path.is_file()}
        return files[name].read_bytes() if name in files else None

    def close(self) -> None:
        """Stop serving; the browser should be gone by now."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: Host) -> None:
        self.host = host
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that is ended breaks its connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # so that head and body leave together

    @property
    def host(self) -> Host:
        assert isinstance(self.server, _Server)
        return self.server.host

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].lstrip("/")
        if name == "order":
            self._order()
            return
        body = self.host.find(name)
        if body is None:
            self._reply(404)
        else:
            suffix = Path(name or "page.html").suffix
            self._reply(200, body, TYPES.get(suffix, "application/octet-stream"))

    def _order(self) -> None:
        try:
            order = self.host.orders.get(timeout=HOLD)
        except queue.Empty:
            self._reply(204)
        else:
            self._reply(200, order.encode(), "text/plain; charset=utf-8")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        for kind, text in json.loads(body):
            self.host.tell(kind, text)
        self._reply(204)  # the next one, perhaps in another thread, comes only after this

    def _reply(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
