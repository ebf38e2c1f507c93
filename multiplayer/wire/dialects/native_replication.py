"""The packets of replication of our own dialect, which ``docs/protocol/native.md`` describes."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

import msgpack

from multiplayer.addressing import TransferMode
from multiplayer.codecs import MsgpackCodec
from multiplayer.errors import DecodeError, Error, MultiplayerError
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH

from .array_of_values import array_of
from .element_changes import DictionaryChanges, ListChanges, read_changes
from .encoded import Encoded
from .replication_packets import Delta, Despawn, Element, ReplicationWire, Resend, Spawn, Sync

if TYPE_CHECKING:
    from collections.abc import Sequence

SPAWN: Final = 12
DESPAWN: Final = 13
SYNC: Final = 14
DELTA: Final = 15
RESEND: Final = 16

_SPAWN_HEAD: Final = struct.Struct("<BIIHHI")
_NUMBER: Final = struct.Struct("<BI")
_SYNC_ELEMENT: Final = struct.Struct("<II")
_DELTA_ELEMENT: Final = struct.Struct("<IQI")
_SYNC: Final = bytes((SYNC,))
_DELTA: Final = bytes((DELTA,))

_SEVERAL: Final = -1
"""What :class:`Encoded` says of the state of a SPAWN: an array for each synchronizer."""

_ONE: Final = 1
"""Of any other state: one array."""

_MOST_IDS: Final = 0xFFFF


@lru_cache(maxsize=8)
def codec_of(max_depth: int) -> MsgpackCodec:
    """Return the codec for values with containers that deep."""
    return MsgpackCodec(max_depth=max_depth)


_lists: Final = codec_of(DEFAULT_MAX_DEPTH + 1)
_changes: Final = codec_of(DEFAULT_MAX_DEPTH + 4)
"""Changes have three levels of their own around a value, in the list of values."""


class NativeReplication(ReplicationWire):
    """What Python programs write and read."""

    sync_mode = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
    timed = False
    names_scenes = True
    most_scenes = 0xFFFF_FFFF
    by_element = True
    resends = True
    sync_overhead = len(_SYNC)
    delta_overhead = len(_DELTA)

    def state(self, values: Sequence[object]) -> bytes:
        """Encode values as an array; no values at all are no bytes.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one has no counterpart.
        """
        if not values:
            return b""
        return array_of(b"", values) or _lists.encode(list(values))

    def delta_state(self, values: Sequence[object]) -> bytes:
        """Encode the values of a DELTA, some of which may be changes of elements.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one has no counterpart.
        """
        places: list[object] = []
        written: list[object] = []
        for place, value in enumerate(values):
            if isinstance(value, ListChanges | DictionaryChanges):
                places.append(place)
                value = value.as_values()
            written.append(value)
        if not places:
            return _lists.encode(written)
        return _changes.encode([*written, places])

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
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the name or the scene's name cannot be
                written, or there are too many synchronizers.
        """
        count, data = len(synchronizers), data or b""
        names = _lists.encode([_text(name), _text(str(scene)) if scene is not None else None])
        if count > _MOST_IDS or len(names) > _MOST_IDS:
            message = "the names are too long, or there are more synchronizers than 65 535"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        head = _SPAWN_HEAD.pack(SPAWN, spawner, node, count, len(names), len(data))
        return head + struct.pack(f"<{count}I", *synchronizers) + names + data + state

    def despawn(self, node: int) -> bytes:
        """Encode a DESPAWN."""
        return _NUMBER.pack(DESPAWN, node)

    def sync_element(self, id: int, state: bytes) -> bytes:  # noqa: A002 - as in Element
        """Encode what one synchronizer says in a SYNC."""
        return _SYNC_ELEMENT.pack(id, len(state)) + state

    def delta_element(self, id: int, bits: int, state: bytes) -> bytes:  # noqa: A002 - as in Element
        """Encode what one synchronizer says in a DELTA."""
        return _DELTA_ELEMENT.pack(id, bits, len(state)) + state

    def sync(self, time: int, elements: bytes) -> bytes:  # noqa: ARG002 - it has none
        """Encode a SYNC."""
        return _SYNC + elements

    def delta(self, elements: bytes) -> bytes:
        """Encode a DELTA."""
        return _DELTA + elements

    def resend(self, ids: Sequence[int]) -> bytes:
        """Encode a RESEND."""
        return struct.pack(f"<B{len(ids)}I", RESEND, *ids)

    def read_state(
        self, state: Encoded, count: int, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> tuple[list[object], Encoded]:
        """Return the values of the first array of a state, and the rest of it.

        Raises:
            DecodeError: it has not ``count`` values, or one cannot be decoded.
        """
        buffer, start, end, how_many = state
        if not count:
            return [], state
        stop = _end_of_array(buffer, start, end) if how_many == _SEVERAL else end
        values = _read_array(buffer, start, stop, max_depth + 1)
        if len(values) != count:
            raise _other_count(len(values), count, start)
        return values, Encoded(buffer, stop, end, how_many)

    def read_delta_state(
        self, state: Encoded, count: int, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> tuple[list[object], Encoded]:
        """Return the values of a DELTA; some may be changes of elements.

        Raises:
            DecodeError: it has not ``count`` values, or one cannot be decoded.
        """
        buffer, start, end, how_many = state
        values = _read_array(buffer, start, end, max_depth + 4)
        if len(values) == count + 1:
            _read_all_changes(values, values.pop(), start)
        elif len(values) != count:
            raise _other_count(len(values), count, start)
        return values, Encoded(buffer, end, end, how_many)


def _read_all_changes(values: list[object], places: object, start: int) -> None:
    """Put changes where ``places`` says that they are encoded."""
    if type(places) is not list or not places:
        reason = "there is a value too many, which is not the places of changes"
        raise DecodeError(reason, start)
    before = -1
    for place in cast("list[object]", places):
        if type(place) is not int or not before < place < len(values):
            reason = f"changes at places of {len(values)} values that are not, or not in order"
            raise DecodeError(reason, start)
        values[place] = read_changes(values[place])
        before = place


def _read_array(buffer: bytes, start: int, end: int, max_depth: int) -> list[object]:
    if start >= end:
        reason = "the state is empty"
        raise DecodeError(reason, start)
    value = codec_of(max_depth).decode(buffer[start:end])
    if type(value) is not list:
        reason = "a state is not an array"
        raise DecodeError(reason, start)
    return cast("list[object]", value)


def _end_of_array(buffer: bytes, start: int, end: int) -> int:
    unpacker = msgpack.Unpacker(max_buffer_size=max(end - start, 1))
    unpacker.feed(buffer[start:end])
    try:
        unpacker.skip()
    except (msgpack.UnpackException, ValueError, RecursionError) as error:
        reason = "a state ends too early, or is none"
        raise DecodeError(reason, start) from error
    return start + unpacker.tell()


def _other_count(count: int, expected: int, start: int) -> DecodeError:
    return DecodeError(f"{count} values, but {expected} properties are configured here", start)


# -------------------------------------------------------------------- reading packets


def read_spawn(packet: bytes) -> Spawn:
    """Return what a packet of kind 12 says.

    Raises:
        DecodeError: it makes no sense.
    """
    end = len(packet)
    if end < _SPAWN_HEAD.size:
        raise _too_short(packet)
    _, spawner, node, count, names_size, data_size = _SPAWN_HEAD.unpack_from(packet)
    names_at = _SPAWN_HEAD.size + 4 * count
    data_at = names_at + names_size
    state_at = data_at + data_size
    if state_at > end:
        raise _too_short(packet)
    ids = struct.unpack_from(f"<{count}I", packet, _SPAWN_HEAD.size)
    names = _read_array(packet, names_at, data_at, 1)
    if len(names) != 2:
        reason = f"expected the names of a node and a scene, not {len(names)} values"
        raise DecodeError(reason, names_at)
    name, scene = names
    if type(name) is not str or not name or not (scene is None or type(scene) is str):
        reason = "the name of a node or a scene is not text"
        raise DecodeError(reason, names_at)
    if (scene is None) is not bool(data_size):
        reason = "there must be a scene or data for a node, and not both"
        raise DecodeError(reason, data_at)
    data = Encoded(packet, data_at, state_at, _ONE) if data_size else None
    return Spawn(scene, spawner, node, ids, name, data, Encoded(packet, state_at, end, _SEVERAL))


def read_despawn(packet: bytes) -> Despawn:
    """Return what a packet of kind 13 says.

    Raises:
        DecodeError: it makes no sense.
    """
    if len(packet) != _NUMBER.size:
        reason = f"a packet of kind {DESPAWN} has {_NUMBER.size} bytes, not {len(packet)}"
        raise DecodeError(reason, min(_NUMBER.size, len(packet)))
    return Despawn(_NUMBER.unpack(packet)[1])


def read_sync(packet: bytes) -> Sync:
    """Return what a packet of kind 14 says.

    Raises:
        DecodeError: it has no element at all.
    """
    elements: list[Element] = []
    at, end, size_of_head = 1, len(packet), _SYNC_ELEMENT.size
    unpack, fault = _SYNC_ELEMENT.unpack_from, ""
    while at < end:
        if end - at < size_of_head:
            fault = _left_over(end - at)
            break
        id_, size = unpack(packet, at)
        at += size_of_head
        if size > end - at:
            fault = _too_long(id_, size, end - at)
            break
        elements.append(Element(id_, 0, Encoded(packet, at, at + size, _ONE)))
        at += size
    if not elements:
        raise DecodeError(fault or "a packet of kind 14 without anything in it", 1)
    return Sync(None, tuple(elements), fault)


def read_delta(packet: bytes) -> Delta:
    """Return what a packet of kind 15 says.

    Raises:
        DecodeError: it has no element at all.
    """
    elements: list[Element] = []
    at, end, fault = 1, len(packet), ""
    while at < end:
        if end - at < _DELTA_ELEMENT.size:
            fault = _left_over(end - at)
            break
        id_, bits, size = _DELTA_ELEMENT.unpack_from(packet, at)
        at += _DELTA_ELEMENT.size
        if size > end - at:
            fault = _too_long(id_, size, end - at)
            break
        elements.append(Element(id_, bits, Encoded(packet, at, at + size, _ONE)))
        at += size
    if not elements:
        raise DecodeError(fault or "a packet of kind 15 without anything in it", 1)
    return Delta(tuple(elements), fault)


def read_resend(packet: bytes) -> Resend:
    """Return what a packet of kind 16 says.

    Raises:
        DecodeError: it makes no sense.
    """
    count, rest = divmod(len(packet) - 1, 4)
    if rest or not count:
        reason = f"numbers of four bytes each, with {rest} left over of {len(packet) - 1}"
        raise DecodeError(reason, len(packet) - rest)
    return Resend(struct.unpack_from(f"<{count}I", packet, 1))


def _text(text: str) -> str:
    """Return ``text`` as a plain str: a ``StringName`` would become an extension type."""
    return str.__str__(text)


def _left_over(count: int) -> str:
    return f"{count} bytes are too few for another synchronizer"


def _too_long(id_: int, size: int, left: int) -> str:
    return f"synchronizer {id_} has a state of {size} bytes, but {left} are left"


def _too_short(packet: bytes) -> DecodeError:
    return DecodeError(f"{len(packet)} bytes are too short for a packet of kind {packet[0]}")
