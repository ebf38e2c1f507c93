"""Godot 4's envelope: one message with the peer id, then bare packets.

Mirrors ``WebSocketMultiplayerPeer`` of Godot 4.0 and later. After the upgrade the server sends one
message of 4 bytes, the client's id (i32, little-endian, 2 or more). Every later message, either
way, is one packet and never empty. The connection it came on identifies its sender.
"""

from __future__ import annotations

import struct
from typing import Final

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import DecodeError

EMPTY_MESSAGE: Final = "empty_message"
"""The violation of sending a message without a packet."""

_ID: Final = struct.Struct("<i")
_GD_MP: Final = struct.Struct("<Bi")  # the start of Godot 3's envelope: type, from
_GD_MP_HEADER: Final = 9
_GD_MP_TYPES: Final = 4
_QUOTED: Final = 16

ADVICE_FOR_GODOT_3: Final = "use WebSocketClient with gd_mp_api=True for it"
"""What a program does whose server turns out to be a Godot 3 one."""


def id_message(peer_id: int) -> bytes:
    """Return the message that gives a client its id: 4 bytes."""
    return _ID.pack(peer_id)


def read_id(message: bytes) -> int:
    """Return the id that the server's first message gives.

    Raises:
        DecodeError: it gives none; the reason says what came instead.
    """
    if len(message) == _ID.size:
        (peer_id,) = _ID.unpack(message)
        if peer_id > SERVER_ID:
            return peer_id
        raise DecodeError(f"the server gave us the peer id {peer_id}; it must be 2 or more")
    came = f"the server's first message has {len(message)} bytes"
    if message:
        dots = "..." if len(message) > _QUOTED else ""
        came += f" ({message[:_QUOTED].hex()}{dots})"
    if _is_gd_mp(message):
        came += f", like those of a Godot 3 server; {ADVICE_FOR_GODOT_3}"
        raise DecodeError(came)
    raise DecodeError(f"{came}, not the 4 of a peer id; is it a Godot 4 server?")


def _is_gd_mp(message: bytes) -> bool:
    if len(message) < _GD_MP_HEADER:
        return False
    kind, source = _GD_MP.unpack_from(message)
    return kind < _GD_MP_TYPES and source == SERVER_ID
