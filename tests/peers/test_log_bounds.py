"""What one address can have logged, however often it comes back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_3, Limits, SceneMultiplayer
from multiplayer.support.log_bounds import WINDOW
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketServer
from peers.cli.relay import Godot3Relay
from tests.driving import Drive, until
from tests.peers.sockets import raw_peer
from tests.raw import CLOSE, Raw, close_body

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 4
VISITS = 12


class StillServer(WebSocketServer):
    """Its clock goes only when it is told to."""

    def __init__(self) -> None:
        super().__init__(limits=Limits(max_log_lines=MOST))
        self.time = 1000.0
        self.bind_ip = "127.0.0.1"

    def now(self) -> float:
        return self.time


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """What was logged about the visitors below, at one level."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == level and record.name.startswith(("peers", "multiplayer"))
    ]


async def visit(server: StillServer, *payloads: bytes, to_the_api: bytes = b"") -> None:
    """Join, send these messages, and perhaps a packet to the server, and leave."""
    peer, raw = await raw_peer(server)
    for payload in payloads:
        await raw.send_frame(payload)
    if to_the_api:
        await raw.send_frame(gd_mp.packet(peer, 1, to_the_api))
    await raw.send_frame(close_body(1000), CLOSE)
    while await raw.receive_frame():
        pass
    await until(lambda: peer not in server.get_peers())
    await raw.close()


async def be_refused(server: StillServer) -> None:
    before = server.statistics.failed_handshakes
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    await raw.read_head()
    await until(lambda: server.statistics.failed_handshakes > before)
    await raw.close()


async def break_a_rule(server: StillServer) -> None:
    await visit(server, b"short")


@pytest.mark.parametrize(
    ("misbehave", "level", "what"),
    [(be_refused, logging.INFO, "lines"), (break_a_rule, logging.WARNING, "warnings")],
)
async def test_who_comes_again_and_again_gets_so_many_lines_and_one_more(
    drive: Drive,
    caplog: pytest.LogCaptureFixture,
    misbehave: Callable[[StillServer], object],
    level: int,
    what: str,
) -> None:
    caplog.set_level(level)
    server = StillServer()
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    for _ in range(VISITS):
        await misbehave(server)  # type: ignore[misc]
    assert len(lines(caplog, level)) == MOST
    left_out = server.statistics.limits_reached["max_log_lines"]
    assert left_out >= VISITS - MOST
    server.time += WINDOW
    server.wake()
    await until(lambda: len(lines(caplog, level)) > MOST)
    told = f"127.0.0.1: {left_out} further {what} were left out"
    assert lines(caplog, level)[MOST:] == [told]
    await misbehave(server)  # type: ignore[misc]
    assert len(lines(caplog, level)) > MOST + 1


async def test_the_lines_of_the_api_above_count_with_those_of_the_connection(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server = StillServer()
    server.listen(0, gd_mp_api=True)
    api = SceneMultiplayer(dialect=GODOT_3)
    api.multiplayer_peer = server
    drive.add(server)
    for _ in range(VISITS):
        await visit(server, b"short", to_the_api=b"\xff")
    assert len(lines(caplog, logging.WARNING)) == MOST
    assert {record.name for record in caplog.records} == {
        "peers.websocket.link",
        "multiplayer.scene.rejections",
    }
    server.stop()
    left_out = 2 * VISITS - MOST
    assert lines(caplog, logging.WARNING)[MOST:] == [
        f"127.0.0.1: {left_out} further warnings were left out"
    ]


async def test_the_relay_reports_so_many_joins_and_leaves(drive: Drive) -> None:
    reported: list[str] = []
    relay = Godot3Relay(reported.append)
    relay._bounds.most = MOST
    relay.listen("127.0.0.1", 0)
    drive.add(relay.server)
    for _ in range(VISITS):
        await visit(relay.server)  # type: ignore[arg-type]
    assert len(reported) == MOST
    relay._bounds.tell_all()
    assert reported[MOST:] == [f"127.0.0.1: {2 * VISITS - MOST} further lines were left out"]
