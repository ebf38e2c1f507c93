"""Masks (RFC 6455 section 5.3): keys, and what they do to a payload."""

from __future__ import annotations

import os
import secrets
import struct
import sys
from functools import cache
from typing import TYPE_CHECKING, Final

from multiplayer.accelerator import accelerated

if TYPE_CHECKING:
    from types import ModuleType

_KEYS_AT_ONCE: Final = 1024

spare_keys: Final[list[int]] = []
"""Keys to mask with, as unpredictable as any, and never used twice. Asking the system for four
bytes takes as long as all the rest of a frame."""

# From here on a table for each byte of the key is quicker than one large number.
_LARGE: Final = 4096


def draw_keys() -> int:
    """Return a key that nobody can predict, and leave some more in :data:`spare_keys`."""
    key, *more = struct.unpack(f"!{_KEYS_AT_ONCE}I", secrets.token_bytes(4 * _KEYS_AT_ONCE))
    spare_keys.extend(more)
    return key


# A child has keys of its own: its parent uses these.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=spare_keys.clear)


@accelerated
def masked(data: bytes | bytearray, key: bytes | bytearray) -> bytes:
    """Return ``data`` with a mask of four bytes applied, which also removes it.

    A bytearray may be changed by that.
    """
    size = len(data)
    if size >= _LARGE:
        numpy = sys.modules.get("numpy")
        if numpy is not None and hasattr(numpy, "bitwise_xor"):  # else it is being imported
            return _masked_by_numpy(numpy, data, key)
        changed = data if isinstance(data, bytearray) else bytearray(data)
        for place, byte in enumerate(key):
            changed[place::4] = changed[place::4].translate(_xor_table(byte))
        return bytes(changed)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data) ^ int.from_bytes(mask)).to_bytes(size)


def _masked_by_numpy(numpy: ModuleType, data: bytes | bytearray, key: bytes | bytearray) -> bytes:
    whole = len(data) & ~3
    words = numpy.frombuffer(data, numpy.uint32, whole // 4)
    changed: bytes = numpy.bitwise_xor(words, numpy.frombuffer(key, numpy.uint32)).tobytes()
    return changed + bytes(byte ^ other for byte, other in zip(data[whole:], key, strict=False))


@cache
def _xor_table(byte: int) -> bytes:
    return bytes(byte ^ other for other in range(256))


_SMALL: Final = 4096
"""Pieces below this go into one, so that single bytes take no more room than they are."""


class LongPayload:
    """The payload of one long frame, of which the mask is taken off as it comes.

    Args:
        size: how many bytes it has.
        key: its mask; b"" for none.

    Attributes:
        missing: how many bytes have not come yet.
    """

    __slots__ = ("_key", "_pieces", "missing")

    def __init__(self, size: int, key: bytes) -> None:
        self.missing = size
        self._key = key
        self._pieces: list[bytes | bytearray] = []

    def add(self, piece: bytes | bytearray) -> bool:
        """Take what comes next, not more than is missing; return whether that was all."""
        key, size = self._key, len(piece)
        self.missing -= size
        pieces, plain = self._pieces, masked(piece, key) if key else bytes(piece)
        if size >= _SMALL:
            pieces.append(plain)
        elif pieces and type(last := pieces[-1]) is bytearray:
            last += plain
        else:
            pieces.append(bytearray(plain))
        if size & 3 and key:
            self._key = key[size & 3 :] + key[: size & 3]
        return not self.missing

    def whole(self) -> bytes:
        """Return the payload, which has come."""
        return b"".join(self._pieces)
