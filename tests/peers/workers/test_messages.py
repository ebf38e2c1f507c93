"""What front and workers say: in pieces, too long, and nonsense."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import DecodeError
from multiplayer.rooms.snapshot import SeatRow
from peers.workers import messages
from peers.workers.kept_rooms import KeptRooms
from peers.workers.messages import MOST, MessageReader, encoded

ALL = [
    messages.Hello(b"secret"),
    messages.Open("duel", "K7QX", {"map": "caves"}, True, 2, {"n": [1]}),
    messages.Restore("K7QX", b"snapshot", False),
    messages.Take("::1", 4711, b"GET / HTTP/1.1\r\n\r\n", "K7QX"),
    messages.Change("K7QX", {"locked": True}),
    messages.Kick("K7QX", 2, "rude"),
    messages.Reserve("K7QX", "token", 15.0, True),
    messages.Close("K7QX", "over"),
    messages.Drain(2.5),
    messages.Ready({"duel": 2}, 0),
    messages.Beat(3),
    messages.Restoring("K7QX"),
    messages.Told("duel", "K7QX", 1, 2, False, True, 0, {}, 3),
    messages.Kept("K7QX", b"snapshot"),
    messages.Closed("K7QX", "empty"),
]


def test_all_kinds_come_through_whole_and_in_pieces() -> None:
    data = b"".join(map(encoded, ALL))
    assert [*MessageReader().receive(data)] == ALL
    reader = MessageReader()
    assert [m for byte in data for m in reader.receive(bytes([byte]))] == ALL


def test_no_secret_is_in_a_repr() -> None:
    secret = b"GET /duel/new?seat=SECRET"
    for message in (
        messages.Hello(secret),
        messages.Restore("K7QX", secret, False),
        messages.Take("::1", 4711, secret),
        messages.Reserve("K7QX", "SECRET", 1.0, True),
        messages.Kept("K7QX", secret),
        KeptRooms(secret, (secret,)),
        SeatRow(2, 4711, secret),
    ):
        assert "SECRET" not in repr(message)
        assert "…" in repr(message) or "rooms" in repr(message)


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        msgpack.packb(None),
        msgpack.packb([]),
        msgpack.packb(["Nothing"]),
        msgpack.packb([["Beat"], 1]),
        msgpack.packb(["Beat"]),
        msgpack.packb(["Beat", 1, 2]),
        msgpack.packb(["Beat", True]),
        msgpack.packb(["Ready", {1: 2}, 0]),
    ],
)
def test_nonsense_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        [*MessageReader().receive(len(body).to_bytes(4, "big") + body)]


def test_a_message_that_would_be_too_long_is_refused_at_its_length() -> None:
    with pytest.raises(DecodeError, match="of at most"):
        [*MessageReader().receive((MOST + 1).to_bytes(4, "big"))]


@given(st.binary(max_size=64))
def test_any_bytes_are_messages_or_a_decode_error(data: bytes) -> None:
    try:
        found = [*MessageReader().receive(data)]
    except DecodeError:
        return
    assert len(b"".join(map(encoded, found))) <= len(data)
