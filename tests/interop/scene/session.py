"""Sessions by layout.

A layout is letters, the server first: ``E`` is a real, native Godot 4.6, ``W`` the web build in a
browser, ``P`` a ``SceneMultiplayer`` that is polled, ``R`` one that ``peers.trio.run`` drives,
``A`` one that ``peers.asyncio.run`` does; a test with that one goes through :func:`layouts`. So
``"PEE"`` is our server with two engines as its clients, ``"EP"`` an engine with a client of ours.
All have the same object at ``Main/Game``: ``GAME`` of ``godot4/gdscript.py``, and ``Game`` of
``ours.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drivers import guest_of
from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours

if TYPE_CHECKING:
    import trio
    from _pytest.mark import ParameterSet

    from tests.interop.conftest import LaunchGodot4, LaunchWeb4
    from tests.interop.godot4.bridge import Bridge
    from tests.interop.scene.member import Member, Said


OURS = "PRA"


def layouts(*names: str) -> list[ParameterSet]:
    """Layouts to parametrise a test with; where peers run under asyncio, the test is its guest."""
    guest = pytest.mark.trio(run=guest_of("asyncio"))
    return [pytest.param(name, marks=[guest] if "A" in name else []) for name in names]


class Session:
    """A session, by layout; see above.

    Attributes:
        members: the server, unless it is a program of its own, then the clients in the order in
            which they joined.
        url: where further clients join.
    """

    def __init__(
        self,
        launch: LaunchGodot4,
        launch_web: LaunchWeb4,
        bridge: Bridge,
        nursery: trio.Nursery,
    ) -> None:
        self._launch = launch
        self._launch_web = launch_web
        self._bridge = bridge
        self._nursery = nursery
        self.members: list[Member] = []
        self.url = ""

    async def member(self, letter: str) -> Member:
        """A member that has not joined yet."""
        if letter == "E":
            return Engine(await self._launch())
        if letter == "W":
            return Engine(await self._launch_web())
        assert letter in OURS, f"there is no kind of member {letter!r}"
        return Ours(letter, self._nursery)

    async def serve(self, server: Member) -> None:
        """Let a member be the server."""
        self.members.append(server)
        self.url = await server.serve(self._bridge)

    async def add(self, client: Member) -> None:
        """Let a member join; all hear of it, in the documented order."""
        await client.join(self.url)
        earlier = [member.id for member in self.members if member.id != 1]
        assert client.id > 1
        assert client.id not in earlier
        connected: list[Said] = [("peer_connected", peer) for peer in (1, *earlier)]
        assert await client.signals(2 + len(earlier)) == [("connected_to_server",), *connected]
        for member in self.members:
            assert await member.signals(1) == [("peer_connected", client.id)]
        self.members.append(client)

    async def open(self, layout: str) -> list[Member]:
        """Bring up a whole session."""
        await self.serve(await self.member(layout[0]))
        for letter in layout[1:]:
            await self.add(await self.member(letter))
        return [*self.members]

    def check_nothing_rejected(self) -> None:
        """Fail if a member has dropped something that the test has not asked for."""
        for member in self.members:
            member.check_nothing_rejected()


def engine_and_ours(members: list[Member]) -> tuple[Engine, Ours]:
    """The two of a session of one engine and one of ours, in whatever roles."""
    (engine,) = (member for member in members if isinstance(member, Engine))
    (ours,) = (member for member in members if isinstance(member, Ours))
    return engine, ours
