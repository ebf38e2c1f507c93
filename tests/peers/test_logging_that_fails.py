"""Logging handlers that raise end nothing: what comes after the line is done all the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer import SceneMultiplayer, rpc
from multiplayer.support.log_line import write_line
from peers import WebSocketClient
from peers.testing import connected_pair
from tests.driving import until
from tests.gd_mp_rows import DEL, about
from tests.peers.sessions import listening, payloads
from tests.raw import Raw, RawServer

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.driving import Drive

pytestmark = pytest.mark.handlers_fail


class Raising(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())
        raise ConnectionError("the log server is away")


@pytest.fixture
def raising() -> Generator[Raising]:
    handler, root = Raising(), logging.getLogger()
    handler.addFilter(lambda record: record.name != "asyncio")  # which has no such care
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


async def test_a_server_greets_and_sees_off(drive: Drive, raising: Raising) -> None:
    server = listening(drive, 5, 6)
    one = await Raw.connect(server.get_local_port())
    greeting = await payloads(one)
    assert len(greeting) == 2  # its id, and who is there: the server
    other = await Raw.connect(server.get_local_port())
    assert len(await payloads(other)) == 3
    stranger = await Raw.dial(server.get_local_port())
    await stranger.send(b"no HTTP\r\n\r\n")
    await stranger.receive_end()
    await one.close()
    await until(lambda: [*server._role.clients.members] == [6])
    assert await payloads(other) == [about(DEL, 5)]
    assert [line.split(" from ")[0] for line in raising.seen if line.startswith("peer ")] == [
        "peer 5 joined",
        "peer 6 joined",
        "peer 5 left",
    ]
    await other.close()
    await stranger.close()


def test_an_api_goes_on_with_the_next_call(raising: Raising) -> None:
    class Shop:
        def __init__(self) -> None:
            self.heard: list[object] = []

        @rpc("any_peer")
        def fail(self) -> None:
            raise LookupError

        @rpc("any_peer")
        def note(self, what: object) -> None:
            self.heard.append(what)

    with connected_pair() as pair:
        server, client, shop, mine = SceneMultiplayer(), SceneMultiplayer(), Shop(), Shop()
        server.add("Shop", shop)
        client.add("Shop", mine)
        server.on_error = "log"
        server.multiplayer_peer, client.multiplayer_peer = pair
        mine.fail.rpc()  # a line of the handlers
        client.add("Other", other := Shop())
        other.note.rpc(1)  # one of the rejections: unknown here
        mine.note.rpc(2)
        pair.until(lambda: shop.heard)
        assert shop.heard == [2]
        assert server.statistics.handler_errors == 1
        assert server.statistics.rejected == {"unknown_node": 1}


async def test_a_client_tells_that_it_never_connected(drive: Drive, raising: Raising) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    told: list[str] = []
    client.connection_error.connect(lambda: told.append(str(client.failure)))
    client.connect_to_url(listener.url)
    drive.add(client)
    raw = await listener.dialled()
    await raw.close()
    await until(lambda: told)
    assert any(line.startswith("never connected") for line in raising.seen)
    await listener.close()


def test_it_is_printed_once_more(
    raising: Raising, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("peers.test")
    write_line(log, logging.INFO, "%s is here", "Ada", fields={"peer_id": 5})
    assert raising.seen[-1] == "Ada is here"
    printed = capsys.readouterr().err
    assert printed.startswith("--- a logging handler has raised ---\nTraceback")
    assert printed.endswith("ConnectionError: the log server is away\n")
    monkeypatch.setattr(logging, "raiseExceptions", False)
    write_line(log, logging.INFO, "%s has gone", "Ada", fields={})
    assert raising.seen[-1] == "Ada has gone"
    assert capsys.readouterr().err == ""
