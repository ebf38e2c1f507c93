"""The names of nodes: which there may be, and the next one that is free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Container

_FORBIDDEN: Final = frozenset('.:@/"%')


def is_name(name: str) -> bool:
    """Return whether a node may have this name."""
    return bool(name) and not _FORBIDDEN & set(name) and "\0" not in name


def checked_name(name: str) -> str:
    """Return a node's name.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot be part of a path.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a node's name is a str, unlike {name!r}; for the id of a peer, give str(id)"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not is_name(name):
        message = f"a node's name must not be empty or contain any of . : @ / \" %, unlike {name!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return name


def next_name(name: str, taken: Container[str]) -> str:
    """Return the next name that is not taken: ``Box2`` for ``Box``, ``Box3`` for that, as in Godot.

    Args:
        name: a name that is taken.
        taken: the names that are.
    """
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    number = int(digits) if digits else 1
    while True:
        number += 1
        found = f"{stem}{number:0{len(digits)}d}"
        if found not in taken:
            return found
