"""The checks of ``check_multiplayer_peer``, by subject, in the order in which they are made."""

from __future__ import annotations

from typing import Final

from . import joining, leaving, listeners, packets, targets
from .registry import Check

CHECKS: Final = tuple(
    each
    for module in (joining, packets, targets, leaving, listeners)
    for each in vars(module).values()
    if isinstance(each, Check)
)
"""All of them; nothing else is checked where the first fails."""

__all__ = ["CHECKS", "Check"]
