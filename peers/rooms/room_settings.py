"""What a ``Room`` can be set to, and what of it makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from multiplayer import Dialect, Error, Limits, MultiplayerError
from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import Callable


def _check_dialect(value: object) -> None:
    _require(isinstance(value, Dialect), "dialect must be one of Dialect", value)


def _check_idle(value: object) -> None:
    if value is not None:
        check_number("idle", value)


def _check_limits(value: object) -> None:
    fits = value is None or isinstance(value, Limits)
    _require(fits, "limits must be a Limits, such as Limits(max_peers=8), or None", value)


def _check_relays(value: object) -> None:
    _require(isinstance(value, bool), "relays must be a bool", value)


def _require(fits: bool, words: str, value: object) -> None:
    if not fits:
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, f"{words}, not {value!r:.100}")


_CHECKS: Final[Mapping[str, Callable[[object], object]]] = {
    "capacity": lambda value: check_number("capacity", value, whole=True),
    "dialect": _check_dialect,
    "grace": lambda value: check_number("grace", value),
    "idle": _check_idle,
    "limits": _check_limits,
    "relays": _check_relays,
    "tick_hz": lambda value: check_number("tick_hz", value),
}

_FIXED: Final = frozenset({"dialect", "relays"})
_FIXED_ONCE_OPEN: Final = frozenset({"grace", "limits"})


def is_setting(name: str) -> bool:
    """Return whether a room's attribute is one of its settings."""
    return name in _CHECKS


def check_settings(room: object) -> None:
    """Raise if a room has a setting that makes no sense.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    for name, check in _CHECKS.items():
        check(getattr(room, name))


def check_kind_settings(kind: type) -> None:
    """Raise if a class of rooms has a setting that makes no sense.

    What its rooms work out by themselves, by a property for instance, is left to
    :func:`check_settings`.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    for name, check in _CHECKS.items():
        value = getattr(kind, name)
        if not hasattr(value, "__get__"):
            check(value)


def check_setting(name: str, value: object, *, made: bool, open_: bool) -> None:
    """Raise if a room cannot be set to a value, or cannot any more.

    Args:
        name: of the setting.
        value: the value.
        made: a server has made the room.
        open_: its ``opened`` has been called.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it makes no sense; ``ERR_UNAVAILABLE``: it is
            too late.
    """
    _CHECKS[name](value)
    if (made and name in _FIXED) or (open_ and name in _FIXED_ONCE_OPEN):
        message = f"{name} holds from the beginning of a room; set it on the class"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)


def checked_metadata(metadata: object) -> dict[str, object]:
    """Return a copy of what lists say about a room.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is none, or has keys that are not texts.
    """
    if isinstance(metadata, Mapping):
        copy = dict(cast("Mapping[object, object]", metadata))
        if all(isinstance(key, str) for key in copy):
            return cast("dict[str, object]", copy)
    message = f"metadata must be a mapping whose keys are texts, not {metadata!r:.100}"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def checked_owner(owner: object) -> int:
    """Return the id of whose room it is.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is neither an id nor 0.
    """
    if type(owner) is not int or not 0 <= owner < 1 << 31:
        message = f"owner must be the id of a player, or 0 for nobody, not {owner!r:.100}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return owner
