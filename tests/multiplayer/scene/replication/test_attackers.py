"""Whatever a hostile peer sends of replication, nothing changes but what it decides about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, Limits, Reason, Vector2
from multiplayer.wire.dialects.choice import wire_of
from tests.multiplayer.scene.replication import attack_packets
from tests.multiplayer.scene.replication.attack_packets import (
    HP,
    MINE,
    MY_FLAG,
    PATH_ID,
    POSITION,
    STATE,
    despawn,
    spawn,
    sync,
)
from tests.multiplayer.scene.replication.attacked import (
    HONEST,
    HOSTILE,
    MOST_NODES,
    SERVER,
    Attacked,
    Thing,
)

Attacks = Callable[[Mapping[str, bytes]], Iterator[tuple[str, bytes]]]
PROPER = {GODOT_4: attack_packets.proper, NATIVE: attack_packets.native_proper}
DIALECTS = pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda each: each.name)
WAYS = pytest.mark.parametrize("to", [SERVER, HONEST, 0, -SERVER], ids=str)
"""To the server, and relayed by it: to a client, to all, to all clients."""


def despawn_in(dialect: Dialect, node: int) -> bytes:
    """A DESPAWN."""
    wire = wire_of(dialect).replication
    assert wire is not None
    return wire.despawn(node)


def receivers(to: int) -> list[int]:
    """Who gets what is sent so."""
    return [each for each in (SERVER, HONEST) if to in (0, each) or (to < 0 and each != -to)]


@DIALECTS
@WAYS
def test_what_it_has_the_right_to_is_done(dialect: Dialect, to: int) -> None:
    session = Attacked(dialect)
    session.announce()
    for packet in PROPER[dialect]().values():
        session.attack(packet, to)
        session.settle()
    session.check()
    for peer, world in session.worlds.items():
        names = ["P1", "P5"] if peer in receivers(to) else []
        assert [node.name for node in world.mine.children] == names
        reached = peer in receivers(to)
        assert world.my_flag.hp == (66 if reached else 100)
        assert world.my_flag.position == (Vector2(6, 6) if reached else Vector2(0, 0))
    session.check_honest_still_meet()
    session.drop_hostile()


@DIALECTS
@WAYS
def test_what_it_has_no_right_to_is_refused(dialect: Dialect, to: int) -> None:
    session = Attacked(dialect)
    session.announce()
    forbidden = attack_packets.native_forbidden if dialect is NATIVE else attack_packets.forbidden
    for _, packet in forbidden():
        session.attack(packet, to)
        session.settle()
        session.check()
    for peer in receivers(to):
        assert session.worlds[peer].mine.children == []
        reasons = {reason for reason, _ in session.worlds[peer].rejected}
        assert Reason.NOT_ALLOWED in reasons
    session.check_honest_still_meet()
    session.drop_hostile()


@WAYS
def test_lies_change_nothing_else(to: int) -> None:
    session = Attacked()
    session.announce()
    for _, packet in attack_packets.lying():
        session.attack(packet, to)
        session.settle()
        session.check()
    session.check_honest_still_meet()
    session.drop_hostile()


@DIALECTS
@WAYS
@pytest.mark.parametrize("attacks", [attack_packets.cut, attack_packets.changed])
def test_packets_cut_at_every_length_and_changed_at_every_byte(
    dialect: Dialect, to: int, attacks: Attacks
) -> None:
    session = Attacked(dialect, Limits(max_spawned_nodes=MOST_NODES, max_violations=0))
    session.announce()
    proper = PROPER[dialect]()
    session.attack(proper["spawn"], to)
    for number, (_, packet) in enumerate(attacks(proper)):
        session.attack(packet, to)
        if number % 8 == 0:
            session.poll()
            session.check()
        for node in range(8):  # there is room for what comes
            session.attack(despawn_in(dialect, node + 1), to)
    session.check()
    session.check_honest_still_meet()
    session.drop_hostile()


def test_every_lie_alone() -> None:
    """What one packet leaves behind must not hide what the next one does."""
    for name, packet in attack_packets.lying():
        session = Attacked()
        session.announce()
        session.attack(packet)
        session.settle()
        session.check()
        session.attack(spawn(1000, b"Proper\0"))
        session.settle()
        assert session.server.mine.has_node("Proper"), name
        session.drop_hostile()


def test_a_number_in_use_and_a_name_in_use() -> None:
    session = Attacked()
    session.announce()
    session.attack(spawn(1, b"P1\0"))
    session.attack(spawn(1, b"P2\0"))
    session.attack(spawn(9, b"P1\0"))
    session.attack(spawn(11, b"P3\0", synchronizers=[2]))
    session.settle()
    session.check()
    assert not session.server.mine.has_node("P2")
    assert len(session.server.rejected) >= 2
    session.attack(sync((2, POSITION), time=1001))
    session.settle()
    first = session.server.mine.get_node("P1")
    assert isinstance(first, Thing)
    assert first.position == Vector2(6, 6)
    session.attack(despawn(1))
    session.settle()
    assert not session.server.mine.has_node("P1")
    session.drop_hostile()


def test_a_name_is_free_again_when_its_node_has_gone() -> None:
    session = Attacked()
    session.announce()
    for node in range(1, 100, 2):
        session.attack(spawn(node))
        session.attack(despawn(node))
    session.settle()
    assert session.server.mine.children == []
    session.check()
    session.drop_hostile()


@pytest.mark.parametrize("to", [SERVER, HONEST])
def test_spawning_without_end(to: int) -> None:
    session = Attacked()
    session.announce()
    for node in range(1, 4 * MOST_NODES, 2):
        session.attack(spawn(node, b"N%d\0" % node), to)
    session.poll()
    session.settle()
    for world in session.worlds.values():
        assert len(world.mine.children) <= MOST_NODES
    if to == SERVER:
        server = session.network.peers[SERVER]
        assert {peer for peer, _ in server.expelled} == {HOSTILE}
        assert HOSTILE not in session.server.api.get_peers()
    session.check()
    session.check_honest_still_meet()


def test_states_in_floods() -> None:
    session = Attacked()
    session.announce()
    session.attack(spawn(1))
    elements = [(2, POSITION), (PATH_ID | MY_FLAG, POSITION), (99, STATE), (PATH_ID | 99, HP)]
    for time in range(2000):
        session.attack(sync(*elements * 4, time=time), 0)
    session.settle()
    session.check()
    session.check_honest_still_meet()
    session.drop_hostile()


def test_the_numbers_of_one_mean_nothing_from_another() -> None:
    """Numbers and path ids are each sender's own."""
    session = Attacked()
    session.announce()
    session.attack(despawn(1))
    session.attack(sync((2, POSITION)))
    session.settle()
    session.check()
    assert [node.name for node in session.honest.things.children] == session.spawned


def test_an_unknown_spawner_and_one_that_is_none() -> None:
    session = Attacked()
    session.announce()
    session.attack(session.announcement(9, "Flag"))
    session.attack(session.announcement(10, "Nowhere"))
    for spawner in (9, 10, 11, MY_FLAG):
        session.attack(spawn(20, b"Q\0", spawner=spawner))
    session.settle()
    session.check()
    assert len(session.server.rejected) >= 4
    session.attack(spawn(20, b"Q\0", spawner=MINE))
    session.settle()
    assert session.server.mine.has_node("Q")
