"""The networks in a box of tests: how one is made, and what it tells of a failure."""

from __future__ import annotations

from typing import TypeAlias

from multiplayer import Error, MultiplayerError
from peers.memory import MemoryNetwork

Network: TypeAlias = MemoryNetwork


def new_network(seed: int, conditions: object) -> Network:
    """Make one.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the conditions make no sense.
    """
    if conditions is not None:
        message = "conditions are for networks that have them"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return MemoryNetwork(seed=seed)


def story_of(network: Network, seed: int) -> str:
    """Return what led to a failure: the seed, and what happened last."""
    return f"seed {seed}; run it again with --simulation-seed={seed}\nat {network.now:g} s"
