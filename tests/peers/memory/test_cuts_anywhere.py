"""Connections that break at any byte: each reliable packet comes once, or both sides know."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from peers import Resume, WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork

if TYPE_CHECKING:
    from multiplayer import MultiplayerPeer

pytestmark = pytest.mark.needs_sockets

STEPS = 150
SMALL = Resume(give_up_after=120.0, ring_bytes=4000, ring_packets=30)
LARGE = Resume(give_up_after=120.0)


class Line:
    """One direction: what was put, and what has come."""

    def __init__(self, sender: MultiplayerPeer, receiver: MultiplayerPeer, target: int) -> None:
        self._sender, self._receiver, self._target = sender, receiver, target
        self.put = 0
        self.came: list[int] = []
        receiver.peer_packet.connect(self._take)

    def talk(self, size: int) -> None:
        self._sender.send_packet(b"%d " % self.put + bytes(size), self._target)
        self.put += 1

    def _take(self, source: int) -> None:
        del source
        self.came.append(int(self._receiver.get_packet().split()[0]))


@pytest.mark.parametrize("resume", [LARGE, SMALL], ids=["large rings", "small rings"])
@pytest.mark.parametrize("seed", range(20))
def test_each_packet_comes_once_and_in_order_or_both_know(seed: int, resume: Resume) -> None:
    chance = random.Random(seed)
    network = MemoryNetwork(seed=seed, chop="random", buffer_size=chance.choice((300, 65536)))
    server, client = network.add(WebSocketServer()), network.add(WebSocketClient())
    server.grace, client.resume = 60.0, resume
    server.max_replay_bytes, server.max_replay_packets = resume.ring_bytes, resume.ring_packets
    for peer in (server, client):
        peer.outbound_buffer_size = 1 << 20
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url("ws://game:9080", gd_mp_api=True)
    network.settle()
    own = client.get_unique_id()
    up, down = Line(client, server, 1), Line(server, client, own)
    resumed: list[bool] = []
    heard: list[bool] = []
    client.session_resumed.connect(resumed.append)
    server.peer_resumed.connect(lambda _, replayed: heard.append(replayed))
    deeds = [
        *((lambda: up.talk(chance.choice((0, 200, 1500))),) * 6),
        *((lambda: down.talk(chance.choice((0, 200, 1500))),) * 6),
        *(client.poll, server.poll, client.flush, server.flush),
        *(partial(network.reset, client), partial(network.half_close, client)),
        *(partial(network.hold, client), partial(network.hold, server)),
        *((partial(network.release, client), partial(network.release, server)) * 2),
        *(partial(network.advance, seconds) for seconds in (0.001, 0.02, 0.3, 1.5)),
    ]
    for _ in range(STEPS):
        chance.choice(deeds)()
    network.release(client)
    network.release(server)
    network.advance(60.0)
    assert server.get_peers() == [own]
    for line in (up, down):
        assert line.came == sorted({*line.came})
        if all(resumed) and all(heard):
            assert line.came == [*range(line.put)]
    up.talk(0)
    down.talk(0)
    network.advance(5.0)
    assert (up.came[-1], down.came[-1]) == (up.put - 1, down.put - 1)
    assert resumed
