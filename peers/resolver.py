"""Names to addresses, without making anybody wait."""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
Address = tuple[socket.AddressFamily, SocketAddress]


@dataclass(slots=True)
class _Answer:
    addresses: list[Address] = field(default_factory=list[Address])
    error: str = ""


def literal_address(host: str, port: int) -> Address | None:
    """Return the address that ``host`` spells out, None if it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return socket.AF_INET, (str(address), port)
    return socket.AF_INET6, (str(address), port, 0, 0)


class NameLookup:
    """One name look-up on a daemon thread of its own, the only thread that this package starts.

    There is no portable way to end a look-up: :meth:`close` abandons one that hangs. The thread
    holds nothing but the place for its answer.

    Attributes:
        host, port: what is looked up.
        waker: becomes readable when the answer is there.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.waker, theirs = socket.socketpair()
        self.waker.setblocking(False)
        self._answer = _Answer()
        threading.Thread(
            target=_look_up,
            args=(host, port, self._answer, theirs),
            name=f"look up {host}",
            daemon=True,
        ).start()

    @property
    def addresses(self) -> list[Address]:
        """What the name stands for, in the order in which to try; empty if the look-up failed."""
        return self._answer.addresses

    @property
    def error(self) -> str:
        """Why the look-up failed, in words."""
        return self._answer.error

    def close(self) -> None:
        """Forget the look-up."""
        self.waker.close()


def _look_up(host: str, port: int, answer: _Answer, waker: socket.socket) -> None:
    with waker:
        _ask(host, port, answer)
        # Makes the other end readable; closing alone would not while a child of a fork has a copy.
        with suppress(OSError):
            waker.shutdown(socket.SHUT_RDWR)


def _ask(host: str, port: int, answer: _Answer) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answer.error = f"{host} cannot be resolved: {error}"
        return
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6) and isinstance(address[0], str):
            answer.addresses.append((family, address))  # type: ignore[arg-type]
    if not answer.addresses:
        answer.error = f"{host} has no address"
