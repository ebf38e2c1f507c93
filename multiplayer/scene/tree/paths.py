"""Paths as users write them: as text, or as Godot's ``NodePath``."""

from __future__ import annotations

from typing import Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.variant.names import NodePath

ROOT: Final = "."
"""The path of the root itself."""


def path_text(path: str | NodePath) -> str:
    """Return a path as text.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a path.
    """
    if isinstance(path, NodePath):
        return str(path)
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a path must be a str or a NodePath, not {type(path).__name__}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return path


def node_text(path: str | NodePath) -> str:
    """Return the path of a node as text, without the part for a property, as Godot does.

    Raises:
        MultiplayerError: as :func:`path_text`.
    """
    if isinstance(path, NodePath) and path.subnames:
        path = NodePath.from_parts(path.names, absolute=path.absolute)
    return path_text(path)


def is_proper(path: str) -> bool:
    """Return whether a path stays below the root: no ``..``, nothing absolute, no property.

    Engines follow other paths wherever they lead.
    """
    if path == ROOT:
        return True
    return ":" not in path and all(name not in ("", ".", "..") for name in path.split("/"))
