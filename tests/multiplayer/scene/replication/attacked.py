"""A session with a hostile peer, in which the server, an honest client and that peer have a say.

The server spawns ``Things`` and decides about ``Flag``; the hostile peer may spawn below ``Mine``,
by ``MySpawner``, and decides about ``MyFlag``. Whatever it sends: nothing else changes, and what
the server says still arrives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer import (
    GODOT_4,
    Dialect,
    Limits,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    SceneReplicationConfig,
    Vector2,
)
from multiplayer.wire.dialects.choice import wire_of
from tests.kept import peers_kept
from tests.multiplayer.scene.loopback import LoopbackPeer, Network
from tests.multiplayer.scene.replication import attack_packets
from tests.multiplayer.scene.replication.attack_packets import SCENE

if TYPE_CHECKING:
    from multiplayer import RejectReason

SERVER, HOSTILE, HONEST = 1, 2, 3
MOST_NODES: Final = 8
_MOST_ROUNDS: Final = 100
_ALWAYS, _ON_CHANGE = 1, 2


class Thing(Node):
    """A replicated node, with a property that nobody has configured."""

    def __init__(self, name: str = SCENE, authority: int = SERVER) -> None:
        super().__init__(name)
        self.position = Vector2(0, 0)
        self.hp = 100
        self.secret = "mine"
        config = SceneReplicationConfig()
        for path, mode in ((".:position", _ALWAYS), (".:hp", _ON_CHANGE)):
            config.add_property(path)
            config.property_set_replication_mode(path, mode)
        sync = MultiplayerSynchronizer("Sync")
        sync.replication_config = config
        self.add_child(sync)
        self.set_multiplayer_authority(authority)


def of_hostile(data: object = None) -> Node | None:
    """What ``MySpawner`` makes, by scene or by data."""
    return Thing(authority=HOSTILE) if data is None or isinstance(data, str) else None


class World:
    """One program's part of the session.

    Attributes:
        api: its API.
        rejected: what it has dropped: the reason and the detail.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.root = Node("root")
        self.things, self.mine = Node("Things"), Node("Mine")
        self.flag, self.my_flag = Thing("Flag"), Thing("MyFlag", HOSTILE)
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = "../Things"
        self.spawner.add_spawnable_scene(SCENE, Thing)
        spawner = MultiplayerSpawner("MySpawner")
        spawner.spawn_path = "../Mine"
        spawner.add_spawnable_scene("of_hostile", of_hostile_scene)
        spawner.spawn_function = of_hostile
        spawner.set_multiplayer_authority(HOSTILE)
        parts = (self.things, self.mine, self.flag, self.my_flag, self.spawner, spawner)
        for part in parts:
            self.root.add_child(part)
        self.api = SceneMultiplayer(self.root, dialect)
        self.rejected: list[tuple[RejectReason, str]] = []
        self.api.invalid_packet.connect(self._note)

    def _note(self, sender: int, reason: RejectReason, detail: str) -> None:
        assert sender in (SERVER, HOSTILE, HONEST)
        assert len(detail) < 600
        self.rejected.append((reason, detail))


def of_hostile_scene() -> Node:
    """As :func:`of_hostile`, for the list of scenes."""
    return Thing(authority=HOSTILE)


class Attacked:
    """A server, an honest client, and a hostile peer that is only a connection.

    Args:
        dialect: of all.
        limits: of the server and the honest client.

    Attributes:
        worlds: the server's and the honest client's, by peer id.
        hostile: the connection.
    """

    def __init__(self, dialect: Dialect = GODOT_4, limits: Limits | None = None) -> None:
        self.network = Network(relays=False)
        self.worlds = {SERVER: World(dialect), HONEST: World(dialect)}
        self._said = 0
        self._wire = wire_of(dialect)
        limits = limits or Limits(max_spawned_nodes=MOST_NODES)
        hostile = World(dialect)  # for the time of joining; then nothing answers but the test
        for peer, world in ((SERVER, self.server), (HOSTILE, hostile), (HONEST, self.honest)):
            below = LoopbackPeer(self.network, peer)
            below.limits = limits
            world.api.multiplayer_peer = below
            if peer != SERVER:
                below.link()
            for _ in range(4):
                self.poll()
                if peer == HOSTILE:
                    world.api.poll()
        self.hostile = self.network.peers[HOSTILE]
        self.spawned = self._spawn()

    @property
    def server(self) -> World:
        """The server's world."""
        return self.worlds[SERVER]

    @property
    def honest(self) -> World:
        """The honest client's world."""
        return self.worlds[HONEST]

    def _spawn(self) -> list[str]:
        names = ["A", "B"]
        for name in names:
            self.server.things.add_child(Thing(name))
        return names

    def announce(self) -> None:
        """Let the hostile peer tell its path ids, to everybody."""
        for path_id, path in attack_packets.PATHS.items():
            self.attack(self.announcement(path_id, path), 0)
        self.settle()

    def announcement(self, path_id: int, path: str) -> bytes:
        """What tells a path id."""
        return self._wire.announce(path_id, path, [])

    def attack(self, packet: bytes, to: int = SERVER) -> None:
        """Let the hostile peer send a packet: to one, to all (0) or to all but one."""
        if to != SERVER:
            packet = self._wire.relay(to, packet)
        self.hostile.set_target_peer(SERVER)
        self.hostile.put_packet(packet)

    def poll(self) -> None:
        """Poll the honest ones once, a tick later."""
        self.network.time += 0.05
        for world in self.worlds.values():
            if world.api.has_multiplayer_peer():
                world.api.poll()

    def settle(self) -> None:
        """Let what is under way arrive, and what it causes."""
        for _ in range(6):
            self.poll()

    def check(self) -> None:
        """Nothing has changed but what the hostile peer may change."""
        for world in self.worlds.values():
            assert [child.name for child in world.things.children] == self.spawned
            for thing in (world.flag, *world.things.children):
                assert isinstance(thing, Thing)
                assert thing.hp in (100, self._said)
                assert thing.position == Vector2(0, 0)
            mine = world.mine.children
            assert len(mine) <= MOST_NODES
            for thing in (world.flag, world.my_flag, *world.things.children, *mine):
                assert isinstance(thing, Thing)
                assert thing.secret == "mine"
                assert [child.name for child in thing.children] == ["Sync"]
            names = {"Things", "Mine", "Flag", "MyFlag", "Spawner", "MySpawner"}
            assert {child.name for child in world.root.children} == names

    def check_honest_still_meet(self) -> None:
        """What the server says reaches the honest client: a change, a spawn and its end."""
        self._said += 1
        self.server.flag.hp = self._said
        self.server.things.children[0].hp = self._said  # pyright: ignore[reportAttributeAccessIssue]
        name = f"New{self._said}"
        node = Thing(name)
        self.server.things.add_child(node)
        self.settle()
        assert self.honest.flag.hp == self._said
        first = self.honest.things.children[0]
        assert isinstance(first, Thing)
        assert first.hp == self._said
        assert self.honest.things.has_node(name)
        self.server.things.remove_child(node)
        self.settle()
        assert not self.honest.things.has_node(name)

    def drop_hostile(self) -> None:
        """Let the hostile peer leave; nothing of it is left."""
        self.hostile.drop()
        self.settle()
        for world in self.worlds.values():
            assert world.mine.children == []
            assert HOSTILE not in peers_kept(world.api)
