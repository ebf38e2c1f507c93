"""Who sees what: lists, filters, and what follows for nodes, properties and calls."""

from __future__ import annotations

import pytest

from multiplayer import (
    MultiplayerSynchronizer,
    Node,
    SceneReplicationConfig,
    VisibilityUpdateMode,
    rpc,
)
from tests.multiplayer.scene.worlds import error_of

from .rig import ALWAYS, ON_CHANGE, SERVER, A, B, C, Player, Rig, home, synchronizer


class Speaker(Player):
    """Can be called."""

    heard: list[object]

    @rpc("any_peer")
    def poke(self, what: object) -> None:
        self.heard = [*getattr(self, "heard", []), what]


def build(root: Node) -> None:
    home(root)
    spawner = root.get_node("Home/Spawner")
    spawner.add_spawnable_scene("speaker", Speaker)  # type: ignore[attr-defined]


def spawned(rig: Rig, name: str = "P1", *, public: bool = True) -> Speaker:
    player = Speaker(name)
    player.sync.public_visibility = public
    rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    return player


def test_a_hidden_node_is_not_there_and_comes_with_the_same_numbers() -> None:
    rig = Rig(A, B, build=build)
    player = spawned(rig, public=False)
    assert rig.node(A, "Home/P1") is None
    player.sync.set_visibility_for(A, True)
    assert rig.sent(A)[-1].startswith("04020100000001000000010000000300000002000000")
    rig.settle()
    assert rig.node(A, "Home/P1") is not None
    assert rig.node(B, "Home/P1") is None
    player.hp = 3
    player.sync.set_visibility_for(A, False)
    assert rig.sent(A)[-1] == "0501000000"
    player.hp = 4
    player.sync.set_visibility_for(A, True)
    assert rig.sent(A)[-1].startswith("04020100000001000000010000000300000002000000")
    rig.settle()
    assert rig.node(A, "Home/P1").hp == 4
    assert not rig.rejected + rig.faults


def test_public_and_then_for_one_in_one_frame_is_gone_and_there() -> None:
    rig = Rig(A, build=build)
    player = spawned(rig)
    since = len(rig.network.log)
    player.sync.public_visibility = False
    player.sync.set_visibility_for(A, True)
    assert [packet[:2] for packet in rig.sent(A, since=since)] == ["05", "04"]


def test_a_filter_is_asked_for_real_peers_alone() -> None:
    """Engines ask for peer 0 first, and if that is true, for nobody else."""
    rig = Rig(A, B, build=build)
    player = spawned(rig)
    asked: list[int] = []

    def not_b(peer: int) -> bool:
        asked.append(peer)
        return peer != B

    player.sync.add_visibility_filter(not_b)
    rig.settle()
    assert {*asked} == {A, B}
    assert rig.node(A, "Home/P1") is not None
    assert rig.node(B, "Home/P1") is None
    player.sync.remove_visibility_filter(not_b)
    player.sync.remove_visibility_filter(not_b)
    rig.settle()
    assert rig.node(B, "Home/P1") is None  # nothing happens until the next update
    player.sync.update_visibility(A)
    assert rig.node(B, "Home/P1") is None
    player.sync.update_visibility()
    rig.settle()
    assert rig.node(B, "Home/P1") is not None


def test_modes_of_update() -> None:
    rig = Rig(A, build=build)
    player = spawned(rig)
    changed: list[int] = []
    player.sync.visibility_changed.connect(changed.append)
    player.sync.add_visibility_filter(lambda peer: True)
    rig.tick()
    rig.tick()
    assert changed == [0, 0]
    player.sync.visibility_update_mode = VisibilityUpdateMode.VISIBILITY_PROCESS_NONE
    rig.tick()
    player.sync.set_visibility_for(A, True)
    player.sync.set_visibility_for(A, True)
    player.sync.update_visibility(A)
    assert changed == [0, 0, A, A]
    assert error_of(setattr, player.sync, "visibility_update_mode", 5).code.name == (
        "ERR_INVALID_PARAMETER"
    )


@pytest.mark.handlers_fail
def test_filters_that_raise_or_return_something_else_hide() -> None:
    rig = Rig(A, build=build)
    player = spawned(rig)
    player.sync.add_visibility_filter(lambda peer: 1)  # type: ignore[arg-type, return-value]
    rig.tick()
    rig.settle()
    assert rig.node(A, "Home/P1") is None
    assert "must return a bool, not 1" in rig.faults[0][2]
    spawned(rig, "P2").sync.add_visibility_filter(lambda peer: bool(1 / 0))
    rig.settle()
    assert rig.node(A, "Home/P2") is None


def test_a_filter_that_sends_a_peer_away() -> None:
    rig = Rig(A, B, build=build)
    player = spawned(rig)

    def expel(peer: int) -> bool:
        if peer == A and A in rig.apis[SERVER].get_peers():
            rig.apis[SERVER].disconnect_peer(A)
        return True

    player.sync.add_visibility_filter(expel)
    player.hp = 5
    rig.settle()
    assert rig.node(B, "Home/P1").hp == 5
    assert rig.apis[SERVER].get_peers() == [B]
    assert not rig.faults


def test_lists_outlive_peers_and_count_for_those_to_come() -> None:
    rig = Rig(A, build=build)
    player = spawned(rig, public=False)
    player.sync.set_visibility_for(C, True)
    rig.join(C)
    assert rig.node(C, "Home/P1") is not None
    assert player.sync.get_visibility_for(C)
    assert not player.sync.get_visibility_for(A)
    assert not player.sync.public_visibility


def test_static_synchronizers_fall_silent() -> None:
    def static(root: Node) -> None:
        node = Speaker("S")
        root.add_child(node)

    rig = Rig(A, B, build=static)
    rig.settle()
    sync = rig.node(SERVER, "S/Sync")
    sync.public_visibility = False
    since = len(rig.network.log)
    rig.node(SERVER, "S").hp = 6
    rig.settle()
    assert rig.sent(A, since=since) == []
    sync.set_visibility_for(A, True)
    rig.settle()
    assert (rig.node(A, "S").hp, rig.node(B, "S").hp) == (6, 100)


def test_a_node_is_visible_if_any_of_its_synchronizers_is() -> None:
    class Two(Node):
        def __init__(self, name: str = "Two") -> None:
            super().__init__(name)
            self.hp, self.title = 1, "t"
            self.add_child(synchronizer((".:hp", True, ALWAYS), name="S1"))
            self.add_child(synchronizer((".:title", True, ON_CHANGE), name="S2"))

    def builds(root: Node) -> None:
        home(root)
        root.get_node("Home/Spawner").add_spawnable_scene("two", Two)  # type: ignore[attr-defined]

    rig = Rig(A, build=builds)
    two = Two()
    two.get_node("S1").public_visibility = False  # type: ignore[attr-defined]
    two.hp = 5
    rig.node(SERVER, "Home").add_child(two)
    rig.settle()
    there = rig.node(A, "Home/Two")
    assert there.hp == 5  # the SPAWN has the state of all
    two.hp, two.title = 6, "u"
    rig.settle()
    assert (there.hp, there.title) == (5, "u")
    two.get_node("S2").public_visibility = False  # type: ignore[attr-defined]
    rig.settle()
    assert rig.node(A, "Home/Two") is None


def test_calls_reach_those_who_have_the_node() -> None:
    rig = Rig(A, B, build=build)
    player = spawned(rig, public=False)
    player.sync.set_visibility_for(A, True)
    rig.settle()
    for number in range(3):
        player.poke.rpc(number)
        rig.settle()
    assert rig.node(A, "Home/P1").heard == [0, 1, 2]
    error = error_of(player.poke.rpc_id, B, "B")
    assert error.code.name == "ERR_UNAUTHORIZED"
    assert f"peer {B} does not see" in error.message
    player.sync.public_visibility = True
    rig.settle()
    player.poke.rpc("all")
    rig.settle()
    assert rig.node(B, "Home/P1").heard == ["all"]
    rig.node(A, "Home/P1").poke.rpc("from A")
    rig.settle()
    assert player.heard == ["from A"]
    assert not rig.rejected


def test_only_the_authority_decides() -> None:
    rig = Rig(A, build=build)
    spawned(rig)
    sync = rig.node(A, "Home/P1/Sync")
    changed: list[int] = []
    sync.visibility_changed.connect(changed.append)
    sync.public_visibility = False
    sync.update_visibility()
    assert changed == []
    MultiplayerSynchronizer().update_visibility()  # in no tree
    assert rig.node(A, "Home/P1") is not None


class Plain(Node):
    """Is everybody's, until it has a synchronizer."""

    def __init__(self) -> None:
        super().__init__("Plain")
        self.heard: list[object] = []

    @rpc("any_peer")
    def poke(self, what: object) -> None:
        self.heard.append(what)


def test_calls_heed_a_synchronizer_that_comes_after_the_first_of_them() -> None:
    """What was found out for the calls before is wrong then."""
    rig = Rig(A, B, build=lambda root: root.add_child(Plain()))
    plain = rig.node(SERVER, "Plain")
    group = rig.apis[SERVER].group("all")
    group.add(A, B)

    def call(what: str) -> None:
        for way in (plain.poke.rpc, lambda what: plain.poke.rpc_to(group, what)):
            way(what)
            rig.settle()

    for what in ("one", "two"):
        call(what)
    hiding = MultiplayerSynchronizer("Hiding")
    hiding.replication_config = SceneReplicationConfig()
    hiding.public_visibility = False
    plain.add_child(hiding)
    hiding.set_visibility_for(A, True)
    rig.settle()
    call("three")
    assert rig.node(A, "Plain").heard == ["one"] * 2 + ["two"] * 2 + ["three"] * 2
    assert rig.node(B, "Plain").heard == ["one"] * 2 + ["two"] * 2
