"""Where in a value the encoder met something that it cannot write."""

from __future__ import annotations

import struct

from multiplayer.errors import Error, MultiplayerError

_LONGEST_STEP = 40
_MOST_STEPS = 12


class UnencodableError(Exception):
    """Something in a value has no counterpart; it reaches callers as a :class:`MultiplayerError`.

    Attributes:
        reason: what is wrong with it.
        steps: the path to it, innermost step first, such as ``[3]`` or ``['name']``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = []

    def as_multiplayer_error(self) -> MultiplayerError:
        """Return the error for the caller, with the whole path in its sentence."""
        steps = self.steps[::-1]
        if len(steps) > _MOST_STEPS:
            steps[_MOST_STEPS:] = ["…"]
        message = f"at {''.join(steps)}: {self.reason}" if steps else self.reason
        return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


ENCODING_FAILURES = (UnencodableError, struct.error, OverflowError, UnicodeEncodeError)
"""What writing a value may raise: our own, and what ``struct`` and ``str.encode`` raise."""


def as_unencodable(error: Exception) -> UnencodableError:
    """Return ``error``, one of :data:`ENCODING_FAILURES`, in the form that carries a path."""
    if isinstance(error, UnencodableError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return UnencodableError("text with a lone surrogate cannot be written as UTF-8")
    if isinstance(error, struct.error) and ("required" in str(error) or "expected" in str(error)):
        return UnencodableError(f"not the numbers expected here: {error}")
    return UnencodableError(f"a number is too large for its field: {error}")


def inside(error: Exception, key: object, note: str = "") -> UnencodableError:
    """Return ``error`` with one more step: it occurred at ``[key]`` of a container."""
    failure = as_unencodable(error)
    try:
        name = repr(key)
    except Exception:  # a very long int has none either; the failure to report is the other one
        name = f"<{type(key).__name__}>"
    if len(name) > _LONGEST_STEP:
        name = name[: _LONGEST_STEP - 1] + "…"
    failure.steps.append(f"[{name}]{note}")
    return failure
