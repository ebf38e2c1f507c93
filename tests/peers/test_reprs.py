"""What ``repr()`` says of peers, APIs, nodes and rooms: what they are doing."""

from __future__ import annotations

from importlib.metadata import version

import pytest

import peers
from multiplayer import (
    MultiplayerPeer,
    Node,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
)
from multiplayer.testing import LAN, SimulatedNetwork
from peers import (
    ConditionedPeer,
    Room,
    RoomServer,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
)
from peers.memory import MemoryNetwork
from peers.testing import connected_pair


def test_the_version_is_that_of_the_distribution() -> None:
    assert peers.__version__ == version("gdpeers")
    assert "__version__" in dir(peers)


@pytest.mark.parametrize("kind", [WebSocketClient, WebSocketServer, WebSocketMultiplayerPeer])
def test_a_peer_that_is_not_in_use_says_so(kind: type[WebSocketMultiplayerPeer]) -> None:
    assert repr(kind()) == f"<{kind.__name__}, disconnected>"


def test_a_server_shows_port_mode_and_clients() -> None:
    with connected_pair() as pair:
        port, id_ = pair.server.get_local_port(), pair.client.get_unique_id()
        assert repr(pair.server) == f"<WebSocketServer, listening on port {port}, gd_mp, 1 client>"
        assert repr(pair.client) == f"<WebSocketClient, connected as {id_}, gd_mp>"
        assert repr(pair.client.get_peer(1)) == "<WebSocketPeer 127.0.0.1, open>"
        of_client = pair.server.get_peer(id_)
        assert repr(of_client) == "<WebSocketPeer 127.0.0.1, open>"
        pair.server.begin_leaving()
        assert repr(pair.server) == "<WebSocketServer, closing, gd_mp, 1 client>"
        pair.until(lambda: not pair.client.get_peers())
        pair.until(lambda: not pair.server.get_peers())
        assert repr(of_client) == "<WebSocketPeer 127.0.0.1, ended>"


def test_in_plain_mode_a_client_has_no_id() -> None:
    with connected_pair(gd_mp_api=False) as pair:
        assert repr(pair.client) == "<WebSocketClient, connected, plain>"
        assert repr(pair.server).endswith(", plain, 1 client>")


def test_a_client_shows_that_it_is_connecting_and_why_it_failed() -> None:
    network = MemoryNetwork()
    client = network.add(WebSocketClient())
    client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
    assert repr(client) == "<WebSocketClient, connecting, gd_mp>"
    network.advance(10)
    assert client.failure is not None
    assert repr(client) == f"<WebSocketClient, disconnected ({client.failure})>"


def test_other_peers_show_what_they_are() -> None:
    assert repr(OfflineMultiplayerPeer()) == "<OfflineMultiplayerPeer, connected as 1, 0 peers>"
    inner = WebSocketClient()
    assert repr(ConditionedPeer(inner, LAN)) == f"<ConditionedPeer, over {inner!r}>"
    network = SimulatedNetwork(seed=1)
    server = network.create_server(8910, name="Home")
    client = network.create_client(None, name="Ada")
    assert repr(server) == "<SimulatedServer 'Home', listening on port 8910, gd_mp, 0 clients>"
    assert repr(client) == "<SimulatedClient 'Ada', disconnected>"


def test_a_peer_without_init_can_be_shown() -> None:
    class Forgetful(OfflineMultiplayerPeer):
        def __init__(self) -> None:
            pass

    assert repr(Forgetful()) == "<Forgetful, without super().__init__()>"
    for kind in (WebSocketServer, WebSocketPeer, SceneMultiplayer, RoomServer):
        made = kind.__new__(kind)
        assert repr(made).startswith(f"<{kind.__name__}, ")
    assert isinstance(Forgetful(), MultiplayerPeer)


def test_an_api_shows_its_dialect_and_its_peer() -> None:
    api = SceneMultiplayer(Node())
    assert repr(api) == f"<SceneMultiplayer NATIVE, 0 peers, over {OfflineMultiplayerPeer()!r}>"
    api.multiplayer_peer = None
    assert repr(api) == "<SceneMultiplayer NATIVE, 0 peers, over no peer>"
    with connected_pair() as pair:
        api.multiplayer_peer = pair.server
        assert repr(api) == f"<SceneMultiplayer NATIVE, 1 peer, over {pair.server!r}>"


def test_a_node_shows_its_path_and_who_is_in_charge() -> None:
    root = Node("World")
    root.add_child(player := Node("17"))
    assert repr(player) == "<Node /World/17>"
    player.set_multiplayer_authority(17)
    assert repr(player) == "<Node /World/17, authority 17>"


def test_a_server_of_rooms_counts_them() -> None:
    network = MemoryNetwork()
    server = network.add(RoomServer({"duel": Room}))
    assert repr(server) == "<RoomServer, disconnected>"
    server.listen(9080)
    room = server.create("duel")
    assert repr(server) == "<RoomServer, listening on port 9080, 1 room>"
    assert repr(room) == f"<Room /duel/{room.code}, 0 seats>"
