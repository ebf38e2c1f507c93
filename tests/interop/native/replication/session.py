"""A session of members with one world each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
import trio

from tests.interop.native.replication.engine import Engine
from tests.interop.native.replication.member import PATIENCE, Member
from tests.interop.native.replication.ours import Ours

if TYPE_CHECKING:
    from tests.interop.conftest import LaunchGodot4
    from tests.interop.native.replication.scenes import Plan

_ALONE: Final = os.environ.get("GDPEERS_FULL") == "1"


def layouts(*names: str) -> pytest.MarkDecorator:
    """Layouts to parametrise a test with; and engines alone, with ``GDPEERS_FULL=1``."""
    alone = ["E" * len(names[0])] if _ALONE else []
    return pytest.mark.parametrize("layout", [*names, *alone])


each_way = layouts("EP", "PE")
"""For scenarios with a server and a client."""


class Session:
    """A session, by layout: see the package.

    Attributes:
        members: the server, then the clients in the order in which they joined.
        relays: whether the server does, if it has not been opened yet.
        outbound_buffer_size: of a server of ours, likewise.
    """

    def __init__(self, launch: LaunchGodot4, nursery: trio.Nursery) -> None:
        self._launch = launch
        self._nursery = nursery
        self.members: list[Member] = []
        self.url = ""
        self.relays = True
        self.outbound_buffer_size = 65535

    async def member(self, letter: str, plan: Plan) -> Member:
        """A member with a world, that has not joined yet."""
        made: Member
        if letter == "E":
            made = Engine(await self._launch())
            await made.begin()
        else:
            assert letter == "P", f"there is no kind of member {letter!r}"
            made = Ours(self._nursery, self.outbound_buffer_size)
        await made.set_up(plan)
        return made

    async def open(self, layout: str, plan: Plan) -> list[Member]:
        """Bring up a whole session."""
        server = await self.member(layout[0], plan)
        if not self.relays:
            await server.switch_relay_off()
        self.url = await server.serve()
        self.members.append(server)
        for letter in layout[1:]:
            await self.add(await self.member(letter, plan))
        return [*self.members]

    async def add(self, client: Member) -> Member:
        """Let a member join; all know of each other then."""
        await client.begin_to_join(self.url)
        await client.joined()
        self.members.append(client)
        with trio.move_on_after(PATIENCE) as waiting:
            for member in self.members:
                while {*await member.peers()} != self._others_of(member):
                    await member.turns(1)
        assert not waiting.cancelled_caught, "they do not all know of each other"
        return client

    def _others_of(self, member: Member) -> set[int]:
        if not self.relays and member.id != 1:
            return {1}
        return {each.id for each in self.members} - {member.id}

    async def leave(self, client: Member) -> None:
        """Let a member leave; all others know of it then."""
        self.members.remove(client)
        await client.leave()
        with trio.move_on_after(PATIENCE) as waiting:
            for member in self.members:
                while client.id in await member.peers():
                    await member.turns(1)
        assert not waiting.cancelled_caught, "somebody has not heard that it has left"

    async def turns(self, count: int = 3) -> None:
        """Let everybody poll so many times, so that what is one too many shows."""
        async with trio.open_nursery() as nursery:
            for member in self.members:
                nursery.start_soon(member.turns, count)

    def check_no_complaints(self) -> None:
        """Fail if a member has complained of something that the scenario has not asked for."""
        for member in self.members:
            complaints = " | ".join(member.complaints())
            assert not complaints, f"member {member.id}: {complaints:.600}"
