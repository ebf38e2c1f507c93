"""Rooms as bytes: what comes back, and what becomes of bytes that are wrong or too many."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import DecodeError, Error, MultiplayerError, Vector2
from multiplayer.rooms.snapshot import SeatRow, Snapshot, pack, unpack

SEATS = (SeatRow(2, 0, b""), SeatRow(2**31 - 1, 2**64 - 1, b"h" * 32))
ROOM = Snapshot(
    "duel", "K7QX", 9, SEATS, True, False, 2, {"map": "caves"}, {"at": Vector2(1, 2), "n": [1, 2]}
)


def test_what_was_packed_comes_back() -> None:
    packed = pack(ROOM)
    assert packed.trouble == ""
    assert unpack(packed.data) == ROOM


def test_others_can_read_it() -> None:
    version, kind, code, epoch, seats, *_ = msgpack.unpackb(
        pack(ROOM).data, ext_hook=msgpack.ExtType
    )
    assert (version, kind, code, epoch) == (1, "duel", "K7QX", 9)
    assert seats[1] == [2**31 - 1, 2**64 - 1, b"h" * 32]


def test_too_much_data_leaves_the_seats() -> None:
    packed = pack(ROOM._replace(data=b"x" * 5000), most=1000)
    assert len(packed.data) <= 1000
    assert "too large" in packed.trouble
    assert unpack(packed.data, most=1000) == ROOM._replace(data=None, trouble=packed.trouble)


def test_data_that_cannot_be_written_leaves_the_seats() -> None:
    packed = pack(ROOM._replace(data={"who": object()}))
    assert "'who'" in packed.trouble
    back = unpack(packed.data)
    assert back.data is None
    assert back.seats == SEATS
    assert pack(back).trouble == packed.trouble


def test_too_many_seats_raise() -> None:
    seats = tuple(SeatRow(2 + n, 2**63 + n, b"") for n in range(100))
    with pytest.raises(MultiplayerError) as caught:
        pack(ROOM._replace(seats=seats), most=1000)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert "K7QX" in caught.value.message


def test_data_that_does_not_load_leaves_the_seats() -> None:
    fields = msgpack.unpackb(pack(ROOM).data, ext_hook=msgpack.ExtType)
    fields[-1] = b"\xc1"
    back = unpack(msgpack.packb(fields))
    assert (back.seats, back.data) == (SEATS, None)
    assert "cannot be read" in back.trouble


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(DecodeError, match="of at most 10"):
        unpack(pack(ROOM).data, most=10)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),
        (0, True),
        (1, ""),
        (1, b"duel"),
        (2, "x" * 300),
        (3, -1),
        (3, 2**63),
        (4, [[1, 7, b""]]),
        (4, [[2, 7, b""], [2, 8, b""]]),
        (4, [[2, b"7", b""]]),
        (4, [[2, True, b""]]),
        (4, [[2, -1, b""]]),
        (4, [[2, 7, b"h" * 31]]),
        (4, {}),
        (5, 1),
        (7, 2**31),
        (8, {1: 2}),
        (9, None),
        (10, "text"),
    ],
)
def test_a_wrong_field_is_no_snapshot(place: int, value: object) -> None:
    fields = msgpack.unpackb(pack(ROOM).data, ext_hook=msgpack.ExtType)
    fields[place] = value
    with pytest.raises(DecodeError):
        unpack(msgpack.packb(fields))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_snapshot_or_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        unpack(data)


@given(st.data())
def test_any_change_of_a_byte_is_a_snapshot_or_a_decode_error(data: st.DataObject) -> None:
    whole = bytearray(pack(ROOM).data)
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        unpack(bytes(whole))
    except DecodeError:
        return
