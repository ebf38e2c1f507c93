"""What a server only passes on goes straight to the others, beside the same on the long way.

In both worlds everybody gets the same, in the same order, and the same is counted and refused.
"""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from multiplayer import Dialect, MultiplayerError, SceneMultiplayer
from multiplayer.scene.relay import Relaying
from peers import WebSocketMultiplayerPeer
from peers.memory import MemoryNetwork
from tests.hostile.interrupted import Interrupt, Steps

if TYPE_CHECKING:
    from multiplayer.runs import Fetching

CLIENTS = 4
STEPS = 30
EVERY = 1 if os.environ.get("GDPEERS_FULL") else 31
HEADS = {Dialect.GODOT_4: b"\x07\x03", Dialect.NATIVE: b"\x07"}
RAW = {Dialect.GODOT_4: b"\x03", Dialect.NATIVE: b"\x02"}


class World:
    """A server whose API relays, and clients whose packets are written byte by byte."""

    def __init__(
        self, dialect: Dialect, *, straight: bool, discards: bool = False, rate: int = 1 << 26
    ) -> None:
        self.dialect = dialect
        self.log: list[tuple[object, ...]] = []
        self.network = MemoryNetwork(seed=1)
        self.apis = [SceneMultiplayer(None, dialect) for _ in range(CLIENTS + 1)]
        self.peers = [WebSocketMultiplayerPeer() for _ in self.apis]
        for place, (api, peer) in enumerate(zip(self.apis, self.peers, strict=True)):
            self.network.add(peer, polled_by=api)
            if place:
                peer.create_client("ws://127.0.0.1:9080")
            else:
                peer.limits = replace(peer.limits, relayed_bytes_per_second=rate)
                peer.create_server(9080)
            api.multiplayer_peer = peer
            for signal in (api.peer_packet, api.invalid_packet, api.peer_disconnected):
                name = signal.name
                signal.connect(lambda *args, p=place, n=name: self.log.append((p, n, *args)))
        self.server = self.apis[0]
        self.server.discard_packets = discards
        self.server._session.relaying.allowed = straight
        self.network.settle()
        self.log.clear()

    def id_of(self, place: int) -> int:
        return self.apis[place].get_unique_id()

    def put(self, place: int, target: int, payload: bytes) -> None:
        """Have a client ask for its bytes to be passed on."""
        packet = HEADS[self.dialect] + struct.pack("<i", target) + payload
        self.peers[place].send_packet(packet, 1)

    def whole(self) -> list[object]:
        server = self.peers[0]
        counts = [server.get_peer(each).statistics for each in server.get_peers()]
        return [self.server.statistics, server.statistics, counts, *self.log]


def play(world: World, seed: int) -> None:
    """Let clients send to each other, and things happen in between."""
    draw, raw = Random(seed), RAW[world.dialect]

    def interfere(_: int, packet: bytes) -> None:
        if packet.endswith(b"no more"):
            world.server.discard_packets = True
        elif packet.endswith(b"out"):
            world.server.disconnect_peer(world.id_of(CLIENTS))

    world.server.peer_packet.connect(interfere)
    ids = [world.id_of(place) for place in range(1, CLIENTS + 1)]
    words = [b"a", b"b" * 70, b"c" * 200, b"", b"no more"]
    discards = world.server.discard_packets
    for step in range(STEPS):
        world.server.discard_packets = discards
        for _ in range(draw.choice((1, 1, 2, 5))):
            place = draw.randrange(1, CLIENTS + 1)
            for _ in range(draw.choice((1, 1, 3, 9))):
                target = draw.choice([0, 0, -1, *ids, *(-each for each in ids), 1, 12345, -12345])
                payload = raw + draw.choice(words) if draw.random() < 0.95 else b""
                if step == STEPS // 2 and place == 1:
                    target, payload = 1, raw + b"out"
                try:
                    world.put(place, target, payload)
                except MultiplayerError as error:
                    world.log.append((place, "not sent", error.code))
        world.network.settle()


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each packet that could go straight, whether it did."""
    found: list[bool] = []
    pass_on = Relaying.pass_on

    def counting(self: Relaying, peer: int, data: bytes, link: Fetching) -> bool:
        found.append(pass_on(self, peer, data, link))
        return found[-1]

    monkeypatch.setattr(Relaying, "pass_on", counting)
    return found


@pytest.mark.parametrize("discards", [False, True], ids=["plays", "discards"])
@pytest.mark.parametrize("dialect", HEADS, ids=lambda dialect: dialect.name)
def test_both_ways_lead_to_the_same(dialect: Dialect, went: list[bool], *, discards: bool) -> None:
    for seed in range(4):
        worlds = [
            World(dialect, straight=straight, discards=discards) for straight in (True, False)
        ]
        for world in worlds:
            play(world, seed)
        assert worlds[0].log == worlds[1].log
        assert worlds[0].whole() == worlds[1].whole()
    assert sum(went) > STEPS


@pytest.mark.parametrize("dialect", HEADS, ids=lambda dialect: dialect.name)
def test_who_sets_off_too_much_is_held_on_both_ways(dialect: Dialect, went: list[bool]) -> None:
    worlds = [World(dialect, straight=straight, rate=20_000) for straight in (True, False)]
    for world in worlds:
        play(world, 5)
        world.network.advance(60.0)
        assert world.peers[0].statistics.limits_reached["relayed_bytes_per_second"] > 1
    assert worlds[0].whole() == worlds[1].whole()
    assert sum(went) > STEPS


@pytest.mark.parametrize("error", [Interrupt, RuntimeError], ids=lambda error: error.__name__)
@pytest.mark.handlers_fail
def test_an_interrupt_at_any_line_costs_nothing_of_those_that_stay(
    error: type[BaseException],
) -> None:
    at, kept, lost = 1, 0, 0
    worlds: list[World] = []  # held, so that none is finalized in a poll that is interrupted
    while True:
        world, steps = World(Dialect.GODOT_4, straight=True), Steps(at, error)
        worlds.append(world)
        numbers = [bytes((number,)) for number in range(6)]
        for place in (1, 2):
            for number in numbers:
                world.put(place, 0, b"\x03" + number)
            world.peers[place].flush()
        senders = {world.id_of(place): place for place in (1, 2)}
        steps(world.server.poll)
        world.network.settle()
        here = [place for place in range(1, CLIENTS + 1) if world.apis[place].get_peers()]
        for place in here:
            for sender, of in senders.items():
                got = [e[3] for e in world.log if e[:3] == (place, "peer_packet", sender)]
                assert got == sorted({*got}), steps.where
                assert of not in here or got == ([] if of == place else numbers), steps.where
        kept, lost = kept + (len(here) == CLIENTS), lost + (len(here) < CLIENTS)
        if not steps.where:
            break
        at += EVERY
    assert kept
    assert lost
