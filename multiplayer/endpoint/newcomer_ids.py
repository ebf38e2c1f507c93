"""The id of a client that has just come, from what the server's ``generate_unique_id`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Container

_FIRST: Final = 2  # 0 is nobody, 1 the server
_LAST: Final = 2**31 - 1
_MOST_DRAWS: Final = 100
"""How often to ask. Random ids take one call; a program may have its own ids, and few of them."""


def draw_id(
    draw: Callable[[], object],
    here: Container[int],
    left: Container[int],
    elsewhere: Callable[[int], bool] | None = None,
) -> int:
    """Return an id that nobody here has; if possible, one that nobody who left had.

    Args:
        draw: ``generate_unique_id``, which a program may have overridden.
        here: the ids that are taken.
        left: the ids better not used again, because what comes too late for their former owners
            would reach a stranger. If there is no other, one of them is used.
        elsewhere: says of an id whether somebody in another session of the same match has it, and
            so nobody may get it here.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``draw`` returned something else than an id;
            ``ERR_ALREADY_EXISTS``: all were taken.
        Exception: what ``draw`` raised; but a pool of ids may be empty (``LookupError`` or
            ``StopIteration``) once it has given one that somebody who left had: that is used.
    """
    had_before: int | None = None
    for _ in range(_MOST_DRAWS):
        try:
            drawn = _checked(draw())
        except (LookupError, StopIteration):
            if had_before is None:
                raise
            break
        if drawn in here or (elsewhere is not None and elsewhere(drawn)):
            continue
        if drawn not in left:
            return drawn
        had_before = drawn
    if had_before is None:
        message = f"generate_unique_id() returned {_MOST_DRAWS} ids, all of which are taken"
        raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
    return had_before


def _checked(drawn: object) -> int:
    if type(drawn) is not int or not _FIRST <= drawn <= _LAST:
        shown = drawn if type(drawn) is int else type(drawn).__name__
        message = f"generate_unique_id() must return an int from {_FIRST} to {_LAST}, not {shown}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return drawn
