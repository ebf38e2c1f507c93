"""Godot-style multiplayer without I/O: bytes and events in, bytes and events out."""

from __future__ import annotations

from .codecs import Codec, MsgpackCodec
from .errors import DecodeError, Error, MultiplayerError
from .multiplayer_peer import ConnectionStatus, MultiplayerPeer, TransferMode
from .offline_peer import OfflineMultiplayerPeer
from .packet_peer import PacketPeer
from .signals import BoundSignal, Signal

__all__ = [
    "BoundSignal",
    "Codec",
    "ConnectionStatus",
    "DecodeError",
    "Error",
    "MsgpackCodec",
    "MultiplayerError",
    "MultiplayerPeer",
    "OfflineMultiplayerPeer",
    "PacketPeer",
    "Signal",
    "TransferMode",
]
