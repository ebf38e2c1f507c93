"""For tests: a network in a box, checks of your own ``MultiplayerPeer``, a peer without I/O.

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
from .simulation.conditions import Conditions
from .simulation.network import SimulatedNetwork
from .simulation.presets import (
    BROADBAND,
    LAN,
    MOBILE_3G,
    MOBILE_4G,
    PRESETS,
    SATELLITE,
    TERRIBLE,
    WIFI_BAD,
    preset,
)
from .simulation.schedule import FAULTS, HEALING, Fault, Schedule
from .simulation.simulated_peers import SimulatedClient, SimulatedServer
from .simulation.trace import Trace
from .simulation.trace_event import TraceEvent

__all__ = [
    "BROADBAND",
    "FAULTS",
    "HEALING",
    "LAN",
    "MOBILE_3G",
    "MOBILE_4G",
    "PRESETS",
    "SATELLITE",
    "TERRIBLE",
    "WIFI_BAD",
    "CheckFailure",
    "Conditions",
    "ConformanceError",
    "Fault",
    "LoopbackNetwork",
    "LoopbackPeer",
    "Schedule",
    "Sent",
    "SimulatedClient",
    "SimulatedNetwork",
    "SimulatedServer",
    "Trace",
    "TraceEvent",
    "async_check_multiplayer_peer",
    "check_multiplayer_peer",
    "preset",
]
