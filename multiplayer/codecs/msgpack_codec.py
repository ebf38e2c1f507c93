"""Our native values: msgpack."""

from __future__ import annotations

import msgpack

from multiplayer.errors import DecodeError, Error, MultiplayerError


class MsgpackCodec:
    """Values as msgpack: ``None``, bool, int (64 bits), float, str, bytes, list, tuple and dict.

    Tuples come back as lists. Nothing that arrives is ever turned into code or objects.
    """

    def encode(self, value: object) -> bytes:
        """Return ``value`` as msgpack.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: msgpack cannot hold the value.
        """
        try:
            return msgpack.packb(value)
        except (TypeError, ValueError, OverflowError) as error:
            message = f"msgpack cannot hold this value: {error}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error

    def decode(self, data: bytes) -> object:
        """Return the value that the msgpack in ``data`` holds.

        Raises:
            DecodeError: ``data`` is not exactly one msgpack value.
        """
        try:
            return msgpack.unpackb(data, strict_map_key=False)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise DecodeError(f"not a msgpack value: {error}") from error
