"""Who leaves within a second, and what the log makes of that: it depends on how it left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_3, GODOT_4, SceneMultiplayer
from peers import WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import until
from tests.raw import CLOSE, Raw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from multiplayer import Dialect
    from tests.driving import Drive

LOG = "multiplayer.scene.doctor.generations"


class Gd(WebSocketServer):
    """All that happens there happens within a second."""

    def now(self) -> float:
        return 0.0


class Godot4(WebSocketMultiplayerPeer):
    """The same."""

    def now(self) -> float:
        return 0.0


class Visited:
    """A server, and one client that has said nothing yet."""

    def __init__(self, server: WebSocketMultiplayerPeer, raw: Raw, peer: int) -> None:
        self.server = server
        self.raw = raw
        self.peer = peer

    async def goes(self) -> None:
        await self.raw.close()

    async def resets(self) -> None:
        await self.raw.reset()

    async def closes(self) -> None:
        await self.raw.send_frame(b"\x03\xe8", CLOSE)
        await self.raw.close()

    async def closes_with_a_reason(self) -> None:
        await self.raw.send_frame(b"\x0f\xa0sorry", CLOSE)
        await self.raw.close()

    async def closes_without_a_code(self) -> None:
        await self.raw.send_frame(b"", CLOSE)
        await self.raw.close()

    async def breaks_a_rule(self) -> None:
        await self.raw.send(b"\xff\xff")
        await self.raw.close()

    async def is_sent_away(self) -> None:
        self.server.disconnect_peer(self.peer)
        await self.raw.close()

    async def goes_as_we_leave(self) -> None:
        self.server.begin_leaving()
        await self.raw.close()


@pytest.mark.parametrize("dialect", [GODOT_3, GODOT_4], ids=["gd_mp", "godot4"])
@pytest.mark.parametrize(
    ("how", "levels"),
    [
        (Visited.goes, (logging.WARNING, logging.INFO)),
        (Visited.resets, (logging.WARNING, logging.INFO)),
        (Visited.closes_without_a_code, (None, None)),
        (Visited.closes, (logging.INFO, None)),  # as Godot 4 does that does not understand us
        (Visited.closes_with_a_reason, (None, None)),
        (Visited.breaks_a_rule, (None, None)),
        (Visited.is_sent_away, (None, None)),
        (Visited.goes_as_we_leave, (None, None)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_only_who_left_without_a_word_may_be_of_the_other_generation(
    drive: Drive,
    caplog: pytest.LogCaptureFixture,
    dialect: Dialect,
    how: Callable[[Visited], Awaitable[None]],
    levels: tuple[int | None, int | None],
) -> None:
    caplog.set_level(logging.INFO, LOG)
    is_godot4 = dialect is GODOT_4
    if is_godot4:
        server: WebSocketMultiplayerPeer = Godot4()
        server.create_server(0, "127.0.0.1")
    else:
        server = Gd()
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
    api = SceneMultiplayer(dialect=dialect)
    api.multiplayer_peer = server
    gone: list[int] = []
    api.peer_disconnected.connect(gone.append)
    drive.add(server)
    raw = await Raw.connect(server.get_local_port())
    await until(api.get_peers)
    visited = Visited(server, raw, api.get_peers()[0])
    await how(visited)
    await until(lambda: gone)
    said = [(r.levelno, r.getMessage()) for r in caplog.records if r.name == LOG]
    level = levels[is_godot4]
    assert [found for found, _ in said] == ([] if level is None else [level])
    for _, line in said:
        assert "without a word; if it should have stayed: it may be a Godot " in line
