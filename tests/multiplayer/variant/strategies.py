"""hypothesis strategies for the values of each generation."""

from __future__ import annotations

from typing import Any

from multiplayer import Dialect
from multiplayer.testing.strategies import values
from multiplayer.testing.strategies.variants import LEAVES, nested

__all__ = ["GODOT3_VALUES", "GODOT4_VALUES", "LEAVES", "kinds", "nested"]

GODOT3_VALUES = values(Dialect.GODOT_3)
GODOT4_VALUES = values(Dialect.GODOT_4)


def kinds(value: Any) -> Any:
    """Return the types in ``value``, which equality does not tell apart: True is 1."""
    if isinstance(value, dict):
        return type(value), [(kinds(key), kinds(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [kinds(item) for item in value]
    return type(value)
