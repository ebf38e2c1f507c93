"""What tests of nodes and directories share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from peers.cluster.redis_directory import RedisDirectory
from tests.peers.cluster import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from tests.peers.cluster.redis_server import RedisServer


def _missing(item: pytest.Item) -> str | None:
    if item.get_closest_marker("redis") is None or redis_server.executable() is not None:
        return None
    return f"no Redis ({redis_server.HOW_TO_GET_IT})"


def _required() -> bool:
    return os.environ.get("GDPEERS_REQUIRE_ENGINES") == "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if missing := _missing(item):
        if _required():
            pytest.fail(f"{missing}; and GDPEERS_REQUIRE_ENGINES=1 demands it", pytrace=False)
        pytest.skip(missing)


@pytest.fixture(scope="session")
def shared_redis() -> Generator[RedisServer]:
    """One server for the tests that do nothing bad to it."""
    with redis_server.running() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A server without data; not to be killed."""
    assert shared_redis.ask("FLUSHALL").startswith(b"+OK")
    return shared_redis


@pytest.fixture
def mortal_redis() -> Generator[RedisServer]:
    """A server of the test's own, to be paused and killed; it keeps its data."""
    with redis_server.running(keeps=True) as server:
        yield server


@pytest.fixture
async def directory(redis: RedisServer) -> AsyncGenerator[RedisDirectory]:
    async with RedisDirectory.opened(redis.url) as directory:
        yield directory


@pytest.fixture
async def mortal(mortal_redis: RedisServer) -> AsyncGenerator[RedisDirectory]:
    async with RedisDirectory.opened(mortal_redis.url) as directory:
        yield directory
