"""Async methods that raise when they are cancelled, beside others that are cancelled properly.

A nursery raises a ``BaseExceptionGroup`` of both then (trio's documentation, "Multiple failures").
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from multiplayer import SceneMultiplayer, rpc
from multiplayer.errors import divided
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.trio.task_starter import TaskStarter
from tests.drivers import Way
from tests.driving import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.handlers_fail


async def saving(way: Way) -> None:
    try:
        await way.sleep_forever()
    finally:
        raise OSError("the disk is full")


async def work(way: Way) -> None:
    if way.is_trio:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(saving, way)
            await trio.sleep_forever()
    async with asyncio.TaskGroup() as group:
        group.create_task(saving(way))
        await way.sleep_forever()


class Shop:
    begun = False

    def __init__(self, way: Way) -> None:
        self.way = way

    @rpc("any_peer")
    async def work(self) -> None:
        self.begun = True
        await work(self.way)


@pytest.mark.parametrize("asked", [False, True], ids=["called", "asked"])
@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
async def test_the_end_of_a_server_tells_of_it_and_raises_nothing(
    way: Way, godot4: bool, asked: bool
) -> None:
    server, client, shop, mine = SceneMultiplayer(), SceneMultiplayer(), Shop(way), Shop(way)
    server.add("Shop", shop)
    client.add("Shop", mine)
    told: list[tuple[int, str, Exception]] = []
    server.handler_failed.connect(lambda *args: told.append(args))
    listening = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    connecting = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
    with trio.fail_after(PATIENCE):
        async with way.serve(0, peer=listening, api=server):
            url = f"ws://127.0.0.1:{listening.get_local_port()}"
            async with way.connect(url, peer=connecting, api=client):
                me = client.get_unique_id()
                mine.work.call_id(1) if asked else mine.work.rpc_id(1)
                await until(lambda: shop.begun)
    ((peer, where, error),) = told
    assert (peer, where) == (me, "Shop: work()")
    assert isinstance(error, ExceptionGroup)
    assert [str(inner) for inner in error.exceptions] == ["the disk is full"]
    assert server.statistics.handler_errors == 1


async def test_a_pollables_tasks_as_well() -> None:
    taken: list[Exception] = []
    async with trio.open_nursery() as nursery:
        TaskStarter(nursery, taken.append)(work, Way("trio"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    (error,) = taken
    assert isinstance(error, ExceptionGroup)
    assert [type(inner) for inner in error.exceptions] == [OSError]


def interrupted() -> BaseException:
    return BaseExceptionGroup("both", [ValueError("a"), KeyboardInterrupt()])


@pytest.mark.parametrize(
    ("error", "failure", "passing"),
    [
        (lambda: ValueError("a"), "ValueError('a')", "None"),
        (lambda: SystemExit(2), "None", "SystemExit(2)"),
        (
            interrupted,
            "ExceptionGroup('both', [ValueError('a')])",
            "BaseExceptionGroup('both', [KeyboardInterrupt()])",
        ),
        (
            lambda: BaseExceptionGroup("outer", [KeyboardInterrupt()]),
            "None",
            "BaseExceptionGroup('outer', [KeyboardInterrupt()])",
        ),
    ],
)
def test_what_is_an_exception_and_what_passes(
    error: Callable[[], BaseException], failure: str, passing: str
) -> None:
    assert tuple(map(repr, divided(error()))) == (failure, passing)
