"""Copies of nodes, and pickled ones: what is below comes along, and nothing above."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    GODOT_3,
    MultiplayerError,
    Node,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
    Signal,
    rpc,
    rset,
)
from peers import WebSocketMultiplayerPeer, WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Callable

Copied = "Callable[[Hero], Hero]"


class Hero(Node):
    hurt = Signal[int]("damage")
    health = rset("puppet", default=100)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.items = [["sword"]]
        self.friend: Node | None = None
        self.api: SceneMultiplayer | None = None

    @rpc("any_peer", "call_local")
    def jump(self, height: int) -> None:
        self.items.append([str(height)])

    def hide(self) -> None:
        raise AssertionError


class Slotted(Hero):
    __slots__ = ("speed",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.speed = [1]


def repickled(node: Any) -> Any:
    return pickle.loads(pickle.dumps(node))


each_way = pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, repickled])


def tree() -> tuple[Node, Hero, Hero]:
    """A root, a child of it and a child of that."""
    root, hero, pet = Node("root"), Hero("Hero"), Slotted("Pet")
    root.add_child(hero)
    hero.add_child(pet)
    return root, hero, pet


@each_way
def test_a_copy_has_what_is_below_and_nothing_above(copied: Callable[[Hero], Hero]) -> None:
    root, hero, pet = tree()
    api = SceneMultiplayer(root)
    hero.set_multiplayer_authority(7)
    hero.health = 5
    made = copied(hero)
    assert type(made) is Hero
    assert (made.name, made.parent, made.get_path()) == ("Hero", None, "/Hero")
    assert (made.get_multiplayer_authority(), made.health) == (7, 5)
    with pytest.raises(MultiplayerError, match="belongs to no SceneMultiplayer"):
        made.jump.rpc(1)
    (below,) = made.children
    assert type(below) is Slotted
    assert below is not pet
    assert (below.parent, below.get_path()) == (made, "/Hero/Pet")
    assert below.speed == [1]
    # All is as it was.
    assert (hero.parent, pet.parent, root.children, hero.children) == (root, hero, [hero], [pet])
    assert hero.multiplayer is api
    # The copy can be put into the tree.
    made.name = "Other"
    root.add_child(made)
    assert below.multiplayer is api
    made.jump.rpc(3)
    assert made.items[-1] == ["3"]


@each_way
def test_a_copy_of_the_root_is_no_root(copied: Callable[[Node], Node]) -> None:
    root, _, _ = tree()
    api = SceneMultiplayer(root)
    made = copied(root)
    other = SceneMultiplayer(made)
    assert (api.root, other.root) == (root, made)
    assert made.get_node("Hero/Pet").multiplayer is other


@each_way
def test_configured_methods_stay(copied: Callable[[Hero], Hero]) -> None:
    _, hero, _ = tree()
    hero.rpc_config("hide", {"rpc_mode": 1, "channel": 4})
    made = copied(hero)
    assert made.get_rpc_table().names == hero.get_rpc_table().names == ("hide", "jump")
    assert made.get_rpc_table().methods["hide"].config.channel == 4
    made.rpc_config("hide", None)
    assert "hide" in hero.get_rpc_table().names


@each_way
def test_nobody_listens_to_a_copy(copied: Callable[[Hero], Hero]) -> None:
    _, hero, _ = tree()
    heard: list[int] = []
    hero.hurt.connect(heard.append)
    made = copied(hero)
    made.hurt.emit(3)
    assert heard == []
    made.hurt.connect(heard.append)
    hero.hurt.emit(4)
    made.hurt.emit(5)
    assert heard == [4, 5]


def test_attributes_are_shared_by_a_copy_and_copied_by_a_deep_copy() -> None:
    _, hero, pet = tree()
    hero.friend = pet
    pet.friend = hero
    shallow, deep = copy.copy(hero), copy.deepcopy(hero)
    assert shallow.items is hero.items
    assert shallow.friend is pet
    assert deep.items == hero.items
    assert deep.items[0] is not hero.items[0]
    below = deep.get_node("Pet")
    assert isinstance(below, Hero)
    assert deep.friend is below
    assert below.friend is deep


def test_a_deep_copy_refers_to_what_it_does_not_copy() -> None:
    root, hero, pet = tree()
    api = SceneMultiplayer(root)
    hero.api = api
    pet.friend = root
    made = copy.deepcopy(hero)
    below = made.get_node("Pet")
    assert isinstance(below, Hero)
    assert made.api is api
    assert below.friend is root
    assert root.children == [hero]


def test_several_at_once() -> None:
    root, hero, pet = tree()
    for nodes in ([root, hero, pet], [pet, hero, root], [hero, root, pet]):
        made = copy.deepcopy(nodes)
        assert [node.name for node in made] == [node.name for node in nodes]
        top, middle, bottom = (made[nodes.index(node)] for node in (root, hero, pet))
        assert (top.parent, middle.parent, bottom.parent) == (None, top, middle)
        assert (top.children, middle.children) == ([middle], [bottom])
    assert (root.children, hero.children) == ([hero], [pet])


def test_a_method_of_a_node_as_an_attribute() -> None:
    _, hero, pet = tree()
    pet.friend = hero
    vars(pet)["call"] = hero.jump
    made = copy.deepcopy(hero)
    assert vars(made.get_node("Pet"))["call"] == made.jump
    assert vars(copy.deepcopy(pet))["call"] == hero.jump


def test_a_pickled_node_that_refers_to_its_parent_has_that() -> None:
    root, hero, pet = tree()
    for node, above in ((hero, root), (pet, hero)):
        node.friend = above
        made = repickled(node)
        assert made.parent is made.friend is not above
        assert made.parent.children == [made]
        node.friend = None


@each_way
def test_an_object_that_was_added_is_copied_without_its_place(
    copied: Callable[[Any], Any],
) -> None:
    api = SceneMultiplayer(dialect=GODOT_3)
    thing = Thing()
    api.add("Thing", thing)
    made = copied(thing)
    with pytest.raises(MultiplayerError, match="belongs to no SceneMultiplayer"):
        made.use.rpc()
    api.add("Other", made)


class Thing:
    @rpc("any_peer")
    def use(self) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    "make", [SceneMultiplayer, OfflineMultiplayerPeer, WebSocketServer, WebSocketMultiplayerPeer]
)
def test_sessions_are_not_copied(make: Callable[[], object]) -> None:
    one = make()
    assert copy.copy(one) is copy.deepcopy([one])[0] is one
    with pytest.raises(TypeError, match=f"{type(one).__name__} cannot be pickled"):
        pickle.dumps(one)


def test_a_node_that_was_never_made_cannot_be_copied() -> None:
    class Careless(Node):
        def __init__(self) -> None:
            pass

    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(MultiplayerError, match=r"must call super\(\).__init__"):
            copied(Careless())
