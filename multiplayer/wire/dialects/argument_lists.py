"""The arguments of a call in Godot's dialects: one value after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError

from .api_packets import MOST_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .encoded import Encoded


def check_count(arguments: Sequence[object]) -> None:
    """Refuse more arguments than a call can have.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there are too many.
    """
    if len(arguments) > MOST_ARGUMENTS:
        message = f"a call has at most {MOST_ARGUMENTS} arguments, not {len(arguments)}; use a list"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def encode_each(arguments: Sequence[object], encode: Callable[[object], bytes]) -> bytes:
    """Return the bytes of all arguments.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there are too many, or one has no counterpart.
    """
    check_count(arguments)
    parts: list[bytes] = []
    for index, argument in enumerate(arguments):
        try:
            parts.append(encode(argument))
        except MultiplayerError as error:
            message = f"argument {index}: {error.message}"
            raise MultiplayerError(error.code, message) from error
    return b"".join(parts)


def decode_each(
    arguments: Encoded,
    decode_from: Callable[[bytes, int, int], tuple[object, int]],
    max_depth: int,
) -> list[object]:
    """Return the values of all arguments; bytes after the last are ignored, as in Godot.

    Args:
        arguments: with their count.
        decode_from: takes bytes, an offset and ``max_depth``; returns a value and the offset
            after it.
        max_depth: how deeply containers may be nested.

    Raises:
        DecodeError: one cannot be decoded, or is missing.
    """
    buffer, offset, end, count = arguments
    if end < len(buffer):
        buffer = buffer[:end]
    values: list[object] = []
    for _ in range(count):
        value, offset = decode_from(buffer, offset, max_depth)
        values.append(value)
    return values
