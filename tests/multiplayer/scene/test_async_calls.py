"""Async RPC methods: started in order of arrival, by whatever ``spawn`` is."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from multiplayer import NATIVE, Error, Node, SceneMultiplayer, rpc
from multiplayer.scene.calls import runner

from .worlds import A, B, C, GameMethods, Kind, World, each_kind, error_of

PATH = "Main/Later"


class Later(GameMethods):
    @rpc("any_peer", "call_local")
    async def later(self, x: object) -> None:
        self.took("later", x)
        await trio.lowlevel.checkpoint()
        self.took("later still", x)

    @rpc("any_peer")
    def now(self, x: object) -> None:
        self.took("now", x)


class LaterNode(Later, Node):
    pass


def world_of(kind: Kind) -> World:
    world = World(kind, A, B, C)
    for peer in world.apis:
        made: Later = LaterNode("Later") if kind.nodes else Later()
        made.world, made.own_id = world, peer
        world.place(peer, PATH, made=made)
    return world


@each_kind
def test_without_anything_that_runs_it_it_is_refused(kind: Kind) -> None:
    world = world_of(kind)
    error = error_of(world.game(A, PATH).later.rpc, 1)  # type: ignore[attr-defined]
    assert error.code == Error.ERR_UNCONFIGURED
    assert "peers.run" in error.message
    world.settle()
    assert not world.calls
    world.call(A, 1, "later", 1, path=PATH)
    world.settle()
    assert world.invalid == [(1, A, "not_run")]
    assert not world.calls


@each_kind
def test_started_in_order_of_arrival_with_their_senders(kind: Kind) -> None:
    world = world_of(kind)
    started: list[Any] = []

    def spawn(function: Any, member: Later, *args: object) -> None:
        sender = world.apis[1].get_remote_sender_id()
        started.append((function.__name__, member is world.game(1, PATH), args, sender))

    world.apis[1].spawn = spawn
    for number, sender in enumerate((A, B, A, C)):
        world.call(sender, 1, "later", number, path=PATH)
        world.settle()
    assert started == [("later", True, (n,), s) for n, s in enumerate((A, B, A, C))]
    world.apis[1].spawn = None
    world.call(A, 1, "later", 9, path=PATH)
    world.settle()
    assert len(started) == 4
    assert world.rejected() == {"not_run": 1}


async def test_each_keeps_its_sender_while_others_run() -> None:
    world = world_of(Kind(NATIVE, gd_mp=True, nodes=True))
    async with trio.open_nursery() as nursery:
        world.apis[1].spawn = nursery.start_soon
        for number, sender in enumerate((A, B, C)):
            world.call(sender, 1, "later", number, path=PATH)
        world.call(A, 1, "now", 3, path=PATH)
        world.settle()
        assert [(call.method, call.sender) for call in world.calls] == [("now", A)]
    assert world.apis[1].get_remote_sender_id() == 0
    senders = {(call.method, call.args[0], call.sender) for call in world.calls}
    assert senders == {("now", 3, A)} | {
        (method, number, sender)
        for number, sender in enumerate((A, B, C))
        for method in ("later", "later still")
    }


async def test_one_that_runs_here_too() -> None:
    api, made = SceneMultiplayer(), Later()
    made.took = lambda *args: taken.append((args, api.get_remote_sender_id()))  # type: ignore[method-assign]
    taken: list[Any] = []
    api.add("Later", made)
    assert error_of(made.later.rpc, 1).code == Error.ERR_UNCONFIGURED
    async with trio.open_nursery() as nursery:
        api.spawn = nursery.start_soon
        made.later.rpc(1)
        assert not taken
    assert taken == [(("later", 1), 1), (("later still", 1), 1)]
    taken.clear()
    await made.later(2)  # a plain call stays one
    assert taken == [(("later", 2), 0), (("later still", 2), 0)]


@each_kind
def test_a_spawn_that_fails_loses_nothing(kind: Kind) -> None:
    world = world_of(kind)

    def spawn(function: Any, *args: object) -> None:
        raise RuntimeError("no nursery")

    world.apis[1].spawn = spawn
    world.call(A, 1, "now", 0, path=PATH)
    world.settle()
    world.calls.clear()
    world.call(A, 1, "later", 1, path=PATH)
    world.call(A, 1, "now", 2, path=PATH)
    with pytest.raises(RuntimeError):
        world.apis[1].poll()
    assert [call.args for call in world.took()] == [(2,)]


@each_kind
def test_what_spawn_did_not_start_does_not_count_as_running(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOST_RUNNING", 2)
    world = world_of(kind)
    started: list[object] = []

    def fail(function: Any, *args: object) -> None:
        raise RuntimeError("no nursery")

    world.apis[1].spawn = fail
    for _ in range(3):
        world.call(A, 1, "later", 1, path=PATH)
        with pytest.raises(RuntimeError, match="no nursery"):
            world.settle()
        world.settle()
    assert world.invalid == []
    # Only what was begun counts; a new spawn begins to count anew.
    world.apis[1].spawn = lambda function, *args: started.append(function)
    for _ in range(3):
        world.call(A, 1, "later", 1, path=PATH)
        world.settle()
    assert len(started) == 2
    assert world.invalid == [(1, A, "too_many_calls")]
