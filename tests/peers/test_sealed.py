"""A public attribute that does not exist cannot be set on what is ours; nothing pays per packet."""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import multiplayer
import peers
from multiplayer import (
    Error,
    MultiplayerAPI,
    MultiplayerError,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    PacketPeer,
    SceneMultiplayer,
    SceneReplicationConfig,
    rpc,
)
from multiplayer.game import Bridge
from multiplayer.support.internal import is_internal
from multiplayer.support.sealed import Sealed
from multiplayer.testing import (
    LAN,
    LoopbackNetwork,
    LoopbackPeer,
    SimulatedClient,
    SimulatedNetwork,
)
from peers import (
    ConditionedPeer,
    LobbyClient,
    Room,
    RoomServer,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
)
from peers.testing import connected_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def listening() -> SceneMultiplayer:
    peer, api = LoopbackPeer(LoopbackNetwork()), SceneMultiplayer()
    peer.create_server()
    api.multiplayer_peer = peer
    return api


OURS: dict[str, Callable[[], Any]] = {
    "WebSocketServer": WebSocketServer,
    "WebSocketClient": WebSocketClient,
    "WebSocketMultiplayerPeer": WebSocketMultiplayerPeer,
    "WebSocketPeer": WebSocketPeer,
    "OfflineMultiplayerPeer": multiplayer.OfflineMultiplayerPeer,
    "ConditionedPeer": lambda: ConditionedPeer(WebSocketClient(), LAN),
    "LoopbackPeer": lambda: LoopbackPeer(LoopbackNetwork()),
    "SceneMultiplayer": SceneMultiplayer,
    "RoomServer": lambda: RoomServer({"duel": Room}),
    "LobbyClient": lambda: LobbyClient("ws://127.0.0.1:9080"),
    "MultiplayerSpawner": MultiplayerSpawner,
    "MultiplayerSynchronizer": MultiplayerSynchronizer,
    "SceneReplicationConfig": SceneReplicationConfig,
    "Bridge": lambda: Bridge([listening()]),
    "PeerGroup": lambda: SceneMultiplayer().group("red"),
}
NEAR = [
    ("WebSocketServer", "bindip", "did you mean 'bind_ip'?"),
    ("WebSocketServer", "max_peer", "nor 'max_peers': set limits = Limits(max_peers=…)"),
    ("WebSocketClient", "verifytls", "did you mean 'verify_tls'?"),
    ("WebSocketPeer", "user_data", "did you mean 'userdata'?"),
    ("WebSocketPeer", "score", "keep what is your own in its userdata"),
    ("SceneMultiplayer", "auth_calback", "did you mean 'auth_callback'?"),
    ("SceneMultiplayer", "score", "keep what is your own in a subclass of SceneMultiplayer"),
    ("RoomServer", "max_room", "did you mean 'max_rooms'?"),
    ("MultiplayerSynchronizer", "replication_intervall", "did you mean 'replication_interval'?"),
    ("MultiplayerSpawner", "spawnpath", "did you mean 'spawn_path'?"),
]


@pytest.mark.parametrize("name", OURS)
def test_what_is_misspelt_is_refused_and_what_is_private_is_not(name: str) -> None:
    made = OURS[name]()
    with pytest.raises(MultiplayerError, match=f"{name} has no attribute 'zzz'") as refused:
        made.zzz = 1
    assert refused.value.code is Error.ERR_DOES_NOT_EXIST
    assert not hasattr(made, "zzz")
    made._zzz = 1
    assert made._zzz == 1


@pytest.mark.parametrize(("name", "attribute", "hint"), NEAR)
def test_the_sentence_names_the_nearest(name: str, attribute: str, hint: str) -> None:
    with pytest.raises(MultiplayerError) as refused:
        setattr(OURS[name](), attribute, None)
    message = str(refused.value)
    assert message.endswith(f"{name} has no attribute {attribute!r}{joint(hint)}{hint}")


def joint(hint: str) -> str:
    return ", " if hint.startswith("nor") else "; "


def test_every_class_of_peers_and_apis_is_sealed() -> None:
    for package in (multiplayer, peers):
        for name in package.__all__:
            exported = getattr(package, name)
            if inspect.isclass(exported) and issubclass(exported, (PacketPeer, MultiplayerAPI)):
                assert exported.__setattr__ is Sealed.__setattr__, name


def test_a_subclass_has_what_it_likes() -> None:
    class Mine(WebSocketServer):
        pass

    class Spawner(MultiplayerSpawner):
        pass

    for made in (Mine(), Spawner(), Node()):
        of_any_kind: Any = made
        of_any_kind.score = 1
        assert of_any_kind.score == 1
    assert Mine.__setattr__ is object.__setattr__  # so that it costs nothing


def test_a_subclass_keeps_a_way_of_its_own_to_set() -> None:
    noted: list[str] = []

    class Noting:
        def __setattr__(self, name: str, value: object) -> None:
            noted.append(name)
            super().__setattr__(name, value)

    class Mine(Noting, WebSocketServer):
        pass

    of_any_kind: Any = Mine()
    of_any_kind.score = 1
    assert of_any_kind.score == 1
    assert noted[-1] == "score"


def test_methods_can_be_replaced_on_an_object() -> None:
    server: Any = WebSocketServer()
    server.now = lambda: 7.0
    assert server.now() == 7.0


class Hero(Node):
    @rpc("any_peer", "unreliable")
    def move(self, x: int) -> None:
        self.x = x


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note each attribute that is written by a sealed object's way."""
    written: list[str] = []

    def note(self: object, name: str, value: object) -> None:
        written.append(f"{type(self).__name__}.{name}")
        object.__setattr__(self, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(Sealed, "__setattr__", note)
        yield written


def written_for(packets: int, monkeypatch: pytest.MonkeyPatch, *, plain: bool, api: bool) -> int:
    """How many attributes are written while packets go both ways, in one turn of the loop."""
    with connected_pair(gd_mp_api=not plain) as pair:
        heroes = [Hero("Hero"), Hero("Hero")]
        apis = [SceneMultiplayer(hero) for hero in heroes]
        server: Any = pair.server
        client: Any = pair.client
        if api:
            apis[0].multiplayer_peer, apis[1].multiplayer_peer = pair
            server, client = apis
        (id_,) = pair.server._role.peers()
        with counted(monkeypatch) as written:
            for number in range(packets):
                if api:
                    heroes[1].move.rpc_id(1, number)
                    heroes[0].move.rpc_id(id_, number)
                elif plain:
                    pair.client.get_peer(1).put_packet(b"up")
                    pair.server.get_peer(id_).put_packet(b"down")
                else:
                    for peer, target in ((pair.client, 1), (pair.server, id_)):
                        peer.set_target_peer(target if number % 2 else 0)
                        peer.put_packet(b"it")
            server.flush()
            client.poll()
            server.poll()
            client.poll()
            ends: list[Any] = [pair.server, pair.client]
            if plain:
                ends = [pair.server.get_peer(id_), pair.client.get_peer(1)]
            for end in ends:
                while end.get_available_packet_count():
                    end.get_packet()
        return len(written)


@pytest.mark.parametrize(
    ("plain", "api"), [(True, False), (False, False), (False, True)], ids=["plain", "gd_mp", "api"]
)
def test_no_packet_pays_for_it(monkeypatch: pytest.MonkeyPatch, plain: bool, api: bool) -> None:
    few = written_for(2, monkeypatch, plain=plain, api=api)
    many = written_for(60, monkeypatch, plain=plain, api=api)
    assert many == few


# ---------------------------------------------------------------- what a class cannot do

CANNOT: list[tuple[type, str, str]] = [
    (WebSocketServer, "create_server", "use listen(port, gd_mp_api=True)"),
    (WebSocketServer, "create_client", "use listen(port, gd_mp_api=True)"),
    (WebSocketClient, "create_client", "use connect_to_url(url, gd_mp_api=True)"),
    (WebSocketClient, "create_server", "use connect_to_url(url, gd_mp_api=True)"),
    (WebSocketClient, "save_seats", "resume = Resume()"),
    (WebSocketClient, "restore_seats", "resume = Resume()"),
    (WebSocketClient, "expire_seat", "resume = Resume()"),
    (SimulatedClient, "expire_seat", "resume = Resume()"),
]


@pytest.mark.parametrize(("class_", "name", "instead"), CANNOT)
def test_what_a_class_cannot_do_is_not_offered(class_: type, name: str, instead: str) -> None:
    method = getattr(class_, name)
    made = SimulatedNetwork().create_client(None) if class_ is SimulatedClient else class_()
    assert method.__annotations__["return"] == "NoReturn"
    assert name not in dir(made)
    arguments = [1 for _ in [*inspect.signature(method).parameters][1:]]
    with pytest.raises(MultiplayerError, match=re.escape(instead)) as refused:
        getattr(made, name)(*arguments)
    assert refused.value.code is Error.ERR_UNAVAILABLE


def test_settings_that_only_refuse_are_not_offered_either() -> None:
    offered = dir(WebSocketServer())
    assert {"bind_ip", "listen", "peer_connected", "put_packet"} <= {*offered}
    assert not {"ssl_certificate", "verify_tls", "max_peers"} & {*offered}


def test_nothing_else_that_a_client_offers_is_for_servers_only() -> None:
    """Of what ``dir()`` shows, no method says that clients do not have it."""
    client: Any = WebSocketClient()
    refused: dict[str, str] = {}
    for name in dir(client):
        member = inspect.getattr_static(WebSocketClient, name, None)
        if name.startswith("_") or not inspect.isfunction(member) or is_internal(member):
            continue
        wanted = [*inspect.signature(member).parameters.values()][1:]
        try:
            getattr(client, name)(*[1 for each in wanted if each.default is each.empty])
        except MultiplayerError as error:
            refused[name] = str(error)
        except (TypeError, AttributeError):
            pass  # it takes something else than numbers, and can be done
    assert "get_packet" in refused
    assert [name for name, message in refused.items() if "for servers" in message] == []
