"""The lobby over the wire: ``LobbyClient`` and ``peers.lobby``."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
import peers.asyncio
from multiplayer import Error, MultiplayerError, PeerLeft, PendingCall
from multiplayer.rooms.lobby import LobbySettings
from peers import LobbyClient, LobbyRefusedError, RoomPlace, RoomServer
from peers.memory import MemoryNetwork
from tests.driving import until
from tests.peers.rooms.games import Arena, Duel, Hall
from tests.peers.rooms.visitors import CONNECTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.driving import Drive

pytestmark = pytest.mark.needs_sockets


class Lounge(Hall):
    """A server whose lobby allows much, and clients of the lobby."""

    def __init__(self, drive: Drive, **settings: Any) -> None:
        server = RoomServer({"duel": Duel, "arena": Arena})
        free: dict[str, Any] = dict.fromkeys(
            ("asking", "joining", "creating", "matching", "codes"), (0, 1)
        )
        server.lobby = LobbySettings(**free | settings)
        super().__init__(drive, server)

    async def client(self) -> LobbyClient:
        client = LobbyClient(self.url("/anything"))
        client.connect()
        self.drive._nursery.start_soon(self.drive._poll, client.api)  # type: ignore[arg-type]
        await until(lambda: client.get_connection_status() is CONNECTED)
        await until(lambda: 1 in client.api.get_peers())
        return client

    async def drop(self, client: LobbyClient) -> None:
        client.close()
        await until(lambda: client.get_connection_status() is not CONNECTED)


async def answer(call: PendingCall[Any]) -> Any:
    await until(lambda: call.done)
    return call.result()


async def refused(call: PendingCall[Any]) -> int:
    await until(lambda: call.done)
    with pytest.raises(LobbyRefusedError) as caught:
        call.result()
    return caught.value.status


async def test_rooms_are_made_listed_joined_and_changed(drive: Drive) -> None:
    lounge = Lounge(drive)
    client = await lounge.client()
    mine = await answer(client.create("duel", metadata={"map": "ice"}, options={"rounds": "3"}))
    (room,) = lounge.server.rooms
    assert isinstance(room, Duel)
    assert room.of("opened") == [{"rounds": "3"}]
    assert mine.url.startswith(f"ws://127.0.0.1:{lounge.server.get_local_port()}/duel/{room.code}?")
    page = await answer(client.list("duel", free=True, metadata={"map": "ice"}))
    assert [(row.code, row.players, row.metadata) for row in page.rooms] == [
        (room.code, 0, {"map": "ice"})
    ]
    assert page.cursor == ""
    owner = await lounge.join(mine.url.partition(f":{lounge.server.get_local_port()}")[2])
    assert room.owner == owner.id
    await answer(client.change(mine, locked=True, private=True, metadata={}))
    assert (room.locked, room.private, room.metadata) == (True, True, {})
    assert await refused(client.join(room.code)) == 409
    await answer(client.kick(mine, owner.id))
    await until(lambda: owner.is_out)
    assert await refused(client.kick(mine, owner.id)) == 404
    assert await refused(client.change(mine._replace(owner_key="0" * 32), locked=False)) == 404
    assert await refused(client.create("chess")) == 404
    assert (await answer(client.list())).rooms == []


async def test_two_clients_meet(drive: Drive) -> None:
    lounge = Lounge(drive)
    one, two = await lounge.client(), await lounge.client()
    first = one.match("duel", rating=1000)
    second = two.match("duel", rating=1010)
    places = [*await answer(first), *await answer(second)]
    assert len({place.url for place in places}) == 2
    assert {place.code for place in places} == {room.code for room in lounge.server.rooms}
    assert one.api.get_peers() == two.api.get_peers() == [1]  # they hear nothing of each other


async def test_who_gives_up_or_leaves_is_in_no_match(drive: Drive) -> None:
    lounge = Lounge(drive)
    one, two, three = [await lounge.client() for _ in range(3)]
    service = lounge.server._service
    assert service is not None
    gives_up = one.match("duel")
    leaves = two.match("duel", rating=100_000)
    await until(lambda: len(service.lobby.tickets.matcher) == 2)
    gives_up.cancel()
    await lounge.drop(two)
    with pytest.raises(PeerLeft):
        await answer(leaves)
    await until(lambda: len(service.lobby.tickets.matcher) == 0)
    stays = three.match("duel")
    await until(lambda: len(service.lobby.tickets.matcher) == 1)
    assert not stays.done
    assert lounge.server.rooms == []
    with pytest.raises(MultiplayerError) as caught:
        gives_up.result()
    assert caught.value.code == Error.ERR_SKIP


async def test_a_match_cancelled_before_its_ticket_has_come(drive: Drive) -> None:
    lounge = Lounge(drive)
    client, other = await lounge.client(), await lounge.client()
    service = lounge.server._service
    assert service is not None
    client.match("duel").cancel()
    await answer(client.list())
    await until(lambda: len(service.lobby.tickets.matcher) == 0)
    waits = other.match("duel")
    await until(lambda: len(service.lobby.tickets.matcher) == 1)
    await answer(other.list())
    assert not waits.done


async def test_a_match_that_fails_is_told(drive: Drive) -> None:
    lounge = Lounge(drive)
    lounge.server.max_rooms = 1
    lounge.open(code="RED")
    one, two = await lounge.client(), await lounge.client()
    calls = [one.match("duel"), two.match("duel")]
    assert [await refused(call) for call in calls] == [503, 503]
    assert await refused(one.match("duel", party=3)) == 400


async def test_it_is_limited_here_too(drive: Drive) -> None:
    lounge = Lounge(drive, codes=(0.001, 2), matching=(0.001, 1))
    lounge.open(code="RED")
    client = await lounge.client()
    assert await refused(client.match("arena")) == 404
    assert not client.match("duel").done
    assert await refused(client.match("duel")) == 429
    for code in ("NOPE1", "NOPE2", "RED"):
        assert await refused(client.join(code)) == 404
    assert (await lounge.refused("/duel/RED"))[0] == 4004


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("list_rooms", ("duel", 1, {}, "", 50)),
        ("list_rooms", ("duel", False, {"a": [1]}, "", 50)),
        ("list_rooms", ("duel", False, {}, "", 10**6)),
        ("create", ("duel", False, {"a": {"b": 1}}, {})),
        ("create", ("duel", False, {}, {"a": 1})),
        ("create", ("duel", False, {"a" * 100: 1}, {})),
        ("join", (b"RED",)),
        ("match", ("duel", 1, "good")),
        ("match", ("duel", 1, float("nan"))),
        ("match", ("duel", -1, 0.0)),
        ("kick", ("RED", "", 1 << 40)),
        ("cancel", ("",)),
    ],
)
async def test_what_makes_no_sense_is_refused(
    drive: Drive, method: str, arguments: tuple[object, ...]
) -> None:
    lounge = Lounge(drive)
    lounge.open(code="RED")
    client = await lounge.client()
    call = client.api.call_id(1, client._desk, method, arguments)
    await until(lambda: call.done)
    try:
        said = call.result()
    except MultiplayerError:
        said = {"status": 400}
    assert said.get("status") in (400, 404) or said == {"status": 200, "cancelled": False}
    assert (await answer(client.list())).rooms[0].code == "RED"
    assert len(lounge.server.rooms) == 1


async def test_an_answer_that_makes_no_sense(drive: Drive) -> None:
    lounge = Lounge(drive)
    client = await lounge.client()
    for wrong in (None, [], {}, {"status": "200"}, {"status": 200, "rooms": 3}, {"status": 404}):
        pending: PendingCall[Any] = PendingCall(1, "asked", lambda: None)
        read = client._asked(pending, lambda said: said["rooms"][0])
        if wrong in (None, [], {}, {"status": "200"}, {"status": 404}):
            pending.settle(wrong, None)
            with pytest.raises(MultiplayerError) as caught:
                read.result()
            assert caught.value.code == Error.ERR_INVALID_DATA
    with pytest.raises(MultiplayerError):
        client._place_of({"kind": "duel", "code": "X", "url": "javascript:alert(1)"})


@pytest.mark.parametrize("url", ["", "http://x", "ws://", "ws://x:99999", 7])
def test_what_is_no_url(url: Any) -> None:
    with pytest.raises(MultiplayerError, match="must be like wss"):
        LobbyClient(url)


def test_asking_without_a_connection_raises() -> None:
    lobby = LobbyClient("ws://127.0.0.1:1")
    place = RoomPlace("duel", "RED", "", "")
    for ask in (
        lobby.list,
        partial(lobby.create, "duel"),
        partial(lobby.join, "RED"),
        partial(lobby.change, place, locked=True),
        partial(lobby.kick, place, 5),
        partial(lobby.match, "duel"),
    ):
        with pytest.raises(
            MultiplayerError, match=r"poll\(\) until get_connection_status"
        ) as caught:
            ask()
        assert caught.value.code is Error.ERR_UNCONFIGURED


# ---------------------------------------------------------------- under trio and asyncio


async def play(library: Any, gather: Callable[..., Any]) -> None:
    server = RoomServer({"duel": Duel})
    async with library.serve_rooms(0, peer=server, on_error="raise"):
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        async with library.lobby(url) as one, library.lobby(url) as two:
            mine = await one.create("duel", metadata={"map": "ice"})
            assert [row.code async for row in two.rooms("duel")] == [mine.code]
            theirs = await two.join(mine.code.lower())
            async with library.connect(mine.url), library.connect(theirs.url):
                page = await one.list(free=True)
                assert page.rooms == []
            await one.change(mine, private=True)
            with pytest.raises(LobbyRefusedError, match="no such player"):
                await one.kick(mine, 77)
            found: list[str] = []

            async def seek(lobby: peers.Lobby) -> None:
                (place,) = await lobby.match("duel")
                found.append(place.code)

            await gather(seek, one, two)
            assert found[0] == found[1] != mine.code
            assert one.client.url == f"{url}/lobby"


async def test_under_trio() -> None:
    async def gather(function: Callable[..., Any], *args: object) -> None:
        async with trio.open_nursery() as nursery:
            for each in args:
                nursery.start_soon(function, each)

    with trio.fail_after(20):
        await play(peers, gather)


@pytest.mark.skipif(sys.platform == "win32", reason="selectors there watch sockets only")
def test_under_asyncio() -> None:
    async def gather(function: Callable[..., Any], *args: object) -> None:
        await asyncio.gather(*(function(each) for each in args))

    async def main() -> None:
        async with asyncio.timeout(20):
            await play(peers.asyncio, gather)

    asyncio.run(main())


async def test_a_lobby_in_a_network_in_memory() -> None:
    network = MemoryNetwork(seed=2)
    with trio.fail_after(20):
        async with (
            peers.serve_rooms(9080, {"duel": Duel}, network=network) as server,
            peers.lobby("ws://any.name:9080", network=network) as lobby,
        ):
            place = await lobby.create("duel")
            assert [room.code for room in server.rooms] == [place.code]
            async with peers.connect(place.url, network=network) as client:
                assert [*server.rooms[0].seats] == [client.get_unique_id()]


async def test_who_is_cancelled_waits_for_no_match() -> None:
    server = RoomServer({"duel": Duel})
    async with peers.serve_rooms(0, peer=server):
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        async with peers.lobby(url) as lobby:
            service = server._service
            assert service is not None
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(lobby.match, "duel")
                    await until(lambda: len(service.lobby.tickets.matcher) == 1)
                    scope.cancel()
            await until(lambda: len(service.lobby.tickets.matcher) == 0)
