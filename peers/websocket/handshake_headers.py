"""What users put into the upgrade: header lines that engines have to read, and sub-protocols."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MAX_HEAD: Final = 4096
"""Engines refuse a head of so many bytes."""

_UPGRADE_ITSELF: Final = 1024
"""How many bytes of a head are for what the upgrade itself writes."""

_WRITTEN_BY_THE_UPGRADE: Final = frozenset(
    {
        "host",
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "sec-websocket-accept",
        "content-length",
        "transfer-encoding",
        "gdpeers",
    }
)


def handshake_fields(lines: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Turn ``"Name: value"`` lines into header fields that engines accept.

    They refuse an empty value, and heads of more than 4096 bytes.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a line is no header, has no value or is one of
            the upgrade's own, or all together are too long.
    """
    fields = header_fields(lines)
    for name, value in fields:
        if not value:
            header = name.decode()
            message = f"the header {header} has no value; Godot refuses such a one, so leave it out"
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


def header_fields(
    lines: Sequence[str],
    reserved: Collection[str] = _WRITTEN_BY_THE_UPGRADE,
    writer: str = "the upgrade itself",
) -> list[tuple[bytes, bytes]]:
    """Turn Godot's ``"Name: value"`` lines into header fields.

    Args:
        lines: the headers.
        reserved: the names, in lower case, that may not be among them.
        writer: who writes those.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a line is no header, or one that is reserved.
    """
    if isinstance(lines, str):
        message = f"headers are a list of lines: write [{lines!r}]"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(lines, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"headers are a list of lines, not {lines!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if not isinstance(line, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"a header is a line of text, 'Name: value', not {line!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        name, colon, value = line.partition(":")
        token = name.strip()
        printable = all(" " <= char <= "~" or char == "\t" or char >= "\x80" for char in value)
        printable = printable and not any("\ud800" <= char <= "\udfff" for char in value)
        if not colon or not _is_token(token) or not printable:
            message = f"{line!r} is no HTTP header; write 'Name: value'"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if token.lower() in reserved:
            message = f"the header {token} is written by {writer}; leave it out"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        fields.append((token.encode(), value.strip().encode()))
    return fields


def check_protocols(protocols: Sequence[str]) -> tuple[str, ...]:
    """Return the sub-protocols without the white space around them.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: one is no token of RFC 7230.
    """
    if isinstance(protocols, str):
        message = f"protocols is a list of names: write [{protocols!r}]"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(protocols, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"protocols is a list of names, not {protocols!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    names = tuple(
        name.strip() if isinstance(name, str) else name  # pyright: ignore[reportUnnecessaryIsInstance]
        for name in protocols
    )
    for name in names:
        if not isinstance(name, str) or not _is_token(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{name!r} cannot be the name of a sub-protocol"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return names


def _is_token(name: str) -> bool:
    return (
        name.isascii()
        and bool(name)
        and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in name)
    )
