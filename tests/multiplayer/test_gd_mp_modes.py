"""``multiplayer.wire.envelopes.godot3``: transfer modes and channels in the type byte."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import TransferMode
from multiplayer.wire.envelopes import godot3 as gd_mp
from multiplayer.wire.envelopes.godot3 import Drop, Header, Received, Route, Violation
from tests.gd_mp_rows import ADD, DEL, FIRST, ID, JOINED, LAST, SELF, about, game, message

UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE

MARKED = [
    (0x00, b"", RELIABLE, 0),
    (0x10, b"", ORDERED, 0),
    (0x20, b"", UNRELIABLE, 0),
    (0x40, b"\x05", RELIABLE, 5),
    (0x50, b"\x01", ORDERED, 1),
    (0x60, b"\xff", UNRELIABLE, 255),
]
"""A type byte, the byte behind the header, and what they mean."""

WRONG = [
    (0x30, b"xy", Violation.UNKNOWN_TYPE),
    (0x70, b"\x05xy", Violation.UNKNOWN_TYPE),
    *((bit | mode, b"\x05xy", Violation.UNKNOWN_TYPE) for bit in (4, 8, 128) for mode in (0, 0x60)),
    (0x40, b"", Violation.SHORT_PACKET),
    (0x60, b"", Violation.SHORT_PACKET),
]
"""A type byte and what is behind the header, from a peer that agreed."""

int32 = st.integers(-(2**31), 2**31 - 1)
modes = st.sampled_from(TransferMode)
channels = st.integers(0, 255)


def server() -> gd_mp.ServerSession:
    session = gd_mp.ServerSession()
    for peer in (FIRST, SELF, LAST):
        session.join(peer)
        session.admit(peer)
    return session


def client(*, agreed: bool) -> gd_mp.ClientSession:
    session = gd_mp.ClientSession()
    session.agreed = agreed
    for announcement in JOINED:
        session.receive(announcement)
    return session


@pytest.mark.parametrize(("first", "channel_byte", "mode", "channel"), MARKED)
def test_where_mode_and_channel_stand(
    first: int, channel_byte: bytes, mode: TransferMode, channel: int
) -> None:
    packet = gd_mp.packet(SELF, -FIRST, b"xy", mode, channel)
    assert packet == message(first, SELF, -FIRST, channel_byte + b"xy")
    size = 9 + len(channel_byte)
    assert gd_mp.read_header(packet) == Header(SELF, -FIRST, mode, channel, size)
    assert gd_mp.payload_of(packet) == b"xy"
    assert gd_mp.plain(packet) == game(SELF, -FIRST, b"xy")


@pytest.mark.parametrize(("first", "channel_byte", "mode", "channel"), MARKED)
def test_what_peers_that_agreed_make_of_it(
    first: int, channel_byte: bytes, mode: TransferMode, channel: int
) -> None:
    to_all = message(first, SELF, 0, channel_byte + b"xy")
    assert server().receive(SELF, to_all, agreed=True) == Route(True, 0, mode, channel)
    to_server = message(first, SELF, 1, channel_byte + b"xy")
    assert server().receive(SELF, to_server, agreed=True) == Route(True, 1, mode, channel)
    to_one = message(first, SELF, LAST, channel_byte)
    assert server().receive(SELF, to_one, agreed=True) == Route(False, LAST, mode, channel)
    received = client(agreed=True).receive(message(first, FIRST, SELF, channel_byte + b"xy"))
    assert received == Received(FIRST, b"xy", True, mode, channel)


@pytest.mark.parametrize(("first", "channel_byte", "mode", "channel"), MARKED[1:])
def test_from_who_did_not_agree_such_a_bit_is_a_violation(
    first: int, channel_byte: bytes, mode: TransferMode, channel: int
) -> None:
    assert (mode, channel) != (RELIABLE, 0)
    verdict = server().receive(SELF, message(first, SELF, 0, channel_byte + b"xy"))
    assert verdict == Violation.SYSTEM_PACKET_FROM_CLIENT
    received = client(agreed=False).receive(message(first, FIRST, SELF, channel_byte + b"xy"))
    assert received == Violation.UNKNOWN_TYPE


@pytest.mark.parametrize(("first", "rest", "violation"), WRONG)
def test_what_peers_that_agreed_must_not_send(
    first: int, rest: bytes, violation: Violation
) -> None:
    assert server().receive(SELF, message(first, SELF, 0, rest), agreed=True) == violation
    assert client(agreed=True).receive(message(first, FIRST, 0, rest)) == violation
    assert gd_mp.read_header(message(first, SELF, 0, rest)) == violation


@pytest.mark.parametrize("bits", [0x10, 0x20, 0x40, 0x60])
@pytest.mark.parametrize("kind", [ADD, DEL, ID])
def test_system_packets_carry_no_such_bits(kind: int, bits: int) -> None:
    session = client(agreed=True)
    marked = message(kind | bits, 1, 0, struct.pack("<i", FIRST))
    assert session.receive(marked) == Violation.UNKNOWN_TYPE
    assert session.peers == {1, FIRST}
    for first in (kind, kind | bits):
        verdict = server().receive(SELF, message(first, SELF, 0, b"1234"), agreed=True)
        assert verdict == Violation.SYSTEM_PACKET_FROM_CLIENT


def test_the_other_rules_hold_for_marked_packets_too() -> None:
    marked = (UNRELIABLE, 7)
    for source, target, verdict in (
        (FIRST, 0, Violation.FORGED_SENDER),
        (SELF, SELF, Drop.TO_SENDER),
        (SELF, 999, Drop.UNKNOWN_TARGET),
    ):
        packet = gd_mp.packet(source, target, b"x", *marked)
        assert server().receive(SELF, packet, agreed=True) == verdict
    assert client(agreed=True).receive(gd_mp.packet(SELF, 0, b"x", *marked)) == (
        Violation.IMPOSSIBLE_SENDER
    )
    nobody = gd_mp.ClientSession()
    nobody.agreed = True
    assert nobody.receive(gd_mp.packet(1, 0, b"x", *marked)) == Violation.BEFORE_ID
    for announcement in JOINED:
        nobody.receive(announcement)
    assert nobody.receive(about(ADD, LAST)) == gd_mp.Joined(LAST, False)


def test_a_channel_byte_of_zero_is_taken() -> None:
    packet = message(0x60, FIRST, 0, b"\0xy")
    assert client(agreed=True).receive(packet) == Received(FIRST, b"xy", True, UNRELIABLE, 0)
    assert gd_mp.plain(packet) == game(FIRST, 0, b"xy")


@given(int32, int32, st.binary(max_size=20), modes, channels)
def test_what_is_made_is_read_back(
    source: int, target: int, payload: bytes, mode: TransferMode, channel: int
) -> None:
    packet = gd_mp.packet(source, target, payload, mode, channel)
    header = gd_mp.read_header(packet)
    assert isinstance(header, Header)
    assert header[:4] == (source, target, mode, channel)
    assert packet[header.size :] == gd_mp.payload_of(packet) == payload
    assert gd_mp.plain(packet) == game(source, target, payload)
    assert (packet == gd_mp.plain(packet)) is ((mode, channel) == (RELIABLE, 0))


@given(st.integers(0, 255), int32, int32, st.binary(max_size=6), st.integers(0, 20))
def test_any_bytes_are_a_header_or_a_violation(
    first: int, source: int, target: int, rest: bytes, length: int
) -> None:
    data = message(first, source, target, rest)[:length]
    header = gd_mp.read_header(data)
    if isinstance(header, Violation):
        assert len(data) < 10 or first & 0x8F or first & 0x30 == 0x30
        return
    again = gd_mp.packet(*header[:2], data[header.size :], header.mode, header.channel)
    explicit_zero = bool(first & 0x40) and header.channel == 0
    assert explicit_zero or again == data
