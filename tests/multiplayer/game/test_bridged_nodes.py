"""``Bridge.nodes``: what the match has once is seen in every session that replicates."""

from __future__ import annotations

from typing import ClassVar

import pytest

from multiplayer import (
    Dialect,
    Error,
    MultiplayerError,
    MultiplayerSpawner,
    Node,
    SceneMultiplayer,
    Vector2,
    replicated,
    rpc,
)
from multiplayer.game import Bridge
from multiplayer.testing import SimulatedNetwork, SimulatedServer
from tests.multiplayer.game.bridged import ENVELOPES

REPLICATING = (Dialect.GODOT_4, Dialect.NATIVE)


class Hat(Node):
    color = replicated("red", mode="on_change")


class Ship(Node):
    position = replicated(Vector2(0, 0))
    hp = replicated(100, mode="on_change")
    bag = replicated(default_factory=list, mode="on_change")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.add_child(Hat("Hat"))


class Told:
    """What clients of Godot 3 get instead."""

    def __init__(self) -> None:
        self.ships: dict[str, int] = {}

    @rpc
    def appears(self, path: str, hp: int) -> None:
        self.ships[path] = hp

    @rpc
    def goes(self, path: str) -> None:
        del self.ships[path]


def tree(dialect: Dialect) -> Node | None:
    if dialect not in REPLICATING:
        return None
    root, world, spawner = Node("root"), Node("World"), MultiplayerSpawner("Spawner")
    root.add_child(world)
    world.add_child(spawner)
    spawner.spawn_path = ".."
    spawner.add_spawnable_scene("ship", Ship)
    return root


class Fleet:
    def __init__(self) -> None:
        self.network = SimulatedNetwork(seed=1)
        self.servers: dict[Dialect, SimulatedServer] = {}
        apis: list[SceneMultiplayer] = []
        for dialect, envelope in ENVELOPES.items():
            self.servers[dialect] = self.network.create_server(envelope=envelope)
            apis.append(self.attach(dialect, self.servers[dialect]))
        self.bridge = Bridge(apis)
        self.bridge.add("Told", lambda _: Told())
        nodes = self.bridge.nodes
        for api in apis:  # what the page advises
            if api.dialect not in REPLICATING:
                nodes.spawned.connect(
                    lambda path, node, api=api: api.rpc(
                        0, api.object_at("Told"), "appears", (path, node.hp)
                    )
                )
                nodes.despawned.connect(
                    lambda path, api=api: api.rpc(0, api.object_at("Told"), "goes", (path,))
                )
                api.peer_connected.connect(self.catch_up)

    def catch_up(self, peer: int) -> None:
        for path, node in self.bridge.nodes.leads().items():
            assert isinstance(node, Ship)
            self.bridge.rpc_id(peer, "Told", "appears", path, node.hp)

    def attach(self, dialect: Dialect, peer: object) -> SceneMultiplayer:
        api = SceneMultiplayer(tree(dialect), dialect)
        api.multiplayer_peer = peer  # type: ignore[assignment]
        self.network.attach(api)
        return api

    def join(self, dialect: Dialect) -> tuple[SceneMultiplayer, Told]:
        api = self.attach(dialect, self.network.create_client(self.servers[dialect]))
        told = Told()
        api.add("Told", told)
        self.network.run_until(api.get_peers)
        return api, told

    def go_on(self) -> None:
        self.bridge.nodes.copy()
        self.network.advance(0.5)


def ship_of(api: SceneMultiplayer, path: str) -> Ship | None:
    assert api.root is not None
    found = api.root.get_node(path) if api.root.has_node(path) else None
    assert found is None or isinstance(found, Ship)
    return found


def test_a_node_of_the_match_is_seen_by_all_also_by_those_who_come_later() -> None:
    fleet = Fleet()
    clients = [fleet.join(dialect) for dialect in REPLICATING]
    _, told = fleet.join(Dialect.GODOT_3)
    lead = fleet.bridge.nodes.spawn("World", lambda: Ship("Ada"))
    assert isinstance(lead, Ship)
    fleet.go_on()
    assert told.ships == {"World/Ada": 100}
    lead.position, lead.hp = Vector2(3, 4), 70
    lead.bag.append("rope")
    hat = lead.get_node("Hat")
    assert isinstance(hat, Hat)
    hat.color = "blue"
    fleet.go_on()
    clients += [fleet.join(dialect) for dialect in REPLICATING]
    _, told_later = fleet.join(Dialect.GODOT_3)
    fleet.go_on()
    for api, _ in clients:
        seen = ship_of(api, "World/Ada")
        assert seen is not None
        assert (seen.position, seen.hp, seen.bag) == (Vector2(3, 4), 70, ["rope"])
        assert getattr(seen.get_node("Hat"), "color", None) == "blue"
    assert told_later.ships == {"World/Ada": 70}
    lead.bag.append("lamp")
    fleet.go_on()
    assert [getattr(ship_of(api, "World/Ada"), "bag", None) for api, _ in clients] == [
        ["rope", "lamp"]
    ] * 4
    fleet.bridge.nodes.despawn(lead)
    fleet.bridge.nodes.despawn(lead)
    fleet.go_on()
    assert [ship_of(api, "World/Ada") for api, _ in clients] == [None] * 4
    assert (told.ships, told_later.ships, fleet.bridge.nodes.leads()) == ({}, {}, {})


def test_removing_the_lead_removes_its_twins() -> None:
    fleet = Fleet()
    clients = [fleet.join(dialect)[0] for dialect in REPLICATING]
    lead = fleet.bridge.nodes.spawn("World", lambda: Ship("Ada"))
    fleet.go_on()
    assert None not in [ship_of(api, "World/Ada") for api in clients]
    assert lead.parent is not None
    lead.parent.remove_child(lead)
    gone: list[str] = []
    fleet.bridge.nodes.despawned.connect(gone.append)
    fleet.go_on()
    assert gone == ["World/Ada"]
    assert [ship_of(api, "World/Ada") for api in clients] == [None, None]


def test_what_cannot_be_spawned_everywhere_is_spawned_nowhere() -> None:
    fleet = Fleet()
    nodes = fleet.bridge.nodes
    names = iter(["Ada", "Bob"])
    with pytest.raises(MultiplayerError, match="must have its name") as raised:
        nodes.spawn("World", lambda: Ship(next(names)))
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
    with pytest.raises(MultiplayerError, match="nothing at 'Elsewhere'") as raised:
        nodes.spawn("Elsewhere", lambda: Ship("Ada"))
    assert raised.value.code == Error.ERR_UNCONFIGURED
    with pytest.raises(MultiplayerError, match="is not a Node"):
        nodes.spawn("Told", lambda: Ship("Ada"))
    last = fleet.bridge.apis[-1]
    assert last.root is not None
    last.root.get_node("World").add_child(Ship("Ada"))  # the name is taken there
    with pytest.raises(MultiplayerError):
        nodes.spawn("World", lambda: Ship("Ada"))
    assert ship_of(fleet.bridge.apis[1], "World/Ada") is None
    assert nodes.leads() == {}


def test_where_nobody_replicates_a_spawn_says_what_to_do() -> None:
    network = SimulatedNetwork(seed=1)
    api = SceneMultiplayer(dialect=Dialect.GODOT_3)
    api.multiplayer_peer = network.create_server()
    with pytest.raises(MultiplayerError, match=r"bridge\.rpc") as raised:
        Bridge([api]).nodes.spawn("World", lambda: Ship("Ada"))
    assert raised.value.code == Error.ERR_UNAVAILABLE


class Stopping(Ship):
    """Interrupts, once each, whoever adds or removes it, if it is told to."""

    interrupting: ClassVar[list[str]] = []

    def _ready(self) -> None:
        self._interrupt("ready")

    def _exit_tree(self) -> None:
        self._interrupt("exit")

    def _interrupt(self, where: str) -> None:
        if where in self.interrupting:
            self.interrupting.remove(where)
            raise KeyboardInterrupt


def test_an_interrupt_leaves_all_of_a_node_or_nothing() -> None:
    fleet = Fleet()
    nodes = fleet.bridge.nodes
    for api in fleet.bridge.apis[1:]:
        assert api.root is not None
        spawner = api.root.get_node("World/Spawner")
        assert isinstance(spawner, MultiplayerSpawner)
        spawner.add_spawnable_scene("stopping", Stopping)
    Stopping.interrupting.append("ready")
    with pytest.raises(KeyboardInterrupt):
        nodes.spawn("World", lambda: Stopping("Ada"))
    assert [ship_of(api, "World/Ada") for api in fleet.bridge.apis[1:]] == [None, None]
    assert nodes.leads() == {}
    gone: list[str] = []
    nodes.despawned.connect(gone.append)
    lead = nodes.spawn("World", lambda: Stopping("Ada"))
    Stopping.interrupting.append("exit")
    with pytest.raises(KeyboardInterrupt):
        nodes.despawn(lead)
    fleet.go_on()
    assert gone == ["World/Ada"]
    assert [ship_of(api, "World/Ada") for api in fleet.bridge.apis[1:]] == [None, None]
    assert nodes.leads() == {}
