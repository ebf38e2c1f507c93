"""What ``Bridge`` asks of the APIs that it makes one match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError
from multiplayer.offline_peer import OfflineMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.scene.scene_multiplayer import SceneMultiplayer


def check_apis(apis: Sequence[SceneMultiplayer]) -> None:
    """Raise unless these can be one match.

    Raises:
        MultiplayerError: as ``Bridge``.
    """
    if not apis or len({*apis}) < len(apis):
        message = "a Bridge takes at least one SceneMultiplayer, and each once"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    ids: set[int] = set()
    for api in apis:
        if isinstance(api.multiplayer_peer, OfflineMultiplayerPeer) or not api.is_server():
            message = f"that of {api.dialect} is not a server; listen, and set multiplayer_peer"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        if api.multiplayer_peer.is_id_elsewhere is not None:
            message = f"that of {api.dialect} is in another Bridge; close() that one first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        here = {*api.get_peers(), *api.multiplayer_peer.get_peers()}
        if twice := ids & here:
            message = f"two have a client {min(twice)}; make the Bridge before clients join"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        ids |= here


def object_at(api: SceneMultiplayer, path: str) -> object:
    """Return what an API has at a path.

    Raises:
        MultiplayerError: ``ERR_UNCONFIGURED``: nothing.
    """
    member = api.object_at(path)
    if member is None:
        message = f"that of {api.dialect} has nothing at {path!r}; Bridge.add() adds it to all"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
    return member


def is_up(api: SceneMultiplayer) -> bool:
    """Return whether the session of an API is up."""
    status = api.multiplayer_peer.get_connection_status()
    return api.has_multiplayer_peer() and status == ConnectionStatus.CONNECTION_CONNECTED


def replicates(api: SceneMultiplayer) -> bool:
    """Return whether the dialect of an API has packets for spawns and properties."""
    try:
        api.get_tracking().check("a node of a Bridge")
    except MultiplayerError:
        return False
    return True
