"""``SceneObjects``: the objects of a game that peers can address: a tree, and added ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.methods.argument_types import check_annotations
from multiplayer.scene.methods.table import table_of

from . import life
from .paths import path_text
from .places import Places
from .resolvers import NodeTree, ObjectTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.scene.settings import Settings
    from multiplayer.variant.names import NodePath

    from .node import Node


class SceneObjects:
    """What peers can address in one API; see the methods of ``SceneMultiplayer``.

    Args:
        api: the API.
        settings: what its program has chosen.
        path_gone: called with a path that is gone, along with everything below it.

    Attributes:
        places: finds the objects.
    """

    def __init__(
        self, api: MultiplayerAPI, settings: Settings, path_gone: Callable[[str], object]
    ) -> None:
        self._api = api
        self._settings = settings
        self._path_gone = path_gone
        self._tree = NodeTree(None)
        self._added = ObjectTable()
        self.places = Places((self._added, self._tree))

    # ---------------------------------------------------------------- the tree

    @property
    def root(self) -> Node | None:
        """The root of the tree; see ``SceneMultiplayer.root``."""
        return self._tree.root

    @root.setter
    def root(self, root: Node | None) -> None:
        before = self._tree.root
        if root is before:
            return
        if root is not None:
            self._api.check_node(root)
            root.become_root_of(self._api)
        try:
            if before is not None and before.is_inside_tree():
                life.leave(before)
        finally:
            if before is not None:
                self.forget_node(before)
                before.become_root_of(None)
            self._tree.root = root
        if root is not None:
            life.enter(root, self._api)

    @property
    def root_path(self) -> str:
        """Where in the tree paths begin; see ``SceneMultiplayer.root_path``."""
        return self._tree.root_path

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        path = path_text(path)
        if path and (not path.startswith("/") or ":" in path):
            message = f"root_path must be absolute, such as '/root/Main', or empty, not {path!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._tree.root_path = path
        self._path_gone(".")

    def check_node(self, node: object) -> None:
        """Raise if a node that is about to enter the tree, or one below it, must not.

        Raises:
            MultiplayerError: ``ERR_INVALID_DECLARATION``: an annotation should be checked, but
                cannot be.
        """
        if self._settings.validate:
            for table in self._tree.tables_from(node):
                check_annotations(table)

    def forget_node(self, node: object) -> None:
        """Forget the path of a node that is about to leave the tree or get another path."""
        path = self._tree.path_of(node)
        if path is None and self._tree.is_above_start(node):
            path = "."
        if path is not None:
            self._path_gone(path)

    # ---------------------------------------------------------------- added objects

    def add(self, path: str | NodePath, member: object, authority: int) -> None:
        """Add an object of any class; see ``SceneMultiplayer.add``."""
        if self._settings.validate:
            check_annotations(table_of(type(member)))
        self._added.add(path_text(path), member, authority, self._api)
        self.places.forget()

    def remove(self, path: str | NodePath) -> None:
        """Remove the object that was added at ``path``; see ``SceneMultiplayer.remove``."""
        path = path_text(path)
        self._added.remove(path)
        self._path_gone(path)

    def added_at(self, path: str | NodePath) -> object | None:
        """Return the object that was added at a path; None if none was."""
        return self._added.find(path_text(path))

    def add_part(self, path: str | NodePath, part: Node, authority: int) -> None:
        """Let peers find a node that belongs to an object, below the object's path."""
        self._added.put_part(f"{path_text(path)}/{part.name}", part, authority)
        self.places.forget()

    def remove_part(self, part: Node) -> None:
        """Let peers find such a node no longer; harmless if they do not."""
        path = self._added.path_of(part)
        if path is not None:
            self._added.take_part(path)
            self._path_gone(path)

    def set_authority(self, member: object, authority: int) -> None:
        """Say which peer is in charge of an object that was added."""
        self._added.set_authority(member, authority)
        self.places.on_change()

    def note_authority(self) -> None:
        """Note that somebody else is in charge of a node."""
        self.places.on_change()

    def check_all(self) -> None:
        """Raise unless the annotations of all objects can be checked, if they should be.

        Raises:
            MultiplayerError: ``ERR_INVALID_DECLARATION``: one cannot.
        """
        if self._settings.validate:
            for table in self._added.tables():
                check_annotations(table)
        if self._tree.root is not None:
            self.check_node(self._tree.root)
