"""``rpc_to`` and groups, in every dialect and envelope, for nodes and added objects."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, Node, PeerGroup, SceneMultiplayer
from multiplayer.scene.calls import calls_to_some

from .test_absences import KINDS as ABSENT_KINDS
from .test_absences import at, ready
from .worlds import GAME, A, B, C, Called, Kind, World, each_dialect, each_kind, error_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .replication.games import Kind as AbsentKind

STRANGER = 77


@pytest.fixture
def world(kind: Kind) -> World:
    return World(kind, A, B, C)


def do(world: World, sender: int, to: Iterable[int], method: str, *args: object) -> list[Called]:
    getattr(world.game(sender), method).rpc_to(to, *args)
    world.settle()
    return world.took()


@each_kind
@pytest.mark.parametrize("sender", [1, A])
def test_each_that_is_named_gets_it_once(world: World, sender: int) -> None:
    others = [peer for peer in (1, A, B, C) if peer != sender]
    for some in ([], others[:1], others[1:], others, [*others, *others]):
        for _ in range(2):  # before and after the node's number is known
            ran = do(world, sender, some, "any_one", 7)
            assert ran == [Called(at, "any_one", (7,), sender) for at in sorted({*some})]


@each_kind
def test_some_know_the_nodes_number_and_some_do_not(world: World) -> None:
    world.do(1, B, "any_one", 0)
    for _ in range(2):
        ran = do(world, 1, (A, B, C), "any_two", "x")
        assert ran == [Called(at, "any_two", ("x", "default"), 1) for at in (A, B, C)]


@each_dialect
def test_any_iterable_will_do(world: World) -> None:
    for some in ({A, B}, (peer for peer in (A, B)), {A: "red", B: "blue"}, frozenset({A, B})):
        assert [call.at for call in do(world, 1, some, "any_none")] == [A, B]


@each_dialect
def test_a_group_is_called_like_its_ids(world: World) -> None:
    group = world.apis[1].group("red")
    for step in (lambda: group.add(A, B), lambda: group.add(C), lambda: group.discard(B, STRANGER)):
        step()
        for _ in range(3):  # the second time by what was found out the first time
            ran = do(world, 1, group, "any_one", [1, "two"])
            assert ran == [Called(at, "any_one", ([1, "two"],), 1) for at in group]
    group.clear()
    assert do(world, 1, group, "any_one", 1) == []


@each_dialect
def test_who_leaves_leaves_its_groups_and_is_not_called(world: World) -> None:
    api = world.apis[1]
    red, blue = api.group("red"), api.group("blue")
    red.add(A, B)
    blue.add(B, C)
    assert len(do(world, 1, red, "any_one", 1)) == 2
    world.leave(B)
    assert ([*red], [*blue]) == ([A], [C])
    assert [call.at for call in do(world, 1, red, "any_one", 2)] == [A]
    assert [call.at for call in do(world, 1, (A, B), "any_one", 3)] == [A]
    red.add(B)  # as a listener may that has not heard yet
    assert [*red] == [A]
    assert api.statistics.drops["departed"] == 1


@each_dialect
def test_a_group_is_empty_when_the_session_is_over(world: World) -> None:
    api = world.apis[1]
    group = api.group("all")
    group.add(1, A, B, C)
    api.multiplayer_peer = None
    assert len(group) == 0


@each_dialect
def test_another_session_begins_with_empty_groups_that_work(kind: Kind) -> None:
    first = World(kind, A)
    api, game = first.apis[1], first.game(1)
    group = api.group("all")
    group.add(A)
    game.any_one.rpc_to(group, 1)
    second = World(kind)
    second.apis[1].multiplayer_peer = None
    api.multiplayer_peer = second.peers[1]
    assert [*group] == []
    second.apis[1] = api
    second.join(B)
    group.add(B)
    game.any_one.rpc_to(group, 2)
    second.settle()
    assert second.took() == [Called(B, "any_one", (2,), 1)]


@each_dialect
def test_the_caller_is_called_too_if_the_method_says_so(world: World) -> None:
    for sender in (1, A):
        ran = do(world, sender, (1, A, B), "local_one", 1)
        assert ran == [Called(at, "local_one", (1,), sender) for at in (1, A, B)]
    error = error_of(lambda: do(world, 1, (A, 1), "any_one", 1))
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "call_local" in error.message
    assert world.took() == []


@each_dialect
@pytest.mark.parametrize("wrong", [0, -A, STRANGER, 1 << 40])
def test_one_wrong_id_and_nobody_is_called(world: World, wrong: int) -> None:
    group = world.apis[1].group("g")
    for action in (
        lambda: world.game(1).any_one.rpc_to((A, wrong), 1),
        lambda: group.add(A, wrong),
    ):
        assert error_of(action).code == Error.ERR_INVALID_PARAMETER
    world.settle()
    assert world.took() == []
    assert len(group) == 0


@each_dialect
def test_a_value_that_cannot_be_sent_reaches_nobody(world: World) -> None:
    group = world.apis[1].group("g")
    group.add(A, B)
    for some in (group, [A, B]):
        for _ in range(2):
            error_of(lambda some=some: world.game(1).any_one.rpc_to(some, object()))
            assert [call.at for call in do(world, 1, some, "any_one", 1)] == [A, B]


@each_dialect
def test_only_the_authority_may_call_what_is_its_own(world: World) -> None:
    group = world.apis[A].group("g")
    group.add(B, C)
    for _ in range(2):
        assert do(world, A, group, "auth_one", 1) == []
    for own_id in (1, A, B, C):
        world.set_authority(own_id, A)
    for _ in range(2):
        assert [call.at for call in do(world, A, group, "auth_one", 1)] == [B, C]


@each_dialect
def test_a_renamed_node_is_called_by_its_new_name(world: World) -> None:
    group = world.apis[1].group("g")
    group.add(A, B)
    for _ in range(2):
        do(world, 1, group, "any_one", 1)
    for own_id in (1, A, B, C):
        world.rename(own_id, GAME, "Main/Other")
    world.game(1, "Main/Other").any_one.rpc_to(group, 2)
    world.settle()
    assert [(call.at, call.args) for call in world.took()] == [(A, (2,)), (B, (2,))]


@each_dialect
def test_mode_and_channel_are_the_methods(world: World) -> None:
    group = world.apis[1].group("g")
    group.add(A, B)
    for _ in range(2):
        do(world, 1, group, "channelled", 1)
    world.network.log.clear()
    do(world, 1, group, "channelled", 1)
    do(world, 1, [A, B], "channelled", 1)
    assert [(sent.mode.name, sent.channel) for sent in world.network.log] == [
        ("TRANSFER_MODE_UNRELIABLE_ORDERED", 3)
    ] * 4


@each_dialect
def test_routes_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_to_some, "_MOST_ROUTES", 2)
    api = world.apis[1]
    groups = [api.group(str(number)) for number in range(5)]
    for group in groups:
        group.add(A)
        for _ in range(2):
            assert [call.at for call in do(world, 1, group, "any_one", 1)] == [A]
    assert len(api._session.some_calls._routes) <= 2


def test_an_empty_group_that_nobody_holds_is_forgotten() -> None:
    api = SceneMultiplayer(Node("root"))
    kept = api.group("kept")
    assert api.group("kept") is kept
    for number in range(100):
        api.group(f"passing {number}")
    gc.collect()
    assert len(api._session.groups._named) == 1


def test_a_group_that_has_members_is_kept_without_being_held() -> None:
    api = SceneMultiplayer(Node("root"))  # a session of one
    api.group("us").add(1)
    gc.collect()
    assert 1 in api.group("us")
    assert repr(api.group("us")) == "<group 'us' of 1 peers>"
    assert api.group("us").ids == {1}
    api.group("us").discard(1)
    gc.collect()
    assert not api._session.groups._named
    assert isinstance(api.group("us"), PeerGroup)


# ---------------------------------------------------------------- who loses its connection


@pytest.mark.parametrize("kind", ABSENT_KINDS, ids=lambda kind: f"{kind.dialect.name}-{kind.gd_mp}")
@pytest.mark.parametrize("replayed", [True, False])
def test_who_is_suspended_stays_in_its_groups(kind: AbsentKind, replayed: bool) -> None:
    game = ready(kind)
    group = game.apis[1].group("red")
    group.add(A, B)
    said = at(game, 1).say
    said.rpc_to(group, "before")
    game.tick(2)
    game.lose(A)
    assert [*group] == [A, B]
    said.rpc_to(group, "meanwhile")
    game.tick(2)
    assert [what for _, what in at(game, B).said] == ["before", "meanwhile"]
    game.come_back(A, replayed=replayed)
    assert [*group] == [A, B]
    for _ in range(2):
        said.rpc_to(group, "after")
        game.tick(4)
    heard = ["before", *(["meanwhile"] if replayed else []), "after", "after"]
    assert [what for _, what in at(game, A).said] == heard
    assert [what for _, what in at(game, B).said] == ["before", "meanwhile", "after", "after"]
    assert game.rejected == []
