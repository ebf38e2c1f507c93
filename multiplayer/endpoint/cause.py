"""``Cause``: why a session closes a connection, whatever a connection calls that."""

from __future__ import annotations

from enum import Enum, auto


class Cause(Enum):
    """Why this side closes a connection; what carries it has a code for each."""

    DONE = auto()
    """Nothing is wrong: this side needs it no more."""
    MISUNDERSTOOD = auto()
    """What came does not belong to a session like this one."""
    UNRULY = auto()
    """The other side has broken the rules too often, or sends too much."""
    OURS = auto()
    """This side has made a mistake, or was interrupted."""
    TOO_SLOW = auto()
    """The other side reads too slowly; it may come again."""
