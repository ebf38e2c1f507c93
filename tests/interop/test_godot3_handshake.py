"""The upgrade between Godot 3.2.3 and us: headers, sub-protocols, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus
from peers import WebSocketClient, WebSocketServer
from peers.websocket.upgrade import ServerUpgrade
from tests.driving import Drive, Recorder, until
from tests.raw import END, RawServer

if TYPE_CHECKING:
    from tests.interop.conftest import Launch

UP = [
    ("tree", "network_peer_connected", 1),
    ("sig", "peer_connected", 1),
    ("tree", "connected_to_server"),
    ("sig", "connection_succeeded"),
]
FAILED = [("tree", "connection_failed"), ("sig", "connection_failed")]


def listening(
    drive: Drive, protocols: tuple[str, ...] = (), *, gd_mp_api: bool = True
) -> tuple[WebSocketServer, str]:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, protocols, gd_mp_api)
    return drive.add(server), f"ws://127.0.0.1:{server.get_local_port()}"


async def test_our_side_reads_what_the_engine_asks(launch: Launch) -> None:
    godot = await launch()
    listener = await RawServer.listen()
    url = f"{listener.url}/room/1?token=a%20b"
    await godot.connect_to_url(
        url, protocols=["chess", "go"], headers=["X-Token: 7", "Cookie: a=b; c=d"]
    )
    raw = await listener.dialled()
    await listener.close()
    asked = await raw.read_head()
    await raw.close()
    request = ServerUpgrade().receive(asked.encode() + END)
    assert request.target == "/room/1?token=a%20b"
    assert request.host == f"127.0.0.1:{listener.port}"
    assert request.protocols == ("chess", "go")
    assert request.headers == (("x-token", "7"), ("cookie", "a=b; c=d"))
    lines = [line.partition(":")[0].lower() for line in asked.split("\r\n")]
    assert "sec-websocket-version" in lines
    assert "sec-websocket-extensions" not in lines
    await godot.told(*FAILED)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["go"], "go"), (["poker", "go", "chess"], "go"), ([" chess "], "chess")],
)
async def test_our_answer_satisfies_the_engine(
    drive: Drive, launch: Launch, offered: list[str], chosen: str
) -> None:
    server, url = listening(drive, ("chess", "go"))
    at_server = Recorder(server)
    godot = await launch()
    await godot.connect_to_url(f"{url}/room?x=1", protocols=offered, headers=["X-Token: 7"])
    await godot.told(*UP)
    own = await godot.id()
    assert at_server.log == [
        ("client_connected", own, chosen, "/room?x=1"),
        ("peer_connected", own),
    ]
    assert server.get_peer(own).get_selected_protocol() == chosen
    assert godot.complaints == []


async def test_the_engine_learns_the_chosen_protocol(drive: Drive, launch: Launch) -> None:
    _, url = listening(drive, ("chess", "go"), gd_mp_api=False)
    godot = await launch()
    await godot.connect_to_url(url, protocols=["go", "chess"], mp=False)
    await godot.told(("sig", "connection_established", "go"))


@pytest.mark.parametrize(
    ("known", "offered"), [(("chess",), []), ((), ["chess"]), (("chess",), ["go", "Chess"])]
)
async def test_we_refuse_where_the_engines_server_would(
    drive: Drive, launch: Launch, known: tuple[str, ...], offered: list[str]
) -> None:
    server, url = listening(drive, known)
    at_server = Recorder(server)
    godot = await launch()
    await godot.connect_to_url(url, protocols=offered)
    await godot.told(*FAILED)
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert at_server.log == []


async def test_refusing_new_connections(drive: Drive, launch: Launch) -> None:
    server, url = listening(drive)
    server.refuse_new_connections = True
    godot = await launch()
    await godot.connect_to_url(url)
    await godot.told(*FAILED)
    server.refuse_new_connections = False
    await godot.connect_to_url(url)
    await godot.told(*UP)


# ---------------------------------------------------------------- our client


@pytest.mark.parametrize(
    ("known", "offered", "chosen"),
    [([], (), ""), (["go"], ("go",), "go"), (["chess", "go"], ("poker", "go", "chess"), "go")],
)
async def test_the_engines_server_accepts_our_client(
    drive: Drive, launch: Launch, known: list[str], offered: tuple[str, ...], chosen: str
) -> None:
    godot = await launch()
    port = await godot.listen(protocols=known)
    client = WebSocketClient()
    signals = Recorder(client)
    url = f"ws://127.0.0.1:{port}/room?x=1"
    client.connect_to_url(url, offered, True, ["X-Token: 7", "Origin: http://localhost"])
    drive.add(client)
    await until(lambda: "connection_succeeded" in signals)
    assert signals.log == [
        ("connection_established", chosen),
        ("peer_connected", 1),
        ("connection_succeeded",),
    ]
    own = client.get_unique_id()
    await godot.told(("tree", "network_peer_connected", own), ("sig", "peer_connected", own))
    assert godot.complaints == []


@pytest.mark.parametrize("why", ["protocol", "no protocol", "refuses"])
async def test_the_engines_server_refuses_our_client(
    drive: Drive, launch: Launch, why: str
) -> None:
    godot = await launch()
    port = await godot.listen(protocols=["chess"] if why == "protocol" else [])
    if why == "refuses":
        await godot.step("eval", expr="main.peer.set_refuse_new_connections(true)")
    client = WebSocketClient()
    signals = Recorder(client)
    client.connect_to_url(
        f"ws://127.0.0.1:{port}", ["go"] if why == "no protocol" else [], gd_mp_api=True
    )
    drive.add(client)
    await until(lambda: "connection_failed" in signals)
    assert signals.log == [("connection_error",), ("connection_failed",)]
    assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
    assert client.failure is not None
    assert client.failure.stage == "http"  # the engine closes the socket without an answer
    names = "does the server speak one of our sub-protocols (go)?" in client.failure.detail
    assert names == (why == "no protocol")
    await godot.told()
