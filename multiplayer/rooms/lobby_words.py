"""What strangers may say about a room, its metadata and its options, and what they are told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NAMES: Final = 32
LONGEST_NAME: Final = 64
MOST_TEXT: Final = 1024
"""How long all names and texts may be together, in characters."""

_DEEPEST: Final = 8

_LARGEST_INT: Final = (1 << 53) - 1
"""Beyond it, JavaScript has no exact numbers."""


class LobbyRefusedError(MultiplayerError):
    """A lobby does not do what was asked.

    Attributes:
        code: ``ERR_BUSY`` for 429 and 503, ``ERR_DOES_NOT_EXIST`` for 404, ``ERR_UNAVAILABLE`` for
            409, otherwise ``ERR_INVALID_PARAMETER``.
        status: the HTTP status that says so: 400, 404, 409, 429 or 503.
        text: why, for whoever has asked.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(_CODES.get(status, Error.ERR_INVALID_PARAMETER), text)
        self.args = (status, text)  # a copy is made from these
        self.status = status
        self.text = text

    def __str__(self) -> str:
        return self.message


_CODES: Final = {
    404: Error.ERR_DOES_NOT_EXIST,
    409: Error.ERR_UNAVAILABLE,
    429: Error.ERR_BUSY,
    503: Error.ERR_BUSY,
}


def check_metadata(metadata: Mapping[object, object] | Mapping[str, object]) -> dict[str, object]:
    """Return what lists are to say about a room.

    At most 32 values, each a text, a number, True, False or None, and 1024 characters.

    Raises:
        LobbyRefusedError: 400: it is something else.
    """
    checked: dict[str, object] = {}
    for name, value in _checked_names(metadata).items():
        if value is None or isinstance(value, bool) or _is_text(value) or _is_number(value):
            checked[name] = value
        else:
            message = f"the value of {name!r} must be a text, a number, true, false or null"
            raise LobbyRefusedError(400, message)
    _check_size(checked)
    return checked


def can_be_listed(value: object, depth: int = _DEEPEST) -> bool:
    """Return whether a list can say a value to whoever asks: as JSON, and as a Variant.

    A room's own metadata may be more than a stranger's (``check_metadata``): arrays and objects,
    and as large as it likes.

    Args:
        value: the value.
        depth: how many arrays and objects may be in each other.
    """
    if value is None or isinstance(value, bool) or _is_text(value) or _is_number(value):
        return True
    if depth <= 0:
        return False
    if isinstance(value, Mapping):
        words = cast("Mapping[object, object]", value)
        return all(_is_text(key) and can_be_listed(words[key], depth - 1) for key in words)
    if isinstance(value, list | tuple):
        return all(can_be_listed(each, depth - 1) for each in cast("Sequence[object]", value))
    return False


def check_options(options: Mapping[object, object] | Mapping[str, object]) -> dict[str, str]:
    """Return the options of a room: at most 32 texts, and 1024 characters.

    Raises:
        LobbyRefusedError: 400: it is something else.
    """
    checked: dict[str, str] = {}
    for name, value in _checked_names(options).items():
        if not isinstance(value, str) or not _is_text(value):
            message = f"the option {name!r} must be a text"
            raise LobbyRefusedError(400, message)
        checked[name] = value
    _check_size(checked)
    return checked


def _is_text(value: object) -> bool:
    """Return whether a value is a text that UTF-8 can write: JSON may have half a character."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) <= _LARGEST_INT
    return isinstance(value, float) and math.isfinite(value)


def _checked_names(words: Mapping[object, object] | Mapping[str, object]) -> dict[str, object]:
    if len(words) > MOST_NAMES:
        message = f"there may be {MOST_NAMES} names, not {len(words)}"
        raise LobbyRefusedError(400, message)
    checked: dict[str, object] = {}
    for name, value in words.items():
        if not (isinstance(name, str) and 1 <= len(name) <= LONGEST_NAME and _is_text(name)):
            message = f"a name must be a text of 1 to {LONGEST_NAME} characters"
            raise LobbyRefusedError(400, message)
        checked[name] = value
    return checked


def _check_size(words: Mapping[str, object]) -> None:
    size = sum(map(len, words))
    size += sum(len(value) if isinstance(value, str) else 8 for value in words.values())
    if size > MOST_TEXT:
        message = f"names and values may have {MOST_TEXT} characters together, not {size}"
        raise LobbyRefusedError(400, message)
