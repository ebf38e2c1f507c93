"""Peers in a network in memory that are run: its time is the library's meanwhile."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

    from .library import Library


class Network(Protocol):
    """What ``serve`` and ``connect`` need of a network, such as ``peers.memory.MemoryNetwork``."""

    @property
    def now(self) -> float:
        """Its time in seconds."""
        ...

    def follow(self, clock: Callable[[], float] | None) -> None:
        """Have the time of a clock from now on; None for none."""
        ...

    def add(self, peer: WebSocketMultiplayerPeer) -> WebSocketMultiplayerPeer:
        """Let a peer live in it."""
        ...


_users = weakref.WeakKeyDictionary[Network, int]()
"""By how many blocks of code each network is in use."""


@contextmanager
def living_in(
    network: Network | None, peer: WebSocketMultiplayerPeer, library: Library
) -> Generator[None]:
    """Let a new peer live in a network, if there is one, whose time goes on meanwhile.

    It has the time of the library's clock: with ``trio.testing.MockClock`` that is virtual, too.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a network; ``ERR_UNAVAILABLE``: its
            time would go backwards; ``ERR_ALREADY_IN_USE``: the peer is in use, or in a network.
    """
    if network is None:
        yield
        return
    if not callable(getattr(network, "add", None)) or not callable(
        getattr(network, "follow", None)
    ):
        message = f"network must be a MemoryNetwork, not {network!r}; leave it out for sockets"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not _users.get(network) and library.current_time() < network.now:
        message = (
            f"time does not go backwards: the network is at {network.now:g} s, the clock at "
            f"{library.current_time():g} s; make a new network for each run"
        )
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
    network.add(peer)
    _users[network] = _users.get(network, 0) + 1
    network.follow(library.current_time)
    try:
        yield
    finally:
        _users[network] -= 1
        if not _users[network]:
            network.follow(None)
