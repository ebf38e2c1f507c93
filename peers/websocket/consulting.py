"""Asking the program about a request: whatever its callbacks raise, the client gets an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from .events import ReadyState
from .http_head import HttpRefusedError
from .upgrade_policy import is_close_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.handlers import Handlers

    from .link import Link

T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """What a question gave."""

    value: T


class Consulting:
    """Asks the program.

    Args:
        handlers: what becomes of the exceptions of callbacks.
        clock: the time.
    """

    def __init__(self, handlers: Handlers, clock: Callable[[], float]) -> None:
        self._handlers = handlers
        self._clock = clock

    def ask(
        self, link: Link, question: Callable[[], T], callback: str, trouble: str
    ) -> Answer[T] | None:
        """Return what ``question`` returns; None if the request is answered, or gone, by that.

        Args:
            link: the connection that the request came on.
            question: asks; it may raise ``HttpRefusedError`` to refuse the request.
            callback: the name of the callback that it calls.
            trouble: what the client is told, with HTTP 500, if that raises.

        Raises:
            BaseException: what the callback raised, if it is no ``Exception``: Ctrl-C, or a task
                that is cancelled. The connection is given up.
        """
        try:
            value = question()
        except HttpRefusedError as error:
            if is_close_code(error.status):
                link.turn_away(error.status, error.detail, self._clock())
            else:
                link.asked.refuse(error.status, error.detail, self._clock())
            return None
        except Exception as error:
            link.asked.refuse(500, trouble, self._clock())
            self._handlers.failed(0, callback, error)
            return None
        except BaseException:
            link.abandon()
            raise
        if link.state != ReadyState.STATE_CONNECTING:
            return None  # the callback has stopped the server
        return Answer(value)
