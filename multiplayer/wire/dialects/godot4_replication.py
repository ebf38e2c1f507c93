"""The packets of replication of Godot 4.

Numbers are little-endian; a *state* is compact values without anything between them::

    4 SPAWN    u8 scene | u32 spawner | u32 node | u32 n | u32 length of the name with its NUL
               n x u32 synchronizer | name NUL | [u32 size | data, if the scene is 255] | state
    5 DESPAWN  u32 node
    6 SYNC     u16 time | { u32 synchronizer | u32 size | state }*
    6 delta    (first byte 16) | { u32 synchronizer | u64 bits | u32 size | state }*

``docs/protocol/godot4-replication.md`` has the rules around them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode
from multiplayer.errors import DecodeError, Error, MultiplayerError
from multiplayer.variant.compact import compact_encoder, decode_compact_from
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH

from .c_strings import c_string, read_c_string
from .encoded import Encoded
from .replication_packets import Delta, Despawn, Element, ReplicationWire, Spawn, Sync

if TYPE_CHECKING:
    from collections.abc import Sequence

SPAWN: Final = 4
DESPAWN: Final = 5
SYNC: Final = 6
_DELTA_FLAG: Final = 0x10
_CUSTOM: Final = 255

_SPAWN_HEAD: Final = struct.Struct("<BBIIII")
_DESPAWN: Final = struct.Struct("<BI")
_WORD: Final = struct.Struct("<I")
_SYNC_HEAD: Final = struct.Struct("<BH")
_SYNC_ELEMENT: Final = struct.Struct("<II")
_DELTA_ELEMENT: Final = struct.Struct("<IQI")


class Godot4Replication(ReplicationWire):
    """What Godot 4 writes and reads.

    Args:
        level: the oldest engine that reads the values, see :func:`encode_variant`.
    """

    sync_mode = TransferMode.TRANSFER_MODE_UNRELIABLE
    timed = True
    names_scenes = False
    most_scenes = _CUSTOM
    by_element = False
    sync_overhead = _SYNC_HEAD.size
    delta_overhead = 1

    def __init__(self, level: tuple[int, int]) -> None:
        self._encode = compact_encoder(level)

    def state(self, values: Sequence[object]) -> bytes:
        """Encode values, one after the other.

        A value of None is a NIL; engines write a null Object as the head of an object, which they
        cannot read themselves.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one has no counterpart.
        """
        encode = self._encode
        if len(values) == 1:
            return encode(values[0])
        return b"".join([encode(value) for value in values])

    def spawn(
        self,
        scene: int | str | None,
        spawner: int,
        node: int,
        synchronizers: Sequence[int],
        name: str,
        data: bytes | None,
        state: bytes,
    ) -> bytes:
        """Encode a SPAWN.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the name cannot be written.
        """
        if isinstance(scene, str):
            message = f"Godot 4 has numbers for scenes, not names such as {scene!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        text, count = c_string(name), len(synchronizers)
        custom = b"" if data is None else _WORD.pack(len(data)) + data
        kind = _CUSTOM if scene is None else scene
        head = _SPAWN_HEAD.pack(SPAWN, kind, spawner, node, count, len(text))
        return head + struct.pack(f"<{count}I", *synchronizers) + text + custom + state

    def despawn(self, node: int) -> bytes:
        """Encode a DESPAWN."""
        return _DESPAWN.pack(DESPAWN, node)

    def sync_element(self, id: int, state: bytes) -> bytes:  # noqa: A002 - as in Element
        """Encode what one synchronizer says in a SYNC."""
        return _SYNC_ELEMENT.pack(id, len(state)) + state

    def delta_element(self, id: int, bits: int, state: bytes) -> bytes:  # noqa: A002 - as in Element
        """Encode what one synchronizer says in a delta."""
        return _DELTA_ELEMENT.pack(id, bits, len(state)) + state

    def sync(self, time: int, elements: bytes) -> bytes:
        """Encode a SYNC."""
        return _SYNC_HEAD.pack(SYNC, time) + elements

    def delta(self, elements: bytes) -> bytes:
        """Encode a delta."""
        return b"\x16" + elements

    def read_state(
        self, state: Encoded, count: int, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> tuple[list[object], Encoded]:
        """Return the first ``count`` values of a state, and the rest of it.

        Raises:
            DecodeError: it has fewer, or one cannot be decoded.
        """
        buffer, offset, end, _ = state
        if end < len(buffer):  # nothing behind it may be read
            buffer, offset, end = buffer[offset:end], 0, end - offset
        values: list[object] = []
        for _ in range(count):
            value, offset = decode_compact_from(buffer, offset, max_depth)
            values.append(value)
        return values, Encoded(buffer, offset, end, -1)


def read_replication(packet: bytes) -> Spawn | Despawn | Sync | Delta:
    """Return what a packet of kind 4, 5 or 6 says.

    Raises:
        DecodeError: it makes no sense.
    """
    kind = packet[0] & 0x07
    if kind == SPAWN:
        return _read_spawn(packet)
    if kind == DESPAWN:
        if len(packet) < _DESPAWN.size:
            raise _too_short(packet, "a DESPAWN")
        return Despawn(_DESPAWN.unpack_from(packet)[1])
    if packet[0] & _DELTA_FLAG:
        return _read_delta(packet)
    return _read_sync(packet)


def _read_spawn(packet: bytes) -> Spawn:
    if len(packet) < _SPAWN_HEAD.size:
        raise _too_short(packet, "a SPAWN")
    _, scene, spawner, node, count, length = _SPAWN_HEAD.unpack_from(packet)
    start, end = _SPAWN_HEAD.size, len(packet)
    if length + 4 * count > end - start:
        raise _too_short(packet, "a SPAWN with that many numbers and so long a name")
    ids = struct.unpack_from(f"<{count}I", packet, start)
    start += 4 * count
    if not length:
        reason = "a node without a name"
        raise DecodeError(reason, start)
    name, after = read_c_string(packet[: start + length], start)
    if after != start + length:
        reason = f"a name of {length} bytes that ends after {after - start}"
        raise DecodeError(reason, start)
    start, data = after, None
    if scene == _CUSTOM:
        if end - start < _WORD.size:
            raise _too_short(packet, "a SPAWN with data")
        (size,) = _WORD.unpack_from(packet, start)
        start += _WORD.size
        if size > end - start:
            raise _too_short(packet, "a SPAWN with that much data")
        data = Encoded(packet, start, start + size, 1)
        start += size
    state = Encoded(packet, start, end, -1)
    return Spawn(None if data is not None else scene, spawner, node, ids, name, data, state)


def _read_sync(packet: bytes) -> Sync:
    if len(packet) < _SYNC_HEAD.size:
        raise _too_short(packet, "a SYNC")
    _, time = _SYNC_HEAD.unpack_from(packet)
    at, end = _SYNC_HEAD.size, len(packet)
    elements: list[Element] = []
    while at < end:
        if end - at < _SYNC_ELEMENT.size:
            return Sync(time, tuple(elements), _left_over(end - at))
        id_, size = _SYNC_ELEMENT.unpack_from(packet, at)
        at += _SYNC_ELEMENT.size
        if size > end - at:
            return Sync(time, tuple(elements), _too_long(id_, size, end - at))
        elements.append(Element(id_, 0, Encoded(packet, at, at + size, -1)))
        at += size
    return Sync(time, tuple(elements))


def _read_delta(packet: bytes) -> Delta:
    at, end = 1, len(packet)
    elements: list[Element] = []
    while at < end:
        if end - at < _DELTA_ELEMENT.size:
            return Delta(tuple(elements), _left_over(end - at))
        id_, bits, size = _DELTA_ELEMENT.unpack_from(packet, at)
        at += _DELTA_ELEMENT.size
        if size > end - at:
            return Delta(tuple(elements), _too_long(id_, size, end - at))
        elements.append(Element(id_, bits, Encoded(packet, at, at + size, -1)))
        at += size
    return Delta(tuple(elements))


def _left_over(count: int) -> str:
    return f"{count} bytes are too few for another synchronizer"


def _too_long(id_: int, size: int, left: int) -> str:
    return f"synchronizer {id_} has a state of {size} bytes, but {left} are left"


def _too_short(packet: bytes, what: str) -> DecodeError:
    return DecodeError(f"{len(packet)} bytes are too short for {what}", len(packet))
