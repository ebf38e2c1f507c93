"""Seats over connections whose bytes come in pieces, that block, and that break at any byte.

Everybody sends to everybody, in lanes of the fan-out and out of them; reliable
packets arrive once and in order, whatever happens in between.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

from multiplayer import TransferMode
from multiplayer.endpoint.server_role import ServerRole
from peers import Resume, WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import Recorder

if TYPE_CHECKING:
    from peers.memory.chopping import Chop

RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
MODES: Final = (RELIABLE, RELIABLE, RELIABLE, TransferMode.TRANSFER_MODE_UNRELIABLE)


class Crowd:
    """A server, clients that come back, and one that cannot."""

    def __init__(self, seed: int, chop: Chop, size: int) -> None:
        self.chance = random.Random(seed)
        self.network = MemoryNetwork(seed=seed, chop=chop, buffer_size=size)
        self.server = self.network.add(WebSocketServer())
        self.server.grace = 60.0
        self.server.outbound_buffer_size = 1 << 17
        self.server.listen(9080, gd_mp_api=True)
        self.clients = [self.join(comes_back=True) for _ in range(3)]
        self.plain = self.join(comes_back=False)
        self.everybody = [self.server, *self.clients, self.plain]
        self.told = [Recorder(client) for client in self.clients]
        self.sent: dict[tuple[int, int], list[int]] = {}
        self.got: dict[tuple[int, int], list[int]] = {}
        self.count = 0
        self.network.run_until(lambda: all(len(each.get_peers()) == 4 for each in self.everybody))

    def join(self, *, comes_back: bool) -> WebSocketClient:
        client = self.network.add(WebSocketClient())
        if comes_back:
            client.resume = Resume(give_up_after=60.0)
        client.connect_to_url("ws://server:9080", gd_mp_api=True)
        self.network.run_until(lambda: client.get_unique_id() > 1)
        return client

    def act(self) -> None:
        chance = self.chance
        what = chance.random()
        if what < 0.12:
            self.network.reset(chance.choice(self.clients))
        elif what < 0.2:
            self.network.advance(chance.choice((0.01, 0.3, 2.0)))
        elif what < 0.5:
            self.network.poll()
            self.fetch()
        else:
            self.put()

    def put(self) -> None:
        chance = self.chance
        sender = chance.choice(self.everybody)
        ids = [each.get_unique_id() for each in self.everybody]
        own = sender.get_unique_id()
        target = chance.choice([0, 0, -1, *(each for each in ids if each != own)])
        if target == -own:
            target = 0
        self.count += 1
        sender.transfer_mode = mode = chance.choice(MODES)
        sender.set_target_peer(target)
        sender.put_packet(b"%d " % self.count + bytes(chance.choice((1, 30, 300, 3000))))
        for each in ids if mode is RELIABLE else ():
            if each != own and (target in (0, each) or (target < 0 and each != -target)):
                self.sent.setdefault((own, each), []).append(self.count)

    def fetch(self) -> None:
        for peer in self.everybody:
            while peer.get_available_packet_count():
                key = peer.get_packet_peer(), peer.get_unique_id()
                self.got.setdefault(key, []).append(int(peer.get_packet().partition(b" ")[0]))

    def finish(self) -> None:
        self.network.advance(10.0)
        self.fetch()
        self.network.advance(10.0)
        self.fetch()

    def faults(self) -> list[str]:
        faults: list[str] = []
        for key, numbers in self.sent.items():
            got = self.got.get(key, [])
            if got != sorted({*got}):
                faults.append(f"{key}: not in order, or twice: {got}")
            if [number for number in got if number in {*numbers}] != numbers:
                faults.append(f"{key}: {[n for n in numbers if n not in got]} are missing")
        for told in self.told:
            faults += [f"{each}" for each in told.of("session_resumed") if each != (True,)]
            faults += [f"{each}" for each in told.of("peer_disconnected")]
        role = self.server._role
        assert isinstance(role, ServerRole)
        for member in role.clients.members.values():
            seat = member.seat
            if seat is not None and seat.ring is not None and seat.ring.packets:
                faults.append(f"{member.id}: {seat.ring.packets} are not acknowledged")
        return faults


@pytest.mark.parametrize("size", [700, 1 << 16], ids=["narrow", "wide"])
@pytest.mark.parametrize("chop", ["", "random"], ids=["whole", "in pieces"])
def test_all_that_is_reliable_arrives_once_and_in_order(chop: Chop, size: int) -> None:
    drops = 0
    for seed in range(6):
        crowd = Crowd(seed, chop, size)
        for _ in range(150):
            crowd.act()
        crowd.finish()
        assert crowd.faults() == [], f"seed {seed}"
        drops += sum(told.names().count("session_suspended") for told in crowd.told)
    assert drops > 20
