"""What the engine does with one socket at a time."""

from __future__ import annotations

import contextlib
import math
import socket
from functools import cache
from typing import TYPE_CHECKING, Final, Generic

from multiplayer.endpoint.channel import Channel, ChannelT

if TYPE_CHECKING:
    from .name_lookup import Address

READ_SIZE: Final = 65536
"""How many bytes one service reads from one connection, so that no peer can freeze a frame."""

LONG_READ_SIZE: Final = 1 << 18
"""How many while long messages fill what is read: nobody is told of one before it is whole."""

_KEPT: Final = 1 << 22
"""Half of how many bytes are kept at most at the end of the heap when messages have been freed."""

_BACKLOG: Final = 1024

_LAST_READS: Final = 16
"""How many reads empty the input of a connection that is closed at once."""


class Connection(Generic[ChannelT]):
    """A channel and its socket."""

    __slots__ = (
        "addresses",
        "channel",
        "connecting",
        "mask",
        "patience",
        "read_closed",
        "read_late",
        "read_size",
        "rests",
        "shut",
        "sock",
    )

    def __init__(self, channel: ChannelT, sock: socket.socket | None) -> None:
        self.channel = channel
        self.sock = sock
        self.addresses: tuple[Address, ...] = ()  # still to be tried
        self.connecting = sock is None
        self.mask = 0  # what the selector has been asked for
        self.patience = math.inf  # until when to wait for the address that is being tried
        self.read_closed = False
        self.read_late = 0  # how many bytes have been read since we closed the connection
        self.read_size = READ_SIZE
        self.rests = False  # is not to be read for a while
        self.shut = False  # our direction of the TCP connection is closed

    def adapt_read_size(self, count: int, *, takes_more: bool) -> None:
        """Read more at once while long messages fill what is read.

        Args:
            count: how many bytes have been read.
            takes_more: the channel has decoded them; short messages would have been too many.
        """
        goes_on = self.channel.missing > 0 or (takes_more and self.read_size > READ_SIZE)
        if goes_on and count >= READ_SIZE:
            self.read_size = LONG_READ_SIZE
            keep_memory()
        else:
            self.read_size = READ_SIZE


@cache
def keep_memory() -> None:
    """Have the C library keep the memory of long messages for those that follow.

    Of what is free at the end of its heap glibc returns to the system what exceeds twice the
    largest block that it has mapped by itself and freed. Getting the pages anew takes longer than
    everything else about a message. Smaller blocks are not mapped by themselves any more, so what
    is free between others that are in use stays, too. If a program sets a threshold of glibc's,
    that holds.
    """
    with contextlib.suppress(MemoryError):  # of a process whose addresses are bounded
        bytes(_KEPT)  # mapped and freed; not one of its pages is written to


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket with TCP_NODELAY at ``host`` ("*" for every interface).

    Raises:
        OSError: the address cannot be had.
    """
    sock = _listening(host, port)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _listening(host: str, port: int) -> socket.socket:
    if host != "*":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
        )
    return socket.create_server(("", port), backlog=_BACKLOG)


def say_farewell(channel: Channel, sock: socket.socket) -> None:
    """Write what the socket takes, and read what has come.

    Unread input would turn the end of the connection into a reset, and a reset can overtake what
    was written.
    """
    with contextlib.suppress(OSError):
        while pieces := channel.to_send(last=True):
            channel.sent(send(sock, pieces))
    with contextlib.suppress(OSError):
        for _ in range(_LAST_READS):
            if not sock.recv(READ_SIZE):
                break


_MOST_PIECES: Final = 64
"""How many pieces one write takes; copying them is quicker than the system's way with more."""


def send(sock: socket.socket, pieces: list[bytes | memoryview]) -> int:
    """Write several pieces at once; return how many bytes the socket took."""
    if len(pieces) == 1:
        return sock.send(pieces[0])
    if len(pieces) <= _MOST_PIECES and hasattr(sock, "sendmsg"):
        return sock.sendmsg(pieces)
    return sock.send(b"".join(pieces))
