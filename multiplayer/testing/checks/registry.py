"""``check``: declares a check, with what it is by and what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing.session import Session, Steps

CLASS_REFERENCE: Final = "Godot class reference, MultiplayerPeer.{}"
REFERENCE: Final = "docs/reference.md, {}"
CONTRACT: Final = "docs/multiplayer-peer.md, {}"


class Check(NamedTuple):
    """A check.

    Attributes:
        name: its name.
        source: what says how peers should behave.
        needs: the knob that it needs: "connect", "another" or "".
        steps: the check.
    """

    name: str
    source: str
    needs: str
    steps: Callable[[Session], Steps[None]]


def check(source: str, needs: str = "") -> Callable[[Callable[[Session], Steps[None]]], Check]:
    """Declare a check.

    Args:
        source: what says how peers should behave.
        needs: see :class:`Check`.
    """

    def declare(steps: Callable[[Session], Steps[None]]) -> Check:
        return Check(steps.__name__, source, needs, steps)

    return declare


def godot(member: str) -> str:
    """Return the source that is Godot's class reference."""
    return CLASS_REFERENCE.format(member)


def reference(part: str) -> str:
    """Return the source that is our reference."""
    return REFERENCE.format(part)


def contract(part: str) -> str:
    """Return the source that is the page about peers of one's own."""
    return CONTRACT.format(part)
