"""A server that says just what a test tells it, of docs/protocol/resume.md, to an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from peers import WebSocketServer
from tests.driving import Recorder, until
from tests.interop import conformance

if TYPE_CHECKING:
    from peers import WebSocketPeer
    from tests.driving import Drive
    from tests.interop.godot4.gdscript import Value
    from tests.interop.native.godot4 import NativeGodot4

ID = 77
RAW = b"\x03"
"""Before bytes of the game's own, in Godot 4's packets."""

FOLLOW = """
peer.session_suspended.connect(func() -> void: main.tell_signal("session_suspended", []))
peer.session_resumed.connect(func(replayed: bool) -> void:
	main.tell_signal("session_resumed", [replayed]))
keep.peer = peer
var error: Error = peer.create_client(args[0])
if error == OK:
	multiplayer.multiplayer_peer = peer
return error
"""
"""Connects it, and tells of its signals."""

JOIN = (
    """
var peer := preload("res://resuming_peer.gd").new()
for setting: String in args[1]:
	peer.set(setting, args[1][setting])
"""
    + FOLLOW
)


async def join(godot: NativeGodot4, url: str, **settings: Value) -> None:
    """Let an engine connect with a resuming peer."""
    conformance.note(godot.marker, "client")
    assert await godot.do(JOIN, url, {**settings}) == "0"


class Scripted:
    """The server.

    Attributes:
        queries: of the clients that have connected, in order.
        words: what the present client has said in text messages.
        packets: what it has said in binary ones.
    """

    def __init__(self, drive: Drive) -> None:
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        self.server.upgrade_callback = lambda request: self._asked(request.target)
        self.signals = Recorder(self.server)
        self.server.data_received.connect(self._read)
        self.server.listen(0, gd_mp_api=False)
        drive.add(self.server)
        self.url = f"ws://127.0.0.1:{self.server.get_local_port()}"
        self.queries: list[dict[str, str]] = []
        self.words: list[dict[str, Any]] = []
        self.packets: list[bytes] = []

    def _asked(self, target: str) -> None:
        query = parse_qs(urlsplit(target).query)
        self.queries.append({name: value[0] for name, value in query.items()})

    def _read(self, client: int) -> None:
        peer = self.server.get_peer(client)
        while peer.get_available_packet_count():
            data = peer.get_packet()
            if peer.was_string_packet():
                self.words.append(json.loads(data))
            else:
                self.packets.append(data.removeprefix(RAW))

    async def client(self, number: int) -> WebSocketPeer:
        """The connection of that number, counted from 1."""
        await until(lambda: len(self.signals.of("client_connected")) >= number)
        id_ = self.signals.of("client_connected")[number - 1][0]
        assert isinstance(id_, int)
        self.words.clear()
        self.packets.clear()
        return self.server.get_peer(id_)

    async def came(self, *packets: bytes) -> None:
        """Expect exactly these packets."""
        await until(lambda: len(self.packets) >= len(packets))
        assert self.packets == [*packets]
        self.packets.clear()


def greet(peer: WebSocketPeer, *, received: int = 0, next: int = 1, **more: object) -> None:  # noqa: A002 - the wire's name
    """Send a greeting."""
    word = {"resume": 1, "seat": "a-token", "grace": 30.0, "received": received, "next": next}
    peer.send_text(json.dumps({**word, **more}))


def welcome(peer: WebSocketPeer) -> None:
    """Send what begins a session: greeting and id, which is message 1."""
    greet(peer)
    peer.send(ID.to_bytes(4, "little"))
