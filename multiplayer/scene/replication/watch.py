"""``Watch``: one property that is sent when it changes, as its sender sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from multiplayer.errors import DecodeError
from multiplayer.wire.dialects.element_changes import (
    FEWEST_ELEMENTS,
    DictionaryChanges,
    ListChanges,
)

from .element_diff import changes_between, joined, lighter
from .snapshots import is_fixed, same, snapshot

if TYPE_CHECKING:
    from collections.abc import Sized

    from multiplayer.wire.dialects.element_changes import ElementChanges

MOST_BYTES: Final = 1 << 20
"""So much may come for one property in changes; then all of it has to come again, in one packet."""

_MOST_STEPS: Final = 32
"""How many versions back a receiver may be and still get element changes."""


class _Known(NamedTuple):
    """A version.

    Attributes:
        version: its number.
        value: a snapshot.
        steps: what made it and those before it from their predecessors, as far as it is kept.
    """

    version: int
    value: object
    steps: tuple[ElementChanges, ...]


class Watch:
    """What one property was at the last look, how often it has changed, and how.

    Each change makes a new version, counted from 1. What a receiver lacks follows from the version
    that it has, so it costs nothing for each receiver, and one that has missed some versions, being
    slow, gets the newest value only.

    Args:
        by_element: keep what changed inside of long lists and dictionaries, for :meth:`since`.
    """

    __slots__ = ("_by_element", "_known", "_since")

    def __init__(self, *, by_element: bool = False) -> None:
        self._known = _Known(0, None, ())  # replaced as a whole: an interrupt leaves the old one
        self._by_element = by_element
        self._since: tuple[_Known, dict[int, ElementChanges | None]] = (self._known, {})

    @property
    def version(self) -> int:
        """How often the property has changed; 0 before the first look."""
        return self._known.version

    @property
    def value(self) -> object:
        """The value at the last look: a snapshot."""
        return self._known.value

    def look(self, value: object) -> bool:
        """Return whether the property, which has ``value`` now, has changed since the last look.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the value contains itself. Nothing has
                changed then.
        """
        version, before, steps = self._known
        if version and ((value is before and is_fixed(value)) or same(value, before)):
            return False
        copy = snapshot(value)
        if self._by_element:
            step = changes_between(before, copy)
            steps = () if step is None else (*steps, step)[-_MOST_STEPS:]
        self._known = _Known(version + 1, copy, steps)
        return True

    def since(self, version: int) -> object:
        """Return what a receiver needs that has ``version``; 0 if it has none.

        The value: a snapshot, not to be changed; or, with ``by_element``, what has changed inside
        of it, if that is less.
        """
        known = self._known
        if not known.steps or not version:
            return known.value
        if self._since[0] is not known:
            self._since = (known, {})
        made = self._since[1]
        if version not in made:
            made[version] = _join(known, version)
        changes = made[version]
        return known.value if changes is None else changes


def _join(known: _Known, version: int) -> ElementChanges | None:
    """Return the changes since ``version``; None if they are forgotten, or too many."""
    missing = known.version - version
    if not 0 < missing <= len(known.steps):
        return None
    made, *later = known.steps[-missing:]
    for step in later:
        made = joined(made, step)
    return lighter(made, len(cast("Sized", known.value)))


class Received:
    """The list or dictionary that arrived last for one property: what element changes are about.

    Not the property's own value, which the game here may have changed.
    """

    __slots__ = ("_base", "_size")

    def __init__(self) -> None:
        self._base: object = None
        self._size = 0

    def take(self, value: object, size: int = 0) -> object:
        """Return the value to set, for what has arrived: the same, or what changes make of it.

        What is returned is the game's own: nothing else refers to it.

        Args:
            value: what has arrived.
            size: of how many bytes that was.

        Raises:
            DecodeError: changes came for something else than what is here, or so many that memory
                would not be bounded; then the base is forgotten, and the next value has to be a
                whole one.
        """
        base, self._base = self._base, None
        if isinstance(value, ListChanges | DictionaryChanges):
            self._size += size
            if self._size > MOST_BYTES:
                reason = f"more than {MOST_BYTES} bytes of changes since all of it came"
                raise DecodeError(reason)
            value = value.applied_to(base)
        else:
            self._size = size
        if isinstance(value, list | dict) and len(cast("Sized", value)) >= FEWEST_ELEMENTS:
            self._base = snapshot(cast("object", value))
        return cast("object", value)

    def forget(self) -> None:
        """Forget the base: something for this property was skipped."""
        self._base = None
