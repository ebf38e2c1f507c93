"""``handshake_headers``: header lines of users that engines have to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError

from .upgrade import header_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_HEAD: Final = 4096
"""Engines refuse a head of so many bytes."""

_UPGRADE_ITSELF: Final = 1024
"""How many bytes of a head are for what the upgrade itself writes."""


def handshake_fields(lines: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Turn ``"Name: value"`` lines into header fields that engines accept.

    They refuse an empty value, and heads of more than 4096 bytes.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a line is no header, has no value or is one of
            the upgrade's own, or all together are too long.
    """
    if isinstance(lines, str):
        message = f"handshake_headers is a list of lines: write [{lines!r}]"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    fields = header_fields(lines)
    for line, (_, value) in zip(lines, fields, strict=True):
        if not value:
            message = f"{line!r} has no value; Godot refuses such a header, so leave it out"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    check_size(fields)
    return fields


def check_size(fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise if engines cannot read so many header fields.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: they are too long.
    """
    room = _MAX_HEAD - _UPGRADE_ITSELF
    size = sum(len(name) + len(value) + len(b": \r\n") for name, value in fields)
    if size > room:
        message = f"the headers take {size} bytes; {room} is what Godot can read"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
