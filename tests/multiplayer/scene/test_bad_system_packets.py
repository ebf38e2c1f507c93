"""Bad packets about peers, credentials and relays, which only some may send."""

from __future__ import annotations

import pytest

from multiplayer import TransferMode

from .loopback import Sent
from .refusals import Refused
from .worlds import A, B, Kind, World, api_relays, authenticates, dialects


@pytest.fixture
def world(kind: Kind) -> World:
    return World(kind, A, B)


@pytest.fixture
def refused(world: World, caplog: pytest.LogCaptureFixture) -> Refused:
    return Refused(world, caplog)


# ------------------------------------------------------------------ what only servers say


@dialects(authenticates)
def test_announcing_peers_is_the_server_s(world: World, refused: Refused) -> None:
    world.do(1, B, "any_one", 1)  # B knows a number now, which must not be forgotten
    world.do(B, 1, "any_one", 1)
    bad = [world.wire.add_peer(9), world.wire.del_peer(B), world.wire.del_peer(1)]
    refused("system_packet_from_client", bad, 3)
    assert world.apis[1].get_peers() == [A, B]


@dialects(lambda kind: kind.gd_mp and authenticates(kind))
def test_on_gd_mp_nobody_s_api_announces_peers(world: World) -> None:
    for packet in (world.wire.add_peer(9), world.wire.del_peer(B)):
        world.inject(1, A, packet)
    world.settle()
    assert [line[0] for line in world.invalid] == [A, A]
    assert sorted(world.apis[A].get_peers()) == [1, B]


@dialects(authenticates)
def test_credentials_after_admission(world: World, refused: Refused) -> None:
    refused("unexpected_authentication", [world.wire.authenticate(b"again")] * 2, 2)
    world.inject(A, 1, world.wire.authenticate(b""))  # as in the engine: it may come late
    world.settle()
    refused.check_that_honest_calls_work()


@dialects(api_relays)
def test_a_server_that_announces_nonsense(world: World) -> None:
    bad = [world.wire.add_peer(p) for p in (0, -5, 1, A, B)]
    bad += [world.wire.del_peer(p) for p in (0, -5, 1, 999)]
    for packet in bad:
        world.inject(1, A, packet)
    world.settle()
    assert world.invalid == [(A, 1, "impossible_id")] * len(bad)
    assert world.apis[A].get_peers() == [1, B]


# ------------------------------------------------------------------ relay


@dialects(authenticates)
def test_relay_to_nobody_or_to_oneself(world: World, refused: Refused) -> None:
    inner = world.wire.raw(b"x")
    if world.kind.gd_mp:
        refused("relay_refused", [world.wire.relay(B, inner), world.wire.relay(0, inner)], 2)
        return
    refused("unknown_target", [world.wire.relay(999, inner), world.wire.relay(1, inner)], 2)
    refused("to_sender", [world.wire.relay(A, inner)])


@dialects(api_relays)
@pytest.mark.parametrize("target", [B, 0])
def test_what_must_not_be_relayed(world: World, refused: Refused, target: int) -> None:
    wire = world.wire
    inner = [
        wire.relay(B, wire.raw(b"x")),
        wire.add_peer(9),
        wire.del_peer(A),
        wire.authenticate(b"secret"),
        wire.authenticate(b""),
    ]
    for packet in inner:
        world.inject(A, 1, wire.relay(target, packet))
    world.settle()
    at = [B] if target == B else [1, B]
    assert sorted(world.invalid) == sorted((i, A, "relay_refused") for i in at for _ in inner)
    assert sorted(world.apis[B].get_peers()) == [1, A]
    refused.check_that_honest_calls_work()


@dialects(api_relays)
def test_a_relayed_packet_that_is_none(world: World, refused: Refused) -> None:
    world.inject(A, 1, world.wire.relay(B, bytes((200,))))
    world.settle()
    assert [(at, peer) for at, peer, _ in world.invalid] == [(B, A)]
    refused.check_that_honest_calls_work()


@dialects(api_relays)
def test_a_client_relays_for_nobody(world: World) -> None:
    packet = world.wire.relay(B, world.wire.raw(b"x"))
    sent = Sent(B, A, TransferMode.TRANSFER_MODE_RELIABLE, 0, packet)
    world.network.deliver(sent, A)
    world.settle()
    assert world.invalid == [(A, B, "relay_refused")]
