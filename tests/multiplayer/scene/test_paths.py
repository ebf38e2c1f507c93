"""A ``NodePath`` is taken wherever a path is."""

from __future__ import annotations

from typing import Any

import pytest

from multiplayer import Error, MultiplayerError, Node, SceneMultiplayer, rpc
from multiplayer.variant import NodePath, StringName


class Thing:
    @rpc("any_peer")
    def use(self) -> None:
        raise AssertionError


@pytest.fixture
def root() -> Node:
    top = Node("root")
    main, game = Node("Main"), Node("Game")
    top.add_child(main)
    main.add_child(game)
    return top


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Main/Game", "Game"),
        ("/root/Main", "Main"),
        ("Main/..", "root"),
        (".", "root"),
        ("Main/Game/", "Game"),
        ("Main:position:x", "Main"),  # as in Godot, where a node has no properties to begin with
    ],
)
def test_a_node_is_found(root: Node, path: str, name: str) -> None:
    assert root.get_node(NodePath(path)).name == name
    assert root.has_node(NodePath(path))
    if ":" not in path:
        assert (
            root.get_node(path) is root.get_node(StringName(path)) is root.get_node(NodePath(path))
        )


@pytest.mark.parametrize("path", ["Main/Nobody", "", "/Main", ":position", "../.."])
def test_a_node_is_not_found(root: Node, path: str) -> None:
    assert not root.has_node(NodePath(path))
    with pytest.raises(MultiplayerError, match="there is no node") as caught:
        root.get_node(NodePath(path))
    assert caught.value.code == Error.ERR_DOES_NOT_EXIST


def test_an_object_is_added_and_removed() -> None:
    api = SceneMultiplayer()
    thing = Thing()
    api.add(NodePath("Main/Thing"), thing)
    with pytest.raises(MultiplayerError) as caught:
        api.add("Main/Thing", Thing())
    assert caught.value.code == Error.ERR_ALREADY_EXISTS
    api.remove("Main/Thing")
    api.add("Main/Thing", thing)
    api.remove(NodePath("Main/Thing"))
    with pytest.raises(MultiplayerError) as caught:
        api.remove(NodePath("Main/Thing"))
    assert caught.value.code == Error.ERR_DOES_NOT_EXIST


@pytest.mark.parametrize("path", ["/root/Main", "Main:position", "..", ""])
def test_an_object_is_not_added(path: str) -> None:
    with pytest.raises(MultiplayerError, match="is not a path from the root") as caught:
        SceneMultiplayer().add(NodePath(path), Thing())
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_paths_begin_where_it_says(root: Node) -> None:
    api = SceneMultiplayer(root)
    api.root_path = NodePath("/root/Main")
    assert api.root_path == "/root/Main"
    assert type(api.root_path) is str
    api.root_path = NodePath("")
    assert api.root_path == ""
    for wrong in (NodePath("Main"), NodePath("/root:position"), "/root:position"):
        with pytest.raises(MultiplayerError) as caught:
            api.root_path = wrong
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
        assert api.root_path == ""


ODD: tuple[Any, ...] = (None, 5, b"Main", ["Main"], Node("Main"))


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_no_path_is_refused(root: Node, odd: Any) -> None:
    api = SceneMultiplayer(root)

    def set_root_path() -> None:
        api.root_path = odd

    for use in (
        lambda: root.get_node(odd),
        lambda: root.has_node(odd),
        lambda: api.add(odd, Thing()),
        lambda: api.remove(odd),
        set_root_path,
    ):
        with pytest.raises(MultiplayerError, match="a path must be a str or a NodePath") as caught:
            use()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
