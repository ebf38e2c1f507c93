"""Reads the frames that nearly all are: whole, binary, below 126 bytes, one behind the other.

Plain functions of simple arguments, so that an accelerator can have twins of them. What they do not
read (any other frame, an empty or an incomplete one) is for :class:`.frames.Frames`.
"""

from __future__ import annotations

import struct
from typing import Final

from multiplayer.accelerator import accelerated

LONGEST_COMMON: Final = 125
"""How many bytes a common frame holds at most: its length is in its second byte."""

_read_head: Final = struct.Struct("!HI").unpack_from
_from_bytes: Final = int.from_bytes
MASKED_SIZE: Final = 6
HEAD_SIZE: Final = 2
_WHOLE_BINARY: Final = 0x82
_WHOLE_BINARY_MASKED: Final = 0x8280

# By the length of a payload: what makes a mask of four bytes as long as it or longer, as a number,
# when it is multiplied by it; and by how many bits it is too long then.
REPEATED: Final = tuple(
    sum(1 << 32 * place for place in range((size + 3) // 4)) for size in range(126)
)
TOO_LONG: Final = tuple(-size % 4 * 8 for size in range(126))


@accelerated
def write_masked(data: bytes, key: int) -> bytes:
    """Return the common frame of a client.

    Args:
        data: at most 125 bytes.
        key: the mask; its highest byte is the first.
    """
    size = len(data)
    # Header, key and payload as one number.
    masked = _from_bytes(data) ^ key * REPEATED[size] >> TOO_LONG[size]
    return ((_WHOLE_BINARY_MASKED | size) << 8 * (size + 4) | key << 8 * size | masked).to_bytes(
        6 + size
    )


@accelerated
def read_masked(
    source: bytes | bytearray, at: int, end: int, longest: int, room: int, packets: list[bytes]
) -> int:
    """Read what clients send.

    Args:
        source: what has come.
        at: where a frame begins in it.
        end: where it ends: how long it is.
        longest: the longest payload to read, in bytes; at most 125.
        room: how many frames to read at most.
        packets: the payloads are added here.

    Returns:
        Where the first frame begins that was not read.
    """
    last = end - MASKED_SIZE
    head: int
    key: int
    while at < last and room > 0:
        head, key = _read_head(source, at)
        size = head - _WHOLE_BINARY_MASKED
        start = at + MASKED_SIZE
        stop = start + size
        if not 0 < size <= longest or stop > end:
            break
        mask = key * REPEATED[size] >> TOO_LONG[size]
        packets.append((_from_bytes(source[start:stop]) ^ mask).to_bytes(size))
        at = stop
        room -= 1
    return at


@accelerated
def read_unmasked(
    source: bytes | bytearray, at: int, end: int, longest: int, room: int, packets: list[bytes]
) -> int:
    """Read what a server sends; see :func:`read_masked`."""
    last = end - HEAD_SIZE
    while at < last and room > 0 and source[at] == _WHOLE_BINARY:
        size = source[at + 1]
        start = at + HEAD_SIZE
        stop = start + size
        if not 0 < size <= longest or stop > end:
            break
        packets.append(bytes(source[start:stop]))
        at = stop
        room -= 1
    return at
