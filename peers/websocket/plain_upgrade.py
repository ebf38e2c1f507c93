"""What nearly all requests for an upgrade look like, so that they are read quickly, and once.

wsproto, and h11 below it, take most of the time of a handshake. What is said here of a request is
what ``http_head`` and they would say of it; about any other they are asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wsproto.utilities import generate_accept_token

from .http_head import is_authority

if TYPE_CHECKING:
    from .http_head import Fields

_HEAD: Final = re.compile(
    # A path without a fragment; then lines without obsolete folds, and with visible characters.
    rb"""GET (/[!"$-~]*) HTTP/1\.1\r\n((?:[-!#$%&'*+.^_`|~0-9A-Za-z]++:[ -~]*+\r\n)++)\r\n"""
)
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==")

_ONCE: Final = frozenset(
    {"host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"}
)
"""The headers that each such request has."""

_FOR_WSPROTO: Final = frozenset(
    {"sec-websocket-protocol", "content-length", "transfer-encoding", "expect"}
)
"""Headers that change what becomes of a request."""

_NO_MATTER: Final = "sec-websocket-extensions"
"""We agree to none."""

_ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n%s\r\n"
)


class PlainRequest(NamedTuple):
    """A proper request for an upgrade, without sub-protocols.

    Attributes:
        key: its ``Sec-WebSocket-Key``.
        target: path and query.
        host: the ``Host`` header.
        headers: the others but those of the upgrade, names in lower case, in order.
    """

    key: str
    target: str
    host: str
    headers: tuple[tuple[str, str], ...]


def read_plain(head: bytes) -> PlainRequest | None:
    """Read a request for an upgrade, up to its blank line, inclusive.

    Returns:
        None if others have to be asked: there is, or may be, something else to it, or wrong with
        it.
    """
    parts = _HEAD.fullmatch(head)
    if parts is None:
        return None
    target, lines = parts.groups()
    found: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for line in lines.decode("ascii").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" ")
        if name in _ONCE:
            if name in found:
                return None
            found[name] = value
        elif name in _FOR_WSPROTO:
            return None
        elif name != _NO_MATTER:
            headers.append((name, value))
    if len(found) < len(_ONCE):
        return None
    key, host = found["sec-websocket-key"], found["host"]
    if (
        _upgrades(found["connection"].lower())
        and found["upgrade"].lower() == "websocket"
        and found["sec-websocket-version"] == "13"
        and _KEY.fullmatch(key)
        and is_authority(host)
    ):
        return PlainRequest(key, target.decode("ascii"), host, tuple(headers))
    return None


def _upgrades(connection: str) -> bool:
    """Return whether a ``Connection`` header asks for an upgrade, and not for the end."""
    if connection == "upgrade":
        return True
    options = [option.strip() for option in connection.split(",")]
    return "upgrade" in options and "close" not in options


def plain_answer(key: str, fields: Fields) -> bytes:
    """Return the answer to such a request that opens the connection.

    Args:
        key: that of the request.
        fields: further header fields.
    """
    further = b"".join([b"%s: %s\r\n" % field for field in fields])
    return _ACCEPTED % (generate_accept_token(key.encode()), further)
