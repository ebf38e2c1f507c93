"""A Redis that is slow, gone, empty or out of its mind: requests raise, and nothing ends."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import Error, MultiplayerError
from multiplayer.rooms.directory_entries import NodeEntry, RoomState
from peers.cluster import redis_answers as answers
from peers.cluster.directory import DirectoryError
from peers.cluster.redis_directory import RedisDirectory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.peers.cluster.redis_server import RedisServer

A: Final = NodeEntry("a/1", "127.0.0.1", 1001)
STATE: Final = RoomState(1, 2)

REQUESTS: Final[dict[str, Callable[[RedisDirectory], Awaitable[object]]]] = {
    "secret": lambda it: it.secret(b"a" * 32),
    "beat": lambda it: it.beat(A, 60.0),
    "leave": lambda it: it.leave("a/1"),
    "claim": lambda it: it.claim("R", "duel", "a/1", STATE),
    "take": lambda it: it.take("R", "a/1"),
    "find": lambda it: it.find("R"),
    "change": lambda it: it.change("R", 1, STATE),
    "save": lambda it: it.save("R", 1, b"snapshot"),
    "release": lambda it: it.release("R", 1),
    "drop": lambda it: it.drop("R", 1),
    "orphans": lambda it: it.orphans(),
    "page": lambda it: it.page("duel"),
    "reserve": lambda it: it.reserve("R", "one", 1.0),
    "fulfil": lambda it: it.fulfil("R", "one"),
}


async def raised(request: Awaitable[object]) -> DirectoryError:
    with pytest.raises(DirectoryError) as caught, trio.fail_after(10):
        await request
    return caught.value


async def works(directory: RedisDirectory) -> None:
    """Wait until it can be used again."""
    with trio.fail_after(20):
        while True:
            try:
                await directory.beat(A, 60.0)
            except DirectoryError:
                await trio.sleep(0.02)
            else:
                return


@pytest.mark.redis
async def test_a_paused_redis_raises_and_goes_on(mortal_redis: RedisServer) -> None:
    async with RedisDirectory.opened(mortal_redis.url) as directory:
        await directory.beat(A, 60.0)
        epoch = await directory.claim("R", "duel", "a/1", STATE)
        mortal_redis.pause()
        async with trio.open_nursery() as nursery:
            for request in REQUESTS.values():  # at once: each waits for a second
                nursery.start_soon(raised, request(directory))
        mortal_redis.go_on()
        await works(directory)
        # What had timed out may have been done, and once more makes no difference.
        assert await directory.claim("R", "duel", "a/1", STATE) == epoch


@pytest.mark.redis
async def test_a_redis_that_restarts_with_its_data(mortal_redis: RedisServer) -> None:
    async with RedisDirectory.opened(mortal_redis.url) as directory:
        await directory.beat(A, 60.0)
        epoch = await directory.claim("R", "duel", "a/1", STATE)
        await directory.save("R", epoch, b"saved")
        for _ in range(2):
            mortal_redis.kill()
            await raised(directory.find("R"))
            mortal_redis.start()
            await works(directory)
            found = await directory.find("R")
            assert found is not None
            assert found.room.epoch == epoch
            taken = await directory.take("R", "a/1")
            assert taken is not None
            assert taken.snapshot == b"saved"


@pytest.mark.redis
async def test_epochs_grow_though_all_data_are_lost(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        epochs = []
        for number in range(20):
            await directory.beat(A, 60.0)
            epochs.append(await directory.claim(f"R{number}", "duel", "a/1", STATE))
            redis.ask("FLUSHALL")
            await trio.sleep(0.002)  # epochs are as fine as a millisecond
        assert epochs == sorted({*epochs})


@pytest.mark.redis
async def test_epochs_grow_though_the_clock_goes_back(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        await directory.beat(A, 60.0)
        redis.ask("SET", "{gdpeers}:epoch", "9000000000000")  # a time in the year 2255
        assert await directory.claim("R", "duel", "a/1", STATE) == 9_000_000_000_001
        assert await directory.claim("S", "duel", "a/1", STATE) == 9_000_000_000_002


@pytest.mark.redis
async def test_cancelled_requests_leave_the_connections(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        random = Random(5)
        for _ in range(200):
            with trio.move_on_after(random.uniform(0, 0.001)):
                await directory.beat(A, 60.0)
        epochs: list[int] = []

        async def claim() -> None:
            epochs.append(await directory.claim("R", "duel", "a/1", STATE))

        await directory.beat(A, 60.0)  # perhaps none of those has come
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(claim)
        assert len(epochs) == 100
        assert len({*epochs} - {0}) == 1


@pytest.mark.redis
async def test_values_of_wrong_types(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        names = ("node:a/1", "owners", "rooms:a/1", "rooms:", "room:R", "snapshot:R", "list:duel")
        for name in (*names, "held:R", "epoch"):
            redis.ask("LPUSH", f"{{gdpeers}}:{name}", "nonsense")
        for ask in REQUESTS.values():
            # Some can be answered in spite of it.
            with suppress(DirectoryError):
                await ask(directory)
        await raised(directory.claim("R", "duel", "a/1", STATE))
        redis.ask("FLUSHALL")
        await directory.beat(A, 60.0)
        assert await directory.claim("R", "duel", "a/1", STATE)


@pytest.mark.redis
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", "-1"),
        ("epoch", "9" * 17),
        ("players", "two"),
        ("capacity", ""),
        ("private", "7"),
        ("kind", "k" * 300),
        ("metadata", "m" * 5000),
    ],
)
async def test_a_field_that_is_wrong(redis: RedisServer, field: str, value: str) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        await directory.beat(A, 60.0)
        await directory.claim("R", "duel", "a/1", STATE)
        redis.ask("HSET", "{gdpeers}:room:R", field, value)
        await raised(directory.find("R"))


@pytest.mark.redis
async def test_a_field_that_is_missing_makes_it_no_room(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        await directory.beat(A, 60.0)
        await directory.claim("R", "duel", "a/1", STATE)
        redis.ask("HDEL", "{gdpeers}:room:R", "players")
        assert await directory.find("R") is None
        assert (await directory.page("duel")).rooms == ()
        assert not await directory.reserve("R", "one", 1.0)


@pytest.mark.redis
async def test_a_node_that_is_nonsense(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url) as directory:
        await directory.beat(A, 60.0)
        await directory.claim("R", "duel", "a/1", STATE)
        redis.ask("SET", "{gdpeers}:node:a/1", "nonsense")
        await raised(directory.find("R"))


@pytest.mark.redis
async def test_a_snapshot_that_is_too_large_is_none(redis: RedisServer) -> None:
    async with RedisDirectory.opened(redis.url, most_snapshot=100) as directory:
        await directory.beat(A, 60.0)
        epoch = await directory.claim("R", "duel", "a/1", STATE)
        assert await directory.save("R", epoch, bytes(101))
        taken = await directory.take("R", "a/1")
        assert taken is not None
        assert taken.snapshot == b""


NONSENSE: Final = {
    "noise": b"\x00\xff\x13\x37" * 10,
    "half an answer": b"*3\r\n$4\r\nab",
    "a lying length": b"$99999999999\r\nx",
    "a lying count": b"*2147483647\r\n",
    "deep nesting": b"*1\r\n" * 5000,
    "errors": b"-WHAT is this\r\n" * 3,
    "numbers": b":7\r\n" * 3,
    "nothing": b"",
}


async def _raise_at(nonsense: bytes) -> None:
    """Ask a server that gives this answer, whatever it is asked."""

    async def answer(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async for _ in stream:
                await stream.send_all(nonsense)
                if not nonsense:
                    return

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        url = f"redis://127.0.0.1:{listener.socket.getsockname()[1]}"
        async with RedisDirectory.opened(url) as directory:
            for _ in range(2):
                async with trio.open_nursery() as asking:
                    for request in REQUESTS.values():
                        asking.start_soon(raised, request(directory))
        nursery.cancel_scope.cancel()


async def test_a_server_that_is_no_redis() -> None:
    async with trio.open_nursery() as nursery:  # at once, since some have to be waited for
        for name, nonsense in NONSENSE.items():
            nursery.start_soon(_raise_at, nonsense, name=name)


async def test_a_server_that_is_not_there() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    async with RedisDirectory.opened(f"redis://:secret@127.0.0.1:{port}") as directory:
        error = await raised(directory.find("R"))
        assert "secret" not in str(error)


@pytest.mark.parametrize(
    "arguments", [{"url": "http://x"}, {"url": "redis://x", "prefix": "{"}, {"url": ""}]
)
async def test_misuse(arguments: dict[str, str]) -> None:
    with pytest.raises(MultiplayerError) as caught:
        await RedisDirectory.opened(**arguments).__aenter__()
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


ANSWERS: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=20) | st.floats(),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.binary(max_size=3), inner),
)


@given(ANSWERS)
def test_any_answer_makes_sense_or_raises(answer: object) -> None:
    def take(answer: object) -> object:
        return answers.taken(answer, 100)

    for look in (
        answers.secret,
        answers.flag,
        answers.number,
        answers.found,
        take,
        answers.orphans,
        answers.page,
    ):
        with suppress(DirectoryError):
            look(answer)
