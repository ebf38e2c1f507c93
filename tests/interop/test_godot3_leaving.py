"""How sessions of Godot 3 and us end: every way to leave, seen from all sides."""

from __future__ import annotations

import signal
import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import ConnectionStatus, Error
from peers import WebSocketClient, WebSocketServer
from tests.driving import PATIENCE, until
from tests.interop.members import Ours, Session, Theirs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.driving import Drive
    from tests.interop.conftest import Launch

REASON = "bis später, 再见"
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


# ---------------------------------------------------------------- from our server


@pytest.mark.parametrize("manner", ["close", "code and reason", "peer.close", "quit", "kill -9"])
async def test_an_engine_leaves_our_server(drive: Drive, launch: Launch, manner: str) -> None:
    session = Session(drive, launch)
    await session.serve("ours")
    server, leaver = session.members[0], await session.join("theirs")
    engine, client = await session.join("theirs"), await session.join("ours")
    assert isinstance(leaver, Theirs)
    announced = (1000, "")
    if manner == "close":
        await leaver.godot.step("disconnect")
    elif manner == "code and reason":
        await leaver.godot.step("disconnect", code=4001, reason=REASON)
        announced = (4001, REASON)  # the engine sends a NUL behind it
    elif manner == "peer.close":
        await leaver.godot.step("peer_close", id=1, code=3000, reason="x")
        announced = (3000, "x")
    elif manner == "quit":
        await leaver.godot.quit()
    else:
        await leaver.godot.kill_9()
    killed = manner == "kill -9"
    await server.told(
        *([] if killed else [("client_close_request", leaver.id, *announced)]),
        ("peer_disconnected", leaver.id),
        ("client_disconnected", leaver.id, not killed),
    )
    await engine.told(*engine.leaves(leaver.id))
    await client.told(*client.leaves(leaver.id))
    if manner not in ("quit", "kill -9"):
        # The engine calls every end of a session a failed connection, the one it asked for too.
        await leaver.told(*leaver.loses())
        assert (await leaver.godot.step("state"))["status"] == DISCONNECTED


async def test_an_engine_that_comes_back_gets_another_id(drive: Drive, launch: Launch) -> None:
    session = Session(drive, launch)
    await session.serve("ours")
    server, engine = session.members[0], await session.join("theirs")
    assert isinstance(engine, Theirs)
    await engine.godot.step("disconnect")
    await engine.told(*engine.loses())
    await server.told(
        ("client_close_request", engine.id, 1000, ""),
        ("peer_disconnected", engine.id),
        ("client_disconnected", engine.id, True),
    )
    await engine.godot.connect_to_url(f"ws://127.0.0.1:{session.port}")
    await engine.told(*engine.connects([]))
    again = await engine.godot.id()
    assert again != engine.id
    await server.told(*server.joins(again))


@pytest.mark.parametrize("reason", ["", REASON, "ü" * 61 + "."])
async def test_our_server_kicks(drive: Drive, launch: Launch, reason: str) -> None:
    session = Session(drive, launch)
    await session.serve("ours")
    server, engine, client = (
        session.members[0],
        await session.join("theirs"),
        await session.join("ours"),
    )
    assert isinstance(server, Ours)
    assert isinstance(server.peer, WebSocketServer)
    assert isinstance(engine, Theirs)
    server.peer.disconnect_peer(engine.id, 4002, reason)
    await engine.told(("sig", "server_close_request", 4002, reason), *engine.loses())
    await server.told(("peer_disconnected", engine.id), ("client_disconnected", engine.id, True))
    await client.told(*client.leaves(engine.id))
    # Ours reports the same end in the documented words.
    server.peer.disconnect_peer(client.id, 4002, reason)
    await client.told(
        ("server_close_request", 4002, reason),
        ("peer_disconnected", 1),
        ("server_disconnected",),
        ("connection_closed", True),
    )


async def test_our_server_stops(drive: Drive, launch: Launch) -> None:
    session = Session(drive, launch)
    await session.serve("ours")
    server, first, second = (
        session.members[0],
        await session.join("theirs"),
        await session.join("theirs"),
    )
    assert isinstance(server, Ours)
    assert isinstance(first, Theirs)
    assert isinstance(second, Theirs)
    server.peer.close()
    for engine in (first, second):
        await engine.told(("sig", "server_close_request", 1000, ""), *engine.loses())
    await server.told()


# ---------------------------------------------------------------- from the engine's server


@pytest.mark.parametrize("manner", ["close", "code and reason", "peer.close", "silently"])
async def test_our_client_leaves_the_engine(drive: Drive, launch: Launch, manner: str) -> None:
    session = Session(drive, launch)
    await session.serve("theirs")
    server, leaver = session.members[0], await session.join("ours")
    engine, client = await session.join("theirs"), await session.join("ours")
    others = sorted([engine.id, client.id])
    assert isinstance(leaver, Ours)
    assert isinstance(leaver.peer, WebSocketClient)
    announced = (1000, "")
    if manner == "close":
        leaver.peer.disconnect_from_host()
    elif manner == "code and reason":
        leaver.peer.disconnect_from_host(4001, REASON)
        announced = (4001, REASON)
    elif manner == "peer.close":
        leaver.peer.get_peer(1).close(3000, "x")
        announced = (3000, "x")
    else:
        leaver.peer.close()
    await server.told(
        ("sig", "client_close_request", leaver.id, *announced), *server.leaves(leaver.id)
    )
    await engine.told(*engine.leaves(leaver.id))
    await client.told(*client.leaves(leaver.id))
    if manner == "silently":
        await leaver.told()
        return
    await leaver.told(
        *(("peer_disconnected", other) for other in others),
        ("peer_disconnected", 1),
        ("server_disconnected",),
        ("connection_closed", True),
    )
    assert leaver.peer.get_connection_status() == DISCONNECTED


PROGRAM = """
import sys, time
from peers import WebSocketClient
client = WebSocketClient()
client.connect_to_url(sys.argv[1], gd_mp_api=True)
client.connection_succeeded.connect(lambda: print(client.get_unique_id(), flush=True))
while True:
    client.poll()
    time.sleep(0.001)
"""


@pytest.fixture
async def program(nursery: trio.Nursery) -> AsyncGenerator[list[trio.Process]]:
    """The processes that the test starts; they are ended after it."""
    processes: list[trio.Process] = []
    yield processes
    for process in processes:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def test_our_client_is_killed(
    drive: Drive, launch: Launch, program: list[trio.Process]
) -> None:
    session = Session(drive, launch)
    await session.serve("theirs")
    server, client = session.members[0], await session.join("ours")
    command = [sys.executable, "-c", PROGRAM, f"ws://127.0.0.1:{session.port}"]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    program.append(process)
    assert process.stdout is not None
    async with process.stdout as lines:
        with trio.fail_after(PATIENCE):
            leaver = int(await lines.receive_some())
        await server.told(*server.joins(leaver))
        await client.told(*client.joins(leaver))
        process.send_signal(signal.SIGKILL)
        await server.told(*server.leaves(leaver))  # and no client_close_request
        await client.told(*client.leaves(leaver))


@pytest.mark.parametrize("reason", ["", REASON, "ü" * 61])
async def test_the_engine_kicks(drive: Drive, launch: Launch, reason: str) -> None:
    session = Session(drive, launch)
    await session.serve("theirs")
    server, kicked, client = (
        session.members[0],
        await session.join("ours"),
        await session.join("ours"),
    )
    assert isinstance(server, Theirs)
    assert isinstance(kicked, Ours)
    await server.godot.step("kick", id=kicked.id, code=4002, reason=reason)
    await kicked.told(
        ("server_close_request", 4002, reason),  # without the NUL that the engine sends
        ("peer_disconnected", client.id),
        ("peer_disconnected", 1),
        ("server_disconnected",),
        ("connection_closed", True),
    )
    assert kicked.peer.get_peer(1).get_close_code() == 4002
    assert kicked.peer.get_peer(1).get_close_reason() == reason
    await server.told(*server.leaves(kicked.id))
    await client.told(*client.leaves(kicked.id))
    assert server.godot.complaints == []


@pytest.mark.parametrize("manner", ["stop", "quit", "kill -9"])
async def test_the_engines_server_ends(drive: Drive, launch: Launch, manner: str) -> None:
    session = Session(drive, launch)
    await session.serve("theirs")
    server, engine, client = (
        session.members[0],
        await session.join("theirs"),
        await session.join("ours"),
    )
    assert isinstance(server, Theirs)
    assert isinstance(engine, Theirs)
    assert isinstance(client, Ours)
    if manner == "stop":
        await server.godot.step("stop")
    elif manner == "quit":
        await server.godot.quit()
    else:
        await server.godot.kill_9()
    killed = manner == "kill -9"
    await client.told(
        *([] if killed else [("server_close_request", 1000, "")]),
        ("peer_disconnected", engine.id),
        ("peer_disconnected", 1),
        ("server_disconnected",),
        ("connection_closed", not killed),
    )
    assert (client.peer.failure is not None) == killed
    await engine.told(
        *([] if killed else [("sig", "server_close_request", 1000, "")]), *engine.loses()
    )
    await until(lambda: client.peer.get_connection_status() == DISCONNECTED)


# ---------------------------------------------------------------- packets that are too long


async def test_an_engine_sends_more_than_our_server_accepts(
    drive: Drive, launch: Launch, godot3: str
) -> None:
    session = Session(drive, launch)
    await session.serve("ours")
    server, engine, client = (
        session.members[0],
        await session.join("theirs"),
        await session.join("ours"),
    )
    assert isinstance(engine, Theirs)
    too_long = bytes(65527)  # 65536 with the envelope
    if godot3 == "native3":  # which keeps its game from doing that
        sent = await engine.godot.step("put_packet", data=b64encode(too_long).decode(), to=1)
        assert sent == Error.ERR_OUT_OF_MEMORY
        await engine.put(b"shorter", 1)
        await server.got((engine.id, b"shorter"))
        return
    await engine.put(too_long, 1)
    request = await engine.godot.event(ev="sig", name="server_close_request")
    assert request["args"][0] == 1009
    await engine.told(("sig", "server_close_request", *request["args"]), *engine.loses())
    await server.told(("peer_disconnected", engine.id), ("client_disconnected", engine.id, False))
    await client.told(*client.leaves(engine.id))


@pytest.mark.parametrize("server", ["ours", "theirs"])
async def test_the_engine_goes_deaf_and_we_part_all_the_same(
    drive: Drive, launch: Launch, server: str
) -> None:
    session = Session(drive, launch, outbound_buffer_size=0)
    await session.serve(server)
    await session.join("theirs" if server == "ours" else "ours")
    ours, theirs = sorted(session.members, key=lambda member: isinstance(member, Theirs))
    assert isinstance(ours, Ours)
    # Beyond 65536 bytes of message the engine sends close 1009 and then reads no more.
    ours.peer.set_target_peer(theirs.id)
    ours.peer.put_packet(bytes(65528))
    if server == "ours":
        await ours.told(
            ("client_close_request", theirs.id, 1009, ""),
            ("peer_disconnected", theirs.id),
            ("client_disconnected", theirs.id, True),
        )
    else:
        await ours.told(
            ("server_close_request", 1009, ""),
            ("peer_disconnected", 1),
            ("server_disconnected",),
            ("connection_closed", True),
        )
    await theirs.told()
