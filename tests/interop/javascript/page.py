"""A page in Chromium that has loaded ``gdpeers.js``, and runs what a test tells it to."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trio

from tests.interop.godot4.browser import FLAGS, HERE, PATIENCE
from tests.interop.godot4.whereabouts import chromium

CLIENT = Path(__file__).parents[3] / "clients" / "javascript" / "gdpeers.js"
FILES = {
    "/": (Path(__file__).with_name("page.html"), "text/html"),
    "/gdpeers.js": (CLIENT, "text/javascript"),
}
LIMIT = 40.0
"""How long the page may take for an order, in seconds; also to load."""


class JavaScriptError(Exception):
    """What an order has thrown."""


class Page:
    """One Chromium at one page. What an order leaves in it stays there for the next test."""

    def __init__(self) -> None:
        orders: queue.Queue[bytes | None] = queue.Queue()
        told: queue.Queue[dict[str, Any]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/order":
                    self._answer(orders.get() or b"", "application/json")
                elif self.path in FILES:
                    file, kind = FILES[self.path]
                    self._answer(file.read_bytes(), kind)
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(b"", "text/plain")

            def _answer(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self._orders, self._told, self._number = orders, told, 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        path = chromium()
        assert path is not None, "the test should have been skipped"
        profile = tempfile.mkdtemp(prefix="javascript-")
        command = [sys.executable, "-I", "-S", str(HERE / "keeper.py"), profile, path, *FLAGS]
        url = f"http://127.0.0.1:{self._server.server_port}/"
        self._keeper = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        self._keeper.stdout.readline()  # its process group

    async def do(self, code: str, *args: Any) -> Any:
        """Run the body of an async function of ``args``, and return what it returns.

        Raises:
            JavaScriptError: it has thrown.
            queue.Empty: it took too long.
        """
        self._number += 1
        order = {"number": self._number, "code": code, "args": args}
        self._orders.put(json.dumps(order).encode())
        told: dict[str, Any] = {}
        while told.get("number") != self._number:  # what one that took too long says comes late
            told = await trio.to_thread.run_sync(lambda: self._told.get(timeout=LIMIT))
        if "error" in told:
            raise JavaScriptError(told["error"])
        return told["value"]

    def close(self) -> None:
        """End Chromium and wait until it is gone."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._orders.put(None)
        self._keeper.stdin.close()
        self._keeper.wait(PATIENCE)
        self._keeper.stdout.close()
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()
