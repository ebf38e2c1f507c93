"""Who joins a server and who leaves it, and why, stands in the log once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import pytest

from multiplayer import Limits
from peers import WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import Drive, until
from tests.raw import CLOSE, Raw, close_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOGGER = "peers.visits"
KINDS = ("gd_mp", "godot4", "plain")


def serving(drive: Drive, kind: str) -> WebSocketMultiplayerPeer:
    server = WebSocketMultiplayerPeer() if kind == "godot4" else WebSocketServer()
    server.close_timeout = 0.1
    if kind != "plain":  # where there is nothing to violate
        server.limits = Limits(max_violations=1)
    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=kind == "gd_mp")
    else:
        server.create_server(0, "127.0.0.1")
    return drive.add(server)


async def closes(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    await raw.send_frame(close_body(4000, "bye\nall \x1b[31m"), CLOSE)


async def vanishes(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    await raw.close()


async def breaks_the_rules(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    await raw.send(b"\xff\xff")


async def is_closed(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    server.disconnect_peer(peer)
    server.flush()
    body = await raw.receive_close()
    await raw.send_frame(body, CLOSE)


async def never_answers(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    server.disconnect_peer(peer)


async def is_forced_out(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    server.disconnect_peer(peer, force=True)


async def is_left_by_the_server(server: WebSocketMultiplayerPeer, peer: int, raw: Raw) -> None:
    server.close()


ENDS: dict[str, tuple[Callable[[WebSocketMultiplayerPeer, int, Raw], Awaitable[None]], str]] = {
    "closes": (closes, r"closed with 4000 'bye\nall \x1b[31m'"),
    "vanishes": (vanishes, "lost, tcp: the other side ended the connection without closing it"),
    "breaks the rules": (breaks_the_rules, "lost, protocol: "),
    "is closed": (is_closed, "closed by us with 1000"),
    "never answers": (never_answers, "lost, timeout: no answer to our close within 0.1 s"),
    "is forced out": (is_forced_out, "closed at once"),
    "is left": (is_left_by_the_server, "the server has stopped"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ENDS)
async def test_a_line_each_for_who_joins_and_who_leaves(
    drive: Drive, kind: str, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    do, why = ENDS[end]
    if (end, kind) == ("vanishes", "godot4"):
        why = "without a close frame, as Godot 4 does"
    server = serving(drive, kind)
    with caplog.at_level(logging.INFO, LOGGER):
        raw = await Raw.connect(server.get_local_port())
        await until(lambda: visits(caplog))
        (joined,) = visits(caplog)
        peer = cast("int", joined.__dict__["peer_id"])
        address, port = server.get_peer_address(peer), server.get_peer_port(peer)
        await do(server, peer, raw)
        await until(lambda: len(visits(caplog)) == 2)
        await raw.close()
        server.close()
        assert server.get_local_port() == 0
    joined, left = visits(caplog)
    assert joined.getMessage() == f"peer {peer} joined from {address} port {port}"
    assert left.getMessage().startswith(f"peer {peer} left from {address} port {port}: {why}")
    assert left.getMessage().isprintable()
    for record, what in ((joined, "joined"), (left, "left")):
        fields = record.__dict__
        assert record.levelno == logging.INFO
        assert (fields["peer_id"], fields["kind"], fields["address"]) == (peer, what, "127.0.0.1")
        assert fields["dialect"] == kind


def visits(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == LOGGER]


async def test_who_never_got_in_has_neither(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    server = serving(drive, "gd_mp")
    server.refuse_new_connections = True
    with caplog.at_level(logging.INFO):
        raw = await Raw.dial(server.get_local_port())
        await raw.send(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: server.statistics.failed_handshakes)
        await raw.close()
    assert visits(caplog) == []
