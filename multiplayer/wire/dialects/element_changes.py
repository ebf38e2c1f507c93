"""What has changed inside of a long list or dictionary, instead of all of it.

Only ``NATIVE`` has it: ``docs/protocol/native.md``, "DELTA". Whoever reads it has the list or
dictionary as its sender had it before, and applies the changes to a copy of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from multiplayer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

FEWEST_ELEMENTS: Final = 32
"""A list or dictionary with fewer elements always travels whole."""

MOST_ELEMENTS: Final = 65_536
"""Changes make nothing longer than this; a longer list or dictionary always travels whole."""


MOST_SPLICES: Final = 256
"""Each of them may move all elements behind it."""


class Splice(NamedTuple):
    """Some elements of a list give way to others, as in ``list[at : at + removed] = values``."""

    at: int
    removed: int
    values: list[object]


class ListChanges(NamedTuple):
    """What makes the list that it was into the list that it is.

    Attributes:
        before: how many elements it had.
        splices: one after the other; each counts in what the ones before it have left.
    """

    before: int
    splices: list[Splice]

    def applied_to(self, base: object) -> list[object]:
        """Return the list that ``base`` has become; ``base`` stays as it is.

        Raises:
            DecodeError: they are not about ``base``, or make it longer than :data:`MOST_ELEMENTS`.
        """
        if type(base) is not list or len(cast("list[object]", base)) != self.before:
            raise _other_base(cast("object", base), self.before)
        made = list(cast("list[object]", base))
        for at, removed, values in self.splices:
            if at + removed > len(made):
                reason = f"changes of elements {at} to {at + removed} of {len(made)}"
                raise DecodeError(reason)
            made[at : at + removed] = values
            _check_length(len(made))
        return made

    def as_values(self) -> list[object]:
        """Return what is encoded."""
        return [self.before, *([at, gone, values] for at, gone, values in self.splices)]


class DictionaryChanges(NamedTuple):
    """What makes the dictionary that it was into the one that it is.

    Attributes:
        before: how many items it had.
        changed: the items that are new or have another value.
        removed: the keys that are gone, or were not there at all. They go before what is new comes.
    """

    before: int
    changed: dict[object, object]
    removed: list[object]

    def applied_to(self, base: object) -> dict[object, object]:
        """Return the dictionary that ``base`` has become; ``base`` stays as it is.

        Raises:
            DecodeError: they are not about ``base``, or make it longer than :data:`MOST_ELEMENTS`.
        """
        if type(base) is not dict or len(cast("dict[object, object]", base)) != self.before:
            raise _other_base(cast("object", base), self.before)
        made = dict(cast("dict[object, object]", base))
        for key in self.removed:
            made.pop(key, None)
        made.update(self.changed)
        _check_length(len(made))
        return made

    def as_values(self) -> list[object]:
        """Return what is encoded."""
        return [self.before, self.changed, self.removed]


ElementChanges = ListChanges | DictionaryChanges


def read_changes(value: object) -> ElementChanges:
    """Return the changes that a decoded value stands for.

    Raises:
        DecodeError: it stands for none.
    """
    if type(value) is list and value:
        before, *rest = cast("list[object]", value)
        if _is_count(before):
            before = cast("int", before)
            if len(rest) == 2 and type(rest[0]) is dict:
                return _read_items(before, cast("dict[object, object]", rest[0]), rest[1])
            if len(rest) > MOST_SPLICES:
                reason = f"{len(rest)} changes of a list; {MOST_SPLICES} are allowed"
                raise DecodeError(reason)
            return ListChanges(before, [_read_splice(each) for each in rest])
    reason = "changes must begin with how many elements there were"
    raise DecodeError(reason)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_ELEMENTS


def _read_items(before: int, changed: dict[object, object], removed: object) -> DictionaryChanges:
    if type(removed) is not list:
        reason = "the keys that are gone must be an array"
        raise DecodeError(reason)
    keys = cast("list[object]", removed)
    if not (are_keys(keys) and are_keys(changed)):
        reason = "changes of a dictionary with keys that are arrays or dictionaries"
        raise DecodeError(reason)
    return DictionaryChanges(before, changed, keys)


def are_keys(keys: Iterable[object]) -> bool:
    """Return whether changes may name such keys: not arrays, or dictionaries.

    A sender can choose arrays that all have one hash; many packets together could fill a dictionary
    with them.
    """
    return not any(isinstance(key, list | tuple | dict) for key in keys)


def _read_splice(value: object) -> Splice:
    if type(value) is list and len(cast("list[object]", value)) == 3:
        at, removed, values = cast("list[object]", value)
        if _is_count(at) and _is_count(removed) and type(values) is list:
            return Splice(cast("int", at), cast("int", removed), cast("list[object]", values))
    reason = "a change must be an array of where, how many are gone, and the array of what comes"
    raise DecodeError(reason)


def _other_base(base: object, before: int) -> DecodeError:
    what = f"a {type(base).__name__}"
    if isinstance(base, list | dict):
        what += f" of {len(cast('Sized', base))}"
    return DecodeError(f"changes of {before} elements, made to {what}")


def _check_length(count: int) -> None:
    if count > MOST_ELEMENTS:
        reason = f"changes that make more than {MOST_ELEMENTS} elements"
        raise DecodeError(reason)
