"""Calling several functions, each of which must run even if one before it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.errors import one_error

if TYPE_CHECKING:
    from collections.abc import Callable


def in_turn(*steps: Callable[[], object]) -> None:
    """Call all ``steps`` in order.

    Raises:
        Exception: what a step raised; if several did, an ``ExceptionGroup`` of those.
    """
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # raised below, after the others
            failures.append(error)
    if failures:
        raise one_error(failures, "several listeners failed")
