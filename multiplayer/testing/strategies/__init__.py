"""Strategies for tests with hypothesis: values for calls, conditions of networks, faults.

Only this package needs hypothesis; ``gdpeers[testing]`` brings it. A test makes its network inside,
anew for each example.
"""

from __future__ import annotations

from .networks import conditions, schedules, seeds
from .variants import values

__all__ = ["conditions", "schedules", "seeds", "values"]
