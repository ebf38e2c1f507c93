"""A peer that breaks several limits in one poll is expelled, and poll() raises nothing."""

from __future__ import annotations

from multiplayer import NATIVE, rpc

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
