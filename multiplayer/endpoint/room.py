"""Whether a server has room for another client."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiplayer.limits import Limits

    from .clients import Clients
    from .peer_channel import PeerChannel


def limit_reached(clients: Clients, link: PeerChannel, limits: Limits) -> str:
    """Return the limit that keeps out another client from an address, and count it; "" for none.

    Args:
        clients: those who are there.
        link: the connection of who wants to come in.
        limits: what clients may do.
    """
    limit = ""
    if 0 < limits.max_peers <= len(clients):
        limit = "max_peers"
    elif 0 < limits.max_peers_per_address <= clients.at_address(link.address):
        limit = "max_peers_per_address"
    if limit:
        link.reach(limit)
    return limit
