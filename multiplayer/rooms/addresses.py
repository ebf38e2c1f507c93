"""What the URL of a request says about the room that it is for.

``/KIND/CODE`` names a room, and so does ``/CODE``, such as ``/lobby``; ``/KIND/new`` asks for a new
one, ``/KIND/any`` for one with a free place, or else a new one. ``?room=CODE`` names one, too, for
clients whose path is given. What else stands in the query are the options of a new room;
``resume``, ``seat`` and the like are words of coming back (``docs/protocol/resume.md``), and no
options.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW: Final = "new"
ANY: Final = "any"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_OF_SEATS: Final = frozenset(
    {"room", "resume", "seat", "seat_key", "received", "next", "lost", "reservation"}
)
"""The words of a query that are about rooms and seats."""

_MOST_OPTIONS: Final = 32
_LONGEST_TARGET: Final = 4096


class Wish(Enum):
    """Which room is wanted."""

    NAMED = "the one with that code"
    NEW = "a new one"
    ANY = "one with a free place, or else a new one"


class RoomAddress(NamedTuple):
    """Where a request is to go.

    Attributes:
        wish: which room is wanted.
        kind: of that kind; "" for any (``?room=CODE`` with another path).
        code: the room's code; "" if none is named.
        options: of a new room, as they stand in the query; of a name that comes twice, the last.
        reservation: the place that a lobby has kept for this client; "" for none.
    """

    wish: Wish
    kind: str
    code: str = ""
    options: Mapping[str, str] = {}
    reservation: str = ""


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a kind, or a room's code.

    That is 1 to 64 letters of ASCII, digits, "-" and "_", of which the first is neither of these.
    """
    return _NAME.fullmatch(text) is not None


def address_of(target: str) -> RoomAddress | None:
    """Return what a target asks for; None if it names no room at all.

    Args:
        target: path and query, as they came.
    """
    if len(target) > _LONGEST_TARGET:
        return None
    path, _, query = target.partition("?")
    try:
        fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_OPTIONS))
    except ValueError:  # too many
        return None
    options = {name: value for name, value in fields.items() if name not in _OF_SEATS}
    reservation = fields.get("reservation", "")
    named = fields.get("room")
    if named is not None:
        if not is_name(named):
            return None
        return RoomAddress(Wish.NAMED, "", named, options, reservation)
    parts = [unquote(part) for part in path.split("/")[1:]]
    if not 1 <= len(parts) <= 2 or not all(map(is_name, parts)):
        return None
    kind, code = parts if len(parts) == 2 else ("", parts[0])
    if not kind and code in (NEW, ANY):
        return None
    if code == NEW:
        return RoomAddress(Wish.NEW, kind, "", options, reservation)
    if code == ANY:
        return RoomAddress(Wish.ANY, kind, "", options, reservation)
    return RoomAddress(Wish.NAMED, kind, code, options, reservation)
