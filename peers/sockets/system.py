"""What a peer has of the computer that it runs on: time, chance, sockets, and what waits for them.

A peer has the real one, unless it has been added to a network in memory (``peers.memory``).
"""

from __future__ import annotations

import secrets
import socket
import time
from typing import TYPE_CHECKING, Final

from .name_lookup import NameLookup, literal_address
from .selector import Selector
from .tcp import open_listener

if TYPE_CHECKING:
    from .name_lookup import Address


class System:
    """The real one."""

    __slots__ = ()

    now = staticmethod(time.monotonic)
    """Returns the time in seconds, on a clock that only goes forward."""

    wall_time = staticmethod(time.time)
    """Returns the time in seconds since 1970, which all computers share, more or less."""

    @property
    def stirs(self) -> bool:
        """Whether something has come that waiting for a descriptor would not tell."""
        return False

    def randbits(self, bits: int) -> int:
        """Return so many bits that nobody can foretell."""
        return secrets.randbits(bits)

    def selector(self) -> Selector:
        """Return what waits for sockets of this system."""
        return Selector()

    def socket(self, family: socket.AddressFamily) -> socket.socket:
        """Return a TCP socket.

        Raises:
            OSError: there is none to be had.
        """
        return socket.socket(family, socket.SOCK_STREAM)

    def listener(self, host: str, port: int) -> socket.socket:
        """Return a listening socket at ``host`` ("*" for every interface).

        Raises:
            OSError: the address cannot be had.
        """
        return open_listener(host, port)

    def address(self, host: str, port: int) -> Address | None:
        """Return the address that ``host`` spells out; None if it has to be looked up."""
        return literal_address(host, port)

    def look_up(self, host: str, port: int) -> NameLookup:
        """Begin to look a name up.

        Raises:
            OSError: there is no descriptor to be had.
            RuntimeError: there is no thread to be had.
        """
        return NameLookup(host, port)


SYSTEM: Final = System()
