"""What lies between the outbox of a connection and its socket: TLS, or nothing.

Both have one shape, so that nobody has to ask which of them a connection has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from peers.outbox import Outbox

    from .tls import TLSLayer


class ClearChannel:
    """The channel of a connection that is not encrypted, or that is over.

    Args:
        outbox: what is to leave.
    """

    __slots__ = ("_outbox",)

    encrypts: ClassVar[bool] = False
    """Whether what leaves has to be copied, through TLS."""
    is_up: ClassVar[bool] = True
    """Whether the TLS handshake is complete."""
    has_news: ClassVar[bool] = False
    """Whether there is more to look at than the plaintext that came."""
    has_heard: ClassVar[bool] = False
    """Whether the other side has begun with TLS."""
    has_said_goodbye: ClassVar[bool] = False
    """Whether we have said, inside of TLS, that nothing more will come."""
    ended: ClassVar[bool] = False
    """Whether the other side has said so."""
    error: ClassVar[str] = ""
    """Why TLS failed, in words."""
    unsendable: ClassVar[str] = ""
    """The same, if it failed when something was to leave."""
    waiting: ClassVar[int] = 0
    """How many bytes wait that are not in the outbox any more."""
    empty_records: ClassVar[int] = 0
    """How many records without content came; see ``TLSLayer``."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def start(self) -> None:
        """Begin, now that the TCP connection is up."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the socket; return the plaintext that they complete."""
        return data

    def pieces(self, *, last: bool) -> list[bytes | memoryview]:
        """Return what to write next, in order.

        Args:
            last: nothing will be queued behind what is in the outbox.
        """
        del last
        return self._outbox.pieces()

    def taken(self, count: int) -> None:
        """Note that the socket took ``count`` bytes of :meth:`pieces`."""
        self._outbox.taken(count)

    def clear(self) -> None:
        """Drop what waits and is not in the outbox any more."""

    def forget_empty_records(self) -> None:
        """Note that the records without content have been counted."""


class SecureChannel:
    """The channel of an encrypted connection. What stands in ``ClearChannel`` is explained there.

    It encrypts one record at a time: what is in the outbox can still be dropped.

    Args:
        tls: what encrypts.
        outbox: what is to leave.

    Attributes:
        unsendable: why it failed, in words, if it failed when something was to leave.
    """

    __slots__ = ("_outbox", "_tls", "unsendable")

    encrypts: ClassVar[bool] = True

    def __init__(self, tls: TLSLayer, outbox: Outbox) -> None:
        self._tls = tls
        self._outbox = outbox
        self.unsendable = ""

    @property
    def is_up(self) -> bool:
        """Whether the TLS handshake is complete."""
        return self._tls.established

    @property
    def has_news(self) -> bool:
        """Whether there is more to look at than the plaintext that came."""
        tls = self._tls
        return bool(tls.waiting or tls.ended or tls.error) or tls.empty_records > 0

    @property
    def has_heard(self) -> bool:
        """Whether the other side has begun with TLS."""
        return self._tls.has_heard

    @property
    def has_said_goodbye(self) -> bool:
        """Whether we have said, inside of TLS, that nothing more will come."""
        return self._tls.said_goodbye

    @property
    def ended(self) -> bool:
        """Whether the other side has said so."""
        return self._tls.ended

    @property
    def error(self) -> str:
        """Why TLS failed, in words."""
        return self._tls.error

    @property
    def waiting(self) -> int:
        """How many bytes of ciphertext wait."""
        return self._tls.waiting

    @property
    def empty_records(self) -> int:
        """How many records without content came; see ``TLSLayer``."""
        return self._tls.empty_records

    def start(self) -> None:
        """Begin the handshake; a client has something to send after that."""
        self._tls.start()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the socket; return the plaintext that they complete."""
        return self._tls.receive(data)

    def pieces(self, *, last: bool) -> list[bytes | memoryview]:
        """Return what to write next, in order; after all of it, ``close_notify``."""
        tls, outbox = self._tls, self._outbox
        if not tls.waiting:
            if outbox.waiting:
                outbox.taken(tls.encrypt(outbox.pieces()))
                self.unsendable = tls.error
            elif last:
                tls.say_goodbye()
        return tls.pieces()

    def taken(self, count: int) -> None:
        """Note that the socket took ``count`` bytes of :meth:`pieces`."""
        self._tls.taken(count)

    def clear(self) -> None:
        """Drop the ciphertext that waits."""
        self._tls.clear()

    def forget_empty_records(self) -> None:
        """Note that the records without content have been counted."""
        self._tls.empty_records = 0


Channel = ClearChannel | SecureChannel
