"""What a type checker knows of a game's code; ``make check`` lets pyright read it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from typing import assert_type

import pytest

import peers
from multiplayer import (
    BoundRpc,
    GridInterest,
    MultiplayerAPI,
    MultiplayerPeer,
    MultiplayerSynchronizer,
    Node,
    PeerGroup,
    PendingCall,
    Replicated,
    SceneMultiplayer,
    Vector2,
    replicated,
    rpc,
    rset,
    synchronizer_of,
)
from multiplayer.signals import BoundSignal
from multiplayer.testing import SimulatedClient, SimulatedNetwork, SimulatedServer
from peers import (
    LobbyClient,
    RoomPage,
    RoomPlace,
    RoomRow,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
)
from peers.memory import MemoryNetwork
from peers.testing import connected_pair


class Player(Node):
    health = rset("puppet", default=100)

    @rpc("any_peer")
    def greet(self, text: str, times: int = 1) -> str:
        return text * times

    @rpc
    async def think(self, seconds: float) -> str:
        return f"{seconds} s"

    @rpc("any_peer", "call_local", limit=20)
    def move(self, x: float) -> None:
        assert_type(self.multiplayer, MultiplayerAPI[Node | None])


class Wizard(Player):
    @rpc
    def turn(self, degrees: float, /) -> float:
        return degrees

    @rpc("any_peer")
    def greet(self, text: str, times: int = 1) -> str:
        return super().greet(text.upper(), times)

    @rpc
    async def think(self, seconds: float) -> str:
        return "about " + await super().think(seconds)


class Knight(Node):
    position = replicated(Vector2(0, 0))
    health = replicated(100, mode="on_change", spawn=False)
    bag = replicated(default_factory=list[str], mode="on_change")
    names: Replicated[dict[str, int]] = replicated(default_factory=dict)
    goal: Replicated[Vector2 | None] = replicated(None)


class Sprite:
    @rpc
    def turn(self, degrees: float) -> float:
        return degrees


def game() -> tuple[SceneMultiplayer, Wizard]:
    wizard = Wizard("Ada")
    root = Node("root")
    root.add_child(wizard)
    return SceneMultiplayer(root), wizard


def test_calls() -> None:
    server, ada = game()
    client, wizard = game()
    with connected_pair() as pair:
        server.multiplayer_peer, client.multiplayer_peer = pair
        assert_type(ada.turn, BoundRpc[[float], float])
        assert_type(ada.greet("a", 2), str)
        assert_type(ada.greet.rpc("a"), None)
        assert_type(ada.greet.rpc_id(0, "a", times=2), None)
        group = server.group("red")
        assert_type(group, PeerGroup)
        assert_type(ada.greet.rpc_to(group, "a", times=2), None)
        assert_type(wizard.think.rpc_to([1], 0.5), None)
        assert_type(wizard.greet.call_id(1, "a"), PendingCall[str])
        assert_type(wizard.think.call_id(1, 0.5), PendingCall[str])
        assert_type(wizard.greet.call_id(1, "a").done, bool)
        assert_type(wizard.health, int)
        assert_type(super(Wizard, ada).greet("a"), str)


def test_replicated_properties() -> None:
    knight = Knight("K")
    assert_type(knight.position, Vector2)
    assert_type(knight.health, int)
    assert_type(knight.bag, list[str])
    assert_type(knight.names, dict[str, int])
    assert_type(knight.goal, Vector2 | None)
    assert_type(Knight.health, Replicated[int])
    assert_type(synchronizer_of(knight), MultiplayerSynchronizer)
    knight.health -= 1
    knight.bag.append("rope")
    knight.goal = Vector2(1, 2)
    GridInterest(10).follow(knight)


def replicated_properties_that_do_not_fit(knight: Knight) -> None:
    knight.health = "well"  # pyright: ignore[reportAttributeAccessIssue]
    knight.bag = [5]  # pyright: ignore[reportAttributeAccessIssue]
    knight.goal = 5  # pyright: ignore[reportAttributeAccessIssue]
    replicated(5, mode="now and then")  # pyright: ignore[reportArgumentType]
    replicated(5, default_factory=int)  # pyright: ignore[reportCallIssue]


async def answers(wizard: Wizard) -> None:
    """For the type checker alone, as the next."""
    assert_type(await peers.reply(wizard.think.call_id(1, 0.5)), str)
    assert_type(await peers.reply(wizard.greet.call_id(1, "a"), timeout=5), str)
    assert_type(wizard.think.call_id(1, 0.5).result(), str)


async def what_waits(wizard: Wizard, api: SceneMultiplayer) -> None:
    """The names that are loaded at first use have types, and so have those of peers.asyncio."""
    async with peers.serve(0, api=api) as server, peers.connect("ws://127.0.0.1") as client:
        assert_type(server, WebSocketServer)
        assert_type(client, WebSocketClient)
    network = SimulatedNetwork()
    async with peers.serve(0, network=network) as simulated:
        assert_type(simulated, SimulatedServer)
    async with peers.connect("ws://127.0.0.1", network=network) as guest:
        assert_type(guest, SimulatedClient)
    async with peers.serve(0, network=MemoryNetwork()) as in_memory:
        assert_type(in_memory, WebSocketServer)
    async with peers.asyncio.serve(0, peer=WebSocketMultiplayerPeer()) as godot4:
        assert_type(godot4, WebSocketMultiplayerPeer)
    async with peers.asyncio.connect("ws://127.0.0.1", api=api) as client:
        assert_type(client, WebSocketClient)
    async with peers.asyncio.emissions(client.peer_packet) as packets:
        assert_type(await anext(packets), tuple[int])
    assert_type(await peers.asyncio.reply(wizard.think.call_id(1, 0.5)), str)
    await peers.trio.run(server, api, hz=60)
    await peers.asyncio.run(server, api, on_error="raise", stop_on_signals=True)
    await peers.asyncio.run(5)  # pyright: ignore[reportArgumentType]


async def in_the_lobby(client: LobbyClient) -> None:
    async with peers.lobby("ws://127.0.0.1:9080") as lobby, peers.asyncio.lobby("ws://h") as other:
        assert_type(lobby, peers.Lobby)
        assert_type(other, peers.Lobby)
        page = await lobby.list("duel", metadata={"map": "ice"})
        assert_type(page, RoomPage)
        place = await lobby.create("duel", options={"rounds": "3"})
        assert_type(place, RoomPlace)
        assert_type(await lobby.match("duel", rating=7), tuple[RoomPlace, ...])
        assert_type(await lobby.change(place, locked=True), None)
        async for room in lobby.rooms():
            assert_type(room, RoomRow)
    assert_type(client.join("K7QX"), PendingCall[RoomPlace])
    assert_type(client.list().result(), RoomPage)
    assert_type(client.kick(place, 7), PendingCall[None])
    client.match("duel", rating="good")  # pyright: ignore[reportArgumentType]


def what_does_not_fit(ada: Wizard) -> None:
    """pyright also says where it was told to expect an error and finds none."""
    ada.greet.rpc(5)  # pyright: ignore[reportArgumentType]
    ada.greet.rpc()  # pyright: ignore[reportCallIssue]
    ada.move.rpc_id(1, "far")  # pyright: ignore[reportArgumentType]
    ada.move.rpc_to([1], "far")  # pyright: ignore[reportArgumentType]
    ada.move.rpc_to(1, 2.0)  # pyright: ignore[reportArgumentType]
    ada.think.call_id(1)  # pyright: ignore[reportCallIssue]


def test_signals_and_objects() -> None:
    api, ada = game()
    assert_type(api.peer_connected, BoundSignal[int])
    assert_type(api.peer_packet, BoundSignal[int, bytes])
    seen: list[tuple[int, bytes]] = []
    api.peer_packet.connect(lambda peer, data: seen.append((peer, data)))
    api.peer_packet.emit(1, b"x")
    assert seen == [(1, b"x")]
    sprite = Sprite()
    assert_type(api.add("Ball", sprite), None)
    assert_type(sprite.turn(0.5), float)
    assert_type(ada.multiplayer.multiplayer_peer, MultiplayerPeer)


def test_a_node_reaches_its_session() -> None:
    api, ada = game()
    ada.multiplayer.multiplayer_peer = None
    assert not api.has_multiplayer_peer()
    session = ada.multiplayer
    assert isinstance(session, SceneMultiplayer)
    assert_type(session.peer_packet, BoundSignal[int, bytes])
    with pytest.raises(Exception, match="there is no session"):
        session.send_bytes(b"x")


def test_the_root_of_an_api_has_its_class() -> None:
    api = SceneMultiplayer(Player("Hero"))
    assert_type(api, SceneMultiplayer[Player])
    assert_type(api.root, Player)
    assert_type(SceneMultiplayer().root, Node | None)
    assert root_of(api) is api.root


def root_of(api: SceneMultiplayer) -> object:
    return assert_type(api.root, Node | None)
