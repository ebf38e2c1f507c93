"""A game: two real Godot 3.2.3 clients and a Python client on a Python server.

Tag. The server decides where the players start and who is "it"; each player decides where it is
(it is the master of its own node) and tells everybody; whoever is "it" claims a catch, the server
judges by the positions that it has heard. Everybody's view is compared at the end, call by call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import Reason, Vector2
from tests.interop.godot3.game import Heard, raw
from tests.interop.godot3.match import InGodot, InPython, Match

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.godot3.match import Player


class Tag:
    """What the players do, and what each of them should have heard."""

    def __init__(self, match: Match) -> None:
        self.match = match
        self.server, *self.clients = match.players
        self.expected: dict[int, list[Heard]] = {player.id: [] for player in match.players}

    def name(self, player: Player) -> str:
        return f"Player {player.id}"

    async def hear(self) -> None:
        """Compare what everybody has heard since the last time."""
        for player in self.match.players:
            await player.heard(*self.expected[player.id])
            self.expected[player.id].clear()

    def note(self, to: list[Player], *heard: Heard) -> None:
        for player in to:
            self.expected[player.id] += heard

    async def start(self) -> None:
        """Everybody has a node for each player, and that player is its master."""
        for member in self.match.players:
            for player in self.clients:
                await member.add(self.name(player))
                await member.set_master(player.id, self.name(player))

    async def tell(self, text: str) -> None:
        """The server tells all of them who is "it": ``puppetsync`` of a node that it decides."""
        await self.server.rpc(0, "f_puppetsync", text)
        self.note(self.match.players, Heard("Game", "f_puppetsync", 1, (text,)))
        await self.hear()

    async def move(self, player: Player, x: float, y: float) -> None:
        """A player tells everybody where it is, and keeps it itself."""
        node, where = self.name(player), Vector2(x, y)
        if isinstance(player, InGodot):
            await player.put(0, "v_puppetsync", f"Vector2({x}, {y})", node=node)
        else:
            await player.rset(0, "v_puppetsync", where, node=node)
        self.note(self.match.players, Heard(node, "v_puppetsync", player.id, (where,)))
        await self.hear()

    async def claim(self, player: Player, caught: Player) -> None:
        """Whoever is "it" asks the server, which answers everybody: ``master``, then ``rpc``."""
        await player.rpc(0, "f_master", caught.id)
        self.note([self.server], Heard("Game", "f_master", player.id, (caught.id,)))
        await self.server.heard(*self.expected.pop(1))
        self.expected[1] = []
        for other in self.match.others(player):
            if isinstance(other, InGodot):
                await other.godot.complained("RPC 'f_master' is not allowed")
            elif isinstance(other, InPython) and other is not self.server:
                await other.rejects((player.id, Reason.NOT_ALLOWED))


async def test_two_engines_and_python_play_tag(drive: Drive, launch: Launch) -> None:
    match = Match(drive, launch)
    await match.serve("python")
    for kind in ("engine", "engine", "python"):
        await match.join(kind)
    tag = Tag(match)
    await tag.start()
    server = match.players[0]
    assert isinstance(server, InPython)
    for number in range(len(tag.clients)):
        catcher, caught, bystander = tag.clients[number:] + tag.clients[:number]
        await tag.tell(f"round {number}: {catcher.id} is it")
        for step in range(4):
            await tag.move(catcher, step, number + 0.5)
            await tag.move(caught, 6 - step, number + 0.5)
            await tag.move(bystander, -1.0, step)
        await tag.claim(catcher, caught)
        # The server judges by what it was told.
        places = [server.node(tag.name(player)).v_puppetsync for player in (catcher, caught)]
        assert places == [Vector2(3, number + 0.5), Vector2(3, number + 0.5)]
        await tag.tell(f"{caught.id} is caught")
        # Players talk among themselves, past the server; a taunt is for one, gossip for the rest.
        await catcher.rpc(caught.id, "r3", "gotcha", number, [True])
        tag.note([caught], Heard("Game", "r3", catcher.id, ("gotcha", number, [True])))
        await bystander.rpc(-catcher.id, "r3", "poor", caught.id, None)
        gossip = Heard("Game", "r3", bystander.id, ("poor", caught.id, None))
        tag.note([server, caught], gossip)
        await caught.send_bytes(0, b"a recorded sigh")
        tag.note(match.others(caught), raw(caught.id, b"a recorded sigh"))
        await tag.hear()
    # Nobody but its master can move a player.
    cheat, victim = tag.clients[0], tag.clients[2]
    assert isinstance(victim, InPython)
    where = victim.node(tag.name(victim)).v_puppetsync
    await cheat.rset(victim.id, "v_puppetsync", 0, node=tag.name(victim))
    await victim.rejects((cheat.id, Reason.NOT_ALLOWED))
    assert victim.node(tag.name(victim)).v_puppetsync == where
    await tag.tell("the end")
    # A player leaves in the middle of the next round: the others play on.
    leaver = tag.clients[1]
    await leaver.leave()
    match.players.remove(leaver)
    tag.clients.remove(leaver)
    await match.acquainted()
    await tag.tell("two are left")
    await match.settle()
