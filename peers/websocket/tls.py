"""TLS without I/O: ciphertext in, plaintext out, and the other way, on ``ssl.MemoryBIO``.

What OpenSSL says about a connection that fails becomes words here, and nowhere else.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PLAINTEXT: Final = 16384
"""How many bytes to encrypt or decrypt at once: a record's worth, because OpenSSL's buffers keep
the largest size that they ever had."""

_MAX_WAITING: Final = 16 * MAX_PLAINTEXT
"""How many bytes of ciphertext may wait. Only answers that TLS gives by itself get that far."""

# How a record begins (RFC 8446 section 5.1).
ALERT: Final = b"\x15"
HANDSHAKE: Final = b"\x16"
RECORD_VERSION: Final = b"\x03"
_RECORD_TYPES: Final = frozenset(range(0x14, 0x19))
_RECORD_HEADER: Final = 5
"""Its length: type, version, and in the last two bytes the length of what follows."""

_HANDSHAKE_RECORDS: Final = 16
"""More than any handshake takes that an honest program makes, session tickets included."""

# Fatal, "unexpected message": for those who do not speak TLS at all, to whom OpenSSL says nothing.
_UNEXPECTED_MESSAGE: Final = ALERT + RECORD_VERSION + b"\x03\0\x02\x02\x0a"

# OpenSSL's X509_V_ERR_... (openssl/x509_vfy.h), in the order of the numbers.
_UNTRUSTED: Final = "the server's certificate comes from an authority that is not trusted"
_CERTIFICATE_ERRORS: Final = {
    2: _UNTRUSTED,
    9: "the server's certificate is not valid yet",
    10: "the server's certificate has expired",
    18: "the server's certificate is self-signed and not trusted",
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    62: "the server's certificate is for another host name",
    64: "the server's certificate is for another address",
}


class TLSLayer:
    """One side of one TLS connection.

    Args:
        context: see ``peers.certificates``.
        server_hostname: on a client, the name or address that was asked for; None on a server.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: that cannot be a host's name.

    Attributes:
        established: the handshake is complete.
        has_heard: something has come from the other side.
        empty_records: how many records without content have come, besides those that a handshake
            takes: KeyUpdates, alerts, session tickets, and such as only cost us time. To be set to
            0 by whoever has counted them.
        ended: the other side has said that nothing more will come.
        said_goodbye: :meth:`say_goodbye` has been called.
        error: why it failed, in words; "" if it did not. Then nothing more can be encrypted, but
            :meth:`pieces` may hold an alert for the other side.
    """

    __slots__ = (
        "_begun",
        "_ciphertext",
        "_host",
        "_incoming",
        "_outgoing",
        "_record_head",
        "_record_rest",
        "_ssl",
        "empty_records",
        "ended",
        "error",
        "established",
        "has_heard",
        "said_goodbye",
    )

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._host = server_hostname
        try:
            self._ssl = context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_side=server_hostname is None,
                server_hostname=server_hostname,
            )
        except ValueError as error:
            message = f"{server_hostname!r} cannot be the name of a TLS server: {error}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error
        self._ciphertext = b""
        self._begun = 0  # how many bytes of it have been taken
        self._record_head = b""  # of the next record, as much as there is if it is incomplete
        self._record_rest = 0  # how many bytes of a record are still to come
        self.empty_records = -_HANDSHAKE_RECORDS
        self.has_heard = False
        self.said_goodbye = False
        self.established = False
        self.ended = False
        self.error = ""

    # ---------------------------------------------------------------- in

    def start(self) -> None:
        """Begin the handshake; a client has something to send by that."""
        self._shake_hands()

    def receive(self, ciphertext: bytes) -> bytes:
        """Take bytes from the network; return all the plaintext that they complete.

        Nothing that could be decrypted stays behind: no selector would wake anybody for it.
        """
        if self.error or not ciphertext:
            return b""
        if not self.has_heard:
            self.has_heard = True
            if ciphertext[0] not in _RECORD_TYPES:
                self._fail_foreign(ciphertext)
                return b""
        plaintext = b""
        for at in range(0, len(ciphertext), MAX_PLAINTEXT):
            chunk = ciphertext[at : at + MAX_PLAINTEXT]
            self._incoming.write(chunk)
            if not self.established:
                self._shake_hands()
            pieces = self._read() if self.established else []
            self.empty_records += max(0, self._count_records(chunk) - len(pieces))
            plaintext += b"".join(pieces)
            self._collect()
        return plaintext

    def _count_records(self, ciphertext: bytes) -> int:
        """Return how many records end with these bytes, by their headers, which anybody can read.

        Nobody tells how many records OpenSSL reads and throws away (RFC 8446 section 5.4: content
        may be empty; section 4.6.3: new keys may be announced at any time).
        """
        if self._record_rest > len(ciphertext):
            self._record_rest -= len(ciphertext)
            return 0
        records, at = int(self._record_rest > 0), self._record_rest
        data = self._record_head + ciphertext
        self._record_rest, self._record_head = 0, b""
        while at + _RECORD_HEADER <= len(data):
            at += _RECORD_HEADER + int.from_bytes(data[at + 3 : at + _RECORD_HEADER])
            if at > len(data):
                self._record_rest = at - len(data)
                return records
            records += 1
        self._record_head = data[at:]
        return records

    def _shake_hands(self) -> None:
        try:
            self._ssl.do_handshake()
            self.established = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, ValueError) as error:
            self.error = self._words(error)
        self._collect()

    def _read(self) -> list[bytes]:
        """Return the content of each record that has any."""
        pieces: list[bytes] = []
        try:
            while piece := self._ssl.read(MAX_PLAINTEXT):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.error = self._words(error)
        return pieces

    # ---------------------------------------------------------------- out

    @property
    def waiting(self) -> int:
        """How many bytes of ciphertext the socket has not taken yet."""
        return len(self._ciphertext) - self._begun

    def encrypt(self, pieces: Iterable[bytes | memoryview]) -> int:
        """Encrypt as much of ``pieces`` as leaves at once; return how many bytes that was."""
        chunks: list[bytes | memoryview] = []
        room = MAX_PLAINTEXT
        for piece in pieces:
            chunks.append(memoryview(piece)[:room])
            room -= len(chunks[-1])
            if not room:
                break
        plaintext = memoryview(b"".join(chunks))  # small frames share a record
        written = 0
        try:
            while written < len(plaintext):
                written += self._ssl.write(plaintext[written:])
        except ssl.SSLError as error:
            self.error = self._words(error)
        self._collect()
        return written

    def say_goodbye(self) -> None:
        """Tell the other side, once, that nothing more will come (``close_notify``)."""
        if self.established and not (self.error or self.said_goodbye):
            self.said_goodbye = True
            with contextlib.suppress(ssl.SSLError):
                self._ssl.unwrap()  # would like to wait for the answer
            self._collect()

    def pieces(self) -> list[bytes | memoryview]:
        """Return the ciphertext to write next."""
        return [memoryview(self._ciphertext)[self._begun :]] if self.waiting else []

    def taken(self, count: int) -> None:
        """Note that the socket took ``count`` bytes of :meth:`pieces`."""
        self._begun += count
        if not self.waiting:
            self.clear()

    def clear(self) -> None:
        """Drop the ciphertext that waits."""
        self._ciphertext = b""
        self._begun = 0

    def _collect(self) -> None:
        if self._outgoing.pending:
            self._ciphertext = self._ciphertext[self._begun :] + self._outgoing.read()
            self._begun = 0
        if self.waiting > _MAX_WAITING and not self.error:
            self.error = "the other side demands answers of TLS and does not read them"

    # ---------------------------------------------------------------- words

    def _fail_foreign(self, data: bytes) -> None:
        quoted = data[:40].partition(b"\r\n")[0].decode("latin-1")
        if self._host is None:
            self.error = f"the client does not speak TLS; it began with {quoted!r}"
            self._ciphertext += _UNEXPECTED_MESSAGE
        else:
            self.error = (
                f"the server does not speak TLS; it answered {quoted!r}: use ws:// if that is right"
            )

    def _words(self, error: ssl.SSLError | ValueError) -> str:
        other = "the client" if self._host is None else "the server"
        if isinstance(error, ssl.SSLCertVerificationError):
            words = _CERTIFICATE_ERRORS.get(
                error.verify_code, "the server's certificate is no good"
            )
            return f"{words} (asked for {self._host}): {error.verify_message}"
        reason = (error.reason if isinstance(error, ssl.SSLError) else None) or str(error)
        what = "TLS" if self.established else "the TLS handshake"
        _, alert, words = reason.partition("_ALERT_")
        if alert:
            return f"{other} ended {what}: {words.replace('_', ' ').lower()}"
        return f"{what} with {other} failed: {reason.replace('_', ' ').lower()}"
