"""Seats over connections whose bytes come in pieces, that block, and that break at any byte.

Everybody sends to everybody, in lanes of the fan-out and out of them; reliable
packets arrive once and in order, whatever happens in between.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

import pytest

from multiplayer import ConnectionStatus, TransferMode
from multiplayer.endpoint.godot3_server import GdMpServer
from multiplayer.endpoint.server_role import ServerRole
from peers import Resume, SeatKeys, WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork
from tests.certificates import anchor, certificate, chain_of, key_of
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


class Pair:
    """A server and a client that comes back, perhaps encrypted."""

    def __init__(self, *, tls: bool = False, **settings: object) -> None:
        self.network = MemoryNetwork(seed=5)
        self.server = self.network.add(WebSocketServer())
        self.server.grace = 60.0
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.scheme = "wss" if tls else "ws"
        if tls:
            leaf = certificate("server")
            self.server.private_key = key_of(leaf)
            self.server.tls_certificate = chain_of(leaf)
        self.server.listen(9080, gd_mp_api=True)
        self.told = Recorder(self.server)
        self.client = self.join()
        self.heard = Recorder(self.client)
        self.id = self.client.get_unique_id()

    def join(self) -> WebSocketClient:
        client = self.network.add(WebSocketClient())
        client.resume = Resume(give_up_after=60.0)
        if self.scheme == "wss":
            client.trusted_tls_certificate = anchor()
        client.connect_to_url(f"{self.scheme}://server:9080", gd_mp_api=True)
        self.network.run_until(lambda: client.get_unique_id() > 1)
        return client

    def put(self, numbers: range, size: int = 10) -> None:
        self.server.set_target_peer(self.id)
        for number in numbers:
            self.server.put_packet(b"%d " % number + bytes(size))

    def got(self) -> list[int]:
        client = self.client
        count = client.get_available_packet_count()
        return [int(client.get_packet().partition(b" ")[0]) for _ in range(count)]


def test_it_is_the_same_with_tls() -> None:
    pair = Pair(tls=True)
    for turn in range(5):
        pair.put(range(20 * turn, 20 * turn + 20), 500)
        pair.network.poll()
        pair.network.reset(pair.client)
        pair.network.advance(3.0)
    assert pair.got() == [*range(100)]
    assert pair.heard.of("session_resumed") == [(True,)] * 5


def test_who_reads_too_slowly_is_closed_and_comes_back_to_all_of_it() -> None:
    pair = Pair(outbound_buffer_size=10_000)
    pair.network.pause(pair.client)
    for turn in range(10):
        pair.put(range(20 * turn, 20 * turn + 20), 1000)
        pair.network.settle()
    pair.network.advance(7.0)
    assert pair.told.of("peer_suspended") == [(pair.id,)]
    assert pair.server.statistics.limits_reached["outbound_buffer_size"] == 1
    pair.network.resume(pair.client)
    pair.network.advance(20.0)
    assert pair.got() == [*range(200)]
    assert pair.heard.of("session_resumed") == [(True,)]
    assert pair.server.statistics.drops["overflow"] == 0


def test_a_client_whose_server_reads_too_slowly_comes_back_with_all_of_it() -> None:
    """Its own bound closes the connection; what waits is less than the ring holds."""
    pair = Pair()
    pair.network.pause(pair.server)
    for number in range(200):
        pair.client.put_packet(b"%d " % number + bytes(1000))
        pair.network.settle()
    assert pair.client.statistics.limits_reached["outbound_buffer_size"] == 1
    pair.network.advance(7.0)
    assert pair.heard.of("session_suspended") == [()]
    pair.network.resume(pair.server)
    pair.network.advance(20.0)
    server, count = pair.server, pair.server.get_available_packet_count()
    got = [int(server.get_packet().partition(b" ")[0]) for _ in range(count)]
    assert got == [*range(200)]
    assert pair.heard.of("session_resumed") == [(True,)]
    assert pair.client.statistics.drops["overflow"] == 0


def test_who_is_held_goes_on_by_the_next_connection() -> None:
    """What it has sent to somebody who does not read waits, and nothing of it comes twice."""
    pair = Pair(outbound_buffer_size=20_000)
    other = pair.join()
    pair.network.settle()
    pair.network.pause(other)
    pair.client.set_target_peer(other.get_unique_id())
    sent = 0
    role = pair.server._role
    assert isinstance(role, ServerRole)
    member = role.clients.members[pair.id]
    while not member.last.held and sent < 1000:
        for _ in range(30):
            pair.client.put_packet(b"%d " % sent + bytes(1000))
            sent += 1
        pair.network.settle()
    assert member.last.held
    pair.network.reset(pair.client)
    pair.network.advance(3.0)
    pair.network.resume(other)
    pair.network.advance(10.0)
    got = [int(other.get_packet().partition(b" ")[0]) for _ in range(sent)]
    assert got == [*range(sent)]
    assert other.get_available_packet_count() == 0
    assert pair.heard.of("session_resumed") == [(True,)]
    assert not member.last.held


def test_a_server_that_leaves_waits_for_nobody() -> None:
    pair = Pair()
    pair.network.reset(pair.client)
    pair.client.close()
    pair.network.settle()
    assert pair.told.of("peer_suspended") == [(pair.id,)]
    pair.server.begin_leaving(4012)
    pair.network.advance(1.0)
    assert pair.told.of("peer_disconnected") == [(pair.id,)]
    assert pair.server.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED


def test_one_session_after_another() -> None:
    """A token of the one before opens nothing, even with the same secret."""
    pair = Pair(seat_keys=SeatKeys(bytes(16)))
    pair.network.reset(pair.client)
    pair.server.close()
    pair.server.listen(9080, gd_mp_api=True)
    pair.network.advance(5.0)
    assert "4003" in str(pair.client.failure)
    assert pair.server.get_peers() == pair.server.get_suspended_peers() == []
    assert pair.server.endpoint.alarm == math.inf


def test_a_member_that_begins_anew_waits_for_the_api_to_admit_it() -> None:
    """Where newcomers are held, neither it nor the others are told before that."""
    pair = Pair(holds_new_peers=True)
    server, network = pair.server, pair.network
    other = pair.join()
    for peer in (pair.id, other.get_unique_id()):
        server.admit_peer(peer)
    network.settle()
    heard = Recorder(other)
    server.max_replay_packets = 1
    server.grace = 61.0  # which applies the other one, too
    third = pair.join()
    id_ = third.get_unique_id()
    server.admit_peer(id_)
    network.settle()
    told = Recorder(third)
    network.pause(third)
    network.reset(third)
    network.settle()
    pair.id = id_
    pair.put(range(5))
    network.resume(third)
    network.advance(5.0)
    assert told.of("session_resumed") == [(False,)]
    assert "peer_resumed" not in heard
    server.admit_peer(id_)
    network.settle()
    assert heard.of("peer_resumed") == [(id_, False)]
    assert heard.of("peer_disconnected") == []
    ids = [each.get_unique_id() for each in (pair.client, other)]
    assert third.get_peers() == sorted([1, *ids])
    assert told.of("peer_disconnected") == []


@pytest.mark.parametrize("relay", [True, False], ids=["relays", "alone"])
def test_a_roster_ends_whoever_is_there(*, relay: bool) -> None:
    """Also without a relay, and for a member that was never admitted: its client waits for that."""
    pair = Pair(holds_new_peers=relay, server_relay=relay, max_replay_packets=1)
    pair.network.pause(pair.client)
    pair.network.reset(pair.client)
    pair.network.settle()
    pair.put(range(3))
    pair.network.resume(pair.client)
    pair.network.advance(5.0)
    pair.server.admit_peer(pair.id)
    pair.network.settle()
    role = pair.server._role
    assert isinstance(role, ServerRole)
    assert isinstance(role.envelope, GdMpServer)
    assert role.envelope._renewing == set()
    assert pair.heard.of("session_resumed") == [(False,)]
    assert pair.client.get_peers() == [1]
    pair.put(range(1))
    pair.network.settle()
    assert pair.got() == [0]
