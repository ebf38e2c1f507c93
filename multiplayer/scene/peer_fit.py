"""Whether a peer can carry the sessions of an API, and what to do if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError
from multiplayer.offline_peer import OfflineMultiplayerPeer
from multiplayer.wire.dialects.choice import Dialect, wire_of

if TYPE_CHECKING:
    from multiplayer.multiplayer_peer import MultiplayerPeer

    from .settings import Settings


def check_confirms(settings: Settings) -> None:
    """Raise if ``confirm_with_path`` is set in a dialect that does not have it.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if settings.confirm_with_path and settings.dialect is not Dialect.GODOT_4:
        name = settings.dialect.name
        message = f"confirm_with_path is only for Dialect.GODOT_4, not for {name}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def require_authentication(settings: Settings, name: str) -> None:
    """Raise unless the dialect has packets for the setting ``name``.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``.
    """
    if not wire_of(settings.dialect).authenticates:
        message = f"Dialect.{settings.dialect.name} has no authentication; remove {name}"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)


def check_fits(peer: MultiplayerPeer, settings: Settings) -> None:
    """Raise unless ``peer`` can carry sessions with these settings.

    Raises:
        MultiplayerError: see ``SceneMultiplayer.multiplayer_peer``.
    """
    if isinstance(peer, OfflineMultiplayerPeer):
        return
    if peer.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED:
        message = "the peer is disconnected; connect or listen first, then set multiplayer_peer"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if peer.is_plain():
        message = "the peer is in plain mode; connect or listen with gd_mp_api=True"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    relays = peer.is_server_relay_supported()
    _check_envelope(settings.dialect, relays=relays)
    if settings.auth_callback is not None:
        require_authentication(settings, "auth_callback")
    if getattr(peer, "discard_packets", False):
        message = (
            "the peer discards all packets, including this API's; set discard_packets on the API "
            "instead of the peer"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    announces = peer.get_unique_id() == SERVER_ID and not relays and peer.server_relay
    if announces and not settings.server_relay and peer.get_peers():
        message = (
            "clients of this server have already been told of each other; with "
            "server_relay = False, set multiplayer_peer before anybody joins"
        )
        raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)


def _check_envelope(dialect: Dialect, *, relays: bool) -> None:
    if relays in dialect.envelopes:
        return
    has = "Godot 4's envelope" if relays else "the gd_mp envelope"
    fitting = ", ".join(d.name for d in Dialect if relays in d.envelopes)
    other = "WebSocketClient and WebSocketServer have"
    if not relays:
        other = (
            "WebSocketMultiplayerPeer has (create_client, create_server, or as the peer= "
            "of peers.connect and peers.serve)"
        )
    message = (
        f"Dialect.{dialect.name} does not fit {has}, which takes {fitting}; {other} the other one"
    )
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
