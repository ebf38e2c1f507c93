"""Real engines, of both generations, in rooms behind one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

import peers
from multiplayer import Dialect
from peers import Refuse, Room, RoomServer
from tests.driving import until
from tests.interop.godot3.engine import Godot3
from tests.interop.godot3.game import Heard, tree
from tests.interop.godot3.match import InGodot
from tests.interop.native import plain
from tests.interop.scene.ours import Game

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import trio

    from peers import RoomRequest
    from tests.interop.conftest import LaunchGodot4

pytestmark = pytest.mark.native4


class Four(Room):
    """For Godot 4."""

    capacity = 2
    dialect = Dialect.GODOT_4

    def opened(self, options: Mapping[str, str]) -> None:
        self.game = Game(self.api)
        self.api.add("Main/Game", self.game)

    def may_join(self, request: RoomRequest) -> Refuse | None:
        return Refuse(4005, "update your game ✓") if "old" in request.query else None


class Three(Room):
    """For Godot 3."""

    dialect = Dialect.GODOT_3

    def opened(self, options: Mapping[str, str]) -> None:
        self.noted: list[Heard] = []
        self.api.root = tree(self.noted)


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[RoomServer, str]]:
    async with peers.serve_rooms(0, {"four": Four, "three": Three}) as server:
        yield server, f"ws://127.0.0.1:{server.get_local_port()}"


async def test_engines_in_two_rooms_of_one_port(launch_godot4: LaunchGodot4) -> None:
    first, second = await launch_godot4(), await launch_godot4()
    async with serving() as (server, base):
        red, blue = (server.create("four", code=code) for code in ("RED", "BLUE"))
        assert isinstance(red, Four)
        assert isinstance(blue, Four)
        one, two = await first.join(f"{base}/four/RED"), await second.join(f"{base}/four/BLUE")
        assert ([*red.seats], [*blue.seats]) == ([one], [two])
        assert (await first.peers(), await second.peers()) == ([1], [1])
        assert await first.rpc("Main/Game", "any_one", 1, '"red"') == 0
        assert await second.rpc("Main/Game", "any_one", 1, '"blue"') == 0
        await until(lambda: red.game.calls and blue.game.calls)
        assert red.game.calls == [("any_one", ["red"], one)]
        assert blue.game.calls == [("any_one", ["blue"], two)]
        red.api.rpc(0, red.game, "auth_one", ["to all of red"])
        assert await first.calls(1) == [("auth_one", ['"to all of red"'], 1)]
        assert await second.calls() == []
        await second.leave()
        await until(lambda: not blue.seats)
        await second.signals()
        again = await second.join(f"{base}/four/any")
        await first.until(lambda: ("peer_connected", again) in first._signals, "the other")
        assert await second.rpc("Main/Game", "any_one", one, '"hello"') == 0
        assert await first.calls(1) == [("any_one", ['"hello"'], again)]


async def test_an_engine_sees_why_it_may_not_come_in(launch_godot4: LaunchGodot4) -> None:
    godot = await launch_godot4()
    async with serving() as (server, base):
        server.create("four", code="RED").locked = True
        for path, told in (
            ("/four/BLUE", (4004, "there is no such room")),
            ("/four/RED", (4013, "the room is locked")),
            ("/four/new?old", (4005, "update your game ✓")),
        ):
            await godot.add_node("Plain", plain.SCRIPT)
            connect = f"return {plain.NODE}.connect_to(args[0])"
            assert await godot.do(connect, base + path) == "0"
            said = await godot.signals(1)
            while said[-1][0] != "closed":
                said = await godot.signals(1)
            assert said[-1] == ("closed", *told)
            await godot.do(f"{plain.NODE}.free()")


@pytest.mark.native3
async def test_both_generations_on_one_port(
    launch_godot4: LaunchGodot4, nursery: trio.Nursery
) -> None:
    four = await launch_godot4()
    async with Godot3.launched(nursery, "native3") as engine, serving() as (server, base):
        theirs, ours = server.create("three", code="T"), server.create("four", code="F")
        assert isinstance(theirs, Three)
        assert isinstance(ours, Four)
        three = InGodot(engine)
        await engine.connect_to_url(f"{base}/three/T")
        await engine.event(ev="tree", name="connected_to_server")
        id_of_four = await four.join(f"{base}/four/F")
        await until(lambda: theirs.seats)
        (id_of_three,) = theirs.seats
        await three.rpc(1, "r1", "from 3")
        assert await four.rpc("Main/Game", "any_one", 1, '"from 4"') == 0
        await until(lambda: theirs.noted and ours.game.calls)
        assert theirs.noted == [Heard("Game", "r1", id_of_three, ("from 3",))]
        assert ours.game.calls == [("any_one", ["from 4"], id_of_four)]
        theirs.close(code=4012, reason="go on elsewhere")
        asked = await engine.event(ev="sig", name="server_close_request")
        assert asked["args"] == [4012, "go on elsewhere"]
        await until(lambda: theirs not in server.rooms and not theirs.seats)
        assert [*ours.seats] == [id_of_four]
