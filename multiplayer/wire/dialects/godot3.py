"""The packets of Godot 3's ``MultiplayerAPI``.

Mirrors ``core/io/multiplayer_api.cpp`` of Godot 3.2. The first byte is the kind, then::

    0 call     u32 node | method NUL | u8 count | Variants | [path NUL]
    1 set      u32 node | property NUL | one Variant | [path NUL]
    2 announce u32 node | path NUL
    3 confirm  path NUL
    4 raw      at least one byte

A node with bit 31 is the offset of its path from the first byte of the packet; the path comes last.
Numbers are little-endian, Variants those of Godot 3. The engine accepts and ignores bytes after the
last argument, and accepts paths without their NUL; so do we. Unlike the engine, we accept only text
that is UTF-8.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from multiplayer.errors import DecodeError
from multiplayer.variant.decoder import decoder_for
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH, encode_variant

from .api_packets import (
    Announce,
    ApiWire,
    Assign,
    Call,
    Confirm,
    OutgoingCall,
    Raw,
    Unsupported,
)
from .argument_lists import decode_each, encode_each
from .c_strings import c_string, read_c_string, read_text
from .call_forms import GODOT_3_CALLS
from .encoded import Encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .api_packets import ApiPacket

_CALL: Final = 0
_SET: Final = 1
_ANNOUNCE: Final = 2
_CONFIRM: Final = 3
_RAW: Final = 4

_HEADER: Final = struct.Struct("<BI")
_IS_PATH: Final = 0x8000_0000
_SHORTEST_CALL: Final = 6

_decode_from = decoder_for(3).decode_from


class _Godot3Call(OutgoingCall):
    def __init__(self, kind: int, tail: bytes) -> None:
        self._kind = kind
        self._tail = tail

    def by_number(self, node: int, *, shortest: bool) -> bytes:  # noqa: ARG002 - it has one form
        return _HEADER.pack(self._kind, node) + self._tail

    def by_path(self, path: str) -> bytes:
        reference = _IS_PATH | _HEADER.size + len(self._tail)
        return _HEADER.pack(self._kind, reference) + self._tail + c_string(path)


class Godot3Wire(ApiWire):
    """What real Godot 3 games write and read."""

    confirms = True
    spreads = True
    methods_by = "name"
    authenticates = False
    assigns = True
    responds = False
    forgets = False
    call_form = GODOT_3_CALLS

    def read(self, packet: bytes) -> ApiPacket:
        """Return what ``packet`` says.

        Raises:
            DecodeError: it makes no sense.
        """
        if not packet:
            reason = "an empty packet"
            raise DecodeError(reason)
        kind = packet[0]
        if kind in (_CALL, _SET):
            return _read_call(packet)
        if kind == _ANNOUNCE:
            if len(packet) < _HEADER.size:
                raise _too_short(packet, "a path's announcement")
            return Announce(_HEADER.unpack_from(packet)[1], read_text(packet, _HEADER.size), None)
        if kind == _CONFIRM:
            if len(packet) == 1:
                raise _too_short(packet, "a path's confirmation")
            return Confirm(read_text(packet, 1), agrees=True)
        if kind == _RAW:
            if len(packet) == 1:
                raise _too_short(packet, "raw bytes")
            return Raw(packet[1:])
        return Unsupported(f"kind {kind}")

    def read_arguments(
        self, arguments: Encoded, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> list[object]:
        """Return the arguments of a call.

        Raises:
            DecodeError: one cannot be decoded, or is missing.
        """
        return decode_each(arguments, _decode_from, max_depth)

    def read_value(self, value: Encoded, max_depth: int = DEFAULT_MAX_DEPTH) -> object:
        """Return the value of a set.

        Raises:
            DecodeError: it cannot be decoded.
        """
        return decode_each(value, _decode_from, max_depth)[0]

    def call(self, name: str, number: int, arguments: Sequence[object]) -> OutgoingCall:  # noqa: ARG002
        """Encode a call by the name of the method."""
        variants = encode_each(arguments, _encode)
        return _Godot3Call(_CALL, c_string(name) + bytes((len(arguments),)) + variants)

    def assign(self, name: str, value: object) -> OutgoingCall:
        """Encode an assignment."""
        return _Godot3Call(_SET, c_string(name) + _encode(value))

    def announce(self, node: int, path: str, methods: Sequence[str]) -> bytes:  # noqa: ARG002
        """Encode an announcement; it does not list the methods."""
        return _HEADER.pack(_ANNOUNCE, node) + c_string(path)

    def confirm(self, node: int, path: str, *, agrees: bool) -> bytes:  # noqa: ARG002
        """Encode the answer to an announcement; it has only the path."""
        return bytes((_CONFIRM,)) + c_string(path)

    def raw(self, payload: bytes) -> bytes:
        """Encode the game's own bytes."""
        return bytes((_RAW,)) + payload


def _encode(value: object) -> bytes:
    return encode_variant(value, 3)


def _read_call(packet: bytes) -> Call | Assign:
    if len(packet) < _SHORTEST_CALL:
        raise _too_short(packet, "a call")
    kind, reference = _HEADER.unpack_from(packet)
    node = reference
    if reference & _IS_PATH:
        at = reference & ~_IS_PATH
        if at >= len(packet):
            reason = f"a path at byte {at} of a packet of {len(packet)} bytes"
            raise DecodeError(reason, 1)
        node = read_text(packet, at)
        if not node:
            reason = "an empty path"
            raise DecodeError(reason, at)
    name, start = read_c_string(packet, _HEADER.size)
    if start >= len(packet):
        raise _too_short(packet, "a call")
    # As in the engine, the values may run into the path: its bytes are read as values then.
    if kind == _SET:
        return Assign(node, name, Encoded(packet, start, len(packet), 1))
    return Call(node, name, Encoded(packet, start + 1, len(packet), packet[start]))


def _too_short(packet: bytes, what: str) -> DecodeError:
    return DecodeError(f"{len(packet)} bytes are too short for {what}", len(packet))
