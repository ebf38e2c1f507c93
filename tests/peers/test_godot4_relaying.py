"""What a Godot 4 server passes on between raw clients: to whom, in which order, at what cost."""

from __future__ import annotations

import struct
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_4, SceneMultiplayer, TransferMode, rpc
from multiplayer.scene import Reason
from peers import websocket_multiplayer_peer
from tests.driving import pause, until
from tests.peers.sessions import MANY_FENCES, fenced, payloads
from tests.peers.sockets import narrow
from tests.peers.test_godot4_peer import FixedIds
from tests.peers.test_work import calls
from tests.raw import CLOSE, PING, PONG, Raw, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.driving import Drive

FIRST = 100
COMPLETE = b"\x07\x00"
"""A side's word that it has seen enough credentials."""


def system(kind: int, peer: int) -> bytes:
    """A SYS packet as the engine writes it."""
    return struct.pack("<BBi", 7, kind, peer)


def added(peer: int) -> bytes:
    return system(1, peer)


def gone(peer: int) -> bytes:
    return system(2, peer)


def relayed(peer: int, payload: bytes) -> bytes:
    """Bytes of the game's own for ``peer``, or at a client: from it."""
    return system(3, peer) + raw_bytes(payload)


def raw_bytes(payload: bytes) -> bytes:
    return b"\x03" + payload


class Server(FixedIds):
    """With an API, which answers who sends bytes to it by telling all others."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(*ids)
        self.limits = MANY_FENCES
        self.api = SceneMultiplayer(dialect=GODOT_4)
        self.api.peer_packet.connect(self.answer)

    def answer(self, sender: int, packet: bytes) -> None:
        self.api.send_bytes(b"heard " + packet, -sender)


@asynccontextmanager
async def session(drive: Drive, server: Server, count: int) -> AsyncIterator[dict[int, Raw]]:
    """Raw clients that have joined and have read what they were told."""
    server.create_server(0, "127.0.0.1")
    server.api.multiplayer_peer = server
    drive.add(server)
    raws: dict[int, Raw] = {}
    async with AsyncExitStack() as ends:
        for id_ in range(FIRST, FIRST + count):
            raw = raws[id_] = await Raw.connect(server.get_local_port())
            ends.push_async_callback(raw.close)
            assert await raw.receive_message() == struct.pack("<i", id_)
            assert await payloads(raw) == [added(other) for other in raws if other != id_]
        for position, raw in enumerate(raws.values()):
            later = [*raws][position + 1 :]
            assert await payloads(raw) == [added(other) for other in later]
        yield raws


def serving(count: int) -> Server:
    return Server(range(FIRST, FIRST + count))


def said(raw: Raw, *packets: bytes) -> bytes:
    """The frames of several packets."""
    return b"".join(raw.frame(packet) for packet in packets)


@pytest.mark.parametrize("count", [1, 2, 20])
async def test_each_gets_what_is_for_it_in_order(drive: Drive, count: int) -> None:
    async with session(drive, server := serving(count), count) as raws:
        ids = [*raws]
        expected: dict[int, list[bytes]] = {id_: [] for id_ in ids}
        for sender, raw in raws.items():
            other = ids[(ids.index(sender) + 1) % count]
            third = ids[(ids.index(sender) + 2) % count]
            targets = [0, -other, other, 0, -sender, third, -1, -third, 0]
            burst = b""
            for number, target in enumerate(targets):
                payload = b"%d from %d" % (number, sender)
                burst += said(raw, relayed(target, payload))
                others = [id_ for id_ in ids if id_ != sender]
                for id_ in others:
                    if target == id_ or (target <= 0 and target != -id_):
                        expected[id_].append(relayed(sender, payload))
                if target <= 0 and target != -1:  # for the server as well, which answers at once
                    for id_ in others:
                        expected[id_].append(raw_bytes(b"heard " + payload))
            await raw.send(burst)
            assert await payloads(raw) == expected.pop(sender)  # what others sent before
            expected[sender] = []
        for id_, raw in raws.items():
            assert await payloads(raw) == expected[id_]
        to_themselves = {1: 2, 2: 2, 20: 0}[count]  # alone by other and third, two by third
        assert server.api.statistics.rejected[Reason.TO_SENDER] == to_themselves


async def test_what_is_passed_on_is_counted_for_each_receiver(drive: Drive) -> None:
    async with session(drive, server := serving(3), 3) as raws:
        before = {id_: server.get_peer(id_).statistics for id_ in raws}
        packets = [relayed(target, b"x") for target in (-1, -1, 0, -FIRST)]
        await raws[FIRST].send(said(raws[FIRST], *packets))
        assert await payloads(raws[FIRST]) == []
        octets = 4 * len(packets[0]) + 2 * len(raw_bytes(b"heard x"))
        for id_ in raws:
            after = server.get_peer(id_).statistics
            assert after.packets_sent - before[id_].packets_sent == (0 if id_ == FIRST else 6)
            assert after.bytes_sent - before[id_].bytes_sent == (0 if id_ == FIRST else octets)


async def test_who_is_not_authenticated_gets_nothing(drive: Drive) -> None:
    server = Server([FIRST, FIRST + 1, FIRST + 2])
    server.api.auth_callback = lambda peer, data: None
    server.create_server(0, "127.0.0.1")
    server.api.multiplayer_peer = server
    drive.add(server)
    raws = [await Raw.connect(server.get_local_port()) for _ in range(3)]
    for raw in raws:
        assert len(await raw.receive_message()) == 4
    for raw in raws[:2]:
        await raw.send_frame(COMPLETE)
    await until(lambda: len(server.api.get_authenticating_peers()) == 3)
    for id_ in (FIRST, FIRST + 1):
        server.api.complete_auth(id_)
    await until(lambda: server.api.get_peers() == [FIRST, FIRST + 1])
    assert await payloads(raws[0]) == [COMPLETE, added(FIRST + 1)]
    assert await payloads(raws[1]) == [COMPLETE, added(FIRST)]
    # Also as the one who is to be spared, which is left out once only.
    await raws[0].send(said(raws[0], relayed(-1, b"a"), relayed(-FIRST - 2, b"b")))
    assert await payloads(raws[0]) == []
    heard = raw_bytes(b"heard b")
    assert await payloads(raws[1]) == [relayed(FIRST, b"a"), relayed(FIRST, b"b"), heard]
    assert await payloads(raws[2]) == []
    assert server.get_peer(FIRST + 2).statistics.packets_sent == 1  # its id
    await raws[2].send_frame(COMPLETE)
    server.api.complete_auth(FIRST + 2)
    await until(lambda: FIRST + 2 in server.api.get_peers())
    await raws[0].send(said(raws[0], relayed(-1, b"c")))
    assert await payloads(raws[0]) == [added(FIRST + 2)]
    assert await payloads(raws[1]) == [added(FIRST + 2), relayed(FIRST, b"c")]
    after = [COMPLETE, added(FIRST), added(FIRST + 1), relayed(FIRST, b"c")]
    assert await payloads(raws[2]) == after
    for raw in raws:
        await raw.close()


async def test_who_has_not_joined_yet_gets_nothing(drive: Drive) -> None:
    server = serving(2)
    # A listener that is told before the API is.
    server.peer_connected.connect(lambda _: server.api.send_bytes(b"before"))
    server.create_server(0, "127.0.0.1")
    server.api.multiplayer_peer = server
    drive.add(server)
    raws = [await Raw.connect(server.get_local_port()) for _ in range(2)]
    await until(lambda: len(server.api.get_peers()) == 2)
    ids = [struct.pack("<i", id_) for id_ in (FIRST, FIRST + 1)]
    assert await payloads(raws[0]) == [ids[0], raw_bytes(b"before"), added(FIRST + 1)]
    assert await payloads(raws[1]) == [ids[1], added(FIRST)]
    for raw in raws:
        await raw.close()


async def test_who_was_sent_away_gets_nothing_more(drive: Drive) -> None:
    async with session(drive, server := serving(3), 3) as raws:
        last = FIRST + 2
        server.close_timeout = 10
        server.api.disconnect_peer(last)
        await raws[FIRST].send(said(raws[FIRST], relayed(-1, b"all")))
        assert await payloads(raws[FIRST]) == [gone(last)]
        assert await payloads(raws[FIRST + 1]) == [gone(last), relayed(FIRST, b"all")]
        farewell = await raws[last].receive_frame()  # a ping, before whose pong nothing closes
        assert farewell is not None
        assert farewell.op == PING
        await raws[last].send_frame(farewell.payload, PONG)
        received = await raws[last].receive_frame()
        assert received is not None
        assert received.op == CLOSE
        assert server.get_peer(last).statistics.drops == {}


async def test_who_leaves_does_not_keep_the_others_from_it(drive: Drive) -> None:
    async with session(drive, server := serving(3), 3) as raws:
        await raws[FIRST + 2].reset()
        await raws[FIRST].send(said(raws[FIRST], *[relayed(-1, b"all")] * 3))
        await until(lambda: server.api.get_peers() == [FIRST, FIRST + 1])
        await payloads(raws[FIRST])
        received = await payloads(raws[FIRST + 1])
        assert sorted(received) == sorted([gone(FIRST + 2), *[relayed(FIRST, b"all")] * 3])
        assert server.api.statistics.rejected == {}


@pytest.mark.much
async def test_who_reads_slowly_gets_all_of_it_in_order(drive: Drive) -> None:
    server = serving(3)
    server.outbound_buffer_size = 1 << 24
    async with session(drive, server, 3) as raws:
        narrow(server, FIRST + 2)
        packets = [relayed(-1, b"%d " % number + bytes(4000)) for number in range(500)]
        for start in range(0, 500, 50):
            await raws[FIRST].send(said(raws[FIRST], *packets[start : start + 50]))
            await fenced(raws[FIRST])
            assert len(await fenced(raws[FIRST + 1])) == 50
        server.api.send_bytes(b"last", FIRST + 2)
        received = [await raws[FIRST + 2].receive_message() for _ in range(501)]
        assert received[:500] == [relayed(FIRST, packet[7:]) for packet in packets]
        assert received[500] == raw_bytes(b"last")


async def test_what_is_too_long_to_pass_on_is_counted_and_dropped(drive: Drive) -> None:
    server = serving(3)
    server.outbound_buffer_size = 1000
    async with session(drive, server, 3) as raws:
        await raws[FIRST].send(said(raws[FIRST], relayed(-1, bytes(2000)), relayed(-1, b"short")))
        assert await payloads(raws[FIRST]) == []
        for id_ in (FIRST + 1, FIRST + 2):
            assert await payloads(raws[id_]) == [relayed(FIRST, b"short")]
        assert server.api.statistics.rejected == {Reason.NOT_SENT: 1}


# ---------------------------------------------------------------- work


class Game:
    """Has an RPC."""

    @rpc
    def tick(self, number: int) -> None:
        raise AssertionError(number)


class Crowd:
    """A polled server and clients of it."""

    def __init__(self) -> None:
        self.server = Server(range(FIRST, FIRST + 500))
        self.server.limits = replace(MANY_FENCES, max_peers_per_address=0)
        self.server.api.discard_packets = True
        self.server.create_server(0, "127.0.0.1")
        self.server.api.multiplayer_peer = self.server
        self.raws: list[Raw] = []
        self.frames = 0

    async def grow(self, count: int) -> None:
        server, api = self.server, self.server.api
        while len(self.raws) < count:
            raw = await Raw.dial(server.get_local_port())
            self.raws.append(raw)
            await raw.send(request(server.get_local_port()))
            while len(api.get_peers()) < len(self.raws):
                api.poll()
                await pause()
        api.poll()

    async def relay(self, packets: int) -> int:
        """The calls of the polls in which a client's packets for all come in and go out."""
        api, raw = self.server.api, self.raws[0]
        received = self.server.statistics.packets_received
        await raw.send(said(raw, relayed(-1, b"x" * 7)) * packets)
        work = 0
        while self.server.statistics.packets_received < received + packets:
            await pause()
            work += calls(api.poll)
        return work

    async def close(self) -> None:
        self.server.close()
        for raw in self.raws:
            await raw.close()


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Each packet of which a frame is made."""
    made: list[bytes] = []
    make = websocket_multiplayer_peer.binary_frame

    def note(data: bytes, mode: TransferMode) -> bytes:
        made.append(data)
        return make(data, mode)

    monkeypatch.setattr(websocket_multiplayer_peer, "binary_frame", note)
    return made


async def test_a_burst_to_many_is_encoded_once_a_packet(encodings: list[bytes]) -> None:
    crowd = Crowd()
    await crowd.grow(200)
    encodings.clear()
    packets = (64 << 10) // 20  # as many as 64 KiB have room for
    work = await crowd.relay(packets)
    assert encodings == [relayed(FIRST, b"x" * 7)] * packets
    # Each packet its part and each client a write or two: not one the other.
    assert work < 120 * packets + 200 * 100
    await crowd.close()


async def test_work_grows_with_the_clients_and_with_the_packets_not_with_both() -> None:
    crowd = Crowd()
    found: list[int] = []
    for clients in (3, 30):
        await crowd.grow(clients)
        await crowd.relay(1)
        found += [await crowd.relay(1), await crowd.relay(51)]
    few, few_more, many, many_more = found
    assert many_more - many == few_more - few  # 50 packets more cost the same with 30 clients
    assert (many - few) / 27 < 25  # and a client more, one write
    await crowd.close()


async def test_announcements_and_calls_to_all_are_encoded_once(
    drive: Drive, encodings: list[bytes]
) -> None:
    async with session(drive, server := serving(5), 5) as raws:
        encodings.clear()
        await raws[FIRST].close()
        last = FIRST + 4
        await until(lambda: FIRST not in server.api.get_peers())
        assert encodings == [gone(FIRST)]
        game = Game()
        server.api.add("Game", game)
        server.api.rpc(0, game, "tick", [1])
        for id_ in [*raws][1:]:
            assert await payloads(raws[id_])
            await raws[id_].send_frame(struct.pack("<BBI", 2, 1, 1))  # it knows the node
            assert await payloads(raws[id_]) == []
        encodings.clear()
        for target in (0, 0, -last):
            server.api.rpc(target, game, "tick", [2])
        assert len(encodings) == 3
        call = encodings[0]
        for id_ in [*raws][1:]:
            assert await payloads(raws[id_]) == [call] * (2 if id_ == last else 3)
