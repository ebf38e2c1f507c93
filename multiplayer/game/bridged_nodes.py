"""``BridgedNodes``: nodes of a match that are seen in all of its sessions that replicate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.tree.node import Node
from multiplayer.signals import Signal
from multiplayer.support.unique import Unique

from .bridged_apis import object_at, replicates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.scene.scene_multiplayer import SceneMultiplayer


class BridgedNodes(Unique):
    """The nodes of a match; made by :class:`Bridge`, as its ``nodes``.

    A node is in one tree only, and each API has its own. So what the match has once, each session
    has as a twin: the game changes the first, the lead, and :meth:`copy` takes its properties to
    the others. Each session spawns and synchronizes its twin as if it were the only one, by a
    ``MultiplayerSpawner`` of its tree.

    For sessions that do not replicate (``GODOT_3``) the game tells their clients by RPC: at
    ``spawned`` and ``despawned``, and a newcomer at ``peer_connected``, of all :meth:`leads`.
    """

    spawned = Signal[str, Node]("path", "node")
    """A node is there; ``path`` is where, the same in each session; ``node`` is the lead."""
    despawned = Signal[str]("path")
    """The node at that path is gone."""

    def __init__(self, apis: Sequence[SceneMultiplayer]) -> None:
        self._apis = [api for api in apis if replicates(api)]
        self._twins: dict[Node, _Twins] = {}

    def leads(self) -> dict[str, Node]:
        """Return the nodes that the game changes, by path, in order of their spawns."""
        return {twins.path: lead for lead, twins in self._twins.items()}

    def spawn(self, parent: str, make: Callable[[], Node]) -> Node:
        """Make a node appear in each session that replicates; return the lead.

        Args:
            parent: the path of a node that each of these sessions has; a spawner there spawns what
                is added below it.
            make: called once for each of them; returns a new node, of the same name and class each
                time.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no session replicates; ``ERR_UNCONFIGURED``: one
                has no node at ``parent``; ``ERR_INVALID_PARAMETER``: the names differ; otherwise
                as ``Node.add_child``. Then there is none in any session.
            Exception: what ``make``, ``_enter_tree`` or ``_ready`` raised; the same.
        """
        if not self._apis:
            message = "none of the dialects has replication; tell the clients by bridge.rpc()"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        parents = [_node_at(api, parent) for api in self._apis]
        nodes = [make() for _ in parents]
        lead = nodes[0]
        if any(node.name != lead.name for node in nodes):
            message = f"the twins of {lead!r} must have its name; let make() name all alike"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        path = lead.name if parent == "." else f"{parent}/{lead.name}"
        twins = _Twins(path, lead, nodes[1:])
        try:
            for above, node in zip(parents, nodes, strict=True):
                above.add_child(node)
            self._twins[lead] = twins
        except BaseException:
            twins.remove()
            raise
        self.spawned.emit(path, lead)
        return lead

    def despawn(self, lead: Node) -> None:
        """Let a node disappear from all sessions; one that is gone stays gone."""
        twins = self._twins.get(lead)
        if twins is None:
            return
        twins.leaving = True  # if what follows is interrupted, copy() does the rest
        twins.remove()
        if self._twins.pop(lead, None) is not None:
            self.despawned.emit(twins.path)

    def copy(self) -> None:
        """Give all twins the properties of their leads; ``Bridge.poll`` begins with it.

        These are the ones that the class declares with ``replicated()``, those of nodes below
        included. A list or dictionary is the same object in all of them. What a lead's session
        takes from a client in charge of it is copied too; what another session takes from one of
        its own is overwritten: leave the server in charge, and let clients call RPCs.

        A lead that the game has removed from its tree takes its twins with it.
        """
        for lead, twins in [*self._twins.items()]:
            if twins.leaving or not lead.is_inside_tree():
                self.despawn(lead)
            else:
                twins.copy()


class _Twins:
    """A lead and those that follow it.

    Attributes:
        path: where they are.
        leaving: they are being removed.
    """

    __slots__ = ("_followers", "_lead", "leaving", "path")

    def __init__(self, path: str, lead: Node, followers: list[Node]) -> None:
        self.path = path
        self.leaving = False
        self._lead = lead
        self._followers = followers

    def remove(self) -> None:
        """Remove all from their trees."""
        for node in (self._lead, *self._followers):
            if node.parent is not None:
                node.parent.remove_child(node)

    def copy(self) -> None:
        """Give the followers what the lead has."""
        for follower in self._followers:
            _copy(self._lead, follower)


def _copy(lead: Node, follower: Node) -> None:
    mine, its = vars(lead), vars(follower)  # where such properties have their values
    for name in lead.get_rpc_table().replicated:
        value = mine[name] if name in mine else getattr(lead, name)
        if name not in its or its[name] is not value:
            setattr(follower, name, value)
    for child in lead.children:
        has_some = child.get_rpc_table().replicated or child.children
        if has_some and follower.has_node(child.name):
            _copy(child, follower.get_node(child.name))


def _node_at(api: SceneMultiplayer, path: str) -> Node:
    node = object_at(api, path)
    if not isinstance(node, Node):
        message = f"{node!r} at {path!r} is not a Node, so nothing can be added below it"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
    return node
