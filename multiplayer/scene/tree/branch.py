"""Copies of a node with everything below it, and nothing above."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from multiplayer.signals import BoundSignal, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

_COPIED: Final = object()
"""Its ``id()`` is the key under which a ``copy.deepcopy`` memo keeps the copied nodes' ids."""

_OF_THE_PLACE: Final = ("_parent", "_api", "_table", "_inside", "_is_ready", "_wants_ready")
"""What a copy does not have, being elsewhere, or finds out again."""


class State(NamedTuple):
    """Everything about a node, wherever it is.

    Attributes:
        values: its ``__dict__``, the nodes below included.
        slots: the values of slots that a class has, by name.
    """

    values: dict[str, Any]
    slots: dict[str, Any]


class Branch(Protocol):
    """A node, as far as copies go."""

    @property
    def name(self) -> str:
        """The key under which the node above keeps it."""
        ...

    @property
    def children(self) -> Sequence[Branch]:
        """The nodes below."""
        ...

    def __getstate__(self) -> State: ...
    def __setstate__(self, state: State) -> None: ...


AnyNode = TypeVar("AnyNode", bound=Branch)


def state_of(node: Branch) -> State:
    """Return everything about a node."""
    values = {**vars(node), "_children": {child.name: child for child in node.children}}
    for name, value in list(values.items()):
        if name in _OF_THE_PLACE or (isinstance(value, BoundSignal) and _is_signal(node, name)):
            del values[name]
    found = object.__getstate__(node)  # (__dict__, slots) if there are slots
    return State(values, found[1] if isinstance(found, tuple) else {})


def _is_signal(node: Branch, name: str) -> bool:
    """Return whether a node's class declares a signal of that name; each node has its own."""
    return isinstance(getattr(type(node), name, None), Signal)


def restore(node: Branch, state: State) -> None:
    """Give a new object this state; a parent that was restored before it stays."""
    values, slots = state
    vars(node).update(values, _api=None, _table=None)
    vars(node).setdefault("_parent", None)
    for name, value in slots.items():
        object.__setattr__(node, name, value)
    for child in values["_children"].values():
        vars(child)["_parent"] = node


def shallow_copy(node: AnyNode) -> AnyNode:
    """Return a copy of a branch whose nodes have the same values as attributes."""
    state = state_of(node)
    below = {child.name: copy.copy(child) for child in node.children}
    made = object.__new__(type(node))
    restore(made, State(state.values | {"_children": below}, state.slots))
    return made


def deep_copy(node: AnyNode, memo: dict[int, Any]) -> AnyNode:
    """Return a copy of a branch, and of what its nodes have as attributes.

    Nodes elsewhere that they refer to are not copied: the copy refers to them as well.
    """
    copied: set[int] | None = memo.get(id(_COPIED))
    if copied is not None:
        return _deep(node, memo) if id(node) in copied else node
    memo[id(_COPIED)] = {id(each) for each in _branch(node)}
    try:
        return _deep(node, memo)
    finally:
        del memo[id(_COPIED)]


def _deep(node: AnyNode, memo: dict[int, Any]) -> AnyNode:
    made = object.__new__(type(node))
    memo[id(node)] = made  # before its state, which may lead back to it
    made.__setstate__(copy.deepcopy(node.__getstate__(), memo))
    return made


def _branch(node: Branch) -> list[Branch]:
    found = [node]
    for each in found:
        found += each.children
    return found
