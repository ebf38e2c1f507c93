"""What is sent just before a graceful close arrives.

A Godot 4 engine throws away whatever it reads in the same poll as a close frame. So what went
before has to be handled first: a ping, whose pong says so, and the close frame only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

import peers
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import Drive, Recorder, until
from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import InPython, Match
from tests.interop.native import plain
from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.interop.conftest import Launch, LaunchGodot4
    from tests.interop.native.godot4 import NativeGodot4
    from tests.interop.scene.member import Member, Said
    from tests.interop.scene.session import Session

SEVERAL = 5
"""How often each is tried: it depends on what the engine reads in one poll."""
WORDS = [f"word {number}".encode() for number in range(20)]
SAID: list[tuple[str, bytes]] = [("packet", word) for word in WORDS]


def ended(said: list[Said]) -> bool:
    return said[-1:] != [] and said[-1][0] in ("closed", "server_disconnected")


async def to_the_end(engine: NativeGodot4) -> list[Said]:
    """All signals of an engine up to the one that its connection has ended."""
    said = await engine.signals(1)
    while not ended(said):
        said += await engine.signals(1)
    return said


# ---------------------------------------------------------------- SceneMultiplayer


def calls_of(server: Member) -> list[tuple[str, list[object], int]]:
    return [("any_one", [word.decode()], server.id) for word in WORDS]


@pytest.mark.native4
@pytest.mark.parametrize("layout", layouts("PE", "RE", "AE"))
async def test_the_server_calls_and_ends_the_client(session: Session, layout: str) -> None:
    server = await session.member(layout[0])
    await session.serve(server)
    assert isinstance(server, Ours)
    client = await session.member("E")
    assert isinstance(client, Engine)
    for _ in range(SEVERAL):
        await client.join(session.url)
        for word in WORDS:
            await server.call("any_one", client.id, word.decode())
        server.peer.disconnect_peer(client.id)
        assert (await to_the_end(client.godot))[-1] == ("server_disconnected",)
        assert await client.calls(1) == calls_of(server)


@pytest.mark.native4
@pytest.mark.parametrize("layout", layouts("EP", "ER", "EA"))
async def test_the_client_calls_and_leaves(session: Session, layout: str) -> None:
    server = await session.member("E")
    await session.serve(server)
    for _ in range(SEVERAL):
        client = await session.member(layout[1])
        assert isinstance(client, Ours)
        await client.join(session.url)
        await server.signals(1)
        for word in WORDS:
            await client.call("any_one", 1, word.decode())
        client.peer.disconnect_peer(1)
        assert await server.signals(1) == [("peer_disconnected", client.id)]
        assert await server.calls(len(WORDS)) == calls_of(client)


@pytest.mark.native4
async def test_the_end_of_serve(godot4: NativeGodot4) -> None:
    server = WebSocketMultiplayerPeer()
    for _ in range(SEVERAL):
        with trio.fail_after(20):
            async with peers.serve(0, peer=server):
                client = await godot4.join(f"ws://127.0.0.1:{server.get_local_port()}")
                await godot4.signals(2)
                await until(lambda client=client: client in server.get_peers())
                for word in WORDS:
                    server.set_target_peer(0)
                    server.put_packet(b"\x03" + word)  # an API packet: raw bytes
        heard = [("peer_packet", 1, word) for word in WORDS]
        end = [("peer_disconnected", 1), ("server_disconnected",)]
        assert await to_the_end(godot4) == [*heard, *end]


@pytest.mark.native4
async def test_the_end_of_connect(godot4: NativeGodot4) -> None:
    url = await godot4.listen()
    for _ in range(SEVERAL):
        with trio.fail_after(20):
            async with peers.connect(url, peer=WebSocketMultiplayerPeer()) as client:
                id_ = client.get_unique_id()
                await godot4.until(lambda: godot4._signals, "the client")
                assert await godot4.signals(1) == [("peer_connected", id_)]
                for word in WORDS:
                    client.put_packet(b"\x03" + word)
        heard = [("peer_packet", id_, word) for word in WORDS]
        assert await godot4.signals(len(WORDS) + 1) == [*heard, ("peer_disconnected", id_)]


# ---------------------------------------------------------------- plain WebSocketPeer


@pytest.fixture
def server(drive: Drive) -> WebSocketServer:
    made = WebSocketServer()
    made.bind_ip = "127.0.0.1"
    made.listen(0)
    return drive.add(made)


@pytest.mark.native4
async def test_our_plain_server_ends_a_client(
    server: WebSocketServer, godot4: NativeGodot4
) -> None:
    signals = Recorder(server)
    for _ in range(SEVERAL):
        await plain.connect(godot4, f"ws://127.0.0.1:{server.get_local_port()}")
        await until(lambda: signals.of("client_connected"))
        ((id_, _, _),) = signals.of("client_connected")
        assert isinstance(id_, int)
        for word in WORDS:
            server.get_peer(id_).put_packet(word)
        server.disconnect_peer(id_, 4000, "enough")
        assert await to_the_end(godot4) == [*SAID, ("closed", 4000, "enough")]
        await until(lambda id_=id_: signals.of("client_disconnected") == [(id_, True)])
        signals.log.clear()


@pytest.mark.native4
async def test_our_plain_server_leaves_all_of_its_clients(
    drive: Drive, launch_godot4: LaunchGodot4
) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    drive.add(server)
    signals = Recorder(server)
    engines = [await launch_godot4(), await launch_godot4()]
    for engine in engines:
        await plain.connect(engine, f"ws://127.0.0.1:{server.get_local_port()}")
    await until(lambda: len(signals.of("client_connected")) == 2)
    for id_, _, _ in signals.of("client_connected"):
        assert isinstance(id_, int)
        for word in WORDS:
            server.get_peer(id_).put_packet(word)
    server.begin_leaving()
    for engine in engines:
        assert await to_the_end(engine) == [*SAID, ("closed", 1000, "")]


@pytest.mark.native4
async def test_our_plain_client_leaves(drive: Drive, godot4: NativeGodot4) -> None:
    for _ in range(SEVERAL):
        client = WebSocketClient()
        client.connect_to_url(await plain.listen(godot4))
        drive.add(client)
        assert await godot4.signals(1) == [("open",)]
        for word in WORDS:
            client.get_peer(1).put_packet(word)
        client.disconnect_from_host(4000, "enough")
        assert await to_the_end(godot4) == [*SAID, ("closed", 4000, "enough")]


@pytest.mark.native4
async def test_a_game_that_hangs_is_not_waited_for(drive: Drive, godot4: NativeGodot4) -> None:
    """After ``close_timeout`` the close frame goes all the same, and after another it is over."""
    server = WebSocketServer()
    server.close_timeout = 0.2
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    drive.add(server)
    signals = Recorder(server)
    await plain.connect(godot4, f"ws://127.0.0.1:{server.get_local_port()}")
    await until(lambda: signals.of("client_connected"))
    ((id_, _, _),) = signals.of("client_connected")
    assert isinstance(id_, int)
    async with godot4.standing_still():
        server.get_peer(id_).put_packet(b"word")
        server.disconnect_peer(id_, 4000, "enough")
        await until(lambda: signals.of("client_disconnected") == [(id_, False)])
    assert (await to_the_end(godot4))[-1][0] == "closed"


# ---------------------------------------------------------------- Godot 3, which loses nothing


async def test_our_server_calls_and_ends_a_3(drive: Drive, launch: Launch) -> None:
    match = Match(drive, launch)
    server = await match.serve("python")
    client = await match.join("engine")
    assert isinstance(server, InPython)
    for word in WORDS:
        await server.rpc(client.id, "r1", word.decode())
    peer = server.api.multiplayer_peer
    assert isinstance(peer, WebSocketServer)
    peer.disconnect_peer(client.id, 4000, "enough")
    await client.heard(*(Heard("Game", "r1", 1, (word.decode(),)) for word in WORDS))
    await until(lambda: server.api.get_peers() == [])


async def test_our_client_calls_and_leaves_a_3(drive: Drive, launch: Launch) -> None:
    match = Match(drive, launch)
    server = await match.serve("engine")
    client = await match.join("python")
    assert isinstance(client, InPython)
    for word in WORDS:
        await client.rpc(1, "r1", word.decode())
    await client.leave()
    await server.heard(*(Heard("Game", "r1", client.id, (word.decode(),)) for word in WORDS))
