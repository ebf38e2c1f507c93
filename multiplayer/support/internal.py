"""``@internal``: marks what has a public name for our own modules only."""

from __future__ import annotations

from typing import TypeVar

F = TypeVar("F")

_MARKED: set[object] = set()


def internal(function: F) -> F:
    """Mark a function or method as no part of the public API: ``docs/reference.md`` lacks it."""
    _MARKED.add(function)
    return function


def is_internal(function: object) -> bool:
    """Return whether a function or method is marked."""
    return function in _MARKED
