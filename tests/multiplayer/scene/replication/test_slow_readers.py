"""Peers that do not read: they converge, in order, with bounded memory; and interrupted ticks."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Node, Vector2

from .rig import ON_CHANGE, SERVER, A, B, Player, Rig, home, synchronizer

if TYPE_CHECKING:
    from types import FrameType


def spawn(rig: Rig, name: str) -> Player:
    player = Player(name)
    rig.node(SERVER, "Home").add_child(player)
    return player


def test_deltas_are_merged_and_syncs_replaced() -> None:
    """The engine loses what it cannot send: of 240 changes 144, for good."""
    rig = Rig(A, B)
    player = spawn(rig, "P")
    rig.settle()
    rig.server.block(A)
    for number in range(240):
        player.hp, player.position = number, Vector2(number, 0)
        rig.tick()
    assert rig.server.get_backlog(A) <= 4096
    waiting = [sent.payload[0] for sent in rig.server.blocked[A]]
    assert len(waiting) < 30  # as many as fill an eighth
    assert rig.node(B, "Home/P").hp == 239
    rig.server.unblock(A)
    rig.settle()
    assert (rig.node(A, "Home/P").hp, rig.node(A, "Home/P").position) == (239, Vector2(239, 0))
    assert not rig.rejected + rig.faults


def test_spawns_keep_their_order_and_what_came_and_went_is_never_sent() -> None:
    rig = Rig(A)
    stays = [spawn(rig, f"Old{number}") for number in range(3)]
    rig.settle()
    rig.server.block(A)
    for number in range(200):
        spawn(rig, f"N{number}")
        rig.tick()
    for number in range(0, 200, 2):
        node = rig.node(SERVER, f"Home/N{number}")
        node.parent.remove_child(node)
    stays[1].parent.remove_child(stays[1])
    rig.node(SERVER, "Home/N1").hp = 5
    assert rig.server.most <= 4096
    rig.settle()
    since = len(rig.network.log)
    rig.server.unblock(A)
    rig.settle()
    names = [node.name for node in rig.node(SERVER, "Home").children]
    assert [node.name for node in rig.node(A, "Home").children] == names
    assert rig.node(A, "Home/N1").hp == 5
    spawned = [packet for packet in rig.sent(A, since=since) if packet.startswith("04")]
    assert len(spawned) <= 150  # 50 of those that went had left before A was full
    assert not rig.rejected + rig.faults


def test_what_was_hidden_and_shown_while_nothing_was_read() -> None:
    rig = Rig(A)
    player = spawn(rig, "P")
    rig.settle()
    there = rig.node(A, "Home/P")
    rig.server.block(A)
    big = [spawn(rig, f"Fill{number}") for number in range(60)]
    rig.tick()
    player.sync.set_visibility_for(0, False)
    player.hp = 8
    rig.tick()
    player.sync.set_visibility_for(0, True)
    rig.tick()
    rig.server.unblock(A)
    rig.settle()
    assert rig.node(A, "Home/P").hp == 8
    assert rig.node(A, "Home/P") is there  # it never heard of either
    assert len(rig.node(A, "Home").children) == 2 + len(big)


def test_a_delta_of_more_than_half_the_buffer_leaves_beside_what_is_always_sent() -> None:
    class Big(Node):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.text = ""
            self.add_child(synchronizer((".:text", False, ON_CHANGE)))

    def build(root: Node) -> None:
        for name in ("One", "Two"):
            root.add_child(Big(name))
        root.add_child(Player("Always"))

    rig = Rig(A, build=build)
    rig.settle()
    for name in ("One", "Two"):
        rig.node(SERVER, name).text = name * 800
    rig.settle()
    assert all(rig.node(A, name).text == name * 800 for name in ("One", "Two"))


def test_a_late_joiner_gets_more_than_a_buffer_takes() -> None:
    rig = Rig()
    for number in range(300):
        spawn(rig, f"P{number}")
    rig.join(A)
    rig.settle()
    assert len(rig.node(A, "Home").children) == 301
    assert rig.server.most <= 4096


class Interrupt:
    """Raises KeyboardInterrupt at the n-th line of ours that runs."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        name = frame.f_code.co_filename.replace("\\", "/")
        if "/multiplayer/scene/replication/" not in name or "/tests/" in name:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


@pytest.mark.parametrize("begin", range(1, 12))
def test_a_tick_that_is_interrupted_loses_nothing(begin: int) -> None:
    """At every eleventh line of replication, beginning at each of them."""
    for count in range(begin, 700, 33):
        rig = Rig(A)
        first, second = spawn(rig, "P"), spawn(rig, "Q")
        rig.settle()
        first.hp, second.hp, first.position = 1, 2, Vector2(3, 4)
        before = sys.gettrace()
        sys.settrace(Interrupt(count))
        try:
            rig.apis[SERVER].poll()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        rig.settle()
        there = rig.node(A, "Home/P"), rig.node(A, "Home/Q")
        assert (there[0].hp, there[1].hp, there[0].position) == (1, 2, Vector2(3, 4)), count


@pytest.mark.parametrize("begin", range(1, 8))
def test_cleaning_up_after_a_peer_survives_interrupts(begin: int) -> None:
    def build(root: Node) -> None:
        home(root)
        root.get_node("Home/Spawner").set_multiplayer_authority(A)

    for count in range(begin, 120, 7):
        rig = Rig(A, build=build)
        for name in ("P", "Q", "R"):
            rig.node(A, "Home").add_child(Player(name))
        rig.settle()
        rig.take()
        rig.peers[A].drop()
        before = sys.gettrace()
        sys.settrace(Interrupt(count))
        try:
            for _ in range(3):
                rig.apis[SERVER].poll()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        for _ in range(3):
            rig.apis[SERVER].poll()
        assert [node.name for node in rig.node(SERVER, "Home").children] == ["Spawner"], count
        assert rig.take() == [(SERVER, "despawned", name) for name in ("P", "Q", "R")], count


def test_despawns_that_wait_are_sent_after_the_last_spawner_has_gone() -> None:
    rig = Rig(A)
    rig.server.block(A)
    for number in range(60):
        spawn(rig, f"N{number}")
    rig.tick()
    there = rig.node(SERVER, "Home")
    there.parent.remove_child(there)
    rig.settle()
    rig.server.unblock(A)
    rig.settle()
    assert [type(node).__name__ for node in rig.node(A, "Home").children] == ["MultiplayerSpawner"]
    replicator = rig.apis[SERVER]._session.replicator
    assert replicator is not None
    assert replicator.next_deadline() == math.inf
