"""WebSocket URLs (RFC 6455 section 3), read as kindly as Godot reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.resume_words import shown_url

_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}

# RFC 3986 section 3.1; a :// behind a slash or a question mark is no scheme's.
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_WHITE_SPACE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True)
class WebSocketURL:
    """Where to connect.

    Attributes:
        tls: ``wss``.
        host: a name or an address, without brackets; a dot at the end keeps the name from being
            completed by the system.
        port: the TCP port.
        target: path and query.
        host_header: what the ``Host`` header says: the port only if it is not the scheme's own, and
            no zone, which means something on this machine only (RFC 6874 section 4).
    """

    tls: bool
    host: str
    port: int
    target: str
    host_header: str


def parse_url(url: str) -> WebSocketURL:
    """Take a URL apart; without a scheme it is ``ws``, without a path ``/``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a WebSocket URL.
    """
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _bad(url, "it is not a str")
    stripped = url.strip(_WHITE_SPACE)
    if any(char in stripped for char in _WHITE_SPACE):  # which urlsplit leaves out in silence
        raise _bad(url, "there is white space in it")
    try:
        parts = urlsplit(stripped if _SCHEME.match(stripped) else f"ws://{stripped}")
        port = parts.port
    except ValueError as error:
        raise _bad(url, str(error)) from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise _bad(url, f"the scheme is {parts.scheme}, not ws or wss")
    if not parts.hostname:
        raise _bad(url, "there is no host")
    if parts.username is not None or parts.fragment:
        raise _bad(url, "it may have neither a user name nor a fragment")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (target.isascii() and target.isprintable() and " " not in target):
        raise _bad(url, "path and query must be percent-encoded")
    default = _DEFAULT_PORTS[parts.scheme]
    port = default if port is None else port
    if not 0 < port < 65536:
        raise _bad(url, f"{port} is not a port to connect to")
    host = parts.hostname
    bracketed = f"[{host.partition('%')[0]}]" if ":" in host else host
    header = bracketed if port == default else f"{bracketed}:{port}"
    return WebSocketURL(parts.scheme == "wss", host, port, target, header)


def _bad(url: object, why: str) -> MultiplayerError:
    message = f"{shown_url(url)} is not a URL to connect to: {why}; write ws://host:port/path"
    return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
