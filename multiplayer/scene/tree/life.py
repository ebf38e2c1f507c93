"""Entering and leaving the tree of an API: who is told, and in which order.

Mirrors Godot's ``Node``: a node enters before those below it, is ready after them, and leaves after
them. What a hook or a listener raises is raised once all have been told.
"""

# ruff: noqa: SLF001 - Godot's names of what users override
# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from multiplayer.errors import one_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.scene.multiplayer_api import MultiplayerAPI


class Living(Protocol):
    """A node, as far as coming and going goes."""

    _inside: bool
    _is_ready: bool
    _wants_ready: bool

    @property
    def parent(self) -> Living | None:
        """The node above."""
        ...

    @property
    def children(self) -> Sequence[Living]:
        """The nodes below."""
        ...

    def _enter_tree(self) -> None: ...
    def _ready(self) -> None: ...
    def _exit_tree(self) -> None: ...

    def entering(self, api: MultiplayerAPI) -> None:
        """Do what comes first when it enters."""

    def entered(self) -> None:
        """Do what comes when all below it have entered."""

    def leaving(self) -> None:
        """Do what comes last when it leaves."""


def enter(node: Living, api: MultiplayerAPI) -> None:
    """Tell a node and those below it that they are in the tree of ``api`` now.

    Raises:
        Exception: what they raised, once all have been told.
    """
    failures: list[Exception] = []
    _enter(node, api, failures)
    parent = node.parent
    if node._inside and (parent is None or parent._is_ready):
        _ready(node, failures)
    _raise(failures)


def leave(node: Living) -> None:
    """Tell a node and those below it that they are about to leave the tree.

    Raises:
        Exception: what they raised, once all have been told.
    """
    failures: list[Exception] = []
    _leave(node, failures)
    _raise(failures)


def _enter(node: Living, api: MultiplayerAPI, failures: list[Exception]) -> None:
    node._inside = True
    _do(node.entering, failures, api)
    _do(node._enter_tree, failures)
    _emit(node, "tree_entered", failures)
    parent = node.parent
    if parent is not None:
        _emit(parent, "child_entered_tree", failures, node)
    if not node._inside:  # a listener has taken it out again
        return
    for child in node.children:
        if not child._inside and child.parent is node:
            _enter(child, api, failures)


def _ready(node: Living, failures: list[Exception]) -> None:
    node._is_ready = True
    for child in node.children:
        if child._inside and not child._is_ready:
            _ready(child, failures)
    if not node._inside:
        return
    _do(node.entered, failures)
    if node._wants_ready:
        node._wants_ready = False
        _do(node._ready, failures)
        _emit(node, "ready", failures)


def _leave(node: Living, failures: list[Exception]) -> None:
    for child in reversed(node.children):
        if child._inside:
            _leave(child, failures)
    _do(node._exit_tree, failures)
    _emit(node, "tree_exiting", failures)
    _do(node.leaving, failures)
    parent = node.parent
    if parent is not None:
        _emit(parent, "child_exiting_tree", failures, node)
    node._inside = node._is_ready = False


def _emit(node: Living, signal: str, failures: list[Exception], *args: object) -> None:
    bound = vars(node).get(signal)  # there is none unless somebody has asked for it
    if bound is not None:
        failures += bound.call_all(*args)


def _do(hook: Callable[..., object], failures: list[Exception], *args: object) -> None:
    try:
        hook(*args)
    except Exception as error:  # raised once all have been told
        failures.append(error)


def _raise(failures: list[Exception]) -> None:
    if failures:
        raise one_error(failures, "several listeners failed as nodes came or went")
