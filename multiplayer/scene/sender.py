"""Who called the RPC that is running: a context variable, so that async methods keep it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

SENDER: Final = ContextVar[tuple[object, int] | None]("gdpeers_remote_sender", default=None)
"""The API that runs an RPC, and who called it; set and reset around each."""


def sender_in(api: object) -> int:
    """Return who called the RPC of ``api`` that is running; 0 outside of one."""
    running = SENDER.get()
    return running[1] if running is not None and running[0] is api else 0


def forget_sender(api: object) -> None:
    """Let no RPC of ``api`` be running, where an interrupt has kept one from ending."""
    running = SENDER.get()
    if running is not None and running[0] is api:
        SENDER.set(None)
