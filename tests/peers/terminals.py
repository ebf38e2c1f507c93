"""Terminal peers (``python -m peers join``) at the end of a pipe, and whom they talk to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from multiplayer.wire.envelopes import godot3 as gd_mp
from tests.programs import Program, started

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.raw import Raw, RawServer

PREFIX = "python -m peers join: "


@contextmanager
def relay_url(*options: str) -> Generator[str]:
    with started("-m", "peers", "serve", "--port", "0", *options) as relay:
        yield relay.until(r"listening on (wss?://127\.0\.0\.1:\d+)")[1]


@contextmanager
def joined(url: str, *options: str) -> Generator[tuple[Program, int]]:
    """A terminal whose session is up, and its id."""
    with started("-m", "peers", "join", url, *options) as terminal:
        first = terminal.line()
        assert first is not None
        head, _, own = first.rpartition(" ")
        assert head == f"connected to {url} as"
        yield terminal, int(own)


async def gd_mp_server(server: RawServer, own: int) -> Raw:
    """What a client of a session with id ``own`` is connected to."""
    raw = await server.upgraded()
    for kind, about in ((gd_mp.PacketType.ID, own), (gd_mp.PacketType.ADD, 1)):
        await raw.send_frame(gd_mp.system_packet(kind, about))
    return raw


async def line(terminal: Program) -> str | None:
    return await trio.to_thread.run_sync(terminal.line)


async def status(terminal: Program) -> int:
    return await trio.to_thread.run_sync(terminal.status)


@contextmanager
def joining(server: RawServer, *options: str) -> Generator[Program]:
    with started("-m", "peers", "join", server.url, *options) as terminal:
        yield terminal
