"""How Python values become packets: the :class:`Codec` protocol and its implementations."""

from __future__ import annotations

from .codec import Codec
from .msgpack_codec import MsgpackCodec
from .variant_codec import VariantCodec

__all__ = ["Codec", "MsgpackCodec", "VariantCodec"]
