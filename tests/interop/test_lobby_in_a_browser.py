"""A page of another origin asks the lobby, in Chromium: what CORS lets it read, and what not."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from peers import Room, RoomServer
from tests.interop.godot4.browser import FLAGS, HERE, PATIENCE
from tests.interop.godot4.whereabouts import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.godot4

LIMIT = 60.0
"""How long the browser may take, in seconds."""

PAGE = """<!doctype html><meta charset="utf-8"><script>
async function ask(base, path, method, body) {
  const options = {method: method};
  if (body) {
    options.body = JSON.stringify(body);
    options.headers = {"Content-Type": "application/json"};
  }
  try {
    const answer = await fetch(base + path, options);
    return [answer.status, answer.status == 204 ? null : await answer.json()];
  } catch (error) {
    return ["blocked", null];
  }
}
function play(url) {
  return new Promise(resolve => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = () => { resolve("in"); socket.close(); };
    socket.onclose = event => resolve(event.code);
  });
}
async function all() {
  const [ours, theirs] = BASES, told = {};
  told.made = await ask(ours, "/rooms", "POST", {kind: "duel", metadata: {map: "ice"}});
  const place = told.made[1];
  told.played = await play(ours.replace("http", "ws") + place.url);
  told.again = await play(ours.replace("http", "ws") + place.url);
  told.listed = await ask(ours, "/rooms", "GET");
  told.changed = await ask(ours, "/rooms/" + place.code, "PATCH",
                           {owner_key: place.owner_key, locked: true});
  told.none = await ask(ours, "/rooms/NOPE/join", "POST");
  told.ticket = await ask(ours, "/match", "POST", {kind: "duel"});
  told.given_up = await ask(ours, "/match/" + told.ticket[1].ticket, "DELETE");
  told.theirs = [await ask(theirs, "/rooms", "GET"),
                 await ask(theirs, "/rooms", "POST", {kind: "duel"}),
                 await play(theirs.replace("http", "ws") + "/duel/new")];
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
}
all().catch(error => fetch("/told", {method: "POST", body: JSON.stringify(String(error))}));
</script>"""


class Duel(Room):
    capacity = 2


class Site:
    """A site of an origin of its own, with one page."""

    def __init__(self) -> None:
        self.bases: list[str] = []
        self.told: queue.Queue[Any] = queue.Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_page = self.path == "/"
                page = PAGE.replace("BASES", json.dumps(site.bases)).encode() if is_page else b""
                self.send_response(200 if is_page else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def do_POST(self) -> None:
                site.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()


@contextmanager
def browsing(url: str) -> Iterator[None]:
    """Chromium at a page; it ends with the block, or with this process."""
    path = chromium()
    assert path is not None, "the test should have been skipped"
    profile = tempfile.mkdtemp(prefix="lobby-")
    command = [sys.executable, "-I", "-S", str(HERE / "keeper.py"), profile, path, *FLAGS]
    keeper = subprocess.Popen(
        [*command, f"--user-data-dir={profile}", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        keeper.stdout.readline()  # its process group
        yield
    finally:
        keeper.stdin.close()
        keeper.wait(PATIENCE)
        keeper.stdout.close()


async def test_a_page_of_an_allowed_origin_asks_and_another_does_not() -> None:
    site = Site()
    ours, theirs = RoomServer({"duel": Duel}), RoomServer({"duel": Duel})
    ours.allowed_origins = [site.origin]
    theirs.allowed_origins = ["https://game.example.com"]
    try:
        async with peers.serve_rooms(0, peer=ours), peers.serve_rooms(0, peer=theirs):
            site.bases = [f"http://127.0.0.1:{each.get_local_port()}" for each in (ours, theirs)]
            with browsing(site.origin):
                told = await trio.to_thread.run_sync(lambda: site.told.get(timeout=LIMIT))
            assert isinstance(told, dict), told
            (room,) = ours.rooms
            status, place = told["made"]
            assert (status, place["code"], room.metadata) == (201, room.code, {"map": "ice"})
            assert (told["played"], told["again"]) == ("in", 4004)  # good for one connection
            status, listed = told["listed"]
            assert (status, [row["code"] for row in listed["rooms"]]) == (200, [room.code])
            assert told["changed"] == [204, None]
            assert room.locked
            assert told["none"] == [404, {"error": "there is no such room"}]
            assert told["ticket"][0] == 202
            assert told["given_up"] == [204, None]
            assert told["theirs"] == [["blocked", None], ["blocked", None], 1006]
            assert theirs.rooms == []
    finally:
        site.close()
