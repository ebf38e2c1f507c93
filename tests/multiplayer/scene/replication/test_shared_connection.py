"""All that a client sends, whoever it is for, goes through one connection, which may be slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, Node, SceneMultiplayer
from multiplayer.testing import SimulatedNetwork

from .rig import ON_CHANGE, synchronizer

if TYPE_CHECKING:
    from multiplayer.testing import SimulatedClient, SimulatedServer

OBJECTS = 4
SIZE = 20_000


def program(
    network: SimulatedNetwork, peer: SimulatedServer | SimulatedClient, dialect: Dialect
) -> SceneMultiplayer:
    api = SceneMultiplayer(Node("root"), dialect)
    api.on_error = "log"
    api.multiplayer_peer = peer
    network.attach(api)
    return api


def objects_of(api: SceneMultiplayer, owner: int) -> list[Any]:
    assert api.root is not None
    made: list[Any] = []
    for number in range(OBJECTS):
        node: Any = Node(f"Object{number}")
        node.blob = b""
        sync = synchronizer((".:blob", True, ON_CHANGE))
        sync.set_multiplayer_authority(owner)
        node.add_child(sync)
        api.root.add_child(node)
        made.append(node)
    return made


@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda each: each.name)
def test_a_client_sends_no_more_at_once_than_its_connection_holds(dialect: Dialect) -> None:
    """A changed property for each of many peers is more than ``outbound_buffer_size``."""
    network = SimulatedNetwork(1, "mobile_3g")
    server = network.create_server(envelope="godot4" if dialect is GODOT_4 else "gd_mp")
    peers = [server, *(network.create_client(server) for _ in range(6))]
    apis = [program(network, peer, dialect) for peer in peers]
    network.advance(3.0)
    owner = apis[1].get_unique_id()
    worlds = [objects_of(api, owner) for api in apis]
    network.advance(3.0)
    for number, node in enumerate(worlds[1]):
        node.blob = bytes([number]) * SIZE
    network.advance(20.0)
    wanted = [bytes([number]) * SIZE for number in range(OBJECTS)]
    assert [[node.blob for node in world] == wanted for world in worlds] == [True] * len(apis)
    assert apis[1].get_unique_id() == owner  # it was not sent away
