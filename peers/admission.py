"""Who may connect: the answers of a server's ``upgrade_callback``, and ``allowed_origins``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError

from .upgrade import UpgradeRefusedError, UpgradeRequest, header_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MAX_HEADERS: Final = 3072
"""How many bytes the headers of an answer may have; engines stop reading at 4096 in all."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer an upgrade request with an HTTP error.

    Attributes:
        status: 400 to 599, for instance 401, 403, 429 or 503.
        text: the body, for people.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: no such status.
    """

    status: int
    text: str = ""

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599 or self.status not in {*HTTPStatus}:
            message = f"{self.status} is no HTTP error; refuse with 401, 403, 429, 503 or the like"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


@dataclass(frozen=True, slots=True)
class Accept:
    """Agree to an upgrade request, with further headers in the answer.

    Attributes:
        headers: header lines, as ``"Name: value"``, none of them empty: engines stumble over that.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a line is no header, or one that the upgrade
            itself writes; or there are more than 3072 bytes of them.
    """

    headers: Sequence[str] = ()
    fields: Sequence[tuple[bytes, bytes]] = field(init=False, repr=False)
    """The same as bytes."""

    def __post_init__(self) -> None:
        fields = header_fields(self.headers)
        if any(not value for _, value in fields):
            message = "a header without a value breaks real engines; leave it out"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if sum(len(name) + len(value) + 4 for name, value in fields) > _MAX_HEADERS:
            message = f"the headers are more than {_MAX_HEADERS} bytes; engines read 4096 in all"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        object.__setattr__(self, "fields", tuple(fields))


UpgradeCallback = Callable[[UpgradeRequest], "Accept | Refuse | None"]
"""Decides about an upgrade request; None means ``Accept()``."""


def check_origin(request: UpgradeRequest, allowed: Collection[str] | None) -> None:
    """Let a request through if it is from no browser, or from a page of an allowed origin.

    A browser cannot lie about the origin, anybody else can: this protects the users of browsers
    from pages of others that connect in their name (RFC 6455 section 10.2), nothing more.

    Args:
        request: the request.
        allowed: origins as browsers write them, ``https://example.org``; None for any.

    Raises:
        UpgradeRefusedError: 403.
    """
    origin = request.header("origin")
    if allowed is not None and origin is not None and origin not in allowed:
        raise UpgradeRefusedError(403, "this server is not for pages of that origin")


def ask(
    callback: Callable[[UpgradeRequest], object] | None, request: UpgradeRequest
) -> Sequence[tuple[bytes, bytes]]:
    """Return the header fields to accept ``request`` with.

    Raises:
        UpgradeRefusedError: it is refused.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the callback returned something else.
        Exception: what the callback raised.
    """
    verdict = callback(request) if callback is not None else None
    if verdict is None:
        return ()
    if isinstance(verdict, Refuse):
        raise UpgradeRefusedError(verdict.status, verdict.text)
    if isinstance(verdict, Accept):
        return verdict.fields
    message = f"upgrade_callback returns None, Accept(…) or Refuse(…), not {verdict!r}"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
