"""What of a room outlives its process: who has a seat, and what the game has saved.

The bytes are one msgpack array. Its last element is what the game saved, as bytes of its own: if
those cannot be read, or are too many, the seats are still good, and the room opens fresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from multiplayer.codecs import MsgpackCodec
from multiplayer.errors import DecodeError, Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES: Final = 1 << 20
"""How many bytes a snapshot may have by default."""

_VERSION: Final = 1
_LONGEST_NAME: Final = 256
_ID_BITS: Final = 31
_NONCE_BITS: Final = 64
_HASH_BYTES: Final = 32

_CODEC: Final = MsgpackCodec()


class SeatRow(NamedTuple):
    """A seat: what lets its player come back.

    Attributes:
        id: the peer id.
        nonce: what makes the seat's tokens its own, of 64 bits.
        key_hash: SHA-256 of the key that a Godot client chose; b"" without one.
    """

    id: int
    nonce: int
    key_hash: bytes

    def __repr__(self) -> str:
        return f"SeatRow(id={self.id}, …)"  # the rest must not get into a log


class Snapshot(NamedTuple):
    """A room, as values.

    Attributes:
        kind: the name of its kind.
        code: its code.
        epoch: which room of that code it is; tokens hold it, so a restored room keeps it.
        seats: who has a place.
        private: whether the lobby leaves it out of its list.
        locked: whether it takes new players.
        owner: the peer id of who owns it; 0 for nobody.
        metadata: what it tells the lobby.
        data: what the game saved; None for nothing.
        trouble: why ``data`` is not what the game saved, in words; "" if it is.
    """

    kind: str
    code: str
    epoch: int = 0
    seats: tuple[SeatRow, ...] = ()
    private: bool = False
    locked: bool = False
    owner: int = 0
    metadata: Mapping[str, object] = {}
    data: object = None
    trouble: str = ""


class Packed(NamedTuple):
    """A snapshot as bytes.

    Attributes:
        data: the bytes.
        trouble: why what the game saved is not among them, in words; "" if it is.
    """

    data: bytes
    trouble: str


def pack(snapshot: Snapshot, *, most: int = MOST_BYTES) -> Packed:
    """Return a snapshot as bytes, without what the game saved if that cannot be kept.

    Args:
        snapshot: the room.
        most: how many bytes there may be.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not even the rest can be kept: there are more
            seats or metadata than ``most`` bytes hold, or a value of the metadata has no
            counterpart.
    """
    trouble = snapshot.trouble
    saved = b""
    if not trouble:
        try:
            saved = _CODEC.encode(snapshot.data)
        except MultiplayerError as error:
            trouble = f"what was saved cannot be written: {error.message}"
    packed = _packed(snapshot, saved, trouble)
    if len(packed) > most and saved:
        trouble = f"what was saved is too large: {len(packed)} bytes of at most {most}"
        packed = _packed(snapshot, b"", trouble)
    if len(packed) > most:
        message = (
            f"the seats and the metadata of room {snapshot.code} have {len(packed)} bytes, more "
            f"than the {most} of a snapshot; keep less in metadata"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return Packed(packed, trouble)


def _packed(snapshot: Snapshot, saved: bytes, trouble: str) -> bytes:
    fields: list[object] = [
        _VERSION,
        snapshot.kind,
        snapshot.code,
        snapshot.epoch,
        [tuple(seat) for seat in snapshot.seats],
        snapshot.private,
        snapshot.locked,
        snapshot.owner,
        dict(snapshot.metadata),
        trouble,
        saved,
    ]
    return _CODEC.encode(fields)


def unpack(data: bytes, *, most: int = MOST_BYTES) -> Snapshot:
    """Return the snapshot that bytes hold.

    What the game saved may be missing: then ``trouble`` says why, and the room opens fresh.

    Args:
        data: what :func:`pack` made, or anything else.
        most: how many bytes are looked at; more are refused.

    Raises:
        DecodeError: these bytes are not a snapshot.
    """
    if len(data) > most:
        raise DecodeError(f"a snapshot of {len(data)} bytes, of at most {most}")
    fields = _CODEC.decode(data)
    if not isinstance(fields, list):
        raise DecodeError("not a snapshot")
    version, *rest = cast("list[object]", fields) or [None]
    if version is not True and version == _VERSION and len(rest) == len(Snapshot._fields):
        return _checked(rest)
    raise DecodeError("not a snapshot of a version that is known here")


def _checked(fields: list[object]) -> Snapshot:
    kind, code, epoch, seats, private, locked, owner, metadata, trouble, saved = fields
    if not (
        _is_name(kind)
        and _is_name(code)
        and _is_count(epoch, 63)
        and isinstance(private, bool)
        and isinstance(locked, bool)
        and _is_count(owner, _ID_BITS)
        and isinstance(metadata, dict)
        and isinstance(trouble, str)
        and isinstance(saved, bytes)
        and isinstance(seats, list)
    ):
        raise DecodeError("a field of the snapshot has a wrong type")
    rows = tuple(_seat(each) for each in cast("list[object]", seats))
    if len({row.id for row in rows}) < len(rows):
        raise DecodeError("two seats of the snapshot have the same id")
    values = cast("dict[object, object]", metadata)
    if not all(isinstance(name, str) for name in values):
        raise DecodeError("a name in the metadata of the snapshot is no text")
    value: object = None
    if not trouble:
        try:
            value = _CODEC.decode(saved)
        except DecodeError as error:
            trouble = f"what was saved cannot be read: {error.reason}"
    return Snapshot(
        cast("str", kind),
        cast("str", code),
        cast("int", epoch),
        rows,
        private,
        locked,
        cast("int", owner),
        cast("dict[str, object]", metadata),
        value,
        trouble,
    )


def _seat(row: object) -> SeatRow:
    match row:
        case [int() as id_, int() as nonce, bytes() as key_hash]:
            if (
                _is_count(id_, _ID_BITS)
                and id_ > 1
                and _is_count(nonce, _NONCE_BITS)
                and len(key_hash) in (0, _HASH_BYTES)
            ):
                return SeatRow(id_, nonce, key_hash)
        case _:
            pass
    raise DecodeError("a seat of the snapshot is none")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def _is_count(value: object, bits: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << bits
