"""Only what is declared can be called: no attribute is reached by a name from the wire."""

from __future__ import annotations

import pytest

from multiplayer import GODOT_3, GODOT_4, NATIVE

from .worlds import GAME, A, Called, Kind, World, each_kind

NAMES = [
    "__init__",
    "__class__",
    "__dict__",
    "queue_free",
    "_private",
    "undeclared",
    "took",
    "a_property",
    "world",
    "world.calls.clear",
    "any_one.rpc",
    "any_one.function",
    "rpc",
    "rpc_id",
    "rset",
    "add_child",
    "remove_child",
    "set_multiplayer_authority",
    "get_node",
    "name",
    "",
    " any_one",
    "ANY_ONE",
]


@each_kind
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [0, 1])
def test_a_name_that_is_not_declared(kind: Kind, name: str, count: int) -> None:
    world = World(kind, A)
    made = world.game(1)
    before = {key: value for key, value in vars(made).items() if key != "_table"}
    for packet in world.forged(GAME, name, [1] * count):
        world.inject(A, 1, packet)
    world.settle()
    assert world.invalid == [(1, A, "unknown_method")]
    assert not world.calls
    assert {key: value for key, value in vars(made).items() if key != "_table"} == before
    assert world.do(A, 1, "any_one", 1) == [Called(1, "any_one", (1,), A)]


@pytest.mark.parametrize("nodes", [True, False])
@pytest.mark.parametrize("name", [*NAMES, "any_one"])
def test_rset_of_what_is_not_declared(name: str, nodes: bool) -> None:
    world = World(Kind(GODOT_3, gd_mp=True, nodes=nodes), A)
    made = world.game(1)
    before = {key: value for key, value in vars(made).items() if key != "_table"}
    world.inject(A, 1, world.wire.assign(name, 1).by_path(GAME))
    world.settle()
    assert world.invalid == [(1, A, "unknown_method")]
    assert {key: value for key, value in vars(made).items() if key != "_table"} == before


@pytest.mark.parametrize("dialect_kind", [(NATIVE, True), (NATIVE, False), (GODOT_4, False)])
def test_rset_is_godot_3_s(dialect_kind: tuple[object, bool]) -> None:
    dialect, gd_mp = dialect_kind
    world = World(Kind(dialect, gd_mp, nodes=True), A)  # type: ignore[arg-type]
    godot3 = World(Kind(GODOT_3, gd_mp=True, nodes=True), A)
    world.inject(A, 1, godot3.wire.assign("name", 1).by_path(GAME))
    world.settle()
    assert not world.calls
    assert sum(world.rejected().values()) == 1


@each_kind
def test_the_nodes_above_have_nothing_to_call(kind: Kind) -> None:
    world = World(kind, A)
    for path in (".", "Main"):
        for name in ("any_one", "add_child", "__init__"):
            for packet in world.forged(path, name, [1]):
                world.inject(A, 1, packet)
    world.settle()
    assert not world.calls
    assert len(world.invalid) >= 6
    assert {line[0] for line in world.invalid} == {1}
