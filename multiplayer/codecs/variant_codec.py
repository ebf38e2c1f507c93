"""Godot's own values."""

from __future__ import annotations

from multiplayer.variant.decoder import decoder_for
from multiplayer.variant.encoder import DEFAULT_LEVEL, DEFAULT_MAX_DEPTH, encoder_for


class VariantCodec:
    """Values as Godot's Variants, for real engines: what ``put_var`` and ``get_var`` speak there.

    Args:
        version: of the format: 3 or 4.
        level: the oldest engine of version 4 that has to read it, see :func:`encode_variant`.
        max_depth: how deeply containers may be nested, both ways.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such version.
    """

    def __init__(
        self,
        version: int = 4,
        *,
        level: tuple[int, int] = DEFAULT_LEVEL,
        max_depth: int = DEFAULT_MAX_DEPTH,
    ) -> None:
        self._encoder = encoder_for(version, level)
        self._decoder = decoder_for(version)
        self._max_depth = max_depth

    def encode(self, value: object) -> bytes:
        """Return ``value`` as a Variant.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: something in it has no counterpart.
        """
        return self._encoder.encode(value, self._max_depth)

    def decode(self, data: bytes) -> object:
        """Return the value at the start of ``data``; bytes after it are ignored, as in Godot.

        Raises:
            DecodeError: the bytes are not a Variant.
        """
        return self._decoder.decode_from(data, 0, self._max_depth)[0]
