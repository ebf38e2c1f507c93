"""Ids that are none: each method that takes an id says so before anything has happened."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    Error,
    MultiplayerError,
    MultiplayerPeer,
    Node,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
    TransferMode,
    rpc,
)
from multiplayer.addressing import LARGEST_PEER_ID, check_channel, check_id, check_mode
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import connected_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ODD: tuple[Any, ...] = (
    "1",
    b"1",
    1.0,
    None,
    True,
    False,
    [1],
    (1,),
    {},
    1j,
    float("nan"),
    object(),
    2**31,
    -(2**31) - 1,
    10**400,
    10**5000,
)

each_odd_id = pytest.mark.parametrize(
    "odd", ODD, ids=lambda odd: f"{odd!r:.12}" if odd != 10**5000 else "huge"
)


class Ids(IntEnum):
    SERVER = 1
    ALL = 0


class Hero(Node):
    @rpc("any_peer")
    def jump(self, height: int) -> None:
        raise AssertionError(height)


class Thing:
    @rpc("any_peer")
    def use(self) -> None:
        raise AssertionError


@each_odd_id
def test_odd_ids_are_refused_in_a_sentence(odd: Any) -> None:
    with pytest.raises(MultiplayerError, match=r"peer id must be an int|ids have 32 bits") as at:
        check_id(odd)
    assert at.value.code == Error.ERR_INVALID_PARAMETER
    assert len(str(at.value)) < 300


@pytest.mark.parametrize("id_", [0, 1, -1, 2, LARGEST_PEER_ID, -(2**31), Ids.SERVER, Ids.ALL])
def test_what_may_be_an_id(id_: int) -> None:
    assert check_id(id_) == id_


def test_modes_and_channels() -> None:
    assert check_mode(1) is TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
    assert check_channel(255) == 255
    for check, wrong in ((check_mode, 3), (check_mode, -1), (check_channel, 256)):
        with pytest.raises(MultiplayerError) as caught:
            check(wrong)
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


Takes = dict[str, "Callable[[Any], object]"]


def methods_of_peer(peer: MultiplayerPeer) -> Takes:
    return {
        "set_target_peer": peer.set_target_peer,
        "send_packet": lambda id_: peer.send_packet(b"x", id_),
        "send_each": lambda id_: peer.send_each([(id_, b"x")]),
        "disconnect_peer": peer.disconnect_peer,
        "expel_peer": lambda id_: peer.expel_peer(id_, "why"),
        "admit_peer": peer.admit_peer,
    }


def methods_of_websocket_peer(peer: WebSocketMultiplayerPeer) -> Takes:
    return methods_of_peer(peer) | {
        "get_peer": peer.get_peer,
        "get_peer_address": peer.get_peer_address,
        "get_peer_port": peer.get_peer_port,
        "disconnect_peer, force": lambda id_: peer.disconnect_peer(id_, force=True),
    }


def methods_of_api(api: SceneMultiplayer, hero: Hero, thing: Thing) -> Takes:
    return {
        "rpc": lambda id_: api.rpc(id_, hero, "jump", [1]),
        "BoundRpc.rpc_id": lambda id_: hero.jump.rpc_id(id_, 1),
        "Node.rpc_id": lambda id_: hero.rpc_id(id_, "jump", 1),
        "call_id": lambda id_: hero.jump.call_id(id_, 1),
        "send_bytes": lambda id_: api.send_bytes(b"x", id_),
        "disconnect_peer": api.disconnect_peer,
        "send_auth": lambda id_: api.send_auth(id_, b"x"),
        "complete_auth": api.complete_auth,
        "Node.set_multiplayer_authority": hero.set_multiplayer_authority,
        "set_multiplayer_authority": lambda id_: api.set_multiplayer_authority(thing, id_),
        "add": lambda id_: api.add("Other", Thing(), id_),
    }


@pytest.fixture(params=["gd_mp", "godot4"])
def pair(request: pytest.FixtureRequest) -> Iterator[Any]:
    with connected_pair(godot4=request.param == "godot4") as both:
        yield both


@each_odd_id
def test_of_a_server_and_its_client(pair: Any, odd: Any) -> None:
    server, client = pair
    here = server.get_peers()
    for peer in (server, client):
        methods = methods_of_websocket_peer(peer)
        if isinstance(server, WebSocketServer):
            methods |= {"has_peer": server.has_peer}
        for name, method in methods.items():
            with pytest.raises(MultiplayerError) as caught:
                method(odd)
            assert caught.value.code == Error.ERR_INVALID_PARAMETER, name
    pair.poll()
    assert server.get_peers() == here
    assert client.statistics.packets_sent == server.statistics.packets_received
    assert client.get_available_packet_count() == 0


@each_odd_id
def test_of_an_api(odd: Any) -> None:
    root, hero, thing = Node("root"), Hero("Hero"), Thing()
    root.add_child(hero)
    with connected_pair() as pair:
        api = SceneMultiplayer(root)
        api.multiplayer_peer = pair.server
        api.add("Thing", thing)
        hero.jump.rpc_id(pair.client.get_unique_id(), 1)  # from now on there is a short way
        sent = api.statistics.calls_sent
        for name, method in methods_of_api(api, hero, thing).items():
            with pytest.raises(MultiplayerError) as caught:
                method(odd)
            assert caught.value.code == Error.ERR_INVALID_PARAMETER, name
        assert api.statistics.calls_sent == sent
        assert hero.get_multiplayer_authority() == 1
        assert api.get_peers() == [pair.client.get_unique_id()]
        api.add("Other", Thing())  # which was not added


@each_odd_id
def test_of_an_offline_peer(odd: Any) -> None:
    for name, method in methods_of_peer(OfflineMultiplayerPeer()).items():
        with pytest.raises(MultiplayerError) as caught:
            method(odd)
        assert caught.value.code == Error.ERR_INVALID_PARAMETER, name


def test_true_is_not_the_server_after_a_call_to_the_server() -> None:
    """What was found out for peer 1 must not serve for what is equal to 1."""
    root, hero = Node("root"), Hero("Hero")
    root.add_child(hero)
    with connected_pair() as pair:
        api = SceneMultiplayer(root)
        api.multiplayer_peer = pair.client
        for _ in range(2):
            hero.jump.rpc_id(Ids.SERVER, 1)
            hero.jump.rpc_id(1, 1)
        equal: tuple[Any, ...] = (True, 1.0)
        for odd in equal:
            with pytest.raises(MultiplayerError, match="a peer id must be an int"):
                hero.jump.rpc_id(odd, 1)
        assert api.statistics.calls_sent == 4


@each_odd_id
def test_of_peers_that_do_nothing(odd: Any) -> None:
    for peer in (WebSocketServer(), WebSocketClient(), WebSocketMultiplayerPeer()):
        methods = methods_of_websocket_peer(peer)
        del methods["admit_peer"], methods["send_packet"]  # or say that there is no session
        for name, method in methods.items():
            with pytest.raises(MultiplayerError) as caught:
                method(odd)
            assert caught.value.code == Error.ERR_INVALID_PARAMETER, name
