"""What a nursery raises, without the exception group around it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import trio

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def bare_errors() -> Generator[None]:
    """Raise the only exception of an exception group as itself, with its own cause and context.

    A nursery puts a group around whatever leaves it; who uses one inside need not know. As in
    trio's own functions, a cancellation beside an error does not count, since the next checkpoint
    raises it again; and Ctrl-C or SystemExit leaves alone, with the group as its cause.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        errors = [each for each in group.exceptions if not _is_cancellation(each)]
        error, *others = errors or group.exceptions[:1]
        if others:
            for each in errors:
                if isinstance(each, KeyboardInterrupt | SystemExit):
                    raise type(each)(*each.args) from group
            raise
        context = error.__context__
        try:
            raise error
        finally:
            error.__context__ = context  # `raise` has put the group there


def _is_cancellation(error: BaseException) -> bool:
    """Return whether nothing else has happened than that something was cancelled."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(_is_cancellation(each) for each in group.exceptions)
    return isinstance(error, trio.Cancelled)
