"""Settings in the wrong place: they raise and name the right one, instead of doing nothing."""

from __future__ import annotations

import math
from dataclasses import fields
from math import nan
from typing import Any

import pytest

from multiplayer import (
    Error,
    Limits,
    MultiplayerError,
    OfflineMultiplayerPeer,
    PendingCall,
    SceneMultiplayer,
)
from peers import (
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
    connect,
    reply,
)
from peers.testing import Pair, connected_pair

FIELDS = [field.name for field in fields(Limits)]
PEERS = (WebSocketClient, WebSocketServer, WebSocketMultiplayerPeer, OfflineMultiplayerPeer)


def misuse(instance: object, name: str, value: object = 5) -> str:
    """The sentence with which setting an attribute is refused."""
    with pytest.raises(MultiplayerError) as caught:
        setattr(instance, name, value)
    assert caught.value.code == Error.ERR_UNAVAILABLE
    assert name not in vars(instance)
    assert not hasattr(instance, name)
    return caught.value.message


@pytest.mark.parametrize("name", FIELDS)
def test_limits_are_no_attributes(name: str) -> None:
    for make in PEERS:
        if name == "max_violations" and make is not OfflineMultiplayerPeer:
            continue  # Godot has none, but we had it before there were Limits
        sentence = misuse(make(), name)
        assert sentence == f"{make.__name__} has no {name}: set limits = Limits({name}=…)"
    sentence = misuse(SceneMultiplayer(), name)
    assert f"set multiplayer_peer.limits = Limits({name}=…)" in sentence
    assert "client or server; set it there" in misuse(WebSocketPeer(), name)


@pytest.mark.parametrize("name", ["auth_callback", "auth_timeout", "validate", "root_path"])
def test_what_is_the_apis_is_not_the_peers(name: str) -> None:
    for make in PEERS:
        assert misuse(make(), name).endswith("it is a setting of SceneMultiplayer")
    assert hasattr(SceneMultiplayer(), name)


@pytest.mark.parametrize(
    "name",
    [
        "limits",
        "codec",
        "heartbeat_interval",
        "handshake_timeout",
        "max_queued_packets",
        "transfer_mode",
        "allowed_origins",
        "upgrade_callback",
        "supported_protocols",
    ],
)
def test_what_is_the_peers_is_not_the_apis(name: str) -> None:
    assert misuse(SceneMultiplayer(), name).endswith(f"set multiplayer_peer.{name}")
    assert hasattr(WebSocketMultiplayerPeer(), name)


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (WebSocketClient, "verify_ssl", "verify_tls"),
        (WebSocketClient, "trusted_ssl_certificate", "trusted_tls_certificate"),
        (WebSocketClient, "tls_certificate", "servers"),
        (WebSocketClient, "bind_ip", "servers"),
        (WebSocketServer, "ssl_certificate", "tls_certificate"),
        (WebSocketServer, "verify_tls", "clients"),
        (WebSocketMultiplayerPeer, "private_key", "TLSOptions"),
        (WebSocketMultiplayerPeer, "bind_ip", "take an address"),
        (SceneMultiplayer, "network_peer", "multiplayer_peer"),
        (SceneMultiplayer, "allow_object_decoding", "nothing that arrives becomes code"),
        (WebSocketPeer, "heartbeat_interval", "client or server"),
        (WebSocketPeer, "transfer_mode", "client or server"),
    ],
)
def test_other_names_and_other_roles(make: type, name: str, words: str) -> None:
    assert words in misuse(make(), name)


def test_reading_says_it_too() -> None:
    with pytest.raises(AttributeError, match="set limits = Limits"):
        _ = WebSocketServer().max_peers  # type: ignore[attr-defined]


def test_a_class_of_the_users_may_have_such_a_name() -> None:
    class Lobby(WebSocketServer):
        max_peers = 8  # counted by the game

        def __init__(self) -> None:
            super().__init__()
            self.players: list[int] = []

    lobby = Lobby()
    lobby.max_peers = 9
    assert (lobby.max_peers, lobby.limits.max_peers) == (9, 4096)


@pytest.mark.parametrize("limits", [5, None, {"max_peers": 5}])
def test_limits_are_limits(limits: object) -> None:
    for make in PEERS:
        with pytest.raises(MultiplayerError, match="limits must be a Limits") as caught:
            make().limits = limits
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize("timeout", [nan, -1, "5", True])
async def test_a_time_to_wait_is_a_time(timeout: Any) -> None:
    call: PendingCall[int] = PendingCall(1, "Game: add()", lambda: None)
    pair = connected_pair()
    for action in (
        lambda: reply(call, timeout),
        lambda: connect("ws://127.0.0.1:1", timeout=timeout).__aenter__(),
    ):
        with pytest.raises(MultiplayerError, match="ERR_INVALID_PARAMETER: timeout ") as caught:
            await action()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert not call.done
    with pair as (server, client), pytest.raises(MultiplayerError, match="timeout"):
        Pair(server, client).until(lambda: True, timeout)


async def test_an_answer_may_take_for_ever() -> None:
    call: PendingCall[int] = PendingCall(1, "Game: add()", lambda: None)
    call.settle(5, None)
    assert await reply(call, math.inf) == 5


def test_a_pair_is_of_one_kind() -> None:
    make: Any = connected_pair
    for arguments, words in (
        ({"gd_mp_api": False, "godot4": True}, "choose one"),
        ({"godot4": True, "server": WebSocketServer()}, "WebSocketServer does not speak"),
        ({"godot4": True, "client": WebSocketClient()}, "WebSocketClient does not speak"),
    ):
        with pytest.raises(MultiplayerError, match=words) as caught:
            make(**arguments)
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
