"""The caller of the RPC that is running: a context variable, so that async methods keep it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

SENDER: Final = ContextVar[tuple[object, int] | None]("gdpeers_remote_sender", default=None)
"""The API that runs an RPC, and the RPC's caller; set and reset around each."""


def sender_in(api: object) -> int:
    """Return the caller of the RPC that ``api`` is running; 0 outside of RPCs."""
    running = SENDER.get()
    return running[1] if running is not None and running[0] is api else 0


def forget_sender(api: object) -> None:
    """Note that ``api`` is running no RPC, if an interrupt kept one from ending."""
    running = SENDER.get()
    if running is not None and running[0] is api:
        SENDER.set(None)
