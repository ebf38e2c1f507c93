"""Godot-style multiplayer without I/O: bytes and events in, bytes and events out."""

from __future__ import annotations

from .codecs import Codec, MsgpackCodec
from .errors import DecodeError, Error, MultiplayerError

__all__ = ["Codec", "DecodeError", "Error", "MsgpackCodec", "MultiplayerError"]
