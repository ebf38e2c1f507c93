"""For tests: checks that your own ``MultiplayerPeer`` behaves like the others; a peer without I/O.

Nothing here does I/O, waits or knows a test framework.
"""

from __future__ import annotations

from .conformance import (
    CheckFailure,
    ConformanceError,
    async_check_multiplayer_peer,
    check_multiplayer_peer,
)
from .loopback import LoopbackNetwork, LoopbackPeer, Sent

__all__ = [
    "CheckFailure",
    "ConformanceError",
    "LoopbackNetwork",
    "LoopbackPeer",
    "Sent",
    "async_check_multiplayer_peer",
    "check_multiplayer_peer",
]
