"""The packets that every Godot 4 has, from its first beta on.

Mirrors ``SceneRPCInterface`` and ``SceneCacheInterface`` of the engine's multiplayer module. Bits 0
to 2 of the first byte are the kind; bit 3, and those that the kind does not use, are ignored::

    0 call     bits 4-5: bytes of the node's number (0: 1, 1: 2, 2: 4); bit 6: two bytes for the
               method's number; bit 7: no count
               node | method | [u8 count] | values in compact form | [path NUL]
    1 announce checksum of the methods, 32 hex digits | NUL | u32 node | path NUL
    3 raw      at least one byte
    4 SPAWN, 5 DESPAWN, 6 SYNC: replication

A node with bit 31 is the offset of its path from the first byte of the packet; the values end
there. A call without a count has the rest as its only argument, a ``PackedByteArray``; if there is
no rest, it has no argument. Numbers are little-endian.

It is as lenient as the engine: numbers may be longer than needed, and bytes after the last argument
are ignored, as are those after a path's NUL, which may be missing. The caller checks whether a path
leaves the root. Unlike the engine, we accept only text that is UTF-8.
"""

from __future__ import annotations

import struct
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import DecodeError
from multiplayer.variant.compact import decode_compact_each, encode_compact
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH
from multiplayer.variant.flat_writer import write_flat
from multiplayer.variant.python_types import base_in_table

from .api_packets import (
    MOST_ARGUMENTS,
    Announce,
    ApiWire,
    Call,
    Confirm,
    OutgoingCall,
    Raw,
    Unsupported,
)
from .argument_lists import encode_each
from .c_strings import c_string, read_text
from .call_forms import GODOT_4_CALLS
from .encoded import Encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .api_packets import ApiPacket

_KIND_MASK: Final = 0x07
CALL: Final = 0
ANNOUNCE: Final = 1
CONFIRM: Final = 2
RAW: Final = 3
_REPLICATION: Final = {4: "SPAWN", 5: "DESPAWN", 6: "SYNC"}

_NODE_SHIFT: Final = 4
_FOUR_BYTES: Final = 2
_NO_SUCH_SIZE: Final = 3
_LONG_METHOD: Final = 0x40
_NO_COUNT: Final = 0x80
_IS_PATH: Final = 0x8000_0000
_WORD: Final = struct.Struct("<I")
_BY_PATH: Final = struct.Struct("<BI")
_BYTES: Final[frozenset[type]] = frozenset((bytes, bytearray, memoryview))
_COUNTS: Final = [bytes((count,)) for count in range(MOST_ARGUMENTS + 1)]
_CHECKSUM_END: Final = 33
_PATH_AT: Final = 38


def rpc_checksum(configured: Iterable[str], scripted: Iterable[str]) -> str:
    """Return Godot 4's checksum of a node's methods, by which two sides see if they agree.

    Args:
        configured: the names of the methods that ``rpc_config()`` was called for, in any order.
        scripted: those with ``@rpc`` in the script, including inherited ones, in any order.

    Returns:
        32 hex digits: the MD5 of all names with nothing between them, each of the two lists sorted
        by code points.
    """
    return _checksum([*sorted(configured), *sorted(scripted)])


def _checksum(names: Sequence[str]) -> str:
    data = b"".join(c_string(name)[:-1] for name in names)
    return md5(data, usedforsecurity=False).hexdigest()


class _Godot4Call(OutgoingCall):
    """A call; ``flags`` are all but the size of the node's number, ``tail`` is what follows it."""

    def __init__(self, flags: int, tail: bytes) -> None:
        self._flags = flags
        self._tail = tail

    def by_number(self, node: int, *, shortest: bool) -> bytes:
        size = _FOUR_BYTES
        if shortest:
            size = (node > 0xFF) + (node > 0xFFFF)
        number = node.to_bytes(1 << size, "little")
        return bytes((self._flags | size << _NODE_SHIFT,)) + number + self._tail

    def by_path(self, path: str) -> bytes:
        first = self._flags | _FOUR_BYTES << _NODE_SHIFT
        reference = _IS_PATH | _BY_PATH.size + len(self._tail)
        return _BY_PATH.pack(first, reference) + self._tail + c_string(path)


class Godot4CommonWire(ApiWire):
    """What every Godot 4 writes and reads.

    Args:
        level: the oldest engine that reads the values, see :func:`encode_variant`.
    """

    confirms = True
    methods_by = "receiver"
    assigns = False
    responds = False
    forgets = False
    call_form = GODOT_4_CALLS

    def __init__(self, level: tuple[int, int]) -> None:
        self._encode = partial(encode_compact, level=level)

    def read(self, packet: bytes) -> ApiPacket:
        """Return what ``packet`` says.

        Raises:
            DecodeError: it makes no sense.
        """
        if not packet:
            reason = "an empty packet"
            raise DecodeError(reason)
        kind = packet[0] & _KIND_MASK
        if kind == CALL:
            return _read_call(packet)
        if kind == ANNOUNCE:
            return _read_announcement(packet)
        if kind == CONFIRM:
            return self._read_confirmation(packet)
        if kind == RAW:
            if len(packet) == 1:
                raise too_short(packet, "raw bytes")
            return Raw(packet[1:])
        return self._read_other(kind, packet)

    def _read_confirmation(self, packet: bytes) -> Confirm:
        return read_path_confirmation(packet)

    def _read_other(self, kind: int, _packet: bytes) -> ApiPacket:
        if kind in _REPLICATION:
            return Unsupported(_REPLICATION[kind], "replication")
        return Unsupported(f"kind {kind}")

    def read_arguments(
        self, arguments: Encoded, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> list[object]:
        """Return the arguments of a call.

        Unlike Godot 4.6, it raises; the engine passes null for an argument that it cannot decode,
        and for all after it.

        Raises:
            DecodeError: one cannot be decoded, or is missing.
        """
        if arguments.how_many < 0:
            return [arguments.buffer[arguments.start : arguments.end]]
        buffer, start, end, count = arguments
        if end < len(buffer):
            buffer = buffer[:end]
        return decode_compact_each(buffer, start, count, max_depth)

    def call(self, name: str, number: int, arguments: Sequence[object]) -> OutgoingCall:  # noqa: ARG002
        """Encode a call by the method's number, which has bit 15 set for configured methods.

        An empty ``PackedByteArray`` as the only argument is written with its count, which engines
        read. They write it without, and so call with no argument (godot#95247).
        """
        flags = _LONG_METHOD if number > 0xFF else 0
        method = number.to_bytes(2 if flags else 1, "little")
        values = _bare(arguments)
        if values is None:
            values = encode_each(arguments, self._encode)
            return _Godot4Call(flags, method + bytes((len(arguments),)) + values)
        return _Godot4Call(flags | _NO_COUNT, method + values)

    def ready_call(self, name: str, number: int, node: int) -> Callable[[Sequence[object]], bytes]:
        """Return what encodes calls of one method of one node; see :meth:`call`."""
        call = self.call
        without = call(name, number, ()).by_number(node, shortest=True)
        head = bytes((without[0] & ~_NO_COUNT,)) + without[1:]

        def encode(arguments: Sequence[object]) -> bytes:
            if not arguments:
                return without
            packet = write_flat(head + _COUNTS[len(arguments)], arguments)
            if packet is None:
                return call(name, number, arguments).by_number(node, shortest=True)
            return packet

        return encode

    def announce(self, node: int, path: str, methods: Sequence[str]) -> bytes:
        """Encode an announcement with the methods' checksum."""
        checksum = _checksum(methods).encode() + b"\0"
        return bytes((ANNOUNCE,)) + checksum + _WORD.pack(node) + c_string(path)

    def confirm(self, node: int, path: str, *, agrees: bool) -> bytes:  # noqa: ARG002
        """Encode the answer to an announcement, with the path."""
        return bytes((CONFIRM, agrees)) + c_string(path)

    def raw(self, payload: bytes) -> bytes:
        """Encode the game's own bytes."""
        return bytes((RAW,)) + payload


def _bare(arguments: Sequence[object]) -> bytes | None:
    """Return the bytes of arguments that need no count; None if they need one."""
    if not arguments:
        return b""
    if len(arguments) == 1:
        kind: type = type(arguments[0])
        if not _BYTES.isdisjoint(kind.__mro__) and base_in_table(kind) in _BYTES:
            return bytes(cast("bytes", arguments[0])) or None  # no bytes would be no argument
    return None


def _read_call(packet: bytes) -> Call:
    header = packet[0]
    size = header >> _NODE_SHIFT & 3
    if size == _NO_SUCH_SIZE:
        reason = "there is no such size for a node's number"
        raise DecodeError(reason)
    method_at = 1 + (1 << size)
    start = method_at + (2 if header & _LONG_METHOD else 1)
    end = len(packet)
    if start > end:
        raise too_short(packet, "a call")
    node: int | str = int.from_bytes(packet[1:method_at], "little")
    method = int.from_bytes(packet[method_at:start], "little")
    if node & _IS_PATH:
        at = node & ~_IS_PATH
        if not start <= at < end:
            reason = f"a path at byte {at} of a packet of {end} bytes"
            raise DecodeError(reason, 1)
        end = at
        node = _read_path(packet, at)
    if header & _NO_COUNT:
        return Call(node, method, Encoded(packet, start, end, -1 if start < end else 0))
    if start == end:
        raise too_short(packet, "a call with a count")
    return Call(node, method, Encoded(packet, start + 1, end, packet[start]))


def _read_announcement(packet: bytes) -> Announce:
    if len(packet) < _PATH_AT:
        raise too_short(packet, "a path's announcement")
    # Only compared, never sent back: Latin-1 gives each byte a character of its own.
    checksum = packet[1:_CHECKSUM_END].decode("latin-1")
    (node,) = _WORD.unpack_from(packet, _CHECKSUM_END + 1)
    return Announce(node, _read_path(packet, _PATH_AT), checksum)


def read_path_confirmation(packet: bytes) -> Confirm:
    """Read ``02 | agrees | path NUL``, the form before Godot 4.3.

    Raises:
        DecodeError: it is too short, or the path is not UTF-8.
    """
    if len(packet) < 3:
        raise too_short(packet, "a path's confirmation")
    return Confirm(_read_path(packet, 2), agrees=packet[1] != 0)


def _read_path(packet: bytes, start: int) -> str:
    path = read_text(packet, start)
    if not path:
        reason = "an empty path"
        raise DecodeError(reason, start)
    return path


def too_short(packet: bytes, what: str) -> DecodeError:
    """Return the error for a packet that ends too early."""
    return DecodeError(f"{len(packet)} bytes are too short for {what}", len(packet))
