"""Godot 4's envelope: the message with the id, and whom a server's packet goes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import DecodeError
from multiplayer.addressing import LARGEST_PEER_ID
from multiplayer.wire.envelopes import godot3 as gd_mp
from multiplayer.wire.envelopes.godot4 import id_message, read_id


def test_an_id_is_four_bytes_of_a_signed_number() -> None:
    # As the recorded server of Godot 4.6's own session tells 1001 and 2002.
    assert id_message(1001) == bytes.fromhex("e9030000")
    assert id_message(2002) == bytes.fromhex("d2070000")
    assert read_id(bytes.fromhex("ffffff7f")) == LARGEST_PEER_ID


@given(st.integers(2, LARGEST_PEER_ID))
def test_ids_come_back(peer_id: int) -> None:
    assert read_id(id_message(peer_id)) == peer_id


@given(st.binary(max_size=40))
def test_any_first_message_is_an_id_or_described(message: bytes) -> None:
    peer_id = int.from_bytes(message, "little", signed=True)
    if len(message) == 4 and peer_id >= 2:
        assert read_id(message) == peer_id
    else:
        with pytest.raises(DecodeError, match="the server"):
            read_id(message)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "has 0 bytes, not the 4 of a peer id"),
        (b"\2\0\0", "has 3 bytes (020000), not the 4"),
        (b"\2\0\0\0\0", "has 5 bytes (0200000000), not the 4"),
        (bytes(40), f"has 40 bytes ({'00' * 16}...), not the 4"),
        (b"\1\0\0\0", "gave us the peer id 1;"),
        (b"\0\0\0\0", "gave us the peer id 0;"),
        (b"\xff\xff\xff\xff", "gave us the peer id -1;"),
        (gd_mp.system_packet(gd_mp.PacketType.ID, 77), "of a Godot 3 server; use WebSocketClient"),
        (gd_mp.packet(1, 0, b""), "of a Godot 3 server; use WebSocketClient"),
        (b"\4" + gd_mp.packet(1, 0, b"")[1:], "has 9 bytes (040100000000000000), not the 4"),
        (gd_mp.packet(2, 0, b""), "has 9 bytes (000200000000000000), not the 4"),
        (gd_mp.packet(1, 0, b"")[:8], "has 8 bytes"),
    ],
)
def test_what_is_no_id_is_described(message: bytes, words: str) -> None:
    with pytest.raises(DecodeError) as raised:
        read_id(message)
    assert words in raised.value.reason
