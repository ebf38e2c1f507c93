"""What cannot be sent raises before anything has left, or has been done here."""

from __future__ import annotations

import pytest

from multiplayer import NATIVE, Error, MultiplayerError, rset

from .worlds import (
    GAME,
    A,
    B,
    C,
    Called,
    Kind,
    World,
    api_relays,
    dialects,
    each_dialect,
    each_kind,
    error_of,
)

LIMIT = 300


def limited(kind: Kind, *clients: int) -> World:
    """A session whose peers send packets of at most 300 bytes."""
    world = World(kind, *clients)
    for peer in world.peers.values():
        peer.max_packet_size = LIMIT
    world.network.log.clear()
    return world


TOO_LONG = "x" * LIMIT
UNSENDABLE = [
    (TOO_LONG, Error.ERR_OUT_OF_MEMORY),
    (object(), Error.ERR_INVALID_PARAMETER),
    ("\ud800", Error.ERR_INVALID_PARAMETER),
    (2**70, Error.ERR_INVALID_PARAMETER),
]


@each_kind
@pytest.mark.parametrize(("value", "code"), UNSENDABLE, ids=["long", "object", "half", "huge"])
@pytest.mark.parametrize("familiar", [False, True], ids=["first call", "by number"])
@pytest.mark.parametrize("caller", [1, A])
def test_a_call_of_all(kind: Kind, value: object, code: Error, familiar: bool, caller: int) -> None:
    """Neither an announcement, nor the call of some, nor the one on our own side."""
    world = limited(kind, A, B, C)
    if familiar:
        for _ in range(2):
            world.do(caller, 0, "local_one", "short")
    world.network.log.clear()
    game = world.game(caller)
    for target in (0, -B, B):
        error = error_of(world.apis[caller].rpc, target, game, "local_one", [value])
        assert error.code == code
    world.settle()
    assert world.network.log == []
    assert world.took() == []
    # And nobody was noted to have been told what nobody was told.
    called = [Called(at, "local_one", ("after",), caller) for at in (1, A, B, C)]
    assert world.do(caller, 0, "local_one", "after") == called
    assert world.invalid == []


@each_dialect
@pytest.mark.parametrize("size", range(LIMIT - 40, LIMIT + 2))
@pytest.mark.parametrize("familiar", [False, True], ids=["first call", "by number"])
def test_around_the_limit_all_get_it_or_nobody(kind: Kind, size: int, familiar: bool) -> None:
    """Packets have other lengths for those who know a number, and for other clients."""
    world = limited(kind, A, B)
    if familiar:
        for _ in range(2):
            world.do(A, 0, "any_one", "short")
    elif kind.dialect is not NATIVE:
        world.do(A, 1, "any_one", "short")  # so that some know the number, and some do not
    world.network.log.clear()
    codes: list[Error] = []
    for caller in (A, 1):
        text = "x" * size
        try:
            world.call(caller, 0, "any_one", text)
        except MultiplayerError as error:
            codes.append(error.code)
            expected: list[Called] = []
        else:
            others = sorted({1, A, B} - {caller})
            expected = [Called(at, "any_one", (text,), caller) for at in others]
        world.settle()
        assert world.took() == expected
    assert set(codes) <= {Error.ERR_OUT_OF_MEMORY}


@each_dialect
def test_a_path_that_is_too_long_to_be_announced(kind: Kind) -> None:
    world = limited(kind, A, B)
    path = "Main/" + "n" * LIMIT
    for own_id in world.apis:
        world.place(own_id, path)
    game = world.game(1, path)
    assert error_of(world.apis[1].rpc, 0, game, "local_one", ["x"]).code == (
        Error.ERR_OUT_OF_MEMORY
    )
    world.settle()
    assert world.network.log == []
    assert world.took() == []


class Thing:
    health = rset("remotesync", default=100)


@dialects(lambda kind: kind.dialect.name == "GODOT_3")
def test_a_property_is_not_set_here_if_it_cannot_be_sent(kind: Kind) -> None:
    world = limited(kind, A)
    things = {own_id: Thing() for own_id in world.apis}
    for own_id, api in world.apis.items():
        api.add("Thing", things[own_id])
    api = world.apis[1]
    for value, code in UNSENDABLE:
        assert error_of(api.rset, 0, things[1], "health", value).code == code
    world.settle()
    assert [thing.health for thing in things.values()] == [100, 100]
    assert world.network.log == []


@dialects(lambda kind: kind.dialect is NATIVE)
def test_a_question_that_cannot_be_sent_is_not_open(kind: Kind) -> None:
    world = limited(kind, A)
    api, game = world.apis[1], world.game(1)
    for value, code in UNSENDABLE * 300:  # 1024 questions may be open
        assert error_of(api.call_id, A, game, "any_one", [value]).code == code
    assert world.network.log == []
    pending = api.call_id(A, game, "any_one", ["short"])
    world.settle()
    assert pending.result() is None


@each_dialect
def test_bytes(kind: Kind) -> None:
    world = limited(kind, A, B)
    for caller in (1, A):
        error = error_of(world.apis[caller].send_bytes, bytes(LIMIT))
        assert error.code == Error.ERR_OUT_OF_MEMORY
    assert world.network.log == []


# ---------------------------------------------------------------- what we send by ourselves


@dialects(api_relays)
def test_what_grew_on_its_way_is_counted(kind: Kind) -> None:
    """A server that may send less than its clients may."""
    world = World(kind, A, B)
    world.peers[1].max_packet_size = LIMIT
    world.do(A, 0, "any_one", "short")
    world.do(A, 0, "any_one", TOO_LONG)
    assert world.rejected() == {"not_sent": 1}
    assert [(at, reason) for at, _, reason in world.invalid] == [(1, "not_sent")]
    assert world.do(A, B, "any_one", "short") == [Called(B, "any_one", ("short",), A)]


@dialects(lambda kind: kind.dialect.name in ("GODOT_3", "GODOT_4_BETA"))
def test_a_path_that_is_confirmed_at_length(kind: Kind) -> None:
    """The client's path fits into its announcement, and not into our confirmation."""
    world = World(kind, A)
    world.peers[1].max_packet_size = 20
    for own_id in (1, A):
        world.place(own_id, "Main/" + "n" * 40)
    world.call(A, 1, "any_one", 1, path="Main/" + "n" * 40)
    world.settle()
    assert world.took() == [Called(1, "any_one", (1,), A)]
    assert world.rejected() == {"not_sent": 1}


@dialects(api_relays)
def test_those_who_come_and_go_are_told_of_or_counted(kind: Kind) -> None:
    world = World(kind, A)
    world.peers[1].max_packet_size = 4
    world.join(B)
    assert world.rejected() == {"not_sent": 2}
    world.leave(B)
    assert world.rejected() == {"not_sent": 3}
    assert world.apis[1].get_peers() == [A]


@dialects(lambda kind: kind.dialect is NATIVE)
def test_a_number_that_cannot_be_taken_back(kind: Kind) -> None:
    world = World(kind, A)
    world.do(1, A, "any_one", 1)
    world.peers[1].max_packet_size = 4
    world.displace(1, GAME)
    assert world.rejected() == {"not_sent": 1}
