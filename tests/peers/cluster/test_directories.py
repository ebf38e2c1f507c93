"""What every directory does: the one in memory and the one in Redis."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer.rooms.directory_entries import Found, NodeEntry, Orphan, RoomEntry, RoomState
from peers.cluster.directory import DirectoryError
from peers.cluster.memory_directory import MemoryDirectory
from peers.cluster.redis_directory import RedisDirectory

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from peers.cluster.directory import Directory

A = NodeEntry("a/1", "127.0.0.1", 1001, "ws://a.example/")
B = NodeEntry("b/1", "127.0.0.2", 1002)
STATE = RoomState(1, 2, metadata='{"map":"caves"}')

DIRECTORIES = ["memory", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture(params=DIRECTORIES)
async def directory(request: pytest.FixtureRequest) -> AsyncGenerator[Directory]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield MemoryDirectory()
        else:
            server = request.getfixturevalue("redis")
            yield await stack.enter_async_context(RedisDirectory.opened(server.url))


async def beat(directory: Directory, *nodes: NodeEntry) -> None:
    for node in nodes:
        await directory.beat(node, 60.0)


async def test_a_lease_is_renewed_and_expires(directory: Directory) -> None:
    assert not await directory.beat(A, 60.0)
    assert await directory.beat(A, 0.05)
    await directory.claim("R", "duel", A.incarnation, STATE)
    with trio.fail_after(10):
        while not await directory.orphans():
            pass
    assert not await directory.beat(A, 60.0)


async def test_the_first_secret_is_the_secret_of_all(directory: Directory) -> None:
    assert await directory.secret(b"a" * 32) == b"a" * 32
    assert await directory.secret(b"b" * 32) == b"a" * 32


async def test_one_wins_a_room(directory: Directory) -> None:
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    assert epoch > 0
    assert await directory.claim("R", "duel", B.incarnation, STATE) == 0
    assert await directory.claim("R", "duel", A.incarnation, STATE) == epoch
    assert await directory.find("R") == Found(RoomEntry("R", "duel", epoch, STATE), A)
    assert await directory.find("S") is None


async def test_who_is_not_believed_in_gets_no_room(directory: Directory) -> None:
    with pytest.raises(DirectoryError):
        await directory.claim("R", "duel", A.incarnation, STATE)
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", B.incarnation, STATE)
    await directory.release("R", epoch)
    await directory.leave(A.incarnation)
    assert await directory.take("R", A.incarnation) is None


async def test_a_room_of_the_living_is_not_taken(directory: Directory) -> None:
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    assert await directory.take("R", B.incarnation) is None
    assert await directory.take("S", B.incarnation) is None
    taken = await directory.take("R", A.incarnation)
    assert taken == ("duel", epoch, b"")  # its own, as often as it asks
    assert await directory.orphans() == []


async def test_a_room_of_the_dead_is_taken_once(directory: Directory) -> None:
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    assert await directory.save("R", epoch, b"\0saved\xff")
    await directory.leave(A.incarnation)
    found = await directory.find("R")
    assert found is not None
    assert found.owner is None
    assert await directory.orphans() == [Orphan("R", "duel")]
    assert await directory.claim("R", "duel", B.incarnation, STATE) == 0
    taken = await directory.take("R", B.incarnation)
    assert taken is not None
    assert taken.epoch > epoch
    assert (taken.kind, taken.snapshot) == ("duel", b"\0saved\xff")
    await beat(directory, A)
    assert await directory.take("R", A.incarnation) is None
    assert await directory.orphans() == []


async def test_an_earlier_owner_writes_nothing(directory: Directory) -> None:
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    await directory.save("R", epoch, b"good")
    await directory.leave(A.incarnation)
    taken = await directory.take("R", B.incarnation)
    assert taken is not None
    assert not await directory.save("R", epoch, b"late")
    assert not await directory.change("R", epoch, STATE._replace(players=2))
    assert not await directory.release("R", epoch)
    assert not await directory.drop("R", epoch)
    assert await directory.find("R") == Found(RoomEntry("R", "duel", taken.epoch, STATE), B)
    again = await directory.take("R", B.incarnation)
    assert again is not None
    assert again.snapshot == b"good"


async def test_a_room_that_was_given_away_is_taken_though_all_live(directory: Directory) -> None:
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    assert await directory.release("R", epoch)
    assert not await directory.save("R", epoch, b"late")
    found = await directory.find("R")
    assert found is not None
    assert found.owner is None
    assert await directory.orphans() == [Orphan("R", "duel")]
    taken = await directory.take("R", B.incarnation)
    assert taken is not None
    assert await directory.orphans() == []


async def test_a_room_that_closed_is_gone(directory: Directory) -> None:
    await beat(directory, A, B)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    await directory.save("R", epoch, b"old")
    assert await directory.drop("R", epoch)
    assert not await directory.drop("R", epoch)
    assert await directory.find("R") is None
    assert (await directory.page("duel")).rooms == ()
    again = await directory.claim("R", "duel", B.incarnation, STATE)
    assert again > epoch
    taken = await directory.take("R", B.incarnation)
    assert taken is not None
    assert taken.snapshot == b""


async def test_what_has_changed_is_found(directory: Directory) -> None:
    await beat(directory, A)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)
    state = RoomState(2, 2, private=True, locked=True, metadata="{}")
    assert await directory.change("R", epoch, state)
    assert await directory.find("R") == Found(RoomEntry("R", "duel", epoch, state), A)
    assert (await directory.page("duel")).rooms == ()
    assert await directory.change("R", epoch, STATE)
    assert [room.code for room in (await directory.page("duel")).rooms] == ["R"]


async def test_pages(directory: Directory) -> None:
    await beat(directory, A)
    codes = [f"R{number:03}" for number in range(120)]
    for code in reversed(codes):
        await directory.claim(code, "duel", A.incarnation, STATE)
    await directory.claim("X", "other", A.incarnation, STATE)
    await directory.claim("Y", "duel", A.incarnation, STATE._replace(private=True))
    seen: list[str] = []
    cursor, sizes = "", []
    while True:
        page = await directory.page("duel", cursor)
        seen += [room.code for room in page.rooms]
        sizes.append(len(page.rooms))
        cursor = page.cursor
        if not cursor:
            break
    assert seen == codes
    assert sizes == [50, 50, 20]
    assert [room.code for room in (await directory.page("duel", "R117", 500)).rooms] == codes[118:]
    assert (await directory.page("duel", "", 1)).cursor == "R000"
    assert await directory.page("nothing") == ((), "")


async def test_reservations(directory: Directory) -> None:
    await beat(directory, A)
    epoch = await directory.claim("R", "duel", A.incarnation, STATE)  # 1 of 2
    assert await directory.reserve("R", "one", 60.0)
    assert await directory.reserve("R", "one", 60.0)  # it is renewed
    assert not await directory.reserve("R", "two", 60.0)
    assert not await directory.reserve("S", "two", 60.0)
    assert await directory.fulfil("R", "one")
    assert not await directory.fulfil("R", "one")
    assert not await directory.fulfil("R", "two")
    assert await directory.reserve("R", "two", 60.0)
    await directory.change("R", epoch, STATE._replace(locked=True))
    assert not await directory.reserve("R", "three", 60.0)


async def test_every_reservation_expires(directory: Directory) -> None:
    await beat(directory, A)
    await directory.claim("R", "duel", A.incarnation, STATE)
    assert await directory.reserve("R", "one", 0.05)
    with trio.fail_after(10):
        while not await directory.reserve("R", "two", 60.0):
            pass
    assert not await directory.fulfil("R", "one")


async def test_names_are_names_whatever_is_in_them(directory: Directory) -> None:
    await beat(directory, A, B)
    for code in ("R:rooms:x", "{y}", "*", "ä"):
        assert await directory.claim(code, "a:b", A.incarnation, STATE)
    assert sorted(room.code for room in (await directory.page("a:b")).rooms) == sorted(
        ["R:rooms:x", "{y}", "*", "ä"]
    )
    await directory.leave(A.incarnation)
    assert len(await directory.orphans()) == 4


@pytest.mark.parametrize("race", ["claim", "take"])
async def test_of_many_that_race_one_wins(directory: Directory, race: str) -> None:
    nodes = [NodeEntry(f"{n}/1", "127.0.0.1", 1000 + n) for n in range(6)]
    await beat(directory, A, *nodes)
    doubles = 0
    for number in range(50):
        code, winners = f"R{number}", []
        if race == "take":
            epoch = await directory.claim(code, "duel", A.incarnation, STATE)
            await directory.release(code, epoch)

        async def run(node: NodeEntry, code: str, winners: list[str]) -> None:
            if race == "take":
                won = await directory.take(code, node.incarnation) is not None
            else:
                won = await directory.claim(code, "duel", node.incarnation, STATE) > 0
            if won:
                winners.append(node.incarnation)

        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(run, node, code, winners)
        doubles += len(winners) != 1
    assert doubles == 0
