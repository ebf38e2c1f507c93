"""Who called the RPC that is running: a context variable, so that async methods keep it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

_SENDER: Final = ContextVar[tuple[object, int] | None]("gdpeers_remote_sender", default=None)
"""The API that runs an RPC, and who called it."""


@contextmanager
def called_by(api: object, sender: int) -> Generator[None]:
    """Let ``sender`` be who calls, for what ``api`` runs inside."""
    token = _SENDER.set((api, sender))
    try:
        yield
    finally:
        _SENDER.reset(token)


def sender_in(api: object) -> int:
    """Return who called the RPC of ``api`` that is running; 0 outside of one."""
    running = _SENDER.get()
    return running[1] if running is not None and running[0] is api else 0
