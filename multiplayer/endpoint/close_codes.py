"""Close codes and reasons (RFC 6455 section 7.4): what may be sent, and what Godot adds."""

from __future__ import annotations

from typing import Final

from multiplayer.errors import Error, MultiplayerError

from .cause import Cause

NORMAL: Final = 1000
NO_STATUS: Final = 1005
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011

TOO_SLOW: Final = 4013
"""Try again later, as 1013 says, but in a code that Godot can read."""

CODES: Final = {
    Cause.DONE: NORMAL,
    Cause.MISUNDERSTOOD: PROTOCOL_ERROR,
    Cause.UNRULY: POLICY_VIOLATION,
    Cause.OURS: INTERNAL_ERROR,
    Cause.TOO_SLOW: TOO_SLOW,
}
"""What a session's reasons to close a connection are in RFC 6455."""

_NOT_FOR_GODOT: Final = frozenset({1012, 1013, 1014})
"""Registered with IANA after RFC 6455. Godot 4 reports them as 1002, without the reason; Godot 3
stays connected and emits nothing."""


def code_of(cause: int | Cause) -> int:
    """Return the close code for a cause; a code stays itself."""
    return CODES[cause] if isinstance(cause, Cause) else cause


def check_close(code: int, reason: str, *, plain: bool) -> tuple[int, str]:
    """Return what to send for a close code and reason; the reason is cut to 123 bytes later.

    Args:
        code: 1000 to 1003, 1007 to 1011, 3000 to 4999; 0 for neither code nor reason.
        reason: any text.
        plain: the other side is no peer of a Godot session: 1012 to 1014 may be sent too.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the code may not be sent (RFC 6455 section 7.4,
            and IANA's WebSocket Close Code Number Registry), or Godot does not understand it; it is
            no ``int``, or the reason no ``str``.
    """
    if isinstance(code, bool) or not isinstance(code, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a close code must be an int such as 1000, not {type(code).__name__}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(reason, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a close reason must be a str, not {type(reason).__name__}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if code == 0:
        return NO_STATUS, ""
    if code in _NOT_FOR_GODOT and not plain:
        message = (
            f"close code {code} may not be sent to Godot, which takes it for a protocol error or "
            "ignores it; use 4012 for a restart (come back), 4013 for try again later"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999:
        return code, reason.replace("\0", "").encode("utf-8", "replace").decode()
    message = f"close code {code} may not be sent; use 1000, or 4000 to 4999 for your own reasons"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
