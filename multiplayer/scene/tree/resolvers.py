"""From paths to objects and back: in a tree of nodes, and among objects that were added."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from multiplayer.addressing import check_id
from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene import membership
from multiplayer.scene.methods.table import table_of

from .node import Node
from .paths import ROOT, is_proper

if TYPE_CHECKING:
    from multiplayer.scene.methods.table import RpcTable
    from multiplayer.scene.multiplayer_api import MultiplayerAPI


class Resolver(Protocol):
    """Finds objects by the paths that peers send, from the root: ``Main/Players/Bob``."""

    def find(self, path: str) -> object | None:
        """Return the object at ``path``; None if there is none."""
        ...

    def path_of(self, member: object) -> str | None:
        """Return the path of an object; None if it is not here."""
        ...

    def authority_of(self, member: object) -> int:
        """Return the id of the peer that is in charge of an object that is here."""
        ...

    def table_of(self, member: object) -> RpcTable:
        """Return what peers can call on an object that is here."""
        ...


class NodeTree:
    """The :class:`Node` objects below a root.

    Attributes:
        root: the root of the tree; None if there is no tree.
        root_path: where in the tree paths begin, such as ``/root/Main``; empty for the root.
    """

    def __init__(self, root: Node | None) -> None:
        self.root = root
        self.root_path = ""

    def find(self, path: str) -> Node | None:
        """Return the node at ``path``; see :class:`Resolver`."""
        start = self._start()
        if start is None or not is_proper(path):
            return None
        return start.get_node(path) if start.has_node(path) else None

    def path_of(self, member: object) -> str | None:
        """Return the path of a node; see :class:`Resolver`."""
        start = self._start()
        if start is None or not isinstance(member, Node):
            return None
        names: list[str] = []
        node: Node | None = member
        while node is not start:
            if node is None:
                return None
            names.append(node.name)
            node = node.parent
        return "/".join(reversed(names)) or ROOT

    def authority_of(self, member: object) -> int:
        """Return who is in charge of a node; see :class:`Resolver`."""
        assert isinstance(member, Node)
        return member.get_multiplayer_authority()

    def table_of(self, member: object) -> RpcTable:
        """Return what can be called on a node; see :class:`Resolver`."""
        assert isinstance(member, Node)
        return member.get_rpc_table()

    def tables_from(self, node: object) -> list[RpcTable]:
        """Return what can be called on a node, even one above the start, and on those below."""
        assert isinstance(node, Node)
        below = [table for child in node.children for table in self.tables_from(child)]
        return [node.get_rpc_table(), *below]

    def is_above_start(self, node: object) -> bool:
        """Return whether paths begin somewhere below ``node``."""
        above = self._start()
        while above is not None and above is not node:
            above = above.parent
        return above is not None

    def _start(self) -> Node | None:
        if self.root is None or not self.root_path:
            return self.root
        return self.root.get_node(self.root_path) if self.root.has_node(self.root_path) else None


class _Entry(NamedTuple):
    path: str
    member: object
    authority: int


class ObjectTable:
    """Objects of any class with ``@rpc`` methods, each added under a path."""

    def __init__(self) -> None:
        self._by_path: dict[str, _Entry] = {}
        self._by_id: dict[int, _Entry] = {}

    def add(self, path: str, member: object, authority: int, api: MultiplayerAPI) -> None:
        """Add an object; see ``SceneMultiplayer.add``."""
        check_id(authority)
        if not is_proper(path):
            message = f"{path!r} is not a path from the root, such as 'Main/Game'"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if path in self._by_path:
            message = f"there is already an object at {path!r}; remove() it first"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        if isinstance(member, Node):
            message = f"{member!r} is a Node; add_child() it to a node of the tree"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        table = table_of(type(member))
        properties = table.properties or table.replicated
        if properties and not hasattr(member, "__dict__"):
            kind = "an rset()" if table.properties else "a replicated()"
            message = f"{member!r} has {kind} property, which needs a __dict__, not only __slots__"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if not table.methods and not properties:
            message = (
                f"{member!r} has no method with @rpc and no property of replicated(), so there is "
                "nothing to call, or to send"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        membership.enter(member, api)
        self._put(_Entry(path, member, authority))

    def tables(self) -> list[RpcTable]:
        """Return what peers can call on the objects."""
        return [table_of(type(entry.member)) for entry in self._by_path.values()]

    def remove(self, path: str) -> None:
        """Remove the object at ``path``.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
        """
        entry = self._by_path.pop(path, None)
        if entry is None:
            message = f"no object was added at {path!r}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        del self._by_id[id(entry.member)]
        membership.leave(entry.member)

    def put_part(self, path: str, part: Node, authority: int) -> None:
        """Find a node that belongs to an added object at a path."""
        self._put(_Entry(path, part, authority))

    def take_part(self, path: str) -> None:
        """Find such a node no longer."""
        entry = self._by_path.pop(path, None)
        if entry is not None:
            self._by_id.pop(id(entry.member), None)

    def set_authority(self, member: object, authority: int) -> None:
        """Say which peer is in charge of an object that was added.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added.
        """
        check_id(authority)
        entry = self._by_id.get(id(member))
        if entry is None:
            message = f"{member!r} was not added; add(path, object) first"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        self._put(entry._replace(authority=authority))

    def _put(self, entry: _Entry) -> None:
        self._by_path[entry.path] = self._by_id[id(entry.member)] = entry

    def find(self, path: str) -> object | None:
        """Return the object at ``path``; see :class:`Resolver`."""
        entry = self._by_path.get(path)
        return None if entry is None else entry.member

    def path_of(self, member: object) -> str | None:
        """Return the path of an object; see :class:`Resolver`."""
        entry = self._by_id.get(id(member))
        return None if entry is None else entry.path

    def authority_of(self, member: object) -> int:
        """Return who is in charge of an object; see :class:`Resolver`."""
        return self._by_id[id(member)].authority

    def table_of(self, member: object) -> RpcTable:
        """Return what can be called on an object; see :class:`Resolver`."""
        return table_of(type(member))
