"""Buffers of any kind as flat bytes."""

from __future__ import annotations


def flat(buffer: bytes | bytearray | memoryview) -> bytes | memoryview:
    """Return the bytes of ``buffer``, copied only if they are not contiguous."""
    if isinstance(buffer, bytes):
        return buffer
    view = memoryview(buffer)
    if not view.c_contiguous or not view.nbytes:  # neither of these can be cast
        return view.tobytes()
    return view.cast("B")
