"""Settings that somebody may look for at ``SceneMultiplayer``, and where they are instead."""

from __future__ import annotations

from multiplayer.misplaced import LIMITS, misplace


def tell_where_settings_are(api: type) -> None:
    """Let ``api``, the class, say of settings that it does not have where they are.

    Args:
        api: ``SceneMultiplayer``.
    """
    misplace(
        api,
        LIMITS,
        "limits are the peer's; set multiplayer_peer.limits = Limits({name}=…)",
    )
    misplace(
        api,
        (
            "limits",
            "codec",
            "encode_buffer_max_size",
            "transfer_mode",
            "transfer_channel",
            "holds_new_peers",
            "handshake_timeout",
            "close_timeout",
            "heartbeat_interval",
            "inbound_buffer_size",
            "outbound_buffer_size",
            "max_queued_packets",
            "max_unreliable_ordered",
            "handshake_headers",
            "supported_protocols",
            "allowed_origins",
            "upgrade_callback",
        ),
        "it is the peer's; set multiplayer_peer.{name}",
    )
    misplace(api, ("allow_object_decoding",), "nothing that arrives becomes code; send values")
    misplace(api, ("network_peer",), "Godot 4 calls it multiplayer_peer")
