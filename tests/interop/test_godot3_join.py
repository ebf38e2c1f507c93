"""``python -m peers join`` in sessions of a real Godot 3.2.3 server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers.cli.terminal import Ending
from tests.interop.godot3.engine import parcel
from tests.peers.terminals import line, status
from tests.programs import started

if TYPE_CHECKING:
    from tests.interop.conftest import Launch
    from tests.programs import Program


async def connected(terminal: Program, url: str) -> int:
    """The terminal's id, once its session is up."""
    first = await line(terminal)
    assert first is not None
    head, _, own = first.rpartition(" ")
    assert head == f"connected to {url} as"
    return int(own)


async def test_a_terminal_talks_with_the_server_and_a_game(launch: Launch) -> None:
    server, game = await launch(), await launch()
    url = f"ws://127.0.0.1:{await server.listen(tree=False)}"
    await game.connect_to_url(url, tree=False)
    await game.event(ev="sig", name="connection_succeeded")
    game_id = await game.id()
    with started("-m", "peers", "join", url) as terminal:
        own = await connected(terminal, url)
        assert await line(terminal) == f"{game_id} joined"
        await game.event(ev="sig", name="peer_connected", args=[own])

        terminal.type("Grüße, 世界")
        await server.got(parcel(own, "Grüße, 世界".encode()))
        await game.got(parcel(own, "Grüße, 世界".encode()))
        terminal.type("/to 1 only the server")
        terminal.type(f"/to {game_id} only the game")
        terminal.type("/but 1 not the server")
        await game.got(parcel(own, b"only the game"), parcel(own, b"not the server"))
        # The engine delivers to its server what is for all but the server.
        await server.got(parcel(own, b"only the server"), parcel(own, b"not the server"))

        await server.put_packet(b"welcome", own)
        assert await line(terminal) == "1: welcome"
        await game.put_packet(b"\x00\xff", own)
        assert await line(terminal) == f"{game_id} (2 bytes): 00 ff"

        await game.step("disconnect")
        assert await line(terminal) == f"{game_id} left"
        terminal.type("/quit")
        assert await status(terminal) == Ending.LEFT
        await server.event(ev="sig", name="peer_disconnected", args=[own])
        assert terminal.rest() == []


async def test_a_pipe_is_sent_whole_before_it_leaves(launch: Launch) -> None:
    server = await launch()
    url = f"ws://127.0.0.1:{await server.listen(tree=False)}"
    with started("-m", "peers", "join", url) as terminal:
        texts = [f"line {number}" for number in range(100)]
        for text in texts:
            terminal.type(text)
        terminal.end_input()
        own = await connected(terminal, url)
        await server.got(*(parcel(own, text.encode()) for text in texts))
        assert await status(terminal) == Ending.LEFT


async def test_it_ends_when_the_server_stops_or_vanishes(launch: Launch) -> None:
    server = await launch()
    url = f"ws://127.0.0.1:{await server.listen(tree=False)}"
    with started("-m", "peers", "join", url) as terminal:
        own = await connected(terminal, url)
        await server.event(ev="sig", name="peer_connected", args=[own])
        await server.step("kick", id=own, code=4001, reason="enough")
        told = "the server closed the connection with 4001 'enough'"
        assert await line(terminal) == told
        assert await status(terminal) == Ending.LOST
    with started("-m", "peers", "join", url) as terminal:
        await connected(terminal, url)
        await server.kill_9()
        told = await line(terminal) or ""
        assert told.startswith("the connection was lost: tcp: ")
        assert await status(terminal) == Ending.LOST
