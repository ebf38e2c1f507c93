"""``ConditionedPeer``: any peer on a bad network, for playing."""

from __future__ import annotations

from .conditioned_peer import ConditionedPeer

__all__ = ["ConditionedPeer"]
