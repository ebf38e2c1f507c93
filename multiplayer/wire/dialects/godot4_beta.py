"""The packets of Godot 4.0 beta 1 and 2: those of Godot 4, in Godot 3's envelope.

The envelope announces peers and relays, so there are no SYS packets. A confirmation has the path::

    2 confirm  u8 agrees | path NUL
"""

from __future__ import annotations

from .godot4_common import Godot4CommonWire


class Godot4BetaWire(Godot4CommonWire):
    """What games made with Godot 4.0 beta 1 and 2 write and read; not tested with an engine."""

    spreads = True
    authenticates = False

    def __init__(self) -> None:
        super().__init__(level=(4, 0))
