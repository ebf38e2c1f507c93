"""Several nodes of one process, with a directory in memory: who comes where, and what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer import Error, MultiplayerError
from multiplayer.rooms.lease import LeaseTerms, Policy
from peers import Room, RoomServer
from peers.cluster import draining, node
from peers.cluster.directory import DirectoryError
from peers.cluster.memory_directory import MemoryDirectory
from peers.cluster.node import Node
from tests.driving import until
from tests.peers.cluster.machines import Duel, Player, eventually, machine, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.peers.cluster.machines import Machine


QUICK = LeaseTerms(duration=0.6, beat=0.1, margin=0.1)


class Players:
    """Clients that are run until the test ends."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def add(self, url: str) -> Player:
        player = Player(url)
        self._nursery.start_soon(peers.run, player.api)
        return player

    async def join(self, url: str) -> Player:
        player = self.add(url)
        await until(lambda: player.is_in)
        return player

    async def refused(self, url: str) -> tuple[int, str]:
        player = self.add(url)
        await until(lambda: player.is_out)
        return player.closed_with


@pytest.fixture
def players(nursery: trio.Nursery) -> Players:
    return Players(nursery)


async def test_a_room_of_another_node_is_reached_by_a_splice(players: Players) -> None:
    directory = MemoryDirectory()
    async with machine(directory, "a") as a, machine(directory, "b") as b:
        room = await opened(b)
        player = await players.join(a.url("/duel/RED"))
        assert [*room.seats] == [player.id]
        player.world.add.rpc_id(1, 3)
        await until(lambda: player.world.told == [3])
        assert a.node.spliced == 1
        assert a.codes == []
        # Its limits by address are for the client's own, not for the node between.
        request = room.seats[player.id].request
        assert request is not None
        local = player.peer.get_peer(1)
        assert (request.address, request.port) == ("127.0.0.1", request.port)
        assert local is not None
        player.peer.close()
        await until(lambda: a.node.spliced == 0)


async def test_codes_are_drawn_once_whoever_draws_them(players: Players) -> None:
    directory = MemoryDirectory()
    async with machine(directory, "a") as a, machine(directory, "b") as b:
        first = await players.join(a.url("/duel/new"))
        second = await players.join(b.url("/duel/new"))
        (one,), (other,) = a.codes, b.codes
        assert one != other
        await players.join(b.url(f"/duel/{one}"))
        room = a.server.find(one)
        assert room is not None
        await until(lambda: len(room.seats) == 2)
        assert room.owner == first.id
        assert b.server.find(other).owner == second.id  # type: ignore[union-attr]


async def test_a_room_that_nobody_has(players: Players) -> None:
    async with machine(MemoryDirectory()) as a:
        assert await players.refused(a.url("/duel/NONE")) == (4004, "there is no such room")
        assert await players.refused(a.url("/chess/new")) == (4004, "there is no such room")
        await opened(a)
        assert await players.refused(a.url("/chess/RED")) == (4004, "there is no such room")


class Slow(MemoryDirectory):
    """Lets nobody leave before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_leave = trio.Event(), trio.Event()

    async def leave(self, incarnation: str) -> None:
        self.asked.set()
        await self.may_leave.wait()
        await super().leave(incarnation)


async def test_who_comes_while_a_node_leaves_is_told_to_try_again(
    players: Players, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_LEAVING", 10.0)
    directory, server = Slow(), RoomServer({"duel": Duel})
    async with peers.serve_rooms(0, peer=server), machine(directory, "b") as b:
        url = f"ws://127.0.0.1:{server.get_local_port()}/duel/RED"
        await opened(b)
        here, leaving = trio.Event(), trio.Event()

        async def be_a_node() -> None:
            async with Node.joined(server, directory, "a"):
                here.set()
                await leaving.wait()

        nursery.start_soon(be_a_node)
        await here.wait()
        await players.join(url)
        leaving.set()
        await directory.asked.wait()
        code, _ = await players.refused(url)
        assert code == 4013  # and not 4003 or 4004, after which nobody comes back
        directory.may_leave.set()
        await until(lambda: server.resolver is None)


async def test_who_comes_before_a_room_is_claimed_waits(players: Players) -> None:
    async with machine(MemoryDirectory(), terms=QUICK) as a:
        a.directory.cut = True
        room = a.server.create("duel", code="RED")
        player = players.add(a.url("/duel/any"))
        await until(lambda: "claim" in a.directory.asked)
        assert not player.is_in
        assert not room.seats
        a.directory.cut = False
        await until(lambda: player.is_in)
        assert [*room.seats] == [player.id]


class Hesitant(MemoryDirectory):
    """Lets nobody claim a room before it is told to, and nobody ever claim RED."""

    def __init__(self) -> None:
        super().__init__()
        self.claims, self.may_claim = 0, trio.Event()

    async def claim(self, code: str, *arguments: Any) -> int:
        self.claims += 1
        await self.may_claim.wait()
        if code == "RED":
            await trio.sleep_forever()
        return await super().claim(code, *arguments)


async def ask_for_any(
    a: Machine, players: Players, directory: Hesitant, count: int
) -> list[Player]:
    """Have so many ask for any room, and wait until they do, and one is to be claimed."""
    asked: list[str] = []
    a.server.upgrade_callback = lambda request: asked.append(request.path)
    guests = [players.add(a.url("/duel/any")) for _ in range(count)]
    await until(lambda: len(asked) == count and directory.claims)
    return guests


async def test_those_who_come_at_once_for_any_room_fill_it_and_no_more(players: Players) -> None:
    directory = Hesitant()
    async with machine(directory) as a:
        guests = await ask_for_any(a, players, directory, 5)
        directory.may_claim.set()
        await until(lambda: all(player.is_in for player in guests))
        await until(lambda: sorted(len(room.seats) for room in a.server.rooms) == [1, 2, 2])
        assert {room.owner for room in a.server.rooms} <= {player.id for player in guests}
        assert directory.claims == 3


async def test_who_waits_for_any_room_does_not_ask_a_directory_that_has_just_failed(
    players: Players,
) -> None:
    class Failing(Hesitant):
        async def claim(self, code: str, *arguments: Any) -> int:
            self.claims += 1
            await self.may_claim.wait()
            raise DirectoryError

    directory = Failing()
    async with machine(directory) as a:
        guests = await ask_for_any(a, players, directory, 5)
        directory.may_claim.set()
        await until(lambda: all(player.is_out for player in guests))
        assert [player.closed_with[0] for player in guests] == [4013] * 5
        assert directory.claims == 1
        assert (await players.refused(a.url("/duel/any")))[0] == 4013
        assert directory.claims == 2


async def test_who_waits_for_any_room_gets_another_if_that_closes(players: Players) -> None:
    directory = Hesitant()
    async with machine(directory) as a:
        first, second = await ask_for_any(a, players, directory, 2)
        red = a.server.create("duel", code="RED")
        directory.may_claim.set()
        await until(lambda: first.is_in or second.is_in)
        assert not (first.is_in and second.is_in)  # one of them waits until RED is claimed
        red.close()
        await until(lambda: first.is_in and second.is_in)
        (room,) = a.server.rooms
        assert len(room.seats) == 2


async def test_lobbies_know_the_rooms_of_all_nodes(players: Players) -> None:
    directory = MemoryDirectory()
    async with (
        machine(directory, "a") as a,
        machine(directory, "b", url="ws://b.example") as b,
        peers.lobby(a.url("")) as at_a,
    ):
        mine = await at_a.create("duel", metadata={"map": "ice"})
        owner = await players.join(mine.url)
        room = a.server.rooms[0]
        assert room.owner == owner.id

        theirs = await opened(b)

        service = a.server.lobby_service
        assert service is not None
        await until(lambda: service.lobby.listing.find("RED"))
        page = await at_a.list("duel")
        assert {row.code for row in page.rooms} == {room.code, "RED"}
        place = await at_a.join("red")
        assert place.url.startswith("ws://b.example/duel/RED?reservation=")
        # By way of any node it is the same.
        player = await players.join(a.url(place.url.removeprefix("ws://b.example")))
        assert [*theirs.seats] == [player.id]
        code, _ = await players.refused(a.url("/duel/RED?reservation=forged"))
        assert code == 4004


async def test_two_that_open_the_same_code(players: Players) -> None:
    directory = MemoryDirectory()
    async with machine(directory, "a") as a, machine(directory, "b") as b:
        mine, theirs = (each.server.create("duel", code="RED") for each in (a, b))
        await until(lambda: mine.is_open != theirs.is_open)
        await until(lambda: len(a.codes + b.codes) == 1)
        winner = a if mine.is_open else b
        await until(lambda: winner.node.owns("RED"))
        for each in (a, b):
            await players.join(each.url("/duel/RED"))
        assert len(winner.server.rooms[0].seats) == 2


async def test_a_closed_room_is_free_for_others(players: Players) -> None:
    directory = MemoryDirectory()
    async with machine(directory, "a") as a, machine(directory, "b") as b:
        room = await opened(a)
        room.close()
        await until(lambda: a.codes == [])

        async def is_gone() -> bool:
            return await directory.find("RED") is None

        await eventually(is_gone)
        await opened(b)


async def test_new_rooms_of_one_address_are_limited(players: Players) -> None:
    async with machine(MemoryDirectory()) as a:
        a.server.max_rooms_per_address = 2
        for _ in range(2):
            await players.join(a.url("/duel/new"))
        code, _ = await players.refused(a.url("/duel/new"))
        assert code == 4013


async def test_while_the_directory_is_out_of_reach_rooms_go_on(players: Players) -> None:
    async with machine(MemoryDirectory(), terms=QUICK) as a:
        room = await opened(a)
        player = await players.join(a.url("/duel/RED"))
        a.directory.cut = True
        await until(lambda: a.node.is_isolated and room.joins_held)
        player.world.add.rpc_id(1, 4)
        await until(lambda: player.world.told == [4])
        for path in ("/duel/RED", "/duel/new", "/duel/BLUE"):
            code, _ = await players.refused(a.url(path))
            assert code == 4013, path
        a.directory.cut = False
        await until(lambda: not room.joins_held)
        await players.join(a.url("/duel/RED"))
        assert player.is_in


async def test_a_room_that_fences_closes_in_time(players: Players) -> None:
    policies = {"duel": Policy.FENCE}
    async with machine(MemoryDirectory(), terms=QUICK, policies=policies) as a:
        await opened(a)
        player = await players.join(a.url("/duel/RED"))
        a.directory.cut = True
        await until(lambda: player.is_out)
        assert player.closed_with == (4012, "retry=1")
        assert a.codes == []
        # Even if the directory has not noticed anything, somebody goes on with it.
        a.directory.cut = False
        await until(lambda: a.codes == ["RED"])


async def test_draining_ends_though_the_directory_is_out_of_reach(
    players: Players, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_PATIENCE", 0.3)
    async with machine(MemoryDirectory(), terms=QUICK) as a:
        await opened(a)
        player = await players.join(a.url("/duel/RED"))
        a.directory.cut = True
        with trio.fail_after(10):
            await a.node.drain(0.0)
        await until(lambda: player.is_out)
        assert player.closed_with == (4012, "retry=1")
        assert a.codes == []
        assert (await players.refused(a.url("/duel/new")))[0] == 4012


async def test_a_directory_without_its_data_is_told_again(players: Players) -> None:
    directory = MemoryDirectory()
    async with machine(directory, terms=QUICK) as a:
        room = await opened(a)
        player = await players.join(a.url("/duel/RED"))
        directory.__init__()  # type: ignore[misc]

        async def is_told() -> bool:
            found = await directory.find("RED")
            return found is not None and found.room.state.players == 1

        await eventually(is_told)
        await until(lambda: not room.joins_held)
        assert player.is_in
        await players.join(a.url("/duel/RED"))


async def test_a_room_that_does_not_open_leaves_its_code(players: Players) -> None:
    class Broken(Room):
        def opened(self, options: Mapping[str, str]) -> None:
            raise ValueError("broken")

    directory = MemoryDirectory()
    async with machine(directory, kinds={"duel": Broken}) as a:
        code, _ = await players.refused(a.url("/duel/new"))
        assert code == 4013

        async def is_empty() -> bool:
            return not (await directory.page("duel")).rooms

        await eventually(is_empty)


async def test_an_error_in_the_block_leaves_it_as_itself() -> None:
    with pytest.raises(ValueError, match="of the block"):
        async with machine(MemoryDirectory()):
            raise ValueError("of the block")


async def test_misuse() -> None:
    for name in ("", "a b", "a/b", "a" * 65):
        with pytest.raises(MultiplayerError) as caught:
            await Node.joined(RoomServer({"duel": Duel}), MemoryDirectory(), name).__aenter__()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
    async with peers.serve_rooms(0, {"duel": Duel}) as server:
        server.create("duel")
        with pytest.raises(MultiplayerError) as caught:
            await Node.joined(server, MemoryDirectory(), "a").__aenter__()
        assert caught.value.code == Error.ERR_ALREADY_IN_USE
