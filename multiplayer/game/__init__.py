"""What a game needs above packets: a clock, ticks, smooth remote players, one's own at once.

Each is small, and knows neither a peer nor an engine: a game gives it times and values, and sends
by itself what is to be sent. None depends on another. ``Bridge`` is the exception: it stands above
the API, and makes one match of several servers.
"""

from __future__ import annotations

from .bridge import Bridge
from .bridged_nodes import BridgedNodes
from .fixed_ticks import FixedTicks
from .input_queue import InputQueue
from .prediction import Prediction
from .server_clock import ServerClock
from .smoothing import Smoothing
from .snapshot_buffer import SnapshotBuffer

__all__ = [
    "Bridge",
    "BridgedNodes",
    "FixedTicks",
    "InputQueue",
    "Prediction",
    "ServerClock",
    "Smoothing",
    "SnapshotBuffer",
]
