"""``Node``: names, the tree, paths, authority."""

from __future__ import annotations

import pytest

from multiplayer import Error, Node, SceneMultiplayer

from .worlds import error_of


@pytest.fixture
def tree() -> dict[str, Node]:
    nodes = {name: Node(name) for name in ("root", "Main", "Players", "Bob", "Eve")}
    nodes["root"].add_child(nodes["Main"])
    nodes["Main"].add_child(nodes["Players"])
    nodes["Players"].add_child(nodes["Bob"])
    nodes["Players"].add_child(nodes["Eve"])
    return nodes


class Player(Node):
    pass


def test_the_name_is_the_class_s_unless_another_is_given() -> None:
    assert Node().name == "Node"
    assert Player().name == "Player"
    assert Player("Bob").name == "Bob"
    assert Player("Er node").name == "Er node"


@pytest.mark.parametrize("name", ["a/b", "a.b", "a:b", "a@b", 'a"b', "a%b", "..", ".", "/", "a\0b"])
def test_names_that_cannot_be_part_of_a_path(name: str) -> None:
    assert error_of(Node, name).code == Error.ERR_INVALID_PARAMETER
    node = Node("Good")
    assert error_of(setattr, node, "name", name).code == Error.ERR_INVALID_PARAMETER
    assert node.name == "Good"


def test_the_id_of_a_peer_is_not_a_name() -> None:
    for error in (error_of(Player, 7), error_of(setattr, Node("Good"), "name", 7)):
        assert error.code == Error.ERR_INVALID_PARAMETER
        assert "give str(id)" in error.message


def test_an_empty_name_cannot_be_set() -> None:
    assert error_of(setattr, Node("Good"), "name", "").code == Error.ERR_INVALID_PARAMETER


def test_children_are_in_order_and_a_copy(tree: dict[str, Node]) -> None:
    players = tree["Players"]
    assert players.children == [tree["Bob"], tree["Eve"]]
    players.children.clear()
    assert len(players.children) == 2
    assert tree["Bob"].parent is players
    assert tree["root"].parent is None


def test_paths(tree: dict[str, Node]) -> None:
    assert tree["root"].get_path() == "/root"
    assert tree["Bob"].get_path() == "/root/Main/Players/Bob"
    assert Node("Alone").get_path() == "/Alone"


@pytest.mark.parametrize(
    ("start", "path", "found"),
    [
        ("root", "Main", "Main"),
        ("root", "Main/Players/Bob", "Bob"),
        ("Bob", "..", "Players"),
        ("Bob", "../Eve", "Eve"),
        ("Bob", "../../..", "root"),
        ("Bob", "../../../..", None),
        ("Bob", "../../../../root", None),
        ("Bob", ".", "Bob"),
        ("Bob", "./../Eve/.", "Eve"),
        ("Bob", "/root", "root"),
        ("Bob", "/root/Main", "Main"),
        ("Bob", "/root/Main/Players/../Players/Eve", "Eve"),
        ("Bob", "/Main", None),
        ("Bob", "/", None),
        ("Bob", "", None),
        ("root", "Players", None),
        ("root", "main", None),
        ("root", "Main/Nobody/Bob", None),
    ],
)
def test_has_and_get_node(tree: dict[str, Node], start: str, path: str, found: str | None) -> None:
    node = tree[start]
    assert node.has_node(path) is (found is not None)
    assert node.get_node_or_null(path) is (None if found is None else tree[found])
    if found is not None:
        assert node.get_node(path) is tree[found]
    else:
        error = error_of(node.get_node, path)
        assert error.code == Error.ERR_DOES_NOT_EXIST
        assert repr(path) in error.message


def test_a_rename_keeps_the_order_and_frees_the_old_name(tree: dict[str, Node]) -> None:
    players, bob = tree["Players"], tree["Bob"]
    bob.name = "Rob"
    assert [child.name for child in players.children] == ["Rob", "Eve"]
    assert players.get_node("Rob") is bob
    assert not players.has_node("Bob")
    players.add_child(Node("Bob"))
    assert error_of(setattr, bob, "name", "Bob").code == Error.ERR_ALREADY_EXISTS
    assert bob.name == "Rob"
    bob.name = "Rob"
    assert players.get_node("Rob") is bob


def test_a_name_is_taken_once_among_siblings(tree: dict[str, Node]) -> None:
    other = Node("Bob")
    assert error_of(tree["Players"].add_child, other).code == Error.ERR_ALREADY_EXISTS
    assert other.parent is None
    tree["Main"].add_child(other)
    assert other.get_path() == "/root/Main/Bob"


def test_a_node_has_one_parent(tree: dict[str, Node]) -> None:
    error = error_of(tree["Main"].add_child, tree["Bob"])
    assert error.code == Error.ERR_ALREADY_IN_USE
    tree["Players"].remove_child(tree["Bob"])
    tree["Main"].add_child(tree["Bob"])
    assert tree["Bob"].get_path() == "/root/Main/Bob"
    assert not tree["Players"].has_node("Bob")


@pytest.mark.parametrize("other", [Player, None, "Bob"])
def test_what_is_no_node_cannot_be_added(tree: dict[str, Node], other: object) -> None:
    error = error_of(tree["Players"].add_child, other)
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert repr(other) in error.message
    assert "as in Player()" in error.message
    assert tree["Players"].children == [tree["Bob"], tree["Eve"]]


def test_a_tree_has_no_circles(tree: dict[str, Node]) -> None:
    for below in ("root", "Main", "Bob"):
        assert error_of(tree[below].add_child, tree["root"]).code == Error.ERR_CYCLIC_LINK


def test_only_a_child_can_be_removed(tree: dict[str, Node]) -> None:
    for node in (tree["Bob"], tree["Main"], Node("Bob")):
        assert error_of(tree["Main"].remove_child, node).code == Error.ERR_DOES_NOT_EXIST
    assert tree["Bob"].parent is tree["Players"]


def test_the_root_of_an_api_cannot_become_a_child(tree: dict[str, Node]) -> None:
    api = SceneMultiplayer(tree["root"])
    above = Node("above")
    assert error_of(above.add_child, tree["root"]).code == Error.ERR_ALREADY_IN_USE
    assert error_of(SceneMultiplayer, tree["root"]).code == Error.ERR_ALREADY_IN_USE
    assert error_of(SceneMultiplayer, tree["Main"]).code == Error.ERR_ALREADY_IN_USE
    api.root = None
    above.add_child(tree["root"])
    assert tree["root"].get_path() == "/above/root"


def test_multiplayer_is_the_api_of_the_whole_tree(tree: dict[str, Node]) -> None:
    for node in tree.values():
        assert error_of(lambda node=node: node.multiplayer).code == Error.ERR_UNCONFIGURED
    api = SceneMultiplayer(tree["root"])
    assert all(node.multiplayer is api for node in tree.values())
    tree["Main"].remove_child(tree["Players"])
    error = error_of(lambda: tree["Bob"].multiplayer)
    assert error.code == Error.ERR_UNCONFIGURED
    assert "SceneMultiplayer" in error.message


def test_authority_goes_down_the_tree_unless_told_otherwise(tree: dict[str, Node]) -> None:
    assert all(node.get_multiplayer_authority() == 1 for node in tree.values())
    tree["Players"].set_multiplayer_authority(7)
    tree["Main"].set_multiplayer_authority(8, recursive=False)
    ids = {name: node.get_multiplayer_authority() for name, node in tree.items()}
    assert ids == {"root": 1, "Main": 8, "Players": 7, "Bob": 7, "Eve": 7}


def test_is_multiplayer_authority(tree: dict[str, Node]) -> None:
    assert error_of(tree["Bob"].is_multiplayer_authority).code == Error.ERR_UNCONFIGURED
    _api = SceneMultiplayer(tree["root"])  # offline, so that its id is 1
    assert tree["Bob"].is_multiplayer_authority()
    tree["Bob"].set_multiplayer_authority(2)
    assert not tree["Bob"].is_multiplayer_authority()


def test_calls_need_an_api(tree: dict[str, Node]) -> None:
    bob = tree["Bob"]
    for call in (
        lambda: bob.rpc("f"),
        lambda: bob.rpc_id(1, "f"),
        lambda: bob.rset("p", 1),
        lambda: bob.rset_id(1, "p", 1),
    ):
        assert error_of(call).code == Error.ERR_UNCONFIGURED


class Configured(Node):
    attribute = 3

    def plain(self) -> None: ...


@pytest.mark.parametrize("method", ["no_such", "attribute", "__class__x"])
def test_rpc_config_wants_a_method(method: str) -> None:
    error = error_of(Configured("C").rpc_config, method, {"rpc_mode": 1})
    assert error.code == Error.ERR_METHOD_NOT_FOUND


@pytest.mark.parametrize(
    "config",
    [{"mode": 1}, {"rpc_mode": 9}, {"transfer_mode": 3}, {"channel": 256}, {"channel": "1"}],
)
def test_rpc_config_wants_sense(config: dict[str, object]) -> None:
    error = error_of(Configured("C").rpc_config, "plain", config)
    assert error.code == Error.ERR_INVALID_PARAMETER


def test_rpc_config_is_of_one_node_and_can_be_taken_back() -> None:
    one, other = Configured("One"), Configured("Other")
    one.rpc_config("plain", {"rpc_mode": 1, "channel": 5, "call_local": True})
    assert list(one.get_rpc_table().methods) == ["plain"]
    assert one.get_rpc_table().methods["plain"].config.channel == 5
    assert not other.get_rpc_table().methods
    one.rpc_config("plain", None)
    assert not one.get_rpc_table().methods


def test_repr_says_where_it_is(tree: dict[str, Node]) -> None:
    assert repr(tree["Bob"]) == "<Node /root/Main/Players/Bob>"


def test_a_node_that_was_not_initialised_says_so() -> None:
    class Forgetful(Node):
        def __init__(self) -> None:
            self.lives = 3

    node = Forgetful()
    for action in (
        lambda: Node().add_child(node),
        lambda: node.add_child(Node()),
        lambda: SceneMultiplayer(node),
        lambda: node.name,
        lambda: node.multiplayer,
    ):
        error = error_of(action)
        assert error.code == Error.ERR_UNCONFIGURED
        assert "Forgetful.__init__() must call super().__init__(name)" in error.message
    assert repr(node) == "<Forgetful without super().__init__()>"
