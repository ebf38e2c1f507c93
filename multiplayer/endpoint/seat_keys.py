"""``SeatKeys``: who may come back to which seat.

A token is an HMAC-SHA256 (RFC 2104) over the room, its epoch, the peer's id, the seat's nonce and
the time of expiry. Whoever holds it may come back, so it is a secret between the server and one
client. The nonce is the seat's: the token of a seat that was left opens nothing, even if the id has
been given out again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import struct
from typing import Final, NamedTuple

from multiplayer.errors import Error, MultiplayerError

NONCE_BITS: Final = 64
"""How many random bits the nonce of a seat has."""

LIFETIME: Final = 30 * 86400.0
"""For how many seconds a token is valid: longer than any connection lasts, since a token comes with
a connection and is used after it."""

HASH_SIZE: Final = 32
"""How many bytes the hash of a seat key has."""

_FIELDS: Final = struct.Struct(">IQQ")  # id, expiry in seconds, nonce
_MAC_SIZE: Final = 32
_ENCODED: Final = 4 * (_FIELDS.size + _MAC_SIZE + 2) // 3
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEAST_SECRET: Final = 16


class Claim(NamedTuple):
    """What a valid token says: the id of a peer, and the nonce of its seat."""

    id: int
    nonce: int


class SeatKeys:
    """Makes tokens for seats, and knows them again.

    Two of the same secret, room and epoch know each other's tokens: for a server that goes on with
    the seats of another one.

    Args:
        secret: at least 16 bytes, random and kept secret.
        room: which session of those with that secret; any text. If it is 1 to 64 characters of
            ``A-Z a-z 0-9 - _``, each token begins with it, so that :func:`room_of` finds it.
        epoch: which of the owners that the room has had; tokens of others are not valid.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the secret is too short, or no bytes.
    """

    __slots__ = ("_context", "_prefix", "_secret")

    def __init__(self, secret: bytes, room: str = "", epoch: int = 0) -> None:
        if not isinstance(secret, bytes | bytearray) or len(secret) < _LEAST_SECRET:  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"a secret must be at least {_LEAST_SECRET} random bytes"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._secret = bytes(secret)
        name = room.encode("utf-8", "surrogatepass")
        self._prefix = f"{room}." if _NAME.fullmatch(room) else ""
        # Each part with its length: no two contexts have the same bytes.
        self._context = b"gdpeers seat 1\0%d %d\0%b" % (epoch, len(name), name)

    def __repr__(self) -> str:
        return "SeatKeys(…)"  # the secret must not get into a log

    def token(self, id: int, nonce: int, expiry: float) -> str:  # noqa: A002 - a peer's
        """Return a token.

        Args:
            id: the peer's id.
            nonce: the nonce of its seat: :data:`NONCE_BITS` random bits.
            expiry: until when it is valid, in seconds on a clock that all owners of the room share.
        """
        fields = _FIELDS.pack(id, max(0, int(expiry)), nonce)
        encoded = base64.urlsafe_b64encode(fields + self._mac(fields)).rstrip(b"=").decode()
        return self._prefix + encoded

    def read(self, token: str, now: float) -> Claim | None:
        """Return what a token says; None if it is forged, foreign or expired.

        Args:
            token: any text.
            now: the time on the clock of ``expiry``, in seconds.
        """
        room, point, encoded = token.rpartition(".")
        data = _decode(encoded) if room + point == self._prefix else b""
        fields, mac = data[: _FIELDS.size], data[_FIELDS.size :]
        # One answer at the end, so that each wrong token takes the same time.
        is_valid = hmac.compare_digest(mac, self._mac(fields))
        if len(fields) != _FIELDS.size:
            return None
        numbers: tuple[int, int, int] = _FIELDS.unpack(fields)
        id_, expiry, nonce = numbers
        return Claim(id_, nonce) if is_valid and now < expiry else None

    def _mac(self, fields: bytes) -> bytes:
        return hmac.digest(self._secret, self._context + fields, "sha256")


def _decode(token: str) -> bytes:
    """Return the bytes of a token; none if it is not written as one."""
    if len(token) > _ENCODED + 2 or not token.isascii():
        return b""
    padded = token + "=" * (-len(token) % 4)
    try:
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    # Only one way to write it: bits that mean nothing have to be 0.
    is_canonical = base64.urlsafe_b64encode(data).rstrip(b"=").decode() == token
    return data if is_canonical else b""


def room_of(token: str) -> str:
    """Return the room that a token says it is of, without any proof; "" if it says none."""
    room = token.partition(".")[0] if "." in token else ""
    return room if _NAME.fullmatch(room) else ""


def hash_of(key: str) -> bytes:
    """Return what a server keeps of a seat key that a client has chosen: its SHA-256.

    The key has at least 128 random bits, so its hash says nothing about it; whoever knows the hash
    cannot come back by it.
    """
    return hashlib.sha256(b"gdpeers seat key 1\0" + key.encode()).digest()
