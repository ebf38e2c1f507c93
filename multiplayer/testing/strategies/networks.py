"""Strategies for what happens to a simulated network; all of them shrink towards nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number
from multiplayer.testing.simulation.conditions import Conditions
from multiplayer.testing.simulation.schedule import FAULTS, HEALING, WAYS, Fault, Schedule

if TYPE_CHECKING:
    from collections.abc import Collection

_LASTING: Final = ("partition", "hold", "pause", "slow_reader", "conditions")
"""The faults that have an end."""

_ON_LINKS: Final = ("partition", "hold", "replay_late", "conditions")
"""Those that may concern one direction only."""

_BANDWIDTHS: Final = (math.inf, 1_250_000.0, 125_000.0, 25_000.0)
"""In bytes a second: any, and 10 Mbit/s, 1 Mbit/s and 200 kbit/s."""

_DURATIONS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""How long faults last, in seconds: few lengths, so that one of them is found sooner than two."""

_SLOW: Final = (10_000, 1000, 100)
"""How fast slow readers read, in bytes a second."""


def seeds() -> st.SearchStrategy[int]:
    """Return a strategy for the seeds of networks."""
    return st.integers(0, 2**31 - 1)


def conditions(
    *,
    max_latency: float = 0.5,
    max_jitter: float = 0.2,
    max_loss: float = 0.3,
    max_duplication: float = 0.1,
    max_reordering: float = 0.1,
) -> st.SearchStrategy[Conditions]:
    """Return a strategy for ``Conditions``, in round figures; they shrink towards a good network.

    Args:
        max_latency: the longest latency, in seconds.
        max_jitter: the same for jitter.
        max_loss: the largest portion of lost packets, below 1.
        max_duplication: the largest portion of packets that arrive twice.
        max_reordering: the largest portion of packets that are overtaken.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: these are no conditions.
    """
    Conditions(max_latency, max_jitter, max_loss, max_duplication, max_reordering)  # raises
    return st.builds(
        Conditions,
        latency=_thousandths(max_latency),
        jitter=_thousandths(max_jitter),
        loss=_thousandths(max_loss),
        duplication=_thousandths(max_duplication),
        reordering=_thousandths(max_reordering),
        bandwidth=st.sampled_from(_BANDWIDTHS),
    )


def schedules(
    peers: Collection[int],
    *,
    seconds: float = 10.0,
    max_faults: int = 8,
    longest: float = 3.0,
    faults: Collection[str] = HEALING,
) -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules; they shrink to few, early and short faults.

    Args:
        peers: the numbers of the peers that faults happen to, in the order in which the network's
            peers were made: in a session the server is 0, its clients are 1 and so on.
        seconds: within which time faults begin.
        max_faults: how many there are at most.
        longest: how long one lasts at most, in seconds.
        faults: which kinds; those that a session gets over by default.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense.
    """
    unknown = [kind for kind in faults if kind not in FAULTS]
    if unknown or not faults:
        message = f"faults must be some of {', '.join(FAULTS)}, not {unknown or 'none at all'}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not peers:
        message = "a schedule needs the number of somebody that faults can happen to"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    check_number("seconds", seconds)
    check_number("longest", longest, above_zero=True)
    check_number("max_faults", max_faults, whole=True)
    fault = _faults(sorted(peers), seconds, longest, faults)
    return st.lists(fault, max_size=int(max_faults)).map(lambda found: Schedule(tuple(found)))


@st.composite
def _faults(
    draw: st.DrawFn, peers: list[int], seconds: float, longest: float, kinds: Collection[str]
) -> Fault:
    kind = draw(st.sampled_from([kind for kind in FAULTS if kind in kinds]))
    at, peer = draw(_thousandths(seconds)), draw(st.sampled_from(peers))
    lengths = [*(each for each in _DURATIONS if each < longest), longest]
    lasts = draw(st.sampled_from(lengths)) if kind in _LASTING else 0.0
    way = draw(st.sampled_from(WAYS[::-1])) if kind in _ON_LINKS else WAYS[-1]
    rate = draw(st.sampled_from(_SLOW)) if kind == "slow_reader" else 0
    worse = draw(conditions()) if kind == "conditions" else None
    return Fault(kind, at, peer, lasts, way, rate, worse)


def _thousandths(most: float) -> st.SearchStrategy[float]:
    """Return a strategy for numbers from 0 with three digits after the point."""
    return st.integers(0, math.floor(most * 1000 + 1e-9)).map(lambda number: number / 1000)
