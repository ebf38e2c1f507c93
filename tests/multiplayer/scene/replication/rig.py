"""A server and clients in memory that have the same spawner, and a player to spawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiplayer import (
    GODOT_4,
    Dialect,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneMultiplayer,
    SceneReplicationConfig,
    Vector2,
)
from tests.multiplayer.scene.loopback import LoopbackPeer, Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.multiplayer.scene.loopback import Sent

NEVER, ALWAYS, ON_CHANGE = ReplicationMode
SERVER, A, B, C = 1, 20, 30, 40


def config(*properties: tuple[str, bool, ReplicationMode]) -> SceneReplicationConfig:
    """A configuration; each property as path, spawn, mode."""
    made = SceneReplicationConfig()
    for path, spawn, mode in properties:
        made.add_property(path)
        made.property_set_spawn(path, spawn)
        made.property_set_replication_mode(path, mode)
    return made


def synchronizer(
    *properties: tuple[str, bool, ReplicationMode], name: str = "Sync"
) -> MultiplayerSynchronizer:
    made = MultiplayerSynchronizer(name)
    made.replication_config = config(*properties)
    return made


class Player(Node):
    """Has a property of each kind."""

    def __init__(self, name: str = "Player") -> None:
        super().__init__(name)
        self.position = Vector2()
        self.hp = 100
        self.title = "first"
        self.seen: list[tuple[str, object]] = []
        self.sync = synchronizer(
            (".:position", True, ALWAYS), (".:hp", True, ON_CHANGE), (".:title", True, NEVER)
        )
        self.add_child(self.sync)

    def _enter_tree(self) -> None:
        self.seen.append(("entered", self.hp))

    def _ready(self) -> None:
        self.seen.append(("ready", self.hp))


class Item(Node):
    """Has no synchronizer."""


class Blockable(LoopbackPeer):
    """A server some of whose clients do not read.

    Attributes:
        blocked: those, with what waits for each.
    """

    def __init__(self, network: Network, own_id: int) -> None:
        super().__init__(network, own_id)
        self.max_packet_size = 4096
        self.blocked: dict[int, list[Sent]] = {}
        self.most = 0

    def block(self, peer: int) -> None:
        self.blocked[peer] = []

    def unblock(self, peer: int) -> None:
        for sent in self.blocked.pop(peer):
            self._send(sent)

    def _send(self, sent: Sent) -> None:
        if sent.target in self.blocked:
            self.blocked[sent.target].append(sent)
            self.most = max(self.most, self.get_backlog(sent.target))
        else:
            super()._send(sent)

    def get_backlog(self, peer: int) -> int:
        return sum(len(sent.payload) for sent in self.blocked.get(peer, ()))


class Rig:
    """The session.

    Args:
        clients: their ids; the server is there.
        build: adds what all have to a root.
        dialect: of all.

    Attributes:
        told: the signals of spawners and synchronizers: whose, which, what.
        faults: what handlers and properties raised: at whom, where, what.
        rejected: what was dropped: at whom, whose, why, in words.
    """

    def __init__(
        self,
        *clients: int,
        build: Callable[[Node], object] | None = None,
        dialect: Dialect = GODOT_4,
    ) -> None:
        self.network = Network(in_order=True)
        self.build = build or home
        self.dialect: Final = dialect
        self.apis: dict[int, SceneMultiplayer] = {}
        self.peers: dict[int, LoopbackPeer] = {}
        self.told: list[tuple[int, str, object]] = []
        self.faults: list[tuple[int, str, str]] = []
        self.rejected: list[tuple[int, int, str, str]] = []
        for own_id in (SERVER, *clients):
            self.join(own_id)

    def join(self, own_id: int) -> SceneMultiplayer:
        root = Node("root")
        self.build(root)
        api = SceneMultiplayer(root, self.dialect)
        api.on_error = "log"
        self.apis[own_id] = api
        kind = Blockable if own_id == SERVER else LoopbackPeer
        peer = self.peers[own_id] = kind(self.network, own_id)
        api.multiplayer_peer = peer
        api.handler_failed.connect(lambda _, where, error: self._failed(own_id, where, error))
        api.invalid_packet.connect(lambda *what: self.rejected.append((own_id, *what)))
        for node in everything(root):
            self._watch(own_id, node)
        if own_id != SERVER:
            peer.link()
            self.settle()
        return api

    def _failed(self, own_id: int, where: str, error: Exception) -> None:
        self.faults.append((own_id, where, str(error)))

    def _watch(self, own_id: int, node: Node) -> None:
        if isinstance(node, MultiplayerSpawner):
            for signal in (node.spawned, node.despawned):
                signal.connect(
                    lambda made, what=signal.name: self.told.append((own_id, what, made.name))
                )

    @property
    def server(self) -> Blockable:
        peer = self.peers[SERVER]
        assert isinstance(peer, Blockable)
        return peer

    def settle(self) -> None:
        """Let everything arrive, without ticks of those that nothing comes for."""
        for _ in range(6):
            self.tick()

    def tick(self, seconds: float = 0.05) -> None:
        self.network.time += seconds
        for api in list(self.apis.values()):
            api.poll()

    def node(self, own_id: int, path: str) -> Any:
        root = self.apis[own_id].root
        assert root is not None
        return root.get_node(path) if root.has_node(path) else None

    def leave(self, own_id: int) -> None:
        self.peers[own_id].drop()
        self.settle()

    def take(self) -> list[tuple[int, str, object]]:
        told, self.told = self.told, []
        return told

    def sent(self, target: int, *, since: int = 0) -> list[str]:
        """What the server has sent to a client, in hex."""
        return [
            each.payload.hex()
            for each in self.network.log[since:]
            if each.source == SERVER and each.target == target
        ]

    def inject(self, source: int, target: int, hexadecimal: str) -> None:
        """Let a packet arrive that nobody wrote."""
        api = self.apis[source]
        api.multiplayer_peer.send_packet(bytes.fromhex(hexadecimal.replace(" ", "")), target)


def home(root: Node) -> None:
    """A spawner that spawns below Home."""
    made, spawner = Node("Home"), MultiplayerSpawner("Spawner")
    spawner.spawn_path = ".."
    spawner.add_spawnable_scene("res://player.tscn", Player)
    spawner.add_spawnable_scene("res://item.tscn", Item)
    made.add_child(spawner)
    root.add_child(made)


def everything(node: Node) -> list[Node]:
    found = [node]
    for each in found:
        found += each.children
    return found
