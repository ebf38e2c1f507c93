"""A worker as its front knows it, while its process lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .processes import Started


class CannotStart(Exception):  # noqa: N818 - what happened
    """A worker ended before any of them was ever ready.

    Args:
        worker: its number.
        how: what became of it, in words.
    """

    def __init__(self, worker: int, how: str) -> None:
        super().__init__(f"worker {worker} {how} before it was ready")


class LiveWorker:
    """A process.

    Attributes:
        number: which worker it is.
        pipe: what it is spoken to through.
        process: the process.
        secret: what its listener on the loopback interface wants to hear first.
        port: of that listener; 0 if sockets are passed to it.
        condemned: it is to be ended.
    """

    def __init__(self, number: int, started: Started) -> None:
        self.number = number
        self.process = started.process
        self.pipe = started.pipe
        self.secret = started.secret
        self.port = 0
        self.condemned = False
