"""Doing several things of which each has to happen, even if one before it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def in_turn(*steps: Callable[[], object]) -> None:
    """Call all ``steps`` in order.

    Raises:
        Exception: what a step raised; if several did, an ``ExceptionGroup`` of it.
    """
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # raised below, after the others
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExceptionGroup("several listeners failed", failures)
