"""Rooms as bytes: what is saved of a room, and how another process goes on with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from multiplayer.rooms.snapshot import pack
from multiplayer.support.log_line import write_line

if TYPE_CHECKING:
    from .room_session import RoomSession

_log = logging.getLogger("peers.rooms")

FAILED: Final = "save() raised"
"""Why a snapshot has nothing of the game, if it is the game's fault."""


def saved(session: RoomSession) -> bytes:
    """Return a room as bytes; what the game cannot save is left out, and logged.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not even the rest fits into a snapshot.
    """
    data: object = None
    trouble = ""
    try:
        data = session.room.save()
    except Exception as error:
        trouble = FAILED
        session.failed("save", error)
    packed = pack(session.to_save(data, trouble))
    if packed.trouble and not trouble:
        note(session.code, packed.trouble)
    return packed.data


def note(code: str, trouble: str) -> None:
    """Say in the log that a room is saved, or goes on, without what the game saved."""
    sentence = "room %s is without what it saved: %s"
    write_line(_log, logging.WARNING, sentence, code, trouble, fields={"room": code})
