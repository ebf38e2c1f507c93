"""Godot 3 as it is, which keeps its id by a seat key: with another engine and clients of ours."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from peers import Resume, WebSocketClient, WebSocketServer
from tests.driving import Drive, until
from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import InGodot, InPython, Match
from tests.interop.native.resuming.cable import Cable
from tests.interop.native.resuming.seats import GRACE, KEY

if TYPE_CHECKING:
    import trio

    from tests.interop.conftest import Launch

pytestmark = pytest.mark.parametrize("drive", ["polled"], indirect=True)


class Game3(Match):
    """The session; one engine comes by a cable.

    Attributes:
        engine: that engine.
        server: of ours.
    """

    engine: InGodot
    server: InPython

    async def begin(self) -> WebSocketServer:
        """Have a server that grants seats."""
        server = await self.serve("python")
        assert isinstance(server, InPython)
        self.server = server
        peer = server.api.multiplayer_peer
        assert isinstance(peer, WebSocketServer)
        peer.grace = GRACE
        return peer

    async def with_key(self, cable: Cable) -> None:
        """Let the engine come, for the first time or again.

        A peer of Godot 3 that is freed says 1000, and so leaves for good: it is kept.
        """
        await self.engine.godot.connect_to_url(f"{cable.url}/?seat_key={KEY}", keep=True)
        await self.engine.godot.event(ev="tree", name="connected_to_server")

    async def all_round(self) -> None:
        """Everybody calls everybody, twice, and it arrives."""
        for word in ("first", "again"):
            for caller, called in permutations(self.players, 2):
                await caller.rpc(called.id, "r1", word)
                await called.heard(Heard("Game", "r1", caller.id, (word,)))

    async def ours(self) -> InPython:
        """A client of ours that comes back."""
        python = InPython()
        client = WebSocketClient()
        client.resume = Resume()
        client.connect_to_url(self.url, gd_mp_api=True)
        python.api.multiplayer_peer = client
        self._begin(python)
        self.players.append(python)
        await self.rejoin(python)
        return python


@pytest.mark.parametrize("manner", ["cut", "new peer"])
async def test_it_keeps_its_id(
    drive: Drive, launch: Launch, nursery: trio.Nursery, manner: str
) -> None:
    """Two engines, one of them coming back, and two clients of ours."""
    game = Game3(drive, launch)
    peer = await game.begin()
    async with Cable(nursery, game.url) as cable:
        game.engine = InGodot(await launch())
        await game.with_key(cable)
        game.players.append(game.engine)
        id_ = game.engine.id = await game.engine.godot.id()
        other = await game.join("engine")
        plain = await game.join("python")
        with_words = await game.ours()
        assert isinstance(plain, InPython)
        assert isinstance(other, InGodot)
        await game.all_round()
        for _ in range(2):
            game.server.signals.log.clear()
            with_words.signals.log.clear()
            plain.signals.log.clear()
            await other.godot.step("state")
            other.godot._told = len(other.godot._events)
            if manner == "cut":
                cable.cut()
                await game.engine.godot.event(ev="tree", name="connection_failed")
                await until(lambda: game.server.api.get_suspended_peers() == [id_])
                await game.server.rpc(id_, "r1", "is dropped")
                assert with_words.signals.log == plain.signals.log == []
            await game.with_key(cable)
            assert await game.engine.godot.id() == id_
            await game.acquainted()
            assert game.server.signals.log == [
                ("peer_suspended", id_), ("peer_resumed", id_, False),
            ]  # fmt: skip
            assert with_words.signals.log == [("peer_resumed", id_, False)]
            anew = [("peer_disconnected", id_), ("peer_connected", id_)]
            assert plain.signals.log == anew
            await other.godot.told(
                ("tree", "network_peer_disconnected", id_),
                ("sig", "peer_disconnected", id_),
                ("tree", "network_peer_connected", id_),
                ("sig", "peer_connected", id_),
            )
            await game.all_round()
        if manner == "cut":
            assert peer.statistics.drops["adrift"] > 0
        await other.at_ease()
        await game.server.at_ease()
