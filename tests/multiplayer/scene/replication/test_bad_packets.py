"""What must not be: packets of those who may not send them, and packets that make no sense."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from multiplayer import Limits, MultiplayerSpawner, Node
from multiplayer.wire.dialects.godot4_replication import read_replication

from .rig import SERVER, A, B, Item, Player, Rig, home

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

SPAWN = (
    "04000100000001000000010000000300000002000000503100"
    "050000000000803f000000400207040000000100000074000000"
)


class Theirs(Player):
    """A player that A speaks for."""

    def __init__(self, name: str = "Theirs") -> None:
        super().__init__(name)
        self.set_multiplayer_authority(A)


def of_a(root: Node) -> None:
    home(root)
    spawner = root.get_node("Home/Spawner")
    assert isinstance(spawner, MultiplayerSpawner)
    spawner.set_multiplayer_authority(A)
    spawner.clear_spawnable_scenes()
    spawner.add_spawnable_scene("theirs", Theirs)
    spawner.add_spawnable_scene("item", Item)


def announced(rig: Rig) -> None:
    """Let A announce the spawner as its path id 1."""
    wire = rig.apis[A]._session.transport.wire
    rig.peers[A].send_packet(wire.announce(1, "Home/Spawner", ()), SERVER)
    rig.tick()


def reasons(rig: Rig) -> list[str]:
    return [reason for at, _, reason, _ in rig.rejected if at == SERVER]


def names(rig: Rig, own_id: int = SERVER) -> list[str]:
    return [node.name for node in rig.node(own_id, "Home").children]


def test_only_the_authority_spawns_and_nothing_is_made_before_that_is_known() -> None:
    made: list[Player] = []

    def build(root: Node) -> None:
        home(root)
        spawner = root.get_node("Home/Spawner")
        assert isinstance(spawner, MultiplayerSpawner)
        spawner.clear_spawnable_scenes()
        spawner.add_spawnable_scene("p", lambda: made.append(Player()) or made[-1])

    rig = Rig(A, build=build)
    rig.inject(A, SERVER, SPAWN)
    rig.settle()
    assert reasons(rig) == ["unknown_number"]
    announced(rig)
    rig.inject(A, SERVER, SPAWN)
    rig.settle()
    assert reasons(rig)[1:] == ["not_allowed"]
    assert made == []
    assert names(rig) == ["Spawner"]


def test_what_is_no_spawner_spawns_nothing() -> None:
    rig = Rig(A, build=of_a)
    wire = rig.apis[A]._session.transport.wire
    rig.peers[A].send_packet(wire.announce(1, "Home", ()), SERVER)
    rig.inject(A, SERVER, SPAWN)
    rig.settle()
    assert reasons(rig) == ["unknown_node"]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (SPAWN.replace("503100", "2f3100"), "bad_spawn"),  # a name with a slash
        (SPAWN.replace("503100", "403100"), "bad_spawn"),  # one that Godot makes up
        (SPAWN.replace("503100", "ff3100"), "malformed"),  # not UTF-8
        (SPAWN.replace("503100", "503131"), "malformed"),  # without a NUL
        (SPAWN.replace("503100", "500000"), "malformed"),  # with one too many
        (SPAWN[:28] + "00000000" + SPAWN[36:], "malformed"),  # without a name
        ("0409" + SPAWN[4:], "bad_spawn"),  # no such scene
        ("04ff" + SPAWN[4:44] + "5031000100000007", "bad_spawn"),  # no spawn_function
        ("04ff" + SPAWN[4:44] + "503100090000000207", "malformed"),
        (SPAWN.replace("010000000300", "ffffff7f0300"), "malformed"),
        ("05ffffff7f", "bad_spawn"),
        ("06010002000000ff00000000", "malformed"),
        ("0601000200", "malformed"),
        ("1602000000", "malformed"),
        ("060100050000800100000000", "unknown_number"),
    ],
)
def test_nonsense(packet: str, reason: str) -> None:
    rig = Rig(A, build=of_a)
    announced(rig)
    rig.inject(A, SERVER, packet)
    rig.settle()
    assert reasons(rig) == [reason]
    assert names(rig) == ["Spawner"]
    assert rig.apis[SERVER].get_peers() == [A]


def test_every_length_of_every_packet() -> None:
    """Cut anywhere, nothing but a rejection happens, and the whole packet works afterwards."""
    rig = Rig(A, build=of_a)
    announced(rig)
    delta = "16020000000100000000000000020000000209"
    sync = "060100020000000c000000050000000000803f00000040"
    for packet in (SPAWN, sync, delta):
        for end in range(2, 44 if packet == SPAWN else len(packet), 2):
            rig.inject(A, SERVER, packet[:end])
        rig.settle()
        rig.inject(A, SERVER, packet)
        rig.settle()
    assert rig.node(SERVER, "Home/P1").hp == 9
    assert {*reasons(rig)} <= {"malformed", "bad_spawn", "bad_state"}
    assert rig.apis[SERVER].get_peers() == [A]


def test_a_spawn_whose_state_ends_too_early_stays_with_what_was_set() -> None:
    rig = Rig(A, build=of_a)
    announced(rig)
    rig.inject(A, SERVER, SPAWN[:-12])
    rig.settle()
    assert reasons(rig) == ["bad_state"]
    assert names(rig) == ["Spawner", "P1"]


def test_numbers_and_names_in_use() -> None:
    rig = Rig(A, build=of_a)
    announced(rig)
    rig.inject(A, SERVER, SPAWN)
    rig.inject(A, SERVER, SPAWN.replace("503100", "503200"))  # the same number
    rig.inject(A, SERVER, SPAWN[:12] + "09000000" + SPAWN[20:])  # the same name
    rig.settle()
    assert reasons(rig) == ["bad_spawn", "bad_spawn"]
    assert names(rig) == ["Spawner", "P1"]


def test_too_few_and_too_many_numbers_for_synchronizers() -> None:
    rig = Rig(A, build=of_a)
    announced(rig)
    rig.inject(A, SERVER, "0401" + SPAWN[4:])  # an Item has none
    rig.inject(A, SERVER, SPAWN[:12] + "0900000000000000" + SPAWN[28:36] + "503200")
    rig.settle()
    assert reasons(rig) == ["bad_state", "bad_state"]
    assert names(rig) == ["Spawner", "P1", "P2"]
    assert "1 synchronizers more than are here" in rig.rejected[0][3]
    assert "set its authority in _enter_tree" in rig.rejected[1][3]


def test_properties_of_others_are_not_set() -> None:
    rig = Rig(A, B)
    player = Player("P")
    rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    wire = rig.apis[A]._session.transport.wire
    rig.peers[A].send_packet(wire.announce(7, "Home/P/Sync", ()), SERVER)
    rig.inject(A, SERVER, "060100070000800c000000050000000000803f00000040")
    rig.inject(A, SERVER, "16070000800100000000000000020000000201")
    rig.inject(A, SERVER, "16020000000100000000000000020000000201")
    relayed = "07031e00000016020000000100000000000000020000000201"
    rig.inject(A, SERVER, relayed)
    rig.settle()
    assert player.hp == rig.node(B, "Home/P").hp == 100
    assert reasons(rig) == ["not_allowed", "not_allowed"]
    assert not rig.faults


def test_a_despawn_of_another_s_node() -> None:
    rig = Rig(A, B)
    rig.node(SERVER, "Home").add_child(Player("P"))
    rig.settle()
    rig.inject(A, SERVER, "0501000000")
    rig.inject(A, SERVER, "07031e0000000501000000")
    rig.settle()
    assert reasons(rig) == ["bad_spawn"]
    assert rig.node(B, "Home/P") is not None


def test_a_peer_that_spawns_without_end() -> None:
    rig = Rig(A, B, build=of_a)
    rig.server.limits = Limits(max_spawned_nodes=3)
    for number in range(6):
        rig.node(A, "Home").add_child(Theirs(f"P{number}"))
    rig.settle()
    assert rig.server.expelled[0] == (A, "too many spawned nodes")
    assert "too_many_nodes" in reasons(rig)
    assert names(rig) == ["Spawner"]
    assert names(rig, B) == ["Spawner"]
    assert rig.apis[SERVER].get_peers() == [B]


def test_limits_at_a_client_drop_alone() -> None:
    rig = Rig(A)
    rig.peers[A].limits = Limits(max_spawned_nodes=2)
    for number in range(4):
        rig.node(SERVER, "Home").add_child(Player(f"P{number}"))
    rig.settle()
    assert names(rig, A) == ["Spawner", "P0", "P1"]
    rig.peers[A].limits = Limits(max_spawned_nodes=0)
    rig.node(SERVER, "Home").add_child(Player("More"))
    rig.settle()
    assert rig.node(A, "Home/More") is not None


@pytest.mark.handlers_fail
def test_what_the_program_raises_while_a_node_is_made_ends_nothing() -> None:
    class Broken(Player):
        def __init__(self, name: str = "Broken") -> None:
            super().__init__(name)
            self.where = ""

        def _enter_tree(self) -> None:
            if self.name == "Enter":
                raise ZeroDivisionError

        def _ready(self) -> None:
            if self.name == "Ready":
                raise ZeroDivisionError

        def _exit_tree(self) -> None:
            if self.name == "Exit":
                raise ZeroDivisionError

    def build(root: Node) -> None:
        of_a(root)
        spawner = root.get_node("Home/Spawner")
        assert isinstance(spawner, MultiplayerSpawner)
        spawner.clear_spawnable_scenes()
        spawner.add_spawnable_scene("broken", Broken)

    rig = Rig(A, build=build)
    home_of_a = rig.node(A, "Home")
    for name in ("Enter", "Ready", "Exit"):
        node = Broken(name)
        with pytest.raises(ZeroDivisionError) if name != "Exit" else nullcontext():
            home_of_a.add_child(node)
    rig.settle()
    assert names(rig) == ["Spawner", "Enter", "Ready", "Exit"]
    rig.leave(A)
    assert names(rig) == ["Spawner"]
    assert [where for at, where, _ in rig.faults if at == SERVER] == [
        "adding <Broken /root/Home/Enter>",
        "adding <Broken /root/Home/Ready>",
        "removing /root/Home/Exit",
    ]


def test_a_node_that_the_receiver_removed_itself() -> None:
    rig = Rig(A)
    player = Player("P")
    rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    there = rig.node(A, "Home/P")
    there.parent.remove_child(there)
    player.parent.remove_child(player)
    rig.settle()
    assert [(at, reason) for at, _, reason, _ in rig.rejected] == [(A, "unknown_node")]
    assert rig.take() == [(A, "spawned", "P")]


def test_nothing_is_kept_of_a_peer_that_has_left() -> None:
    rig = Rig(A, B)
    rig.node(SERVER, "Home").add_child(Player("P"))
    rig.settle()
    rig.leave(A)

    def kept(api: SceneMultiplayer) -> set[int]:
        replicator = api._session.replicator
        assert replicator is not None
        seen = {
            feed.peer for source in api.get_tracking().sources.values() for feed in source.feeds
        }
        return {*replicator.feeds} | seen | {feed.peer for feed in replicator._doomed}

    assert kept(rig.apis[SERVER]) == {B}
    assert kept(rig.apis[B]) == {SERVER}


def test_nothing_is_kept_of_nodes_that_are_gone() -> None:
    rig = Rig(A, B)
    for turn in range(3):
        for number in range(5):
            rig.node(SERVER, "Home").add_child(Player(f"P{turn}{number}"))
        rig.settle()
        for node in rig.node(SERVER, "Home").children[1:]:
            if turn:
                node.sync.set_visibility_for(0, False)
                rig.tick()
            node.parent.remove_child(node)
        rig.settle()
    for own_id in (SERVER, A, B):
        session = rig.apis[own_id]._session
        assert session.replicator is not None
        tracking = session.tracking
        for kept in (tracking.sources, tracking.spawned, tracking._nodes, tracking._waiting):
            assert not kept
        assert [len(watch.live) for watch in tracking._watches.values()] == [0]
        assert {view.sources for view in session.replicator._states._views.values()} <= {()}
        for feed in session.replicator.feeds.values():
            for table in (feed.spawned, feed.queue, feed.visible, feed.listed, feed.awaited):
                assert not table
            for table in (feed.behind, feed.sent, feed.received, feed.heard):
                assert not table


def test_what_is_read() -> None:
    packet = read_replication(bytes.fromhex("1f02000000010000000000000000000000"))
    assert packet.elements[0].bits == 1  # type: ignore[union-attr] # other flags are ignored
