"""What a program may send as one packet."""

from __future__ import annotations

from multiplayer.errors import Error, MultiplayerError


def check_packet(buffer: bytes, limit: int, *, envelope: int = 0) -> bytes:
    """Return a copy of ``buffer`` as bytes.

    Args:
        buffer: any bytes-like object.
        limit: the longest message to send, in bytes; 0 for any.
        envelope: how many bytes will be put before it.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not bytes; ``ERR_OUT_OF_MEMORY``: too long.
    """
    try:
        data = buffer if type(buffer) is bytes else bytes(memoryview(buffer))
    except TypeError:
        message = f"a packet must be bytes, not {type(buffer).__name__}; encode text with .encode()"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None
    if 0 < limit < len(data) + envelope:
        message = (
            f"a packet of {len(data)} bytes is longer than outbound_buffer_size allows "
            f"({limit - envelope}); raise it, and the other side's inbound_buffer_size, before "
            "connecting (set_buffers)"
        )
        raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
    return data
