"""A session of which one call to the system fails: which, a number says; then all must be well.

``python -m tests.hostile.failing_calls server`` lets every call fail, one after another.
"""

from __future__ import annotations

import argparse
import errno
import logging
import selectors
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from peers.memory.stream import MemorySocket
from tests.hostile.interrupted import session

if TYPE_CHECKING:
    from collections.abc import Callable

REASONS: Final = {
    "recv": ("ECONNRESET", "ETIMEDOUT", "ENOBUFS", "ENOMEM", "EINTR"),
    "send": ("EPIPE", "ECONNRESET", "ENOBUFS", "ENOMEM", "EINTR"),
    "sendmsg": ("EPIPE", "ECONNRESET", "ENOBUFS", "ENOMEM", "EINTR"),
    "accept": ("EMFILE", "ENFILE", "ECONNABORTED", "ENOBUFS", "ENOMEM", "EINTR"),
    "connect": ("ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", "ENOBUFS"),
    "getsockopt": ("ENOBUFS", "EBADF"),
    "getpeername": ("ENOTCONN", "ENOBUFS"),
    "setsockopt": ("EINVAL", "ENOBUFS"),
    "shutdown": ("ENOTCONN",),
    "register": ("ENOSPC", "ENOMEM"),
    "modify": ("ENOMEM",),
    "select": ("ENOMEM", "EBADF"),
}
"""The calls that polls make, and why each may fail. Python ignores why ``unregister`` would."""

_OF_STREAMS: Final = ("recv", "send")
"""Those that move bytes; in memory ``sendmsg`` calls ``send``."""

_OF_SELECTORS: Final = frozenset({"register", "modify", "select"})


class Calls:
    """Counts the calls to the system that polls of one object make, and lets one of them fail.

    Args:
        at: which, from 1; 0 for none.
        reason: the name of its ``errno``.
        memory: sockets are in memory; then only what moves bytes fails.

    Attributes:
        names: what was called.
        over: see ``Injector``.
    """

    def __init__(self, at: int, reason: str = "", *, memory: bool = False) -> None:
        self.names: list[str] = []
        self.over = False
        self._at = at
        self._code = getattr(errno, reason, 0)
        self._owners: dict[str, type] = (
            dict.fromkeys(_OF_STREAMS, MemorySocket)
            if memory
            else {
                name: selectors.DefaultSelector if name in _OF_SELECTORS else socket.socket
                for name in REASONS
            }
        )

    def __call__(self, poll: Callable[[], None]) -> None:
        if self.over:
            poll()
            return
        with ExitStack() as stack:
            for name, owner in self._owners.items():
                call = self._counted(name, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, call))
            poll()

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.names.append(name)
            if len(self.names) == self._at:
                raise OSError(self._code, f"{name} is made to fail")
            return call(*args, **options)

        return counted


def calls_of(subject: str, **options: bool) -> list[str]:
    """Return what the polls of ``subject`` call, from the first to the last."""
    calls = Calls(0, memory=options.get("memory", False))
    assert session(calls, subject, **options) == []
    return calls.names


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.failing_calls")
    parser.add_argument("subject", choices=["server", "client"])
    parser.add_argument("--godot4", action="store_true", help="with Godot 4's envelope")
    given = parser.parse_args()
    logging.disable()
    wrong = runs = 0
    for at, name in enumerate(calls_of(given.subject, godot4=given.godot4), 1):
        for reason in REASONS[name]:
            runs += 1
            if faults := session(Calls(at, reason), given.subject, godot4=given.godot4):
                wrong += 1
                print(at, name, reason, "|", "; ".join(faults))
    print(f"{wrong} of {runs} runs went wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
