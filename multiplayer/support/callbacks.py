"""Callbacks that a program sets: one that cannot be called raises when it is set."""

from __future__ import annotations

from inspect import iscoroutinefunction

from multiplayer.errors import Error, MultiplayerError


def check_callback(name: str, callback: object, *, optional: bool = True) -> None:
    """Raise unless ``callback``, which a user sets as ``name``, can be called or is None.

    Args:
        name: what users call it.
        callback: anything.
        optional: it can be None.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot, or it is ``async``.
    """
    if not callable(callback) and not (optional and callback is None):
        message = f"{name} must be a function{' or None' if optional else ''}, not {callback!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if iscoroutinefunction(callback):
        message = f"{name} is async and would never run: {callback!r}; set a plain function"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
