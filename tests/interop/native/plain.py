"""Plain ``WebSocketPeer`` of a native Godot 4, as client and as server, in a node of its own.

What it meets comes as signals: ``("packet", b"…")``, ``("open",)``, ``("closed", code, reason)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.interop import conformance
from tests.interop.native.godot4 import free_port

if TYPE_CHECKING:
    from tests.interop.native.godot4 import NativeGodot4

SCRIPT = """extends Node
var socket := WebSocketPeer.new()
var server := TCPServer.new()
var state := WebSocketPeer.STATE_CLOSED

func connect_to(url: String) -> Error:
	return socket.connect_to_url(url)

func listen(port: int) -> Error:
	return server.listen(port, "127.0.0.1")

func _process(_delta: float) -> void:
	if server.is_connection_available():
		socket.accept_stream(server.take_connection())
	socket.poll()
	var main := get_parent()
	if socket.get_ready_state() != state:
		state = socket.get_ready_state()
		if state == WebSocketPeer.STATE_OPEN:
			main.tell_signal("open", [])
	while socket.get_available_packet_count():
		main.tell_signal("packet", [], socket.get_packet())
	if state == WebSocketPeer.STATE_CLOSED and (socket.get_close_code() != -1):
		main.tell_signal("closed", [socket.get_close_code(), socket.get_close_reason()])
		set_process(false)
"""
"""The packets of a poll are fetched before its close is told, as a game would."""

NODE = "main.get_node('Plain')"


async def connect(godot: NativeGodot4, url: str) -> None:
    """Connect a plain peer of the engine."""
    conformance.note(godot.marker, "client")
    await godot.add_node("Plain", SCRIPT)
    assert await godot.do(f"return {NODE}.connect_to(args[0])", url) == "0"
    assert await godot.signals(1) == [("open",)]


async def listen(godot: NativeGodot4) -> str:
    """Let the engine wait for one client; the URL."""
    conformance.note(godot.marker, "server")
    await godot.add_node("Plain", SCRIPT)
    for _ in range(5):
        port = free_port()
        if await godot.do(f"return {NODE}.listen(args[0])", port) == "0":
            return f"ws://127.0.0.1:{port}"
    raise AssertionError("the engine could not listen at any of five free ports")


async def close(godot: NativeGodot4, code: int, reason: str) -> None:
    """Begin the closing handshake."""
    await godot.do(f"{NODE}.socket.close(args[0], args[1])", code, reason)
