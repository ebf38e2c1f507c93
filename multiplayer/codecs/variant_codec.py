"""Godot's own values."""

from __future__ import annotations

from multiplayer.variant import decode_variant, encode_variant


class VariantCodec:
    """Values as Godot's Variants, for real engines: what ``put_var`` and ``get_var`` speak there.

    Args:
        version: of the format: 3 or 4.
        level: the oldest engine of version 4 that has to read it, see :func:`encode_variant`.
        max_depth: how many containers a container may be inside of, both ways.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such version.
    """

    def __init__(
        self, version: int = 4, *, level: tuple[int, int] = (4, 4), max_depth: int = 64
    ) -> None:
        encode_variant(None, version, level=level)  # so that a wrong version is told here
        self._version = version
        self._level = level
        self._max_depth = max_depth

    def encode(self, value: object) -> bytes:
        """Return ``value`` as a Variant.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: something in it has no counterpart.
        """
        return encode_variant(value, self._version, level=self._level, max_depth=self._max_depth)

    def decode(self, data: bytes) -> object:
        """Return the value at the beginning of ``data``; bytes behind it are ignored, as in Godot.

        Raises:
            DecodeError: the bytes are no Variant.
        """
        return decode_variant(data, self._version, max_depth=self._max_depth)
