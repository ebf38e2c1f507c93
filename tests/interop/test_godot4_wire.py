"""The real Godot 4.6 says and does what was recorded of it: what the other tests build on.

No code under test takes part: at the other end are bare WebSockets.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.godot4.gdscript import script
from tests.raw import CLOSE, TEXT, Raw, RawServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from tests.interop.conftest import LaunchWeb4
    from tests.interop.godot4.bridge import Bridge
    from tests.interop.godot4.engine import Godot4


VECTORS = Path(__file__).parents[1] / "vectors" / "godot4"
WEBSOCKET: dict[str, Any] = json.loads((VECTORS / "websocket.json").read_text(encoding="utf-8"))
SERVER: dict[str, Any] = json.loads((VECTORS / "engine_server.json").read_text(encoding="utf-8"))
ME, OTHER = 2002, 1001
CLIENT_GAME = script(
    '@rpc("any_peer") any_none()',
    '@rpc("any_peer") any_one(x)',
    '@rpc("any_peer") any_two(x, y)',
    '@rpc("any_peer", "call_remote", "unreliable", 2) chan_one(x)',
    '@rpc("any_peer") sync(authority)',
    '@rpc("any_peer") unsync()',
)
SERVER_GAME = script(
    '@rpc("any_peer") echo(value): result.rpc_id(sender(), value)',
    '@rpc("any_peer") call_all(value): tell.rpc(value)',
    '@rpc("any_peer") nothing()',
    '@rpc("any_peer") kick_me(): multiplayer.multiplayer_peer.disconnect_peer(sender())',
    "@rpc result(value)",
    '@rpc("any_peer") tell(value)',
)


@pytest.fixture
async def server() -> AsyncGenerator[RawServer]:
    listening = await RawServer.listen()
    yield listening
    await listening.close()


async def told(godot: Godot4, recorded: list[dict[str, Any]]) -> None:
    """Compare all signals with what was recorded under "what" and "args"."""
    expected: list[tuple[object, ...]] = []
    for row in recorded:
        if row["what"] == "auth_callback":
            peer, data = row["args"]
            expected.append(("auth_callback", peer, bytes.fromhex(data)))
        elif row["what"] not in ("create_client", "end"):
            expected.append((row["what"], *row["args"]))
    assert await godot.signals(len(expected)) == expected


def call(method: str, target: int, *arguments: str) -> Callable[[Godot4], Awaitable[int]]:
    return lambda godot: godot.rpc("Main/Game", method, target, *arguments)


def raw(target: int) -> Callable[[Godot4], Awaitable[int]]:
    return lambda godot: godot.send_bytes(b"\xde\xad", target)


STEPS: dict[str, list[Callable[[Godot4], Awaitable[int]]]] = {
    "call to the server, first time": [call("any_one", 1, "5")],
    "call to the server, path confirmed": [call("any_one", 1, "5")],
    "no arguments; bytes only; several": [
        call("any_none", 1),
        call("any_one", 1, "PackedByteArray([1, 2, 3])"),
        call("any_two", 1, '"text"', '[1, 2.5, {"k": null}]'),
    ],
    "call to one other client, first time": [call("any_one", OTHER, '"hi"')],
    "call to one other client, path confirmed": [call("any_one", OTHER, '"hi"')],
    "call to all": [call("any_one", 0, '"all"')],
    "call to all but the other client": [call("any_one", -OTHER, '"not you"')],
    "unreliable, channel 2": [call("chan_one", 1, "1")],
    **{f"raw bytes to {target}": [raw(target)] for target in (0, OTHER, -OTHER, -1)},
    "a long text: 2000 characters": [call("any_one", 1, '"x".repeat(2000)')],
}


@pytest.mark.native4
async def test_client_says_what_was_recorded(godot4: Godot4, server: RawServer) -> None:
    await godot4.add_node("Game", CLIENT_GAME)
    await godot4.create_client(server.url)
    connection = await server.upgraded()
    done: list[str] = []
    compared = 0
    for row in WEBSOCKET["relay"]:
        if row["peer"] != ME or row["kind"] == "request":
            continue
        if "step" in row:
            if row["step"] not in STEPS:
                break  # from here on the recording is of a synchronizer
            done.append(row["step"])
            for act in STEPS[row["step"]]:
                assert await act(godot4) == 0
        elif row["dir"] == "server":
            await connection.send_frame(bytes.fromhex(row["hex"]))
            if row["kind"].startswith("SYS/ADD_PEER"):
                await told(godot4, WEBSOCKET["relay_lead"][:4])
            await godot4.frames()
        else:
            assert (await connection.receive_message()).hex() == row["hex"], row
            compared += 1
    assert done == [*STEPS]
    assert compared >= 18
    await connection.close()
    assert await godot4.signals(2) == [("peer_disconnected", 1), ("server_disconnected",)]


@pytest.mark.native4
async def test_client_authenticates_as_recorded(godot4: Godot4, server: RawServer) -> None:
    await godot4.set_auth(b"secret", b"welcome")
    await godot4.create_client(server.url)
    connection = await server.upgraded()
    for row in WEBSOCKET["auth"]:
        if row["dir"] == "server":
            await connection.send_frame(bytes.fromhex(row["hex"]))
        elif "hex" in row:
            assert (await connection.receive_message()).hex() == row["hex"]
    await told(godot4, WEBSOCKET["auth_lead"][:5])
    await connection.close()
    await godot4.signals(2)


HELLOS = [
    row
    for row in WEBSOCKET["handshakes"]
    if "path" in row and row["path"].startswith(("/hello/", "/text/"))
]


@pytest.mark.native4
@pytest.mark.parametrize("row", HELLOS, ids=lambda row: row["path"])
async def test_client_judges_its_id_as_recorded(
    godot4: Godot4, server: RawServer, row: dict[str, Any]
) -> None:
    await godot4.create_client(server.url)
    connection = await server.upgraded()
    _, kind, data = row["path"].split("/")
    if kind == "text":
        await connection.send_frame(data.encode(), TEXT)
    else:
        await connection.send_frame(bytes.fromhex(data))
    if row["signals"] == ["connection_failed"]:
        await connection.send_frame(await connection.receive_close(), CLOSE)
        await connection.close()  # for which Chromium waits two seconds
    found = await godot4.signals(len(row["signals"]))
    assert [name if not args else f"{name}({args[0]})" for name, *args in found] == row["signals"]
    assert await godot4.id() == row["unique_id"]
    await connection.close()


@pytest.mark.godot4
async def test_server_does_what_was_recorded(web4: Godot4, bridge: Bridge) -> None:
    await web4.add_node("Game", SERVER_GAME)
    await web4.create_server(bridge.engine_url)
    clients: dict[str, Raw] = {}
    for row in SERVER["wire"]:
        name = row["client"]
        if row["kind"] == "id":
            (bridge.next_id,) = struct.unpack("<i", bytes.fromhex(row["hex"]))
            clients[name] = await Raw.connect(bridge.port)
        if row["dir"] == "client":
            await clients[name].send_frame(bytes.fromhex(row["hex"]))
        elif row["kind"] == "close":
            body = await clients[name].receive_close()
            assert struct.unpack("!H", body[:2]) == (row["code"],)
            await clients[name].close()
        else:
            assert (await clients[name].receive_message()).hex() == row["hex"], row
    signals = [("peer_connected", OTHER), ("peer_connected", ME)]
    signals += [("peer_packet", OTHER, b"hey"), ("peer_disconnected", OTHER)]
    assert await web4.signals(4) == signals
    assert await web4.calls(4) == [
        ("echo", ["5"], OTHER),
        ("echo", ["6"], OTHER),
        ("call_all", ["7"], OTHER),
        ("kick_me", [], OTHER),
    ]
    await web4.complained("The rpc node checksum failed")
    await clients["B"].close()
    assert await web4.signals(1) == [("peer_disconnected", ME)]


@pytest.mark.godot4
async def test_an_engine_joins_an_engine(launch_web4: LaunchWeb4, bridge: Bridge) -> None:
    host, guest = await launch_web4(), await launch_web4()
    await host.create_server(bridge.engine_url)
    bridge.next_id = 77
    assert await guest.join(bridge.url) == 77
    assert await guest.signals(2) == [("connected_to_server",), ("peer_connected", 1)]
    assert await host.signals(1) == [("peer_connected", 77)]
    assert (await host.peers(), await guest.peers()) == ([77], [1])
    for _ in range(2):  # before and after the path is confirmed
        assert await guest.rpc("Main/Game", "any_two", 1, "[1, 2.5]", "&'name'") == 0
        assert await host.calls(1) == [("any_two", ["[1, 2.5]", '&"name"'], 77)]
        assert await host.rpc("Main/Game", "auth_one", 0, "Vector2i(3, -4)") == 0
        assert await guest.calls(1) == [("auth_one", ["Vector2i(3, -4)"], 1)]
    await guest.rpc("Main/Game", "auth_one", 1, "0")  # only the authority may
    await host.complained("auth_one")
    await guest.leave()
    assert await guest.signals(1) == [("server_disconnected",)]
    assert await host.signals(1) == [("peer_disconnected", 77)]
    assert await host.calls() == []


@pytest.mark.godot4
async def test_engines_authenticate_each_other(launch_web4: LaunchWeb4, bridge: Bridge) -> None:
    host, guest = await launch_web4(), await launch_web4()
    await host.set_auth(b"welcome", b"secret")
    await guest.set_auth(b"secret", b"welcome")
    await host.create_server(bridge.engine_url)
    await guest.join(bridge.url)
    assert await host.signals(3) == [
        ("peer_authenticating", 2),
        ("auth_callback", 2, b"secret"),
        ("peer_connected", 2),
    ]
    assert await guest.signals(4) == [
        ("peer_authenticating", 1),
        ("auth_callback", 1, b"welcome"),
        ("connected_to_server",),
        ("peer_connected", 1),
    ]


@pytest.mark.godot4
async def test_an_engine_refuses_an_engine(launch_web4: LaunchWeb4, bridge: Bridge) -> None:
    host, guest = await launch_web4(), await launch_web4()
    await host.set_auth(b"welcome", b"secret")
    await guest.set_auth(b"guess", timeout=10)
    await host.create_server(bridge.engine_url)
    await guest.create_client(bridge.url)
    # The host made it so, and is not told; the guest hears of it.
    assert await host.signals(2) == [("peer_authenticating", 2), ("auth_callback", 2, b"guess")]
    gone = ("server_disconnected",)
    await guest.until(lambda: gone in guest._signals, "the end of the session")
    told = await guest.signals()
    # An engine loses what it reads together with a close frame.
    greeting = [said for said in told if said[0] == "auth_callback"]
    assert greeting in ([("auth_callback", 1, b"welcome")], [])
    assert [said for said in told if said not in greeting] == [
        ("peer_authenticating", 1),
        ("peer_authentication_failed", 1),
        gone,
    ]
    assert await host.peers() == []
