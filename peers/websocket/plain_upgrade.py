"""What nearly all requests for an upgrade look like, so that nobody has to read them twice.

wsproto, and h11 below it, take most of the time of a handshake. What is said here of a request is
what they would say of it; about any other they are asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wsproto.utilities import generate_accept_token

if TYPE_CHECKING:
    from .http_head import Fields

_HEAD: Final = re.compile(
    rb"GET [!-~]+ HTTP/1\.1(?:\r\n[-!#$%&'*+.^_`|~0-9A-Za-z]+:[ -~]*)+\r\n\r\n"
)
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")

_FOR_WSPROTO: Final = frozenset(
    {b"sec-websocket-protocol", b"content-length", b"transfer-encoding", b"expect"}
)
"""Headers that change what becomes of a request."""

_ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n%s\r\n"
)


def plain_key(head: bytes, fields: Fields) -> bytes:
    """Return the ``Sec-WebSocket-Key`` of a request for an upgrade without sub-protocols.

    Args:
        head: the request up to its blank line, inclusive.
        fields: its header fields but ``Host``, which was read; names in lower case.

    Returns:
        b"" if wsproto has to be asked: there is, or may be, something else to it, or wrong with it.
    """
    if not _HEAD.fullmatch(head):
        return b""
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        if name in _FOR_WSPROTO:
            return b""
        if name in (b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version"):
            if name in found:
                return b""
            found[name] = value.lower() if name in (b"connection", b"upgrade") else value
    options = [option.strip() for option in found.get(b"connection", b"").split(b",")]
    key = found.get(b"sec-websocket-key", b"")
    if (
        b"upgrade" in options
        and b"close" not in options
        and found.get(b"upgrade") == b"websocket"
        and found.get(b"sec-websocket-version") == b"13"
        and _KEY.fullmatch(key)
    ):
        return key
    return b""


def plain_answer(key: bytes, fields: Fields) -> bytes:
    """Return the answer to such a request that opens the connection.

    Args:
        key: what :func:`plain_key` has returned.
        fields: further header fields.
    """
    further = b"".join([b"%s: %s\r\n" % field for field in fields])
    return _ACCEPTED % (generate_accept_token(key), further)
