"""Properties that follow: always, on change, at intervals, in packets of a size."""

from __future__ import annotations

import math
from typing import Any

import pytest

from multiplayer import (
    GODOT_4,
    NATIVE,
    Dialect,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    Transform2D,
    Vector2,
)
from peers.testing.leaks import places_of
from tests.multiplayer.scene.loopback import LoopbackPeer, Network
from tests.multiplayer.scene.worlds import error_of

from .rig import ALWAYS, ON_CHANGE, SERVER, A, B, Player, Rig, config, synchronizer


class Thing(Node):
    """Has anything to say."""

    def __init__(self, name: str, *synchronizers: MultiplayerSynchronizer) -> None:
        super().__init__(name)
        self.hp: Any = 100
        self.any: Any = None
        self.title: Any = "first"
        for each in synchronizers:
            self.add_child(each)


def static(*properties: tuple[str, bool, Any], names: tuple[str, ...] = ("T",)) -> Any:
    """Return what builds things with a synchronizer each that is there from the beginning."""

    def build(root: Node) -> None:
        for name in names:
            root.add_child(Thing(name, synchronizer(*properties)))

    return build


def followed(rig: Rig, signal: str, own_id: int = A, path: str = "T/Sync") -> list[None]:
    """What is to grow with each signal."""
    times: list[None] = []
    getattr(rig.node(own_id, path), signal).connect(lambda: times.append(None))
    return times


def test_always_and_on_change() -> None:
    rig = Rig(A, B, build=static((".:hp", True, ALWAYS), (".:title", True, ON_CHANGE)))
    synced, changed = followed(rig, "synchronized"), followed(rig, "delta_synchronized")
    thing = rig.node(SERVER, "T")
    thing.hp, thing.title = 3, "x"
    for _ in range(4):
        rig.tick()
    assert (rig.node(A, "T").hp, rig.node(B, "T").title) == (3, "x")
    assert (len(synced), len(changed)) == (4, 1)
    thing.title = "y"
    thing.title = "x"  # and back between two looks
    rig.settle()
    assert len(changed) == 1


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (5, 5.0),
        (True, 1),
        ([1], [1, 2]),
        ({"k": [1]}, {"k": [1, 2]}),
        (math.nan, 0.0),
        (Vector2(1, 1), (1.0, 1.0)),
    ],
)
def test_changes_are_deep_and_by_type(first: object, then: object) -> None:
    rig = Rig(A, build=static((".:any", True, ON_CHANGE)))
    changed = followed(rig, "delta_synchronized")
    thing = rig.node(SERVER, "T")
    for count, value in enumerate((first, then), 1):
        thing.any = value
        rig.settle()
        assert len(changed) == count


def test_what_changes_inside_is_found() -> None:
    rig = Rig(A, build=static((".:any", True, ON_CHANGE)))
    thing = rig.node(SERVER, "T")
    thing.any = {"k": [1]}
    rig.settle()
    thing.any["k"].append(2)
    rig.settle()
    assert rig.node(A, "T").any == {"k": [1, 2]}


def test_a_nan_in_an_array_is_sent_once() -> None:
    """The engine sends it at every poll."""
    rig = Rig(A, build=static((".:any", True, ON_CHANGE)))
    changed = followed(rig, "delta_synchronized")
    rig.node(SERVER, "T").any = [math.nan]
    rig.settle()
    assert len(changed) == 1


def test_null_is_written_as_nil() -> None:
    rig = Rig(A, build=static((".:any", True, ALWAYS)))
    rig.settle()
    assert rig.sent(A)[-1].endswith("0400000000000000")


def test_a_null_object_of_an_engine_is_read() -> None:
    """Engines write one as the head of an object, which they themselves cannot read."""
    rig = Rig(A, build=static((".:hp", True, ALWAYS), (".:any", True, ALWAYS)))
    rig.settle()
    there = rig.node(A, "T")
    there.any = 1
    number = rig.sent(A)[-1][6:14]
    rig.inject(SERVER, A, f"06ff00 {number} 06000000 0207 18000000")
    rig.apis[A].poll()
    assert (there.hp, there.any) == (7, None)


def test_empty_packets_of_engines_do_nothing() -> None:
    """Engines send them before states that fill a packet."""
    rig = Rig(A, build=static((".:hp", True, ALWAYS)))
    rig.inject(SERVER, A, "06ff00")
    rig.inject(SERVER, A, "16")
    rig.settle()
    assert not rig.rejected


def test_no_empty_packet_before_a_large_state() -> None:
    rig = Rig(A, build=static((".:any", True, ALWAYS), names=("T", "U")))
    rig.server.max_packet_size = 1 << 16
    for name in ("T", "U"):
        rig.node(SERVER, name).any = bytes(1340)
    rig.settle()
    since = len(rig.network.log)
    rig.tick()
    packets = rig.sent(A, since=since)
    assert [len(packet) // 2 for packet in packets] == [3 + 8 + 1348] * 2
    assert packets[0][2:6] == packets[1][2:6]  # the same time
    rig.apis[SERVER].max_sync_packet_size = 4096
    since = len(rig.network.log)
    rig.tick()
    assert len(rig.sent(A, since=since)) == 1


@pytest.mark.handlers_fail
def test_states_that_are_too_large_are_reported_once_and_sent_when_they_are_smaller() -> None:
    rig = Rig(A, build=static((".:any", True, ALWAYS), (".:title", True, ON_CHANGE)))
    rig.server.max_packet_size = 1 << 20
    thing = rig.node(SERVER, "T")
    rig.settle()
    thing.any = bytes(1400)
    rig.settle()
    ((_, where, fault),) = rig.faults
    assert where == "the properties of /root/T/Sync"
    assert "larger than max_sync_packet_size (1350)" in fault
    thing.any, thing.title = b"small", "x" * 70_000
    rig.settle()
    assert rig.node(A, "T").any == b"small"
    assert "larger than max_delta_packet_size (65535)" in rig.faults[-1][2]
    thing.title = "x" * 60_000
    rig.settle()
    assert rig.node(A, "T").title == thing.title
    assert len(rig.faults) == 2


def test_sizes_of_packets() -> None:
    rig = Rig(A)
    api = rig.apis[SERVER]
    assert (api.max_sync_packet_size, api.max_delta_packet_size) == (1350, 65535)
    for name in ("max_sync_packet_size", "max_delta_packet_size"):
        assert error_of(setattr, api, name, 127).code.name == "ERR_INVALID_PARAMETER"
        setattr(api, name, 128)


def test_deltas_are_split() -> None:
    names = tuple(f"T{number}" for number in range(5))
    rig = Rig(A, build=static((".:any", True, ON_CHANGE), names=names))
    rig.apis[SERVER].max_delta_packet_size = 200
    rig.settle()
    for name in names:
        rig.node(SERVER, name).any = bytes(60)
    since = len(rig.network.log)
    rig.tick()
    assert [len(packet) // 2 for packet in rig.sent(A, since=since)] == [1 + 2 * 84, 169, 85]
    rig.settle()
    assert all(rig.node(A, name).any == bytes(60) for name in names)


def test_intervals() -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS), (".:title", True, ON_CHANGE)))
    rig.settle()
    sync = rig.node(SERVER, "T/Sync")
    sync.replication_interval = sync.delta_interval = 0.3
    rig.tick(10.0)
    rig.tick()
    synced, changed = followed(rig, "synchronized"), followed(rig, "delta_synchronized")
    for number in range(60):  # three seconds
        rig.node(SERVER, "T").title = str(number)
        rig.tick()
    assert 8 <= len(synced) <= 10
    assert 8 <= len(changed) <= 10
    rig.tick(0.3)
    rig.settle()
    assert rig.node(A, "T").title == "59"


def test_sub_properties() -> None:
    class Body(Node):
        position = Vector2()
        transform = Transform2D()

    def build(root: Node) -> None:
        wanted = ("Body:position:x", "Body:transform:origin:y", ".:any:k")
        thing = Thing("T", synchronizer(*((path, True, ALWAYS) for path in wanted)))
        thing.any = {"k": 0}
        thing.add_child(Body("Body"))
        root.add_child(thing)

    rig = Rig(A, build=build)
    body = rig.node(SERVER, "T/Body")
    body.position, body.transform = Vector2(5, 6), Transform2D(1, 0, 0, 1, 7, 8)
    rig.node(SERVER, "T").any = {"k": "v"}
    rig.node(A, "T/Body").position = Vector2(1, 2)
    rig.settle()
    there = rig.node(A, "T/Body")
    assert there.position == Vector2(5, 2)
    assert there.transform.origin == Vector2(0, 8)
    assert rig.node(A, "T").any == {"k": "v"}


@pytest.mark.handlers_fail
def test_a_property_that_is_missing_here_is_reported_once() -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS), ("Nobody:position", True, ALWAYS)))
    rig.settle()
    assert [fault for at, _, fault in rig.faults if at == SERVER] == [
        "ERR_DOES_NOT_EXIST: there is no property Nobody:position: <Thing /root/T> has no Nobody"
    ]
    assert not rig.rejected


@pytest.mark.handlers_fail
def test_a_synchronizer_without_configuration_says_so() -> None:
    rig = Rig(A, build=lambda root: root.add_child(MultiplayerSynchronizer("Sync")))
    rig.settle()
    assert [fault for at, _, fault in rig.faults if at == SERVER] == [
        "ERR_UNCONFIGURED: <MultiplayerSynchronizer /root/Sync> has no replication_config; set one"
    ]


@pytest.mark.handlers_fail
def test_one_state_that_cannot_be_set_costs_that_object_alone() -> None:
    """In engines it ends the packet, so that those behind it get nothing, for ever."""
    names = ("N0", "N1", "N2")
    rig = Rig(A, build=static((".:hp", True, ALWAYS), names=names))

    class Picky(Thing):
        @property
        def hp(self) -> object:
            return 0

        @hp.setter
        def hp(self, value: object) -> None:
            if self.name == "N1" and value == 8:
                raise ZeroDivisionError

    rig.settle()
    rig.node(A, "N1").__class__ = Picky
    for name in names:
        rig.node(SERVER, name).hp = 8
    rig.settle()
    assert rig.node(A, "N0").hp == rig.node(A, "N2").hp == 8
    assert {where for _, where, _ in rig.faults} == {"setting .:hp of /root/N1/Sync"}
    rig.node(A, "N1/Sync").replication_config = config((".:nothing", True, ALWAYS))
    rig.node(SERVER, "N2").hp = 9
    rig.settle()
    assert rig.node(A, "N2").hp == 9
    assert rig.rejected[-1][2:] == (
        "bad_state",
        f"/root/N1/Sync: there is no property .:nothing: {rig.node(A, 'N1')!r} has no nothing",
    )


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (((".:hp", True, ALWAYS), (".:any", True, ALWAYS)), "2 of them should be here"),
        ((), "more came than the 0 that are configured here"),
    ],
)
def test_properties_that_differ_are_explained(theirs: Any, words: str) -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS)))
    rig.node(A, "T/Sync").replication_config = config(*theirs)
    rig.settle()
    reason, detail = rig.rejected[-1][2:]
    assert reason == "bad_state"
    assert words in detail
    assert "Do both sides have the same replication_config, in the same order?" in detail


def test_a_delta_that_has_bits_beyond_is_explained() -> None:
    both = (".:title", True, ON_CHANGE), (".:any", True, ON_CHANGE)
    rig = Rig(A, build=static(*both))
    rig.node(A, "T/Sync").replication_config = config(both[0])
    rig.node(SERVER, "T").any = 9
    rig.settle()
    assert "sent on change: one of more than the 1 that are configured here" in rig.rejected[-1][3]


def test_at_most_64_properties_are_sent_on_change() -> None:
    made = config(*((f".:x{number}", True, ON_CHANGE) for number in range(64)))
    made.add_property(".:x64")
    error = error_of(made.property_set_replication_mode, ".:x64", ON_CHANGE)
    assert error.code.name == "ERR_PARAMETER_RANGE_ERROR"
    made.property_set_replication_mode(".:x64", ALWAYS)
    made.property_set_replication_mode(".:x63", ALWAYS)
    made.property_set_replication_mode(".:x64", ON_CHANGE)


def test_configurations() -> None:
    made = config((".:a", True, ALWAYS), (".:b", False, ON_CHANGE))
    made.add_property("Body:c", 0)
    assert [str(path) for path in made.get_properties()] == ["Body:c", ".:a", ".:b"]
    assert made.property_get_index(".:b") == 2
    assert (made.property_get_spawn(".:b"), made.property_get_replication_mode(".:b")) == (
        False,
        ON_CHANGE,
    )
    assert made.has_property(NodePath(".:a"))
    made.remove_property(".:a")
    made.remove_property(".:a")
    assert not made.has_property(".:a")
    for path in ("/root:a", "Body", "a::b", ""):
        assert error_of(made.add_property, path).code.name == "ERR_INVALID_PARAMETER"
    assert error_of(made.add_property, ".:b").code.name == "ERR_ALREADY_EXISTS"
    assert error_of(made.property_get_spawn, ".:z").code.name == "ERR_DOES_NOT_EXIST"
    assert error_of(made.property_set_replication_mode, ".:b", 7).code.name == (
        "ERR_INVALID_PARAMETER"
    )


def test_a_configuration_that_changes_is_followed() -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS)))
    rig.settle()
    for own_id in (SERVER, A):
        sync = rig.node(own_id, "T/Sync")
        sync.replication_config.add_property(".:title")
        sync.replication_config.property_set_replication_mode(".:title", ON_CHANGE)
    rig.node(SERVER, "T").title = "new"
    rig.settle()
    assert rig.node(A, "T").title == "new"
    assert not rig.rejected + rig.faults


def test_older_times_are_skipped_and_times_wrap() -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS)))
    rig.settle()
    number = rig.sent(A)[-1][6:14]

    def at(time: int, value: int) -> int:
        rig.inject(
            SERVER, A, f"06{time.to_bytes(2, 'little').hex()} {number} 02000000 02{value:02x}"
        )
        rig.apis[A].poll()
        return rig.node(A, "T").hp

    assert at(30_000, 1) == 1
    assert at(29_999, 2) == 1
    assert at(30_000, 3) == 3
    assert at(62_000, 4) == 4
    assert at(5, 5) == 5
    assert at(65_535, 6) == 5


def test_the_time_of_a_receiver_counts_its_ticks_and_wraps() -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS)))
    rig.settle()
    replicator = rig.apis[SERVER]._session.replicator
    assert replicator is not None
    replicator.feeds[A].time = 65_534
    since = len(rig.network.log)
    for _ in range(3):
        rig.tick()
    assert [packet[:6] for packet in rig.sent(A, since=since)] == ["06ffff", "060000", "060100"]


def test_a_renamed_node_is_found_again_by_its_new_path() -> None:
    rig = Rig(A, build=static((".:hp", True, ALWAYS)))
    rig.settle()
    for own_id in (SERVER, A):
        rig.node(own_id, "T").name = "New"
    rig.node(SERVER, "New").hp = 5
    rig.settle()
    assert rig.node(A, "New").hp == 5


def test_root_paths() -> None:
    def build(root: Node) -> None:
        thing = Thing("T")
        thing.add_child(Thing("Body", synchronizer((".:hp", True, ALWAYS))))
        root.add_child(thing)

    rig = Rig(A, build=build)
    for own_id in (SERVER, A):
        rig.node(own_id, "T/Body/Sync").root_path = NodePath("../..")
    rig.node(SERVER, "T").hp = 7
    rig.settle()
    assert (rig.node(A, "T").hp, rig.node(A, "T/Body").hp) == (7, 100)
    rig.node(SERVER, "T/Body/Sync").root_path = ""
    since = len(rig.network.log)
    rig.settle()
    assert rig.sent(A, since=since) == []


def test_a_property_that_sends_a_peer_away() -> None:
    """A getter of the program's, in the midst of a tick."""
    rig = Rig(A, B, build=static((".:hp", True, ALWAYS), (".:title", True, ON_CHANGE)))

    class Leaving(Thing):
        @property
        def hp(self) -> object:
            api = rig.apis[SERVER]
            if A in api.get_peers():
                api.disconnect_peer(A)
            return 5

        @hp.setter
        def hp(self, value: object) -> None: ...

    thing = rig.node(SERVER, "T")
    thing.__class__ = Leaving
    thing.title = "new"
    rig.settle()
    assert rig.apis[SERVER].get_peers() == [B]
    assert (rig.node(B, "T").hp, rig.node(B, "T").title) == (5, "new")
    assert not rig.faults


@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda each: each.name)
def test_in_another_session_values_go_to_the_numbers_of_that_session(dialect: Dialect) -> None:
    """What was encoded for one session has its numbers in it, which are others' in the next."""
    rig = Rig(A, dialect=dialect)
    gone, *players = (Player(name) for name in "PQR")
    for player in (gone, *players):
        rig.node(SERVER, "Home").add_child(player)
    players[0].hp, players[1].hp = 2, 3
    rig.settle()
    rig.node(SERVER, "Home").remove_child(gone)
    rig.settle()
    rig.network = Network(in_order=True)
    rig.apis = {SERVER: rig.apis[SERVER]}
    rig.peers = {SERVER: LoopbackPeer(rig.network, SERVER)}
    rig.apis[SERVER].multiplayer_peer = rig.peers[SERVER]
    rig.join(B)
    assert [rig.node(B, f"Home/{player.name}").hp for player in players] == [2, 3]
    assert not rig.faults + rig.rejected


def test_the_times_of_one_who_joins_again_under_its_id_begin_anew() -> None:
    def build(root: Node) -> None:
        player = Player("P")
        player.sync.set_multiplayer_authority(A)
        root.add_child(player)

    rig = Rig(A, build=build)
    for _ in range(20):
        rig.tick()
    rig.leave(A)
    kept = places_of(rig.apis[SERVER]._session.tracking, A)
    assert not [place for place in kept if ".heard[" in place]
    rig.join(A)
    rig.node(A, "P").position = Vector2(2, 2)
    rig.settle()
    assert rig.node(SERVER, "P").position == Vector2(2, 2)


def test_nothing_is_kept_of_synchronizers_that_nobody_has_confirmed() -> None:
    rig = Rig(A, build=lambda root: root.add_child(Node("Home")))
    for number in range(9):
        player = Player(f"P{number}")
        rig.node(SERVER, "Home").add_child(player)
        rig.tick()
        rig.node(SERVER, "Home").remove_child(player)
    replicator = rig.apis[SERVER]._session.replicator
    assert replicator is not None
    assert not replicator.feeds[A].awaited


@pytest.mark.handlers_fail
def test_two_properties_that_fail_at_each_tick_are_reported_once_each() -> None:
    rig = Rig(A)
    player = Player("P")
    player.sync.replication_config = config((".:one", False, ALWAYS), (".:two", False, ON_CHANGE))
    rig.node(SERVER, "Home").add_child(player)
    rig.settle()
    assert len(rig.faults) == 2
