"""Which kinds of rooms a command line names: ``game:Duel,race=game.race:Race``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError
from multiplayer.rooms.addresses import is_name
from peers.rooms.room import Room

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def _class(module: str, name: str) -> type[Room]:
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
    if not isinstance(found, type) or not issubclass(found, Room):
        message = f"{module}:{name} is not a kind of room; derive a class from peers.Room"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return found
