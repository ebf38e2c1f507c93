"""A warning about waiting for a socket under a clock that jumps."""

from __future__ import annotations

import math
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from peers.driving.drivable import Readiness

_warned = weakref.WeakSet[Any]()
"""The clocks under which there has been a warning."""


def warn_of_jumps(readiness: Readiness) -> None:
    """Warn, once for each clock, if a socket is going to be waited for under one that jumps.

    ``trio.testing.MockClock`` with an ``autojump_threshold`` jumps to the next deadline as soon as
    all tasks wait; what the system is still to deliver does not keep it from that.
    """
    clock: Any = trio.lowlevel.current_clock()
    if getattr(clock, "autojump_threshold", math.inf) == math.inf or clock in _warned:
        return
    if readiness.fileno() is None and not [*readiness.watched()]:
        return  # it lives in memory
    _warned.add(clock)
    message = (
        "a socket is waited for under a clock that jumps: an hour may pass there before anything "
        "arrives. Give the peer a network in memory (peers.serve and peers.connect take network=), "
        "or let the clock not jump"
    )
    warnings.warn(message, RuntimeWarning, stacklevel=2)
