"""What happens to exceptions while something is run."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast
from weakref import WeakKeyDictionary

from multiplayer.errors import divided
from multiplayer.support.log_error import describe_error, error_fields
from multiplayer.support.log_line import write_line

from .drivable import HasHandlers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from multiplayer.handlers import Handlers, OnError

    Taker = Callable[[Exception], object]

_log = logging.getLogger(__name__)


class _Setting:
    """What somebody has set who drives something, and what was set before."""

    def __init__(self, on_error: OnError, before: OnError | None) -> None:
        self.on_error: OnError = on_error
        self.before: OnError | None = before


_SETTINGS: Final[WeakKeyDictionary[Handlers, _Setting]] = WeakKeyDictionary()
"""The latest of each; those before it were abandoned by a loop that was closed."""


def _set_before(handlers: Handlers) -> OnError | None:
    abandoned = _SETTINGS.get(handlers)
    if abandoned is not None and handlers.on_error == abandoned.on_error:
        return abandoned.before
    return handlers.on_error


@contextmanager
def setting_on_error(target: object, on_error: OnError | None) -> Generator[None]:
    """Let ``on_error`` hold for a peer or an API for a while; None, or another object: nothing."""
    if on_error is None or not isinstance(target, HasHandlers):
        yield
        return
    handlers = target.handlers
    mine = _SETTINGS[handlers] = _Setting(on_error, _set_before(handlers))
    handlers.on_error = on_error
    try:
        yield
    finally:
        if _SETTINGS.get(handlers) is mine:
            del _SETTINGS[handlers]
            if handlers.on_error is on_error:  # else the program has set another one meanwhile
                handlers.on_error = mine.before


def taker_for(pollable: object, on_error: OnError | None) -> Taker | None:
    """Return what takes the exceptions of a pollable that does not know ``on_error`` itself."""
    if isinstance(pollable, HasHandlers):
        return None
    if on_error == "log":
        return _log_error
    return on_error if callable(on_error) else None


def _log_error(error: Exception) -> None:
    words, fields = "something that is being run raised: %s", error_fields(error)
    write_line(_log, logging.ERROR, words, describe_error(error), fields=fields)


async def run_taking_errors(
    take: Taker | None, async_fn: Callable[..., Awaitable[object]], args: Sequence[object]
) -> None:
    """Run a task's function; ``take`` what it raises, but for what no ``except Exception`` takes.

    Args:
        take: None to raise everything.
        async_fn: the function.
        args: its arguments.
    """
    try:
        await async_fn(*args)
    except BaseException as error:
        failure, passing = divided(error)
        if failure is None or take is None:
            raise
        take(failure)
        if passing is not None:
            raise passing from passing.__cause__


@contextmanager
def bare_errors(cancelled: type[BaseException]) -> Generator[None]:
    """Raise the only exception of an exception group as itself, with its own cause and context.

    A group of tasks puts a group around whatever leaves it; who uses one inside need not know. A
    cancellation beside an error does not count, as in trio's own functions. Ctrl-C or SystemExit
    leaves alone, with the group as its cause.

    Args:
        cancelled: what is raised in a task that is cancelled.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        errors = [each for each in group.exceptions if not _is_cancellation(each, cancelled)]
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


def _is_cancellation(error: BaseException, cancelled: type[BaseException]) -> bool:
    """Return whether nothing else has happened than that something was cancelled."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(_is_cancellation(each, cancelled) for each in group.exceptions)
    return isinstance(error, cancelled)
