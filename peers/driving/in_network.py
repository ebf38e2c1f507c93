"""Peers in a network of this process that are run: its time is the library's meanwhile."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, cast

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from peers.rooms.room_server import RoomServer
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

    from .library import Library


class HasTime(Protocol):
    """A network, as ``MemoryNetwork`` and ``SimulatedNetwork`` are."""

    @property
    def now(self) -> float:
        """Its time in seconds."""
        ...

    def follow(self, clock: Callable[[], float] | None) -> None:
        """Have the time of a clock from now on; None for none."""
        ...


class Network(HasTime, Protocol):
    """One that peers over WebSocket can be added to, as ``peers.memory.MemoryNetwork``."""

    def add(self, peer: WebSocketMultiplayerPeer | RoomServer) -> object:
        """Let a peer live in it."""
        ...


_users = weakref.WeakKeyDictionary[HasTime, set[object]]()
"""The blocks of code that each network is in use by."""


def check_network(network: object) -> None:
    """Raise unless it is a network, or None.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if network is not None and not callable(getattr(network, "follow", None)):
        message = (
            f"network must be a MemoryNetwork or a SimulatedNetwork, not {network!r}; leave it out "
            "for sockets"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def settle_in(network: object, peer: WebSocketMultiplayerPeer | RoomServer) -> None:
    """Let a new peer live in a network, if there is one.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``: the peer is in use, or in a network.
    """
    if network is not None:
        cast("Network", network).add(peer)


@contextmanager
def time_going_on(network: HasTime | None, library: Library) -> Generator[None]:
    """Let the time of a network, if there is one, be that of the library's clock meanwhile.

    With ``trio.testing.MockClock`` that is virtual, too.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``: its time would go backwards.
    """
    if network is None:
        yield
        return
    users, mine = _users.setdefault(network, set()), object()
    try:
        users.add(mine)
        network.follow(library.current_time)
        yield
    finally:
        users.discard(mine)
        if not users:
            network.follow(None)
