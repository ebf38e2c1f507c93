"""The packets of Godot 4.0 and later.

To those of :mod:`.godot4_common` it adds the SYS packets of ``SceneMultiplayer``, and the form that
confirmations have since Godot 4.3::

    2 confirm  u8 agrees | u32 node          (exactly 6 bytes)
    2 confirm  u8 agrees | path NUL          (4.0 to 4.2)
    7 SYS      00 | credentials              (none: this side has seen enough)
               01 | i32 peer                 (it is there)
               02 | i32 peer                 (it has left)
               03 | i32 peer | packet        (for that peer; at a client: from it)
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from multiplayer.variant.encoder import DEFAULT_LEVEL

from .api_packets import AddPeer, Authenticate, Confirm, DelPeer, Relay, Unsupported
from .godot4_common import CONFIRM, Godot4CommonWire, read_path_confirmation, too_short
from .godot4_replication import DESPAWN, SPAWN, SYNC, Godot4Replication, read_replication

if TYPE_CHECKING:
    from .api_packets import ApiPacket

_SYS: Final = 7
_AUTH: Final = 0
_ADD_PEER: Final = 1
_DEL_PEER: Final = 2
_RELAY: Final = 3

_CONFIRMATION: Final = struct.Struct("<BBI")
_SYSTEM: Final = struct.Struct("<BBi")
_CREDENTIALS_AT: Final = 2
_REPLICATION: Final = (SPAWN, DESPAWN, SYNC)
_FIRST_PRINTABLE: Final = 0x20


class Godot4Wire(Godot4CommonWire):
    """What real Godot 4 games write and read.

    It reads both forms of a confirmation. One of exactly 6 bytes has the number, unless it reads as
    a path of three bytes: UTF-8 without control characters, and a NUL. (As a number that would be
    2 105 376 at least, and numbers are counted from 1.)

    Args:
        confirm_with_path: write for Godot 4.0 to 4.2: paths in confirmations, and no values that
            those versions cannot read.
    """

    spreads = False
    authenticates = True
    relay_head = bytes((_SYS, _RELAY))

    def __init__(self, *, confirm_with_path: bool = False) -> None:
        level = (4, 2) if confirm_with_path else DEFAULT_LEVEL
        super().__init__(level)
        self.replication = Godot4Replication(level)
        self._confirm_with_path = confirm_with_path

    def _read_confirmation(self, packet: bytes) -> Confirm:
        if len(packet) != _CONFIRMATION.size or _has_short_path(packet):
            return read_path_confirmation(packet)
        _, agrees, node = _CONFIRMATION.unpack(packet)
        return Confirm(node, agrees != 0)

    def _read_other(self, kind: int, packet: bytes) -> ApiPacket:
        if kind in _REPLICATION:
            return read_replication(packet)
        if kind != _SYS:
            return super()._read_other(kind, packet)
        if len(packet) >= _CREDENTIALS_AT and packet[1] == _AUTH:
            return Authenticate(packet[_CREDENTIALS_AT:])
        if len(packet) < _SYSTEM.size:
            raise too_short(packet, "a SYS packet")
        _, system_kind, peer = _SYSTEM.unpack_from(packet)
        if system_kind == _ADD_PEER:
            return AddPeer(peer)
        if system_kind == _DEL_PEER:
            return DelPeer(peer)
        if system_kind != _RELAY:
            return Unsupported(f"SYS {system_kind}")
        if len(packet) == _SYSTEM.size:
            raise too_short(packet, "a relayed packet")
        return Relay(peer, packet[_SYSTEM.size :])

    def confirm(self, node: int, path: str, *, agrees: bool) -> bytes:
        """Encode the answer to an announcement, in the form chosen for this wire."""
        if self._confirm_with_path:
            return super().confirm(node, path, agrees=agrees)
        return _CONFIRMATION.pack(CONFIRM, agrees, node)

    def authenticate(self, data: bytes) -> bytes:
        """Encode credentials; empty for "this side has seen enough"."""
        return bytes((_SYS, _AUTH)) + data

    def add_peer(self, peer: int) -> bytes:
        """Encode that a peer is there."""
        return _SYSTEM.pack(_SYS, _ADD_PEER, peer)

    def del_peer(self, peer: int) -> bytes:
        """Encode that a peer has left."""
        return _SYSTEM.pack(_SYS, _DEL_PEER, peer)

    def relay(self, peer: int, packet: bytes) -> bytes:
        """Encode a packet between two clients."""
        return _SYSTEM.pack(_SYS, _RELAY, peer) + packet


def _has_short_path(packet: bytes) -> bool:
    """Return whether a confirmation of 6 bytes has a path of three bytes, not a number."""
    path = packet[2:5]
    if packet[5] or min(path) < _FIRST_PRINTABLE:
        return False
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
