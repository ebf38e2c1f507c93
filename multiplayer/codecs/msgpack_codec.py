"""Our native values: msgpack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import msgpack

from multiplayer.errors import DecodeError, Error, MultiplayerError
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH
from multiplayer.variant.failure import UnencodableError, inside
from multiplayer.variant.python_types import as_key

from .extensions import from_extension, to_msgpack

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONG_ARRAYS = (b"\xdc", b"\xdd")
"""How an array begins whose count is not in its first byte."""
_CONTAINERS = frozenset((list, tuple, dict))

_pack = partial(msgpack.packb, default=to_msgpack, strict_types=True)
_unpack = partial(msgpack.unpackb, strict_map_key=False, ext_hook=from_extension, timestamp=1)


class MsgpackCodec:
    """Values as msgpack, Godot's types as extension types; ``docs/values.md`` has the table.

    Tuples come back as lists, but as tuples where they are keys; a msgpack timestamp comes back as
    a float, in seconds since 1970. Nothing that arrives is ever turned into code or objects.

    Args:
        max_depth: how many containers a container may be inside of, both ways.
    """

    def __init__(self, *, max_depth: int = DEFAULT_MAX_DEPTH) -> None:
        self._max_depth = max_depth

    def encode(self, value: object) -> bytes:
        """Return ``value`` as msgpack.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: something in the value has no counterpart,
                such as an int of more than 64 bits; the sentence begins with the way to it.
        """
        try:
            data = _pack(value)
        except (MultiplayerError, UnencodableError, TypeError, ValueError, OverflowError) as error:
            try:
                self._find_cause(value, self._max_depth)
            except UnencodableError as cause:
                raise cause.as_multiplayer_error() from error
            message = f"msgpack cannot hold this value: {error}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error
        if self._is_too_deep(value):
            message = f"containers are nested deeper than {self._max_depth}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return data

    def decode(self, data: bytes) -> object:
        """Return the value that the msgpack in ``data`` holds.

        Raises:
            DecodeError: ``data`` is not exactly one msgpack value of ours. msgpack itself does not
                say where; the offset is 0 then, and inside an extension counts from its start.
        """
        try:
            if any(begin in data for begin in _LONG_ARRAYS):
                _check_counts(data)
            try:
                value = _unpack(data)
            except TypeError:  # a key that is an array
                value = _unpack(data, object_pairs_hook=_with_keys)
        except DecodeError:
            raise
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise DecodeError(f"not a msgpack value: {error}") from error
        if self._is_too_deep(value):
            reason = f"containers are nested deeper than {self._max_depth}"
            raise DecodeError(reason)
        return value

    def _find_cause(self, value: object, depth: int) -> None:
        """Raise an error that says where in ``value`` is what cannot be packed."""
        if depth < 0:
            message = "the value is nested too deep, or holds itself"
            raise UnencodableError(message)
        if type(value) in (list, tuple):
            items = cast("Iterable[object]", value)
            for index, item in enumerate(items):
                self._find_cause_inside(item, depth, index)
        elif type(value) is dict:
            for key, item in cast("dict[object, object]", value).items():
                self._find_cause_inside(key, depth, key, " (the key)")
                self._find_cause_inside(item, depth, key)
        else:
            try:
                _pack(value)
            except MultiplayerError as error:
                raise UnencodableError(error.message) from None
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

    def _is_too_deep(self, value: object) -> bool:
        containers = [value] if type(value) in _CONTAINERS else []
        for _ in range(self._max_depth):
            containers = [
                part for outer in containers for part in _parts(outer) if type(part) in _CONTAINERS
            ]
            if not containers:
                return False
        return any(containers)


def _parts(container: object) -> Iterable[object]:
    if type(container) is dict:
        items = cast("dict[object, object]", container)
        return (*items, *items.values())
    return cast("Iterable[object]", container)


def _with_keys(pairs: Iterable[tuple[object, object]]) -> dict[object, object]:
    return {as_key(key): value for key, value in pairs}


def _check_counts(data: bytes) -> None:
    """Refuse arrays that claim more elements than there are.

    msgpack makes room for all elements of an array before it has seen one, level by level, so that
    a few bytes could claim gigabytes. Skipping makes room for none.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(data))
    unpacker.feed(data)
    unpacker.skip()
