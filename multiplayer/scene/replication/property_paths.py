"""Properties found by path from a node: ``.:position``, ``Body:position:x``.

Mirrors Godot's ``NodePath`` with subnames. A part of a value, such as the ``x`` of a ``Vector2``,
is set by putting another value in place of the whole.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, cast

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.tree.node import Node
from multiplayer.variant.color import Color
from multiplayer.variant.components import Components
from multiplayer.variant.names import NodePath

if TYPE_CHECKING:
    from typing import Final

_COLOURS: Final = {"r": 0, "g": 1, "b": 2, "a": 3}


def property_path(path: str | NodePath) -> NodePath:
    """Return the path of a property.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is absolute, or names no property.
    """
    if isinstance(path, str):
        try:
            path = NodePath(path)
        except ValueError as error:
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, str(error)) from None
    if not isinstance(path, NodePath):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a property's path must be a str or a NodePath, not {type(path).__name__}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if path.absolute or not path.subnames:
        message = f"{str(path)!r} names no property from the root node, as '.:position' does"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return path


def own_attribute(path: NodePath) -> str | None:
    """Return which attribute of the root itself ``path`` means; None if it is something else."""
    return path.subnames[0] if is_own(path) and len(path.subnames) == 1 else None


def is_own(path: NodePath) -> bool:
    """Return whether ``path`` begins at the root itself."""
    return all(name == "." for name in path.names)


def read(root: object, path: NodePath) -> object:
    """Return what is at ``path``.

    Args:
        root: where it begins: a node, or another object if it is one of its own attributes.
        path: the path of a property.

    Raises:
        MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such node or property.
        Exception: what a property of the program raised.
    """
    value = _target(root, path)
    for name in path.subnames:
        value = _part(value, name, path)
    return value


def write(root: object, path: NodePath, value: object) -> None:
    """Set what is at ``path``.

    Raises:
        MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such node or property;
            ``ERR_INVALID_DATA``: the value does not fit.
        Exception: what a property of the program raised.
    """
    target = _target(root, path)
    name, *parts = path.subnames
    if parts:
        value = _with_part(_part(target, name, path), parts, value, path)
    elif not hasattr(target, name):
        raise _missing(path, f"{target!r} has no {name}")
    setattr(target, name, value)


def _target(root: object, path: NodePath) -> object:
    if is_own(path):
        return root
    where = "/".join(path.names)
    if not isinstance(root, Node) or not root.has_node(where):
        raise _missing(path, f"{root!r} has no {where}")
    return root.get_node(where)


def _part(value: object, name: str, path: NodePath) -> object:
    if isinstance(value, MutableMapping):
        found = cast("MutableMapping[object, object]", value)
        if name in found:
            return found[name]
        raise _missing(path, f"a dictionary without {name!r}")
    if isinstance(value, Color) and name in _COLOURS:
        return value.components[_COLOURS[name]]
    try:
        return getattr(value, name)
    except AttributeError as error:
        raise _missing(path, f"{type(value).__name__} has no {name}") from error


def _with_part(whole: object, parts: list[str], value: object, path: NodePath) -> object:
    """Return ``whole`` with ``value`` at ``parts``."""
    name, *further = parts
    if further:
        value = _with_part(_part(whole, name, path), further, value, path)
    if isinstance(whole, Components):
        return _with_component(cast("Components[float]", whole), name, value, path)
    if isinstance(whole, MutableMapping):
        cast("MutableMapping[object, object]", whole)[name] = value
    else:
        _part(whole, name, path)
        setattr(whole, name, value)
    return cast("object", whole)


def _with_component(whole: Components[float], name: str, value: object, path: NodePath) -> object:
    before, numbers = _part(whole, name, path), list(whole.components)
    places = _places_of(whole, name, path)
    if isinstance(before, Components):
        if type(value) is not type(cast("object", before)):
            message = f"{path} has another type than {type(value).__name__}"
            raise MultiplayerError(Error.ERR_INVALID_DATA, message)
        parts = cast("Components[float]", value).components
        for place, number in zip(places, parts, strict=True):
            numbers[place] = number
    else:
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = f"{path} takes a number, not {type(value).__name__}"
            raise MultiplayerError(Error.ERR_INVALID_DATA, message)
        numbers[places[0]] = type(numbers[0])(value)
    return type(whole).from_components(tuple(numbers))


def _places_of(whole: Components[float], name: str, path: NodePath) -> list[int]:
    """Return which components of ``whole`` are its part ``name``."""
    marked = type(whole).from_components(tuple(map(float, range(len(whole.components)))))
    part = _part(marked, name, path)
    if isinstance(part, Components):
        return [int(number) for number in cast("Components[float]", part).components]
    return [int(cast("float", part))]


def _missing(path: NodePath, what: str) -> MultiplayerError:
    return MultiplayerError(Error.ERR_DOES_NOT_EXIST, f"there is no property {path}: {what}")
