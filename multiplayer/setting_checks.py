"""Settings that would have no effect in a peer's role or mode: they raise instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import Error, MultiplayerError
from .limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULTS: Final = Limits()

_OF_SERVERS: Final = (
    "max_peers",
    "max_peers_per_address",
    "max_pending_handshakes",
    "max_body_size",
    "max_violations",
    "violation_window",
    "packets_per_second",
    "bytes_per_second",
    "relayed_bytes_per_second",
    "stall_timeout",
)
"""The limits of what many clients may ask of a server; a client trusts the server it chose."""

_OF_SESSIONS: Final = (
    "max_violations",
    "violation_window",
    "max_rpc_paths",
    "max_spawned_nodes",
    "max_nesting_depth",
)
"""The limits of what a peer says in a session; plain messages are the user's own."""


def check_limits(limits: Limits, *, serving: bool | None = None, mp_mode: bool = True) -> None:
    """Raise if a limit is set that a peer cannot reach.

    Args:
        limits: what is set.
        serving: it is a server; None for one that may become either.
        mp_mode: it is in a session; else in plain mode.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``.
    """
    for name in _OF_SERVERS if serving is False else ():
        if getattr(limits, name) != getattr(_DEFAULTS, name):
            raise only_for_servers(f"limits.{name}")
    for name in () if mp_mode else _OF_SESSIONS:
        if getattr(limits, name) != getattr(_DEFAULTS, name):
            raise not_in_plain_mode(f"limits.{name}")


def check_settings(
    of_servers: Mapping[str, bool],
    of_sessions: Mapping[str, bool],
    *,
    serving: bool,
    mp_mode: bool,
) -> None:
    """Raise if something is set that will have no effect in the session that begins.

    Args:
        of_servers: the settings of servers, and whether they are set.
        of_sessions: those of sessions.
        serving: it begins as a server.
        mp_mode: it is a session; else plain mode begins.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``.
    """
    if not serving:
        for name in (name for name, is_set in of_servers.items() if is_set):
            raise only_for_servers(name)
    if not mp_mode:
        for name in (name for name, is_set in of_sessions.items() if is_set):
            raise not_in_plain_mode(name)


def only_for_servers(name: str) -> MultiplayerError:
    """Return what to raise for a server's setting on a client."""
    message = f"{name} is for servers; this is a client, whose only peer is the server: remove it"
    return MultiplayerError(Error.ERR_UNAVAILABLE, message)


def only_for_clients(name: str) -> MultiplayerError:
    """Return what to raise for a client's setting on a server."""
    message = f"{name} is for clients; a server has grace, for how long it keeps seats: remove it"
    return MultiplayerError(Error.ERR_UNAVAILABLE, message)


def not_in_plain_mode(name: str) -> MultiplayerError:
    """Return what to raise for a session's setting in plain mode."""
    message = f"{name} is for sessions, not for plain mode: use gd_mp_api=True, or remove it"
    return MultiplayerError(Error.ERR_UNAVAILABLE, message)


def instead_of_godot4(*, headers: str, protocols: str) -> dict[str, str]:
    """Return what a class for Godot 3's protocol says of the settings that it does not have.

    Args:
        headers: what it has instead of ``handshake_headers``, as a sentence.
        protocols: what instead of ``supported_protocols``.
    """
    settings = {"handshake_headers": headers, "supported_protocols": protocols}
    return {
        each: f"{each} is for create_client() and create_server(); {instead}"
        for each, instead in settings.items()
    }
