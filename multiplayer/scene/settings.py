"""``Settings``: what a program has chosen for its ``SceneMultiplayer``; outlives every session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.wire.dialects.choice import Dialect


@dataclass
class Settings:
    """What a program has chosen; the properties of ``SceneMultiplayer`` explain each.

    Attributes:
        dialect: the language of the packets.
        confirm_with_path: write for games of Godot 4.0 to 4.2.
        validate: check what arrives against annotations.
        discard_packets: drop what is for this program.
        auth_callback: takes a peer's id and what it sent; None to admit everybody.
        auth_timeout: how long a peer may take, in seconds; 0 for ever.
        refuse_new_connections: that of the peer below; None to leave it as it is.
        server_relay: whether the server announces clients to each other and relays between them;
            on a client, whether it takes others than the server into the session.
        max_sync_packet_size: the longest packet of properties that are always sent, in bytes.
        max_delta_packet_size: the longest packet of properties that have changed, in bytes.
        replication_budget: how many bytes of properties a peer gets a tick; 0 for all.
    """

    dialect: Dialect
    confirm_with_path: bool = False
    validate: bool = False
    discard_packets: bool = False
    auth_callback: Callable[[int, bytes], object] | None = None
    auth_timeout: float = 3.0
    refuse_new_connections: bool | None = None
    server_relay: bool = True
    max_sync_packet_size: int = 1350
    max_delta_packet_size: int = 65535
    replication_budget: int = 0
