"""Limits of calls: several broken in one poll, and how deep values may be nested."""

from __future__ import annotations

import pytest

from multiplayer import GODOT_3, GODOT_4, NATIVE, Limits, rpc

from .worlds import A, B, Called, GameMethods, Kind, World

PATH = "Main/Limited"


class Limited(GameMethods):
    @rpc("any_peer", limit=5)
    def one(self) -> None:
        self.took("one")

    @rpc("any_peer", limit=5)
    def other(self) -> None:
        self.took("other")


def test_two_limits_are_broken_at_once() -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=False), A, B)
    for peer in world.apis:
        made = Limited()
        made.world, made.own_id = world, peer
        world.place(peer, PATH, made=made)
    for _ in range(40):
        world.call(A, 1, "one", path=PATH)
        world.call(A, 1, "other", path=PATH)
    world.settle()
    assert {peer for peer, _ in world.peers[1].expelled} == {A}
    assert [call.method for call in world.took()].count("one") == 5
    assert world.apis[1].get_peers() == [B]
    assert world.do(B, 1, "any_one", 1) == [Called(1, "any_one", (1,), B)]


@pytest.mark.parametrize(
    "kind",
    [
        Kind(NATIVE, gd_mp=True, nodes=False),
        Kind(GODOT_3, gd_mp=True, nodes=False),
        Kind(GODOT_4, gd_mp=False, nodes=False),
    ],
    ids=str,
)
def test_values_are_nested_as_deep_as_the_peer_allows(kind: Kind) -> None:
    world = World(kind, A)
    world.apis[1].multiplayer_peer.limits = Limits(max_nesting_depth=2)
    assert world.do(A, 1, "any_one", [[1]]) == [Called(1, "any_one", ([[1]],), A)]
    assert world.do(A, 1, "any_one", [[[1]]]) == []
    assert world.rejected()["undecodable_arguments"] == 1
