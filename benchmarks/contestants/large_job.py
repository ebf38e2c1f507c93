"""What a server does in the job ``large``: a message that begins with D asks for bytes.

``D`` and a little-endian u32: answer with a message of so many bytes. Anything else: answer with
one byte, so that the other side knows that it has arrived.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache
def _download(size: int) -> bytes:
    return bytes(size)


def answer(message: bytes) -> bytes:
    """Return what to answer ``message`` with."""
    if message[:1] == b"D":
        return _download(int.from_bytes(message[1:5], "little"))
    return b"k"
