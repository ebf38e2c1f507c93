"""Our native values: msgpack."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, cast

import msgpack

from multiplayer.errors import DecodeError, Error, MultiplayerError
from multiplayer.variant.array_keys import ArrayKeys
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH
from multiplayer.variant.failure import UnencodableError, inside
from multiplayer.variant.python_types import base_in_table

from .extensions import CONTAINERS, from_extension, to_msgpack
from .nesting import gauge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONG_ARRAY_16, _LONG_ARRAY_32 = b"\xdc", b"\xdd"
"""First byte of the arrays whose count is not in that byte."""

_CONTAINERS: tuple[type[object], ...] = (list, tuple, dict)

_KEPT: Final = 65536
"""The longest data whose buffer is kept, in bytes."""

_SMALL_BUFFER: Final = 4096
"""How many bytes a packer has room for at first."""

_packers: Final[list[msgpack.Packer]] = []
"""Making one takes longer than packing a few values. Each is used by one call at a time, whatever
thread it is in."""


class MsgpackCodec:
    """Values as msgpack, Godot's types as extension types; ``docs/values.md`` has the table.

    Tuples come back as lists, or as tuples where they are keys; a msgpack timestamp comes back as
    a float, in seconds since 1970. Nothing that arrives is ever turned into code or objects.

    Args:
        max_depth: how deeply containers may be nested, both ways. msgpack itself stops at 510 when
            writing and 1023 when reading.
    """

    def __init__(self, *, max_depth: int = DEFAULT_MAX_DEPTH) -> None:
        self._max_depth = max_depth
        self._gauge = gauge(max_depth)
        self._pack = partial(msgpack.packb, strict_types=True)
        self._unpack = partial(msgpack.unpackb, strict_map_key=False, timestamp=1)

    def encode(self, value: object) -> bytes:
        """Return ``value`` as msgpack.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: something in the value has no counterpart,
                such as an int of more than 64 bits; the sentence starts with the path to it.
        """
        plain = pack_plain(value)
        if plain and self._gauge.passes(plain):
            return plain
        special = _Special(self._max_depth)
        try:
            data = self._pack(value, default=special.to_msgpack)
        except (UnencodableError, TypeError, ValueError, OverflowError, RecursionError) as error:
            try:
                self._find_cause(value, self._max_depth)
            except UnencodableError as cause:
                raise cause.as_multiplayer_error() from error
            except RecursionError:
                message = "the value is nested deeper than Python's stack allows"
            else:
                message = f"msgpack cannot hold this value: {error}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error
        if self._may_be_too_deep(data, special) and _is_too_deep(value, self._max_depth):
            message = f"containers are nested deeper than {self._max_depth}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return data

    def decode(self, data: bytes | bytearray | memoryview) -> object:
        """Return the value that the msgpack in ``data`` holds.

        Raises:
            DecodeError: ``data`` is not exactly one msgpack value that we know. The offset is 0
                where msgpack does not report one; inside an extension it counts from its start.
        """
        data = bytes(data)
        special = _Special(self._max_depth)
        try:
            inside = 3 if _begins_with_room_for_all(data) else 0
            if data.find(_LONG_ARRAY_16, inside) >= 0 or data.find(_LONG_ARRAY_32, inside) >= 0:
                _check_counts(data)
            try:
                value = self._unpack(data, ext_hook=special.from_extension)
            except TypeError:  # a key that is an array
                value = self._unpack(
                    data, ext_hook=special.from_extension, object_pairs_hook=self._with_keys
                )
        except DecodeError:
            raise
        except RecursionError:
            reason = "nested deeper than Python's stack allows"
            raise DecodeError(reason) from None
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise DecodeError(f"not a msgpack value: {error}") from error
        if self._may_be_too_deep(data, special) and _is_too_deep(value, self._max_depth):
            reason = f"containers are nested deeper than {self._max_depth}"
            raise DecodeError(reason)
        return value

    def _may_be_too_deep(self, data: bytes, special: _Special) -> bool:
        return special.with_containers or not self._gauge.passes(data)

    def _with_keys(self, pairs: Iterable[tuple[object, object]]) -> dict[object, object]:
        items: dict[object, object] = {}
        array_keys = ArrayKeys()
        for key, value in pairs:
            try:
                items[key] = value
            except TypeError:
                items[array_keys.add(key, items, 0, self._max_depth - 1)] = value
        return items

    def _find_cause(self, value: object, depth: int) -> None:
        """Raise an error that says which part of ``value`` cannot be packed."""
        if depth < 0:
            message = "the value is nested too deeply, or contains itself"
            raise UnencodableError(message)
        base = base_in_table(type(value))
        if base in (list, tuple):
            items = cast("Iterable[object]", value)
            for index, item in enumerate(items):
                self._find_cause_inside(item, depth, index)
        elif base is dict:
            for key, item in cast("dict[object, object]", value).items():
                self._find_cause_inside(key, depth, key, " (the key)")
                self._find_cause_inside(item, depth, key)
        else:
            try:
                self._pack(value, default=_Special(self._max_depth).to_msgpack)
            except OverflowError:
                message = "an int needs more than 64 bits"
                raise UnencodableError(message) from None
            except (TypeError, ValueError) as error:
                raise UnencodableError(str(error)) from None

    def _find_cause_inside(self, value: object, depth: int, step: object, note: str = "") -> None:
        try:
            self._find_cause(value, depth - 1)
        except UnencodableError as error:
            raise inside(error, step, note) from None


def pack_plain(value: object) -> bytes:
    """Return a value as msgpack; b"" if msgpack by itself cannot write all of it."""
    try:
        packer = _packers.pop()
    except IndexError:
        packer = msgpack.Packer(strict_types=True, buf_size=_SMALL_BUFFER)
    try:
        data = packer.pack(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        packer.reset()
        data = b""
    if len(data) <= _KEPT:
        _packers.append(packer)
    return data


class _Special:
    """Handles the parts of one value that msgpack cannot handle by itself.

    Attributes:
        with_containers: some extension types were containers, whose contents count as nested.
    """

    __slots__ = ("_max_depth", "with_containers")

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self.with_containers = False

    def to_msgpack(self, value: object) -> object:
        made = to_msgpack(value, self._max_depth)
        if type(made) is msgpack.ExtType and made.code in CONTAINERS:
            self.with_containers = True
        return made

    def from_extension(self, number: int, content: bytes) -> object:
        if number in CONTAINERS:
            self.with_containers = True
        return from_extension(number, content, max_depth=self._max_depth)


def _is_too_deep(value: object, max_depth: int) -> bool:
    """Return whether containers in ``value`` are nested more than ``max_depth`` deep."""
    if not isinstance(value, _CONTAINERS):
        return False
    if max_depth <= 0:
        return bool(value)
    levels = [_containers_in(value)]
    while levels:
        inner = next(levels[-1], None)
        if inner is None:
            levels.pop()
        elif len(levels) >= max_depth:
            return True
        else:
            levels.append(_containers_in(inner))
    return False


def _containers_in(container: object) -> Iterator[object]:
    """Yield the containers in ``container`` that are not empty."""
    parts = cast("Iterable[object]", container)
    if isinstance(container, dict):
        items = cast("dict[object, object]", container)
        parts = chain(items, items.values())
    return (part for part in parts if isinstance(part, _CONTAINERS) and part)


def _check_counts(data: bytes) -> None:
    """Refuse arrays that claim more elements than they have.

    msgpack allocates room for all elements of an array before it has read one, at each level, so a
    few bytes could claim gigabytes. Skipping allocates nothing.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(data))
    unpacker.feed(data)
    unpacker.skip()


def _begins_with_room_for_all(data: bytes) -> bool:
    """Return whether ``data`` is a long array no shorter than it claims, as most are."""
    if data[:1] != _LONG_ARRAY_16 or len(data) < 3:
        return False
    return int.from_bytes(data[1:3], "big") <= len(data) - 3
