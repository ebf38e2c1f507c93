"""Finds what has changed inside of a list or dictionary; ``element_changes.py`` says what that is.

The time is linear in the length: this runs in a poll of a game. The changes are not the fewest
possible ones, but few where a game set, added or removed elements here and there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from multiplayer.wire.dialects.element_changes import (
    FEWEST_ELEMENTS,
    MOST_ELEMENTS,
    MOST_SPLICES,
    DictionaryChanges,
    ElementChanges,
    ListChanges,
    Splice,
    are_keys,
)

from .snapshots import same

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK: Final = 64
"""So many elements are compared at once where nothing has changed."""

_AHEAD: Final = 8
"""So far we look for where two lists agree again."""

_PATIENCE: Final = 256
"""How often we look ahead in one list; after that, elements that differ have been replaced."""

_OF_A_SPLICE: Final = 1
"""What a splice weighs beside its elements."""


def changes_between(before: object, after: object) -> ElementChanges | None:
    """Return what makes ``before`` into ``after``; None if ``after`` had better travel whole.

    Args:
        before: a snapshot.
        after: another one, which is not the same.
    """
    kind = type(before)
    if kind is not type(after):
        return None
    if kind is list:
        old, new = cast("list[object]", before), cast("list[object]", after)
        if _long_enough(len(old), len(new)):
            return lighter(ListChanges(len(old), _splices(old, new)), len(new))
    elif kind is dict:
        had, has = cast("dict[object, object]", before), cast("dict[object, object]", after)
        if _long_enough(len(had), len(has)):
            return lighter(_items(had, has), len(has))
    return None


def joined(first: ElementChanges, second: ElementChanges) -> ElementChanges:
    """Return what ``first`` and then ``second`` come to; both are of lists or of dictionaries."""
    if isinstance(first, ListChanges):
        assert isinstance(second, ListChanges)
        return ListChanges(first.before, first.splices + second.splices)
    assert isinstance(second, DictionaryChanges)
    changed = {key: item for key, item in first.changed.items() if key not in second.removed}
    gone = dict.fromkeys((*first.removed, *second.removed))
    return DictionaryChanges(first.before, changed | second.changed, list(gone))


def weight(changes: ElementChanges) -> int:
    """Return about how many elements changes are as long as."""
    if isinstance(changes, ListChanges):
        return sum(len(splice.values) + _OF_A_SPLICE for splice in changes.splices)
    return len(changes.changed) + len(changes.removed)


def _long_enough(before: int, after: int) -> bool:
    return FEWEST_ELEMENTS <= before <= MOST_ELEMENTS and after <= MOST_ELEMENTS


def lighter(changes: ElementChanges, length: int) -> ElementChanges | None:
    """Return changes if they may travel, and are less than all ``length`` elements; else None."""
    if 2 * weight(changes) > length:
        return None
    if isinstance(changes, ListChanges):
        return changes if len(changes.splices) <= MOST_SPLICES else None
    return changes if are_keys(changes.changed) and are_keys(changes.removed) else None


def _items(had: dict[object, object], has: dict[object, object]) -> DictionaryChanges:
    missing = object()
    changed = {
        key: item
        for key, item in has.items()
        if (old := had.get(key, missing)) is missing or not same(item, old)
    }
    return DictionaryChanges(len(had), changed, [key for key in had if key not in has])


def _splices(old: list[object], new: list[object]) -> list[Splice]:
    """Return splices that make ``old`` into ``new``."""
    found: list[Splice] = []
    at, there = 0, 0  # in new, in old
    patience = _PATIENCE
    while at < len(new) or there < len(old):
        if at < len(new) and there < len(old) and same(new[at], old[there]):
            equal = _equal_block(old, there, new, at)
            at, there = at + equal, there + equal
            continue
        gone, come = _until_they_agree(old, there, new, at, look=patience > 0)
        if gone == come:
            patience -= 1
        if found and found[-1].at + len(found[-1].values) == at:
            last = found[-1]
            last.values.extend(new[at : at + come])
            found[-1] = last._replace(removed=last.removed + gone)
        else:
            found.append(Splice(at, gone, new[at : at + come]))
        at, there = at + come, there + gone
    return found


def _equal_block(old: list[object], there: int, new: list[object], at: int) -> int:
    """Return how many elements surely are the same from here on: a block of them, or one."""
    ahead = new[at : at + _BLOCK]
    return len(ahead) if same(ahead, old[there : there + len(ahead)]) else 1


def _until_they_agree(
    old: list[object], there: int, new: list[object], at: int, *, look: bool
) -> tuple[int, int]:
    """Return how many elements of ``old`` are gone here, and how many of ``new`` have come."""
    left_old, left_new = len(old) - there, len(new) - at
    if not left_old or not left_new:
        return left_old, left_new

    def agree(gone: int, come: int) -> bool:
        return gone < left_old and come < left_new and same(old[there + gone], new[at + come])

    for steps in range(1, _AHEAD + 1) if look else ():
        for gone, come in _ways(steps, len(new) - len(old)):
            if agree(gone, come) and _goes_on(agree, gone, come):
                return gone, come
    return (1, 1) if left_old > 1 and left_new > 1 else (left_old, left_new)


def _ways(steps: int, longer: int) -> list[tuple[int, int]]:
    """Return in which ways the lists may differ over so many elements, likely ones first."""
    replaced, come, gone = (steps, steps), (0, steps), (steps, 0)
    if not longer:
        return [replaced, come, gone]
    return [come, replaced, gone] if longer > 0 else [gone, replaced, come]


def _goes_on(agree: Callable[[int, int], bool], gone: int, come: int) -> bool:
    """Return whether it is more than chance that the lists agree there: the next agree as well."""
    return agree(gone + 1, come + 1) or agree(gone + 2, come + 2) or gone == come
