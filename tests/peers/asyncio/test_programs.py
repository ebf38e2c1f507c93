"""Programs under ``asyncio.run`` that never import trio; each is run by itself."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import trio

from peers import connect
from tests.driving import Recorder, until
from tests.peers.test_imports import printed
from tests.programs import started

HEAD = """
import asyncio, sys
import peers.asyncio
from multiplayer import ConnectionStatus, MultiplayerError, RemoteError, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer

def url_of(server):
    return f"ws://127.0.0.1:{server.get_local_port()}"
"""
TAIL = """
asyncio.run(main())
print("trio" in sys.modules)
"""

PACKETS = """
async def main():
    async with (
        peers.asyncio.serve(0) as server,
        peers.asyncio.emissions(server.peer_packet) as packets,
        peers.asyncio.connect(url_of(server)) as client,
    ):
        client.put_var("hello")
        async for (peer,) in packets:
            print(peer == client.get_unique_id(), server.get_var())
            break
        server.put_var("and back")
        signal, arguments = await peers.asyncio.fired(client.peer_packet)
        print(arguments, client.get_var())
    print(server.get_connection_status().name)
"""

CALLS = """
class Bank:
    @rpc("any_peer")
    async def balance(self, account: int) -> int:
        await asyncio.sleep(0)
        if account < 0:
            raise LookupError(f"no account {account}")
        return account * 10

    @rpc("any_peer")
    async def never(self) -> None:
        await asyncio.get_running_loop().create_future()

async def main():
    server, client = SceneMultiplayer(), SceneMultiplayer()
    server.add("Bank", Bank())
    client.add("Bank", bank := Bank())
    listening, connecting = PEERS
    async with peers.asyncio.serve(0, peer=listening, api=server):
        async with peers.asyncio.connect(url_of(listening), peer=connecting, api=client):
            print(await peers.asyncio.reply(bank.balance.call_id(1, 4)))
            try:
                await peers.asyncio.reply(bank.balance.call_id(1, -4))
            except RemoteError as error:
                print(error.message)
            try:
                await peers.asyncio.reply(bank.never.call_id(1), timeout=0.01)
            except TimeoutError as error:
                print(error)
    print(server.spawn, client.spawn)
"""

RUNNING = """
async def main():
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client.connect_to_url(url_of(server), gd_mp_api=True)
    client.connection_succeeded.connect(lambda: client.put_packet(b"hello"))

    @server.peer_packet.connect
    def stop(peer):
        client.close()
        server.stop()

    await peers.asyncio.run(server, client)
    print(server.get_packet())
    try:
        async with peers.asyncio.connect("ws://127.0.0.1:1"):
            pass
    except MultiplayerError as error:
        print(error.code.name)
"""

TESTING = """
from peers.testing import connected_pair

async def main():
    async with connected_pair() as (server, client):
        client.put_packet(b"to the server")
        await peers.asyncio.fired(server.peer_packet)
        print(server.get_packet())
"""

GD_MP = "WebSocketServer(), WebSocketClient()"
GODOT_4 = "WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()"


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        (PACKETS, ["True hello", "(1,) and back", "CONNECTION_DISCONNECTED"]),
        *(
            (
                CALLS.replace("PEERS", made),
                [
                    "40",
                    "LookupError: no account -4",
                    "no answer from peer 1 to Bank: never() within 0.01 s",
                    "None None",
                ],
            )
            for made in (GD_MP, GODOT_4)
        ),
        (RUNNING, ["b'hello'", "ERR_CANT_CONNECT"]),
        (TESTING, ["b'to the server'"]),
    ],
    ids=["packets", "calls, gd_mp", "calls, godot4", "run", "testing"],
)
def test_a_program_without_trio(program: str, lines: list[str]) -> None:
    assert printed(HEAD + program + TAIL) == [*lines, "False"]


SERVING = """
import asyncio, sys, peers.asyncio

async def main():
    async with peers.asyncio.serve(0, stop_on_signals=True) as server:
        print("port", server.get_local_port(), flush=True)
        await asyncio.get_running_loop().create_future()
    print("left", "trio" in sys.modules)

asyncio.run(main())
"""

INTERRUPTED = """
import asyncio, sys, peers.asyncio

async def main():
    async with peers.asyncio.serve(0) as server:
        print("port", server.get_local_port(), flush=True)
        await asyncio.get_running_loop().create_future()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", "trio" in sys.modules)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize(
    ("program", "number", "last", "code"),
    [
        (SERVING, signal.SIGINT, "left False", 1000),
        (SERVING, signal.SIGTERM, "left False", 1000),
        (INTERRUPTED, signal.SIGINT, "interrupted False", 1001),
    ],
)
async def test_a_signal_ends_a_program_and_closes_its_connections(
    program: str, number: signal.Signals, last: str, code: int
) -> None:
    with started("-c", program) as running:
        port = int((await trio.to_thread.run_sync(running.until, r"port (\d+)"))[1])
        async with connect(f"ws://127.0.0.1:{port}") as client:
            at_client = Recorder(client)
            os.kill(running.process.pid, number)
            await until(lambda: "connection_closed" in at_client)
            assert at_client.of("server_close_request") == [(code, "")]
        assert await trio.to_thread.run_sync(running.rest) == [last]
        assert running.status() == 0
