"""Paths as users write them: as text, or as Godot's ``NodePath``."""

from __future__ import annotations

from multiplayer.errors import Error, MultiplayerError
from multiplayer.variant.names import NodePath


def path_text(path: str | NodePath) -> str:
    """Return a path as text.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: something else than a path.
    """
    if isinstance(path, NodePath):
        return str(path)
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a path is a str or a NodePath, not {type(path).__name__}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return path


def node_text(path: str | NodePath) -> str:
    """Return the way to a node as text, without that to one of its properties, as Godot does.

    Raises:
        MultiplayerError: as :func:`path_text`.
    """
    if isinstance(path, NodePath) and path.subnames:
        path = NodePath.from_parts(path.names, absolute=path.absolute)
    return path_text(path)
