"""Whatever a client sends, poll() raises nothing and only declared methods run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .worlds import GAME, A, B, Called, Kind, World, each_dialect

DECLARED = {"any_none", "any_one", "any_two", "local_one", "channelled", "reply"}


def valid_packets(world: World) -> list[bytes]:
    """One of each kind that the dialect has."""
    wire = world.wire
    packets = [
        *world.forged(GAME, "any_two", ["text", [1, {"key": 2.5}]]),
        *world.forged(GAME, "auth_one", [1]),
        *world.forged("Main/Nobody", "any_one", [None]),
        *world.forged(".", "any_none", []),
        wire.raw(b"payload"),
        wire.call("any_one", 1, [1]).by_number(1, shortest=True),
    ]
    if wire.confirms:
        packets += [
            wire.confirm(1, GAME, agrees=True),
            wire.confirm(1, GAME, agrees=False),
            wire.call("any_one", 2, [7]).by_path(GAME),
        ]
    if wire.assigns:
        packets.append(wire.assign("name", 3).by_path(GAME))
    if wire.responds:
        packets += [
            wire.response(1, "value"),
            wire.error_response(1, "KeyError", "text"),
            wire.request(1, "any_one", 0, [1]).by_number(1, shortest=True),
        ]
    if wire.authenticates:
        packets += [
            wire.authenticate(b"secret"),
            wire.authenticate(b""),
            wire.add_peer(B),
            wire.del_peer(B),
            wire.relay(B, packets[1]),
            wire.relay(0, packets[0]),
            wire.relay(-B, packets[4]),
            wire.relay(B, wire.relay(1, packets[1])),
        ]
    return packets


@st.composite
def mutated(draw: st.DrawFn, packets: list[bytes]) -> bytes:
    packet = bytearray(draw(st.sampled_from(packets)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(packet) - 1, 0)))
        kind = draw(st.sampled_from(["set", "insert", "cut", "join"]))
        if kind == "set" and packet:
            packet[at] = draw(st.integers(0, 255))
        elif kind == "insert":
            packet[at:at] = draw(st.binary(max_size=6))
        elif kind == "cut":
            del packet[at : at + draw(st.integers(1, 6))]
        else:
            packet += draw(st.sampled_from(packets))
    return bytes(packet)


@each_dialect
@pytest.mark.parametrize("in_order", [False, True])
def test_anything_from_a_client(kind: Kind, in_order: bool) -> None:
    packets = valid_packets(World(kind))

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([1, B]),
                st.one_of(mutated(packets), st.binary(max_size=40), st.sampled_from(packets)),
            ),
            max_size=25,
        )
    )
    def check(sent: list[tuple[int, bytes]]) -> None:
        world = World(kind, A, B, in_order=in_order)
        for to, packet in sent:
            world.inject(A, to, packet)
        world.settle()  # raises what comes out of poll()
        for call in world.took():
            assert call.method in DECLARED
            assert call.at != call.sender
        assert not world.peers[1].expelled
        assert sorted(world.apis[1].get_peers()) == [A, B]
        assert sorted(world.apis[B].get_peers()) == [1, A]
        assert all(at in (1, A, B) for at, _, _ in world.invalid)
        world.invalid.clear()
        for sender, to in ((B, 1), (1, B), (1, A), (A, 1), (A, B), (B, A)):
            assert world.do(sender, to, "any_one", 1) == [Called(to, "any_one", (1,), sender)]

    check()
