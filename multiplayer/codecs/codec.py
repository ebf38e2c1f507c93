"""The border between values and bytes."""

from __future__ import annotations

from typing import Protocol


class Codec(Protocol):
    """Turns one value into bytes and back.

    ``PacketPeer.put_var`` and ``get_var`` use a codec, and so do RPC arguments.
    """

    def encode(self, value: object) -> bytes:
        """Return the bytes of ``value``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the value has no counterpart there.
        """
        ...

    def decode(self, data: bytes) -> object:
        """Return the value that ``data`` holds.

        Raises:
            DecodeError: the bytes hold no value of this codec.
        """
        ...
