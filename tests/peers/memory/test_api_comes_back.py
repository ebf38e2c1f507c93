"""Random histories of APIs whose connections break: who is there, calls and nodes come right."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from multiplayer import (
    GODOT_4,
    NATIVE,
    ConnectionStatus,
    Dialect,
    MultiplayerError,
    MultiplayerSpawner,
    Node,
    SceneMultiplayer,
    replicated,
    rpc,
)
from peers import (
    ConditionedPeer,
    Resume,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
)
from peers.memory import MemoryNetwork
from tests.driving import Recorder

if TYPE_CHECKING:
    from multiplayer import RejectReason

HISTORIES = 300 if os.environ.get("GDPEERS_FULL") == "1" else 4
STEPS = 40
GRACE = 10.0
URL = "ws://game.example:9080/"
KINDS = {
    "gd_mp": (NATIVE, True),
    "native": (NATIVE, False),
    "godot4": (GODOT_4, False),
}
MAY_HAPPEN = {"unknown_number", "unknown_peer", "unknown_target"}
"""What calls that were under way to one that has begun anew may be rejected for."""


class Mark(Node):
    count = replicated(0, mode="on_change")
    ticks = replicated(0)


class Talker(Node):
    """Notes who has said what.

    Attributes:
        heard: the numbers, by sender.
    """

    def __init__(self) -> None:
        super().__init__("Talker")
        self.heard: defaultdict[int, list[int]] = defaultdict(list)

    @rpc("any_peer")
    def say(self, number: int) -> None:
        self.heard[self.multiplayer.get_remote_sender_id()].append(number)


class Program:
    """A server or client: one API after the other, if it is as engines are.

    Attributes:
        renewed: how often it, or its whole program, has begun anew.
    """

    def __init__(self, world: World, resume: Resume | None, key: str = "") -> None:
        self.world = world
        self.key = key
        self.resume = resume
        self.rejected: list[tuple[RejectReason, str]] = []
        self.told: list[str] = []
        self.renewed = 0
        self.begin()

    def begin(self) -> None:
        """Make an API with its tree."""
        root = Node("root")
        self.api = SceneMultiplayer(root, self.world.dialect)
        self.api.on_error = "raise"
        self.talker = Talker()
        self.marks = Node("Marks")
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_path = "../Marks"
        spawner.add_spawnable_scene("mark", Mark)
        for node in (self.talker, self.marks, spawner):
            root.add_child(node)
        self.api.invalid_packet.connect(lambda _, reason, words: self._note(reason, words))
        for signal in (self.api.peer_disconnected, self.api.server_disconnected):
            signal.connect(lambda *_, name=signal.name: self.told.append(name))
        self.api.session_resumed.connect(self._resumed)
        if self.world.checked:
            self.api.auth_callback = lambda peer, _: self.api.complete_auth(peer)
            self.api.peer_authenticating.connect(lambda peer: self.api.send_auth(peer, b"I am"))

    def _note(self, reason: RejectReason, words: str) -> None:
        self.rejected.append((reason, words))

    def _resumed(self, replayed: bool) -> None:
        self.renewed += not replayed

    def listen(self) -> None:
        server: WebSocketMultiplayerPeer
        if self.world.gd_mp:
            server = WebSocketServer()
            server.grace = GRACE
            server.max_replay_packets = 8
            self.world.network.add(server, polled_by=self.api)
            server.listen(9080, gd_mp_api=True)
        else:
            server = WebSocketMultiplayerPeer()
            server.grace = GRACE
            server.max_replay_packets = 8
            self.world.network.add(server, polled_by=self.api)
            server.create_server(9080)
        self.peer = server
        self.api.multiplayer_peer = server

    def connect(self) -> None:
        url = f"{URL}?seat_key={self.key}" if self.key else URL
        client: WebSocketMultiplayerPeer
        if self.world.gd_mp:
            client = WebSocketClient()
            client.resume = self.resume
            self.world.network.add(client, polled_by=self.api)
            client.connect_to_url(url, gd_mp_api=True)
        else:
            client = WebSocketMultiplayerPeer()
            client.resume = self.resume
            self.world.network.add(client, polled_by=self.api)
            client.create_client(url)
        self.peer = client
        self.api.multiplayer_peer = client

    @property
    def id(self) -> int:
        return self.api.get_unique_id()

    def values(self) -> dict[str, tuple[int, int]]:
        return {
            each.name: (each.count, each.ticks)
            for each in self.marks.children
            if isinstance(each, Mark)
        }


class World:
    """A server, clients of ours that come back, and one as engines are, with a seat key."""

    def __init__(self, kind: str, seed: int, *, checked: bool = False) -> None:
        self.checked = checked
        self.dialect: Dialect
        self.dialect, self.gd_mp = KINDS[kind]
        self.chance = random.Random(seed)
        self.network = MemoryNetwork(seed=seed)
        self.server = Program(self, None)
        self.server.listen()
        self.clients = [
            Program(self, Resume()),
            Program(self, Resume(ring_packets=3)),
            Program(self, None, key="a" * 22),
        ]
        for each in self.clients:
            each.connect()
        self.network.advance(1)
        assert sorted(self.server.api.get_peers()) == sorted(each.id for each in self.clients)
        self.ids = {id(each): each.id for each in self.clients}
        self.said: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self.number = 0

    def say(self, caller: Program, called: int) -> None:
        self.number += 1
        try:
            caller.talker.say.rpc_id(called, self.number)
        except MultiplayerError:
            return  # an engine that is away, or somebody whom it has not heard of yet
        self.said[caller.id, called].append(self.number)

    def step(self) -> None:
        """One of the things that happen."""
        chance, everybody = self.chance, [self.server, *self.clients]
        what = chance.random()
        if what < 0.45:
            caller, called = chance.sample(everybody, 2)
            self.say(caller, 1 if called is self.server else self.ids[id(called)])
        elif what < 0.55:
            mark = Mark(f"Mark{self.number}")
            self.number += 1
            mark.count = self.number
            self.server.marks.add_child(mark)
        elif what < 0.62 and self.server.marks.children:
            self.server.marks.remove_child(chance.choice(self.server.marks.children))
        elif what < 0.75:
            for mark in self.server.marks.children:
                assert isinstance(mark, Mark)
                mark.count += 1
                mark.ticks += 1
        elif what < 0.95:
            self.cut(chance.choice(self.clients))
        else:
            self.network.advance(chance.random() * 3)
        self.network.advance(chance.random() * 0.1)
        self.bring_back()

    def cut(self, client: Program) -> None:
        """Cut a client off; more may be said meanwhile than is kept."""
        if client.peer.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTED:
            return
        self.network.reset(client.peer)
        client.api.poll()
        self.server.api.poll()
        for _ in range(self.chance.choice((0, 2, 6))):
            self.say(client, 1)
        for _ in range(self.chance.choice((0, 2, 12))):
            self.say(self.server, self.ids[id(client)])

    def bring_back(self) -> None:
        """An engine's program connects again when it notices, with another tree."""
        engine = self.clients[-1]
        status = engine.peer.get_connection_status()
        if status == ConnectionStatus.CONNECTION_DISCONNECTED and self.chance.random() < 0.5:
            engine.renewed += 1
            engine.begin()
            engine.connect()

    def rest(self) -> None:
        """Let all come back, and everything arrive."""
        for _ in range(200):
            self.network.advance(0.1)
            self.bring_back()
            if not self.server.api.get_suspended_peers() and all(
                each.peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED
                and len(each.api.get_peers()) == len(self.clients)
                for each in self.clients
            ):
                break
        self.network.advance(2)


def is_part_of(part: list[int], whole: list[int]) -> bool:
    """Whether these are in it, in that order and not twice."""
    rest = iter(whole)
    return all(each in rest for each in part)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_history(kind: str, seed: int) -> None:
    world = World(kind, seed)
    for _ in range(STEPS):
        world.step()
    world.rest()
    server = world.server
    ids = sorted(world.ids.values())
    assert sorted(server.api.get_peers()) == ids
    assert server.api.get_suspended_peers() == []
    assert "peer_disconnected" not in server.told
    for client in world.clients:
        assert client.id == world.ids[id(client)]
        assert sorted([*client.api.get_peers(), client.id]) == [1, *ids]
        assert client.values() == server.values()
        if client.resume is not None:
            assert client.told == []
    programs = {1: server, **{each.id: each for each in world.clients}}
    for (caller, called), numbers in world.said.items():
        heard = programs[called].talker.heard[caller]
        assert is_part_of(heard, numbers), (caller, called)
        if not any(programs[each].renewed for each in (caller, called)):
            assert heard == numbers, (caller, called)
    reasons = {str(reason) for each in programs.values() for reason, _ in each.rejected}
    assert reasons <= MAY_HAPPEN, [each.rejected for each in programs.values()]
    before = world.number
    for caller in programs.values():
        for called in programs:
            if caller.id != called:
                world.say(caller, called)
    world.network.advance(1)
    for (caller, called), numbers in world.said.items():
        assert programs[called].talker.heard[caller][-1:] == numbers[-1:], (caller, called)
        assert numbers[-1] > before


def wait(network: MemoryNetwork, apis: list[SceneMultiplayer]) -> None:
    """Let five seconds go by, in which all are polled."""
    for _ in range(100):
        network.advance(0.05)
        for api in apis:
            api.poll()


@pytest.mark.parametrize("kept", [4096, 2], ids=["replayed", "anew"])
def test_on_a_bad_network(kept: int) -> None:
    """A ``ConditionedPeer`` hands on what its peer says of it, in its turn.

    What it still had under way when the session began anew means nothing to the other side.
    """
    network = MemoryNetwork(seed=5)
    server, client = WebSocketServer(), WebSocketClient()
    server.grace, client.resume = GRACE, Resume(ring_packets=kept)
    apis, talkers = [SceneMultiplayer(), SceneMultiplayer()], [Talker(), Talker()]
    for api, peer, talker in zip(apis, (server, client), talkers, strict=True):
        api.root = Node("root")
        api.root.add_child(talker)
        network.add(peer, polled_by=api)
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url(URL, gd_mp_api=True)
    told = [Recorder(api, without=("invalid_packet",)) for api in apis]
    for api, peer in zip(apis, (server, client), strict=True):
        api.multiplayer_peer = ConditionedPeer(peer, "mobile_3g", seed=3)
    wait(network, apis)
    id_ = apis[1].get_unique_id()
    for recorder in told:
        recorder.log.clear()
    network.reset(client)
    for api in apis:
        api.poll()
    for number in range(5):
        talkers[1].say.rpc_id(1, number)
    wait(network, apis)
    replayed = kept > 2
    assert told[0].log == [("peer_suspended", id_), ("peer_resumed", id_, replayed)]
    assert told[1].log == [("session_suspended",), ("session_resumed", replayed)]
    talkers[1].say.rpc_id(1, 5)
    wait(network, apis)
    assert talkers[0].heard[id_] == [*range(0 if replayed else 5, 6)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_begins_anew_logs_in_again(kind: str) -> None:
    """Nobody else is told of it before it has; and it hears who has come and gone meanwhile."""
    world = World(kind, 1, checked=True)
    client, other, engine = world.clients[1], world.clients[0], world.clients[2]
    told = {each: Recorder(each.api) for each in (world.server, client, other)}
    world.network.reset(client.peer)
    client.api.poll()
    world.server.api.poll()
    for _ in range(5):
        world.say(client, 1)
    engine.peer.close()
    world.server.peer.expire_seat(engine.id or world.ids[id(engine)])
    world.network.advance(3)
    id_, gone = world.ids[id(client)], world.ids[id(engine)]
    assert [each for each in told[world.server].log if gone not in each] == [
        ("peer_suspended", id_), ("peer_authenticating", id_), ("peer_resumed", id_, False),
    ]  # fmt: skip
    assert sorted(each for each in told[client].log if each[0] != "invalid_packet") == [
        ("peer_authenticating", 1), ("peer_disconnected", gone), ("session_resumed", False),
        ("session_suspended",),
    ]  # fmt: skip
    assert sorted(told[other].log) == [
        ("peer_disconnected", gone), ("peer_resumed", id_, False),
    ]  # fmt: skip
    assert sorted(client.api.get_peers()) == sorted([1, world.ids[id(other)]])
    for caller, called in ((client, 1), (client, other.id), (other, id_), (world.server, id_)):
        world.say(caller, called)
    world.network.advance(1)
    for (caller_id, called_id), numbers in world.said.items():
        programs = {1: world.server, client.id: client, other.id: other}
        assert programs[called_id].talker.heard[caller_id][-1] == numbers[-1]
