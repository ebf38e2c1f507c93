"""Heads of HTTP/1.1 messages, read as everybody else between us and the other side reads them.

wsproto keeps the last of several lines of a header, and takes the target of a request as it comes.
This module gives it heads in which a list is one line (RFC 9110 section 5.3) and the target is a
path (RFC 9112 section 3.2). What two programs could read in two ways is no head at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Fields = list[tuple[bytes, bytes]]
"""Header fields in the order in which they came, names in lower case."""

END_OF_HEAD: Final = b"\r\n\r\n"

LISTS: Final = frozenset(
    {b"connection", b"upgrade", b"sec-websocket-extensions", b"sec-websocket-protocol"}
)
"""The headers of an upgrade that are lists (RFC 9110, RFC 6455 section 11.3)."""

_STRAY_BREAK: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_FOLD: Final = re.compile(rb"\r\n[ \t]+")
_NAME: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_REQUEST_LINE: Final = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/([0-9]\.[0-9])")
_ABSOLUTE: Final = re.compile(r"(?:https?|wss?)://([^/?]*)(.*)", re.IGNORECASE)
# A zone may stand in an address, although it means nothing to us: clients for link-local addresses
# send it.
_AUTHORITY: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+(?:%[-.~%\w]+)?\]|[-.~%!$&'()*+,;=\w]*)(?::([0-9]{0,5}))?", re.ASCII
)


class HttpRefusedError(Exception):
    """What came is no proper head, request or upgrade, or one that is not wanted.

    Attributes:
        status: the HTTP status to refuse it with (on a server).
        detail: why, in words.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What any HTTP request has.

    Attributes:
        target: path and query, for instance ``/room?token=7``, as they came; without scheme and
            host, should the client have sent them (RFC 9112 section 3.2.2).
        host: the host, with its port if the client named one, from the target or else the ``Host``
            header.
        headers: the other headers, names in lower case, in order.
    """

    target: str = field(repr=False)  # it may have the key of a seat, or the like
    host: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # one may be a login

    @property
    def path(self) -> str:
        """The target up to its question mark, not decoded, for instance ``/room``."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target after its question mark, not decoded, for instance ``token=7``."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever the case of its name; None without it.

        One that appears several times is a list with commas (RFC 9110 section 5.3).
        """
        values = [value for each, value in self.headers if each == name.lower()]
        return ", ".join(values) if values else None


class ParsedRequest(NamedTuple):
    """The head of a request."""

    method: str
    target: str
    host: str
    version: str
    """For instance ``1.1``."""
    fields: Fields
    """All but ``Host``."""


def read_request(head: bytes) -> ParsedRequest:
    """Read the head of a request, up to its blank line, inclusive.

    Raises:
        HttpRefusedError: 400: it is none, or one that others might understand differently.
    """
    first, fields = split_head(head)
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise _bad("the first line is not an HTTP request")
    method, target, version = (part.decode("ascii") for part in line.groups())
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise _bad("a request must have exactly one Host header")
    host = hosts[0].decode("latin-1") if hosts else ""
    if not is_authority(host):
        raise _bad("the Host header names no host")
    target, authority = _origin_form(method, target)
    others = [(name, value) for name, value in fields if name != b"host"]
    return ParsedRequest(method, target, authority or host, version, others)


def _origin_form(method: str, target: str) -> tuple[str, str]:
    """Return path and query of a target, and its host, "" if it names none."""
    if target == "*" and method == "OPTIONS":
        return target, ""
    if "#" in target:
        raise _bad("the target of a request cannot have a fragment (#)")
    if target.startswith("/"):
        return target, ""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise _bad("the target of the request is neither a path nor an http or ws URL")
    authority, rest = absolute.groups()
    # No user name: it could make one host look like another (RFC 9110 section 4.2.4).
    if not is_authority(authority) or authority.startswith(":") or not authority:
        raise _bad("the target of the request names no host")
    return (rest if rest.startswith("/") else f"/{rest}"), authority


def is_authority(text: str) -> bool:
    """Return whether ``text`` names a host, with or without a port, or nothing."""
    parts = _AUTHORITY.fullmatch(text)
    return parts is not None and int(parts[1] or "0") < 65536


def split_head(head: bytes) -> tuple[bytes, Fields]:
    """Return the first line of a head, and its fields.

    Raises:
        HttpRefusedError: 400: there are other line breaks than CRLF, or a line is no field.
    """
    body = head.removesuffix(END_OF_HEAD)
    if _STRAY_BREAK.search(body):
        raise _bad("a line of the head does not end with CRLF, or there is a NUL in it")
    first, *lines = body.split(b"\r\n")
    fields: Fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise _bad("a line of the head is not a header")
        fields.append((name.lower(), value.strip(b" \t")))
    return first, fields


def unfolded(head: bytes) -> bytes:
    """Return a head in which each field is one line.

    A client has to read what is folded (RFC 9112 section 5.2); a server may refuse it, and does.
    """
    return _FOLD.sub(b" ", head)


def merged(fields: Iterable[tuple[bytes, bytes]], lists: Collection[bytes] = LISTS) -> Fields:
    """Return ``fields`` with each list as one field, where its first line was; none if it is empty.

    Args:
        fields: names in lower case.
        lists: the names of those that are lists; all others stay as they are.
    """
    whole: dict[bytes, int] = {}
    out: Fields = []
    for name, value in fields:
        if name in whole:
            at = whole[name]
            out[at] = (name, b", ".join(part for part in (out[at][1], value) if part))
            continue
        if name in lists:
            whole[name] = len(out)
        out.append((name, value))
    return [(name, value) for name, value in out if name not in lists or value.strip(b", \t")]


def elements(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return the elements of a list of tokens, in lower case, over all its lines."""
    values = b",".join(value for each, value in fields if each == name)
    return [element.strip(b" \t").lower() for element in values.split(b",") if element.strip()]


def joined(first: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a head."""
    lines = [first, *(b"%s: %s" % field for field in fields)]
    return b"\r\n".join(lines) + END_OF_HEAD


def repeated(fields: Sequence[tuple[bytes, bytes]], names: Iterable[bytes]) -> bytes | None:
    """Return the first of ``names`` that stands there more than once, None if none does."""
    present = [name for name, _ in fields]
    return next((name for name in names if present.count(name) > 1), None)


def as_text(fields: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Return fields as users see them."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in fields
    )


def _bad(why: str) -> HttpRefusedError:
    return HttpRefusedError(400, why)
