"""Who may connect: the answers of a server's ``upgrade_callback``, and ``allowed_origins``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError

from .handshake_headers import check_size, handshake_fields
from .http_head import HttpRefusedError
from .upgrade import UpgradeRequest

if TYPE_CHECKING:
    from collections.abc import Sequence


_LONGEST_TEXT: Final = 4096

# RFC 6454 section 6.2; "null" is the origin of files and of frames in a sandbox.
_ORIGIN: Final = re.compile(r"null|[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer an upgrade request with an HTTP error, or with a close code.

    No engine and no browser page sees an HTTP status. A close code they see: then the upgrade is
    accepted, with the first sub-protocol that the client offers, and the connection is closed with
    the code and the text. No id is given, and no signal emitted.

    Attributes:
        status: an HTTP status, 400 to 599, for instance 401, 403, 429 or 503; or a close code, 4000
            to 4999 (see :class:`CloseCode` for those that have a meaning).
        text: the body, or the reason of the close frame, cut to 123 bytes of UTF-8; for people.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such status, or the text is not a
            str of at most 4096 characters.
    """

    status: int
    text: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or len(self.text) > _LONGEST_TEXT:  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"the text of a refusal must be a str of at most {_LONGEST_TEXT} characters"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        is_number = isinstance(self.status, int) and not isinstance(self.status, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
        if is_number and is_close_code(self.status):
            return
        if not is_number or self.status not in {*HTTPStatus} or not 400 <= self.status <= 599:
            message = (
                f"{self.status!r} is not an HTTP error, nor a close code of yours; refuse with "
                "401, 403, 429, 503 or the like, or with 4000 to 4999, which engines can read"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


@dataclass(frozen=True, slots=True)
class Accept:
    """Agree to an upgrade request.

    Attributes:
        headers: additional header lines of the response, as ``"Name: value"``, like
            ``handshake_headers``.
        userdata: anything; ``get_peer(id).userdata`` returns it.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a line is not a header, has no value, or is one
            that the upgrade itself writes.
    """

    headers: Sequence[str] = ()
    userdata: object = None
    fields: Sequence[tuple[bytes, bytes]] = field(init=False, repr=False)
    """The same as bytes."""

    def __post_init__(self) -> None:
        fields = handshake_fields(self.headers)
        object.__setattr__(self, "fields", tuple(fields))


def is_close_code(status: int) -> bool:
    """Return whether the status of a refusal is a close code, not one of HTTP."""
    return 4000 <= status <= 4999


UpgradeCallback = Callable[[UpgradeRequest], "Accept | Refuse | None"]
"""Decides about an upgrade request; None means ``Accept()``."""


def check_origin(request: UpgradeRequest, allowed: Collection[str] | None) -> None:
    """Let a request through if it is not from a browser, or from a page of an allowed origin.

    A browser cannot lie about the origin, but anybody else can: this only protects browser users
    from others' pages that connect in their name (RFC 6455 section 10.2).

    Args:
        request: the request.
        allowed: origins as browsers write them, ``https://example.org``; None for any.

    Raises:
        HttpRefusedError: 403.
    """
    if allowed is None:
        return
    origin = request.header("origin")
    if origin is not None and origin not in allowed:
        raise HttpRefusedError(403, "this server does not accept pages from that origin")


def check_origins(allowed: Collection[str] | None) -> None:
    """Raise unless ``allowed`` can be a server's ``allowed_origins``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a list, set or the like, or holds
            something that cannot be a browser's ``Origin``.
    """
    if allowed is None:
        return
    if isinstance(allowed, str):
        message = f"allowed_origins must be a list of origins: write [{allowed!r}]"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(allowed, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"allowed_origins must be a list of origins or None, not {allowed!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    for origin in allowed:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = (
                f"{origin!r} is not an origin as browsers write it, like 'https://example.org' or "
                "'http://localhost:8000': scheme and host in lower case, the port if it is not the "
                "scheme's own, and no path"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def ask(
    callback: Callable[[UpgradeRequest], object] | None,
    request: UpgradeRequest,
    headers: Sequence[tuple[bytes, bytes]],
) -> tuple[Sequence[tuple[bytes, bytes]], object]:
    """Return the header fields to accept ``request`` with, and the ``userdata`` of its peer.

    Args:
        callback: a server's ``upgrade_callback``.
        request: what it is asked about.
        headers: the fields that every answer has.

    Raises:
        HttpRefusedError: it is refused.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the callback returned something else, or more
            headers than engines can read.
        Exception: what the callback raised.
    """
    verdict = callback(request) if callback is not None else None
    if verdict is None:
        return headers, None
    if isinstance(verdict, Refuse):
        raise HttpRefusedError(verdict.status, verdict.text)
    if not isinstance(verdict, Accept):
        message = f"upgrade_callback must return None, Accept(…) or Refuse(…), not {verdict!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    fields = [*headers, *verdict.fields]
    check_size(fields)
    return fields, verdict.userdata
