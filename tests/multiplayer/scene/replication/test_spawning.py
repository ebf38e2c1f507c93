"""Spawned nodes: who has them, with what, in which order."""

from __future__ import annotations

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4_BETA,
    MultiplayerError,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    Vector2,
)
from tests.multiplayer.scene.worlds import error_of

from .rig import ALWAYS, NEVER, ON_CHANGE, SERVER, A, B, Item, Player, Rig, home, synchronizer


def spawn(rig: Rig, name: str = "P1", **values: object) -> Player:
    player = Player(name)
    for key, value in values.items():
        setattr(player, key, value)
    rig.node(SERVER, "Home").add_child(player)
    return player


def test_a_spawned_node_has_its_values_when_it_is_ready() -> None:
    rig = Rig(A, B)
    spawn(rig, position=Vector2(1, 2), hp=7, title="t")
    rig.settle()
    for client in (A, B):
        player = rig.node(client, "Home/P1")
        assert (player.position, player.hp, player.title) == (Vector2(1, 2), 7, "t")
        assert player.seen == [("entered", 100), ("ready", 7)]
    assert rig.take() == [(A, "spawned", "P1"), (B, "spawned", "P1")]
    assert not rig.faults + rig.rejected


def test_the_bytes_are_the_engines() -> None:
    """From spawn_scenes of the records, with the same setting."""
    rig = Rig(A)
    since = len(rig.network.log)
    spawn(rig, position=Vector2(1, 2), hp=7, title="t")
    path, made = rig.sent(A, since=since)
    assert path.startswith("01" + b"d41d8cd98f00b204e9800998ecf8427e".hex())
    assert made == (
        "04000100000001000000010000000300000002000000"
        "503100050000000000803f000000400207040000000100000074000000"
    )


def test_a_node_that_leaves_is_despawned() -> None:
    rig = Rig(A)
    player = spawn(rig)
    rig.settle()
    there = rig.node(A, "Home/P1")
    rig.take()
    player.parent.remove_child(player)
    assert rig.sent(A)[-1] == "0501000000"
    rig.settle()
    assert rig.node(A, "Home/P1") is None
    assert there.parent is None
    assert rig.take() == [(A, "despawned", "P1")]


def test_a_late_joiner_gets_the_present_values_in_the_order_of_spawning() -> None:
    rig = Rig()
    first = spawn(rig, "P1")
    spawn(rig, "P2", hp=2)
    first.hp = 50
    rig.join(A)
    assert rig.node(A, "Home/P1").seen[-1] == ("ready", 50)
    assert rig.node(A, "Home/P2").hp == 2
    assert rig.take() == [(A, "spawned", "P1"), (A, "spawned", "P2")]
    rig.join(B)
    assert [node.name for node in rig.node(B, "Home").children] == ["Spawner", "P1", "P2"]


@pytest.mark.handlers_fail
def test_a_node_that_is_added_again_has_to_be_asked_to_be_ready() -> None:
    rig = Rig(A)
    player = spawn(rig)
    parent = player.parent
    parent.remove_child(player)
    parent.add_child(player)
    rig.settle()
    assert rig.node(A, "Home/P1") is None
    assert not rig.rejected
    ((_, _, fault),) = rig.faults
    assert "call request_ready() before add_child()" in fault
    parent.remove_child(player)
    player.request_ready()
    parent.add_child(player)
    rig.settle()
    assert rig.node(A, "Home/P1") is not None
    assert len(rig.faults) == 1


def test_names_that_are_taken() -> None:
    rig = Rig(A)
    spawn(rig, "Q1")
    with pytest.raises(MultiplayerError, match="already has a child 'Q1'"):
        spawn(rig, "Q1")
    again = Item("Q1")
    rig.node(SERVER, "Home").add_child(again, True)
    assert again.name == "Q2"
    rig.node(A, "Home").add_child(Node("Q3"))
    third = Item("Q1")
    rig.node(SERVER, "Home").add_child(third, True)
    rig.settle()
    assert isinstance(rig.node(A, "Home/Q2"), Item)
    assert not isinstance(rig.node(A, "Home/Q3"), Item)
    ((_, _, reason, detail),) = rig.rejected
    assert reason == "bad_spawn"
    assert "already has a child 'Q3'" in detail
    third.parent.remove_child(third)  # which A never got
    rig.settle()
    assert rig.rejected[-1][2] == "bad_spawn"


def test_what_is_of_no_scene_stays_here() -> None:
    rig = Rig(A)
    since = len(rig.network.log)
    rig.node(SERVER, "Home").add_child(Node("Plain"))
    assert rig.sent(A, since=since) == []
    named = Node("Named")
    named.scene_file_path = "res://item.tscn"
    rig.node(SERVER, "Home").add_child(named)
    rig.settle()
    assert isinstance(rig.node(A, "Home/Named"), Item)
    assert rig.node(A, "Home/Named").scene_file_path == "res://item.tscn"


def with_function(root: Node) -> None:
    home(root)
    spawner = root.get_node("Home/Spawner")
    assert isinstance(spawner, MultiplayerSpawner)

    def make(data: object) -> Node:
        node = Player("C")
        node.title = repr(data)
        return node

    spawner.spawn_function = make


def test_spawn_with_data() -> None:
    rig = Rig(A, build=with_function)
    spawner = rig.node(SERVER, "Home/Spawner")
    made = spawner.spawn({"id": 5, "list": [None, 0.5]})
    assert made.parent is spawner.parent
    assert spawner.spawn().name == "C2"
    rig.settle()
    assert rig.node(A, "Home/C").title == "{'id': 5, 'list': [None, 0.5]}"
    assert rig.node(A, "Home/C2").title == "None"


def test_what_spawn_refuses() -> None:
    rig = Rig(A, build=with_function)
    spawner = rig.node(SERVER, "Home/Spawner")
    spawner.spawn_limit = 1
    spawner.spawn(1)
    assert error_of(spawner.spawn, 2).code.name == "ERR_OUT_OF_MEMORY"
    spawn(rig, "Beyond")  # scenes that are added are spawned all the same
    rig.settle()
    assert rig.node(A, "Home/Beyond") is not None
    spawner.spawn_limit = 0
    assert error_of(spawner.spawn, object()).code.name == "ERR_INVALID_PARAMETER"
    spawner.spawn_function = lambda _: None
    assert error_of(spawner.spawn, 3).code.name == "ERR_CANT_CREATE"
    spawner.spawn_function = None
    assert error_of(spawner.spawn, 3).code.name == "ERR_UNCONFIGURED"
    assert error_of(rig.node(A, "Home/Spawner").spawn, 4).code.name == "ERR_UNAUTHORIZED"
    assert error_of(MultiplayerSpawner().spawn, 5).code.name == "ERR_UNCONFIGURED"


@pytest.mark.parametrize("dialect", [GODOT_3, GODOT_4_BETA])
@pytest.mark.parametrize("kind", [MultiplayerSpawner, MultiplayerSynchronizer])
def test_dialects_without_replication_say_so(dialect: object, kind: type[Node]) -> None:
    api = SceneMultiplayer(Node("root"), dialect)  # type: ignore[arg-type]
    above = Node("Above")
    above.add_child(kind())
    assert api.root is not None
    error = error_of(api.root.add_child, above)
    assert error.code.name == "ERR_UNAVAILABLE"
    assert "use RPCs, or Dialect.NATIVE or Dialect.GODOT_4" in error.message
    assert above.parent is None


def test_nested_spawners() -> None:
    class Bag(Node):
        def __init__(self, name: str = "Bag") -> None:
            super().__init__(name)
            spawner = MultiplayerSpawner("Items")
            spawner.spawn_path = ".."
            spawner.add_spawnable_scene("item", Item)
            self.add_child(spawner)

    def build(root: Node) -> None:
        home(root)
        spawner = root.get_node("Home/Spawner")
        assert isinstance(spawner, MultiplayerSpawner)
        spawner.add_spawnable_scene("bag", Bag)

    rig = Rig(A, build=build)
    bag = Bag()
    rig.node(SERVER, "Home").add_child(bag)
    for number in range(2):
        bag.add_child(Item(f"I{number}"))
    rig.settle()
    assert [node.name for node in rig.node(A, "Home/Bag").children] == ["Items", "I0", "I1"]
    since = len(rig.network.log)
    bag.parent.remove_child(bag)
    assert rig.sent(A, since=since) == ["0503000000", "0502000000", "0501000000"]
    rig.settle()
    assert rig.node(A, "Home/Bag") is None
    rig.join(B)
    rig.node(SERVER, "Home").add_child(again := Bag("Again"))
    again.add_child(Item("I"))
    rig.settle()
    assert rig.node(B, "Home/Again/I") is not None
    assert not rig.rejected + rig.faults


def test_what_a_peer_spawned_goes_with_it_and_despawned_is_emitted() -> None:
    def build(root: Node) -> None:
        home(root)
        root.get_node("Home/Spawner").set_multiplayer_authority(A)

    rig = Rig(A, B, build=build)
    rig.node(A, "Home").add_child(Player("P"))
    rig.node(A, "Home").add_child(Item("I"))
    rig.settle()
    assert rig.node(B, "Home/P") is not None
    assert rig.node(SERVER, "Home/P") is not None
    rig.take()
    rig.leave(A)
    for own_id in (SERVER, B):
        assert [node.name for node in rig.node(own_id, "Home").children] == ["Spawner"]
    assert sorted(rig.take()) == sorted(
        (own_id, "despawned", name) for own_id in (SERVER, B) for name in ("P", "I")
    )


def test_when_the_server_goes_what_it_spawned_goes_after_server_disconnected() -> None:
    rig = Rig(A)
    spawn(rig)
    rig.settle()
    found: list[object] = []
    api = rig.apis[A]
    api.server_disconnected.connect(lambda: found.append(rig.node(A, "Home/P1")))
    rig.peers[A].drop()
    for _ in range(3):
        api.poll()
    assert found != [None]
    assert rig.node(A, "Home/P1") is None
    assert rig.node(SERVER, "Home/P1") is not None


def test_another_session_begins_with_what_is_there() -> None:
    rig = Rig(A)
    player = spawn(rig, hp=3)
    rig.settle()
    rig.apis[A].multiplayer_peer = None
    assert rig.node(A, "Home/P1") is None
    other = Rig()
    other.apis[SERVER].multiplayer_peer = None
    other.apis[SERVER].root = None
    rig.apis[SERVER].multiplayer_peer = None
    rig.apis[SERVER].multiplayer_peer = other.peers[SERVER]
    other.apis[SERVER] = rig.apis[SERVER]
    player.hp = 4
    other.join(B)
    assert other.node(B, "Home/P1").hp == 4
    assert other.sent(B)[1].startswith("04000100000001000000")


@pytest.mark.handlers_fail
def test_a_spawn_that_cannot_be_written_is_reported_once() -> None:
    rig = Rig(A)
    player = spawn(rig, "P1", title=object())
    rig.settle()
    assert [where for at, where, _ in rig.faults if at == SERVER] == [f"spawning {player!r}"]
    assert rig.node(A, "Home/P1") is None
    assert not rig.rejected  # nor is it announced by its path
    rig.join(B)
    assert len(rig.faults) == 1
    player.title = "fine"
    player.parent.remove_child(player)
    player.request_ready()
    rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    assert rig.node(A, "Home/P1").title == rig.node(B, "Home/P1").title == "fine"


def test_authority_of_a_client_over_a_part_of_what_the_server_spawns() -> None:
    class Avatar(Node):
        def __init__(self, name: str = "Avatar") -> None:
            super().__init__(name)
            self.hp, self.position, self.title = 1, Vector2(), ""
            self.add_child(synchronizer((".:hp", True, ALWAYS)))
            wishes = ((".:position", True, ALWAYS), (".:title", True, ON_CHANGE))
            self.add_child(synchronizer(*wishes, name="Input"))

        def _enter_tree(self) -> None:
            self.get_node("Input").set_multiplayer_authority(int(self.name[2:]))

    def build(root: Node) -> None:
        home(root)
        spawner = root.get_node("Home/Spawner")
        assert isinstance(spawner, MultiplayerSpawner)
        spawner.add_spawnable_scene("avatar", Avatar)

    rig = Rig(A, B, build=build)
    rig.node(SERVER, "Home").add_child(Avatar(f"of{A}"))
    rig.settle()
    mine = rig.node(A, f"Home/of{A}")
    mine.position, mine.title = Vector2(5, 6), "mine"
    mine.hp = 77  # not A's to say
    rig.node(SERVER, f"Home/of{A}").hp = 9
    rig.settle()
    for own_id in (SERVER, B):
        node = rig.node(own_id, f"Home/of{A}")
        assert (node.position, node.title, node.hp) == (Vector2(5, 6), "mine", 9)
    assert mine.hp == 9
    assert not rig.rejected + rig.faults
    for own_id in (SERVER, A, B):  # the authority changes while it plays
        rig.node(own_id, f"Home/of{A}/Input").set_multiplayer_authority(SERVER)
    rig.node(SERVER, f"Home/of{A}").position = Vector2(1, 1)
    rig.settle()
    assert mine.position == rig.node(B, f"Home/of{A}").position == Vector2(1, 1)


def test_never_is_in_the_spawn_alone() -> None:
    rig = Rig(A)
    player = spawn(rig, title="one")
    rig.settle()
    player.title = "two"
    rig.settle()
    assert rig.node(A, "Home/P1").title == "one"
    assert NEVER == 0


@pytest.mark.handlers_fail
def test_a_node_that_is_not_ready_again_holds_up_no_other() -> None:
    rig = Rig(A)
    again, other = Player("P"), Player("Q")
    there = rig.node(SERVER, "Home")
    there.add_child(again)
    rig.settle()
    there.remove_child(again)
    there.add_child(again)
    there.add_child(other)
    rig.settle()
    assert rig.node(A, "Home/P") is None
    assert rig.node(A, "Home/Q") is not None
    assert [where for _, where, _ in rig.faults] == [f"spawning {again!r}"]


def test_a_property_that_removes_its_node_while_it_is_spawned() -> None:
    class Fleeing(Player):
        flees = False

        @property
        def hp(self) -> int:
            if self.flees and self.parent is not None:
                self.parent.remove_child(self)
            return 1

        @hp.setter
        def hp(self, hp: int) -> None:
            pass

        def _ready(self) -> None:
            self.flees = True

    rig = Rig(A)
    fleeing = Fleeing("P")
    fleeing.scene_file_path = "res://player.tscn"
    rig.node(SERVER, "Home").add_child(fleeing)
    rig.settle()
    assert fleeing.parent is None
    assert rig.node(A, "Home/P") is None
    assert not rig.faults + rig.rejected


def test_a_spawn_that_an_interrupt_has_cut_in_two_is_finished_by_the_next_tick() -> None:
    interrupts = [KeyboardInterrupt()]

    def asked(peer: int) -> bool:
        if peer == B and player.is_node_ready() and interrupts:
            raise interrupts.pop()
        return True

    rig = Rig(A, B)
    player = Player("P")
    player.sync.visibility_update_mode = player.sync.VISIBILITY_PROCESS_NONE
    player.sync.add_visibility_filter(asked)
    with pytest.raises(KeyboardInterrupt):
        rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    assert [rig.node(client, "Home/P") is not None for client in (A, B)] == [True, True]
    assert not rig.faults + rig.rejected


def test_one_node_is_not_spawned_for_two() -> None:
    """Its second DESPAWN would take the node away that the first one is about."""
    rig = Rig(A)
    only = Item("Only")
    for own_id in (SERVER, A):
        rig.node(own_id, "Home/Spawner").spawn_function = lambda data, own_id=own_id: (
            only if own_id == A else Item(data)
        )
    first = rig.node(SERVER, "Home/Spawner").spawn("First")
    rig.settle()
    rig.node(A, "Home").remove_child(only)
    second = rig.node(SERVER, "Home/Spawner").spawn("Second")
    rig.settle()
    assert only.parent is None
    assert [reason for _, _, reason, _ in rig.rejected] == ["bad_spawn"]
    for node in (first, second):
        node.parent.remove_child(node)
    third = rig.node(SERVER, "Home/Spawner").spawn("Third")  # it has gone, and may come again
    rig.settle()
    assert (only.parent, only.name) == (rig.node(A, "Home"), third.name)


@pytest.mark.handlers_fail
def test_what_cannot_be_written_for_one_peer_now_is_sent_later_and_goes_on_for_others() -> None:
    rig = Rig(A)
    player = Player("P")
    rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    player.title = object()  # type: ignore[assignment]
    rig.join(B)
    assert rig.node(B, "Home/P") is None
    player.hp = 50
    for _ in range(60):
        rig.tick()
    assert rig.node(A, "Home/P").hp == 50
    assert len(rig.faults) == 1  # and not at each try
    player.title = "second"
    for _ in range(30):
        rig.tick()
    there = rig.node(B, "Home/P")
    assert (there.title, there.hp) == ("second", 50)
    assert not rig.rejected
