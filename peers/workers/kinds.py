"""What a command line names: kinds of rooms, ``game:Duel,race=game.race:Race``, and a setup."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError
from multiplayer.rooms.addresses import is_name
from peers.rooms.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from peers.rooms.room_server import RoomServer


def load_kinds(specs: Iterable[str]) -> dict[str, type[Room]]:
    """Import the classes that are named, and return them by the names that stand in paths.

    Args:
        specs: each ``MODULE:CLASS``, several with commas between; ``NAME=MODULE:CLASS`` for another
            name than that of the class in lower case.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: one is not written like that, is no kind of
            room, or two have one name; ``ERR_DOES_NOT_EXIST``: there is no such module or class.
        Exception: what a module raised when it was imported.
    """
    kinds: dict[str, type[Room]] = {}
    for spec in (part.strip() for each in specs for part in each.split(",") if part.strip()):
        kind, equals, where = spec.rpartition("=")
        module, colon, class_name = where.partition(":")
        if not colon or not module or not class_name or (equals and not kind):
            message = f"{spec!r} names no kind of room; write MODULE:CLASS, as in game:Duel"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        made = _class(module, class_name)
        kind = kind or made.__name__.lower()
        if not is_name(kind):
            message = f"{kind!r} cannot stand in a path; write NAME=MODULE:CLASS for another name"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if kind in kinds:
            message = f"two kinds of room have the name {kind!r}; write NAME=MODULE:CLASS for one"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        kinds[kind] = made
    if not kinds:
        message = "no kind of room is named; write MODULE:CLASS, as in game:Duel"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return kinds


def load_setup(spec: str) -> Callable[[RoomServer], object]:
    """Import the function that is named, which sets a server up before it begins.

    Args:
        spec: ``MODULE:FUNCTION``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not written like that, or cannot be
            called; ``ERR_DOES_NOT_EXIST``: there is no such module or function.
        Exception: what the module raised when it was imported.
    """
    module, _, name = spec.partition(":")
    if not module or not name:
        message = f"{spec!r} names no function; write MODULE:FUNCTION, as in game:setup"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    found = _found(module, name)
    if not callable(found) or inspect.iscoroutinefunction(found):
        message = f"{spec} cannot set up a server; it must be a function, and not async"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return found


def _class(module: str, name: str) -> type[Room]:
    found = _found(module, name)
    if not isinstance(found, type) or not issubclass(found, Room):
        message = f"{module}:{name} is not a kind of room; derive a class from peers.Room"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return found


def _found(module: str, name: str) -> object:
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise  # one that the game itself lacks
        message = f"there is no module {module!r}; start where it can be imported"
        raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message) from error
    found: object = loaded
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        message = f"the module {module} has no {name}"
        raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
    return found
