"""Close codes and reasons (RFC 6455 section 7.4): what may be sent, and what Godot adds."""

from __future__ import annotations

from typing import Final

from multiplayer import Error, MultiplayerError

NO_STATUS: Final = 1005
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013


def without_nul(reason: str) -> str:
    """Return a close reason without the NUL that Godot 3 puts at its end."""
    return reason.partition("\0")[0]


def check_close(code: int, reason: str) -> tuple[int, str]:
    """Return what to send for a close code and reason; the reason is cut to 123 bytes later.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: RFC 6455 does not allow to send the code.
    """
    if code == 0:
        return NO_STATUS, ""
    if 1000 <= code <= 1003 or 1007 <= code <= 1013 or 3000 <= code <= 4999:
        return code, reason.replace("\0", "").encode("utf-8", "replace").decode()
    message = f"close code {code} may not be sent; use 1000, or 4000 to 4999 for your own reasons"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
