"""What lies between the outbox of a connection and its socket: TLS, or nothing.

Both have one shape, so that nobody has to ask which of them a connection has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from multiplayer.endpoint.outbox import Outbox

    from .tls import TLSLayer


class ClearChannel:
    """The channel of connections that are not encrypted, or that are over: :data:`CLEAR`.

    Attributes:
        waiting: how many bytes wait that are not in the outbox any more.
        has_news: there is more to look at than the plaintext that came.
        unsendable: why TLS failed when something was to leave, in words.
    """

    # Not all of the class: those of an object are read more quickly.
    __slots__ = ("has_news", "unsendable", "waiting")

    encrypts: ClassVar[bool] = False
    """Whether what leaves has to be copied, through TLS."""
    is_up: ClassVar[bool] = True
    """Whether the TLS handshake is complete."""
    has_heard: ClassVar[bool] = False
    """Whether the other side has begun with TLS."""
    has_said_goodbye: ClassVar[bool] = False
    """Whether we have said, inside of TLS, that nothing more will come."""
    ended: ClassVar[bool] = False
    """Whether the other side has said so."""
    error: ClassVar[str] = ""
    """Why TLS failed, in words."""
    empty_records: ClassVar[int] = 0
    """How many records without content came; see ``TLSLayer``."""

    def __init__(self) -> None:
        self.has_news = False
        self.unsendable = ""
        self.waiting = 0

    def start(self) -> None:
        """Begin, now that the TCP connection is up."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the socket; return the plaintext that they complete."""
        return data

    def pieces(self, outbox: Outbox) -> list[bytes | memoryview]:
        """Return what to write next of an outbox, in order."""
        return outbox.pieces()

    def farewell(self) -> list[bytes | memoryview]:
        """Return what to write when nothing waits and nothing will be queued any more."""
        return []

    def taken(self, outbox: Outbox, count: int) -> bool:
        """Note that the socket took so many bytes of that; return whether more is to leave."""
        return outbox.taken(count)

    def clear(self) -> None:
        """Drop what waits and is not in the outbox any more."""

    def forget_empty_records(self) -> None:
        """Note that the records without content have been counted."""


CLEAR: Final = ClearChannel()
"""One for all of them: nothing in it changes."""


class SecureChannel:
    """The channel of an encrypted connection. What stands in ``ClearChannel`` is explained there.

    It encrypts one record at a time: what is in the outbox can still be dropped.

    Args:
        tls: what encrypts.

    Attributes:
        unsendable: why it failed when something was to leave, in words.
    """

    __slots__ = ("_tls", "unsendable")

    encrypts: ClassVar[bool] = True

    def __init__(self, tls: TLSLayer) -> None:
        self._tls = tls
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

    def pieces(self, outbox: Outbox) -> list[bytes | memoryview]:
        """Return what to write next, in order; nothing if it is unsendable."""
        tls = self._tls
        if outbox.waiting and not tls.waiting:
            outbox.taken(tls.encrypt(outbox.pieces()))
            self.unsendable = tls.error
            if tls.error:
                tls.clear()
        return tls.pieces()

    def farewell(self) -> list[bytes | memoryview]:
        """Return what to write when nothing waits and nothing will be queued: ``close_notify``."""
        self._tls.say_goodbye()
        return self._tls.pieces()

    def taken(self, outbox: Outbox, count: int) -> bool:
        """Note that the socket took ``count`` bytes of it; return whether more is to leave."""
        self._tls.taken(count)
        return self._tls.waiting > 0 or outbox.waiting > 0

    def clear(self) -> None:
        """Drop the ciphertext that waits."""
        self._tls.clear()

    def forget_empty_records(self) -> None:
        """Note that the records without content have been counted."""
        self._tls.empty_records = 0


Channel = ClearChannel | SecureChannel
