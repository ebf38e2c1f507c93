"""The arguments of ``connect`` and ``serve``, checked before anything is opened or taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from multiplayer import Error, MultiplayerError, SceneMultiplayer
from multiplayer.handlers import check_on_error

from .drivable import is_drivable
from .holders import check_not_run

if TYPE_CHECKING:
    from multiplayer.handlers import OnError


def check_before_it_begins(
    peer: object, begins_with: str, api: object, on_error: OnError | None
) -> None:
    """Raise what would be raised later, before anything has been begun or taken away.

    Args:
        peer: what is to connect or to listen.
        begins_with: the method that it does so with.
        api: what is to run on top of it.
        on_error: what becomes of exceptions; None for what it is already.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: one of them is none; ``ERR_ALREADY_IN_USE``:
            the peer or the API is being run.
    """
    if not (is_drivable(peer) and callable(getattr(peer, begins_with, None))):
        message = (
            f"peer must be a configured WebSocketClient, WebSocketServer or "
            f"WebSocketMultiplayerPeer, not {_named(peer)}; leave it out for a new one"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(api, SceneMultiplayer | None):
        message = f"api must be a SceneMultiplayer to run on the peer, not {_named(api)}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if on_error is not None:
        check_on_error(on_error)
    check_not_run(peer)
    if api is not None:
        check_not_run(cast("SceneMultiplayer", api))


def _named(given: object) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else repr(given)


def not_for_godot4(arguments: str) -> MultiplayerError:
    """Return the error for arguments that a peer of Godot 4's protocol does not take."""
    message = (
        f"{arguments} are for Godot 3's protocol; set supported_protocols and handshake_headers of "
        "the peer instead"
    )
    return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
