"""Records of TLS 1.3, made by hand (RFC 8446 sections 5.2 and 7), as no library sends them.

A client of Python's ``ssl`` shakes hands and writes its secrets into a key log; from then on its
records are made here.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from peers.certificates import client_context
from tests.certificates import anchor

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
KEY_UPDATE: Final = b"\x18\0\0\x01\0"
"""A handshake message: new keys follow, and none are asked for."""


def logging_context(key_log: Path) -> ssl.SSLContext:
    """A context for clients of version 1.3 that trust our authority and write down their keys."""
    context = client_context(anchor(), verify=True)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.keylog_filename = str(key_log)
    return context


class Records:
    """What a client sends after its handshake, of which it has written no record itself.

    Args:
        client: it, when the handshake is complete.
        key_log: its file.
    """

    def __init__(self, client: ssl.SSLObject | ssl.SSLSocket, key_log: Path) -> None:
        cipher = client.cipher()
        assert cipher is not None
        self._hash = SHA384() if cipher[0].endswith("SHA384") else SHA256()
        self._cipher = ChaCha20Poly1305 if "CHACHA20" in cipher[0] else AESGCM
        self._key_size = 16 if "128" in cipher[0] else 32
        (secret,) = [
            line.split()[2]
            for line in key_log.read_text().splitlines()
            if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")
        ]
        self._use(bytes.fromhex(secret))

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        self._aead = self._cipher(self._expand(secret, "key", self._key_size))
        self._iv = int.from_bytes(self._expand(secret, "iv", 12))
        self._number = 0

    def _expand(self, secret: bytes, label: str, length: int) -> bytes:
        name = b"tls13 " + label.encode()
        info = length.to_bytes(2) + bytes((len(name),)) + name + b"\0"
        return HKDFExpand(self._hash, length, info).derive(secret)

    def record(self, content: bytes, kind: int = APPLICATION_DATA) -> bytes:
        """One record."""
        plaintext = content + bytes((kind,))
        head = bytes((APPLICATION_DATA, 3, 3)) + (len(plaintext) + 16).to_bytes(2)
        nonce = (self._iv ^ self._number).to_bytes(12)
        self._number += 1
        return head + self._aead.encrypt(nonce, plaintext, head)

    def key_update(self) -> bytes:
        """Announce new keys, and use them from then on."""
        record = self.record(KEY_UPDATE, HANDSHAKE)
        self._use(self._expand(self._secret, "traffic upd", self._hash.digest_size))
        return record
