"""SIGTERM and Ctrl-C as the end of a block of code, instead of a traceback."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from .library import Library

STOP_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""What asks a program to end: Ctrl-C, ``kill`` and service managers, Ctrl-Break on Windows."""


@contextmanager
def received(library: Library, *, wanted: bool) -> Generator[AsyncIterator[int] | None]:
    """Give the signals that come meanwhile, each of which has no other effect; None if not wanted.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``: in another thread than the main one.
    """
    if not wanted:
        yield None
        return
    if threading.current_thread() is not threading.main_thread():
        message = (
            "stop_on_signals works only in the main thread, as signals do; in another thread, "
            "cancel what runs there"
        )
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
    with library.signals(STOP_SIGNALS) as signals:
        yield signals


async def heed(
    signals: AsyncIterator[int], stop: Callable[[], object], stop_at_once: Callable[[], object]
) -> None:
    """Stop at the first signal, and at once at the second, for who does not want to wait."""
    await anext(signals)
    stop()
    await anext(signals)
    stop_at_once()
