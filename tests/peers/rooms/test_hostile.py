"""What strangers try at a server of rooms: floods, stalls, nonsense; honest players go on."""

from __future__ import annotations

import gc
import socket
from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import Limits, RoomServer, Waiting, WebSocketClient
from peers.memory import MemoryNetwork
from tests.driving import until
from tests.hostile.interrupted import Interrupt, Steps
from tests.peers.rooms.games import Duel, Hall
from tests.peers.rooms.visitors import CONNECTED, DISCONNECTED
from tests.raw import CLOSE, Raw, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multiplayer.rooms.addresses import RoomAddress
    from tests.driving import Drive

pytestmark = pytest.mark.needs_sockets


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Nothing is collected by itself: not while lines are counted."""
    gc.disable()
    yield
    gc.enable()


class Place:
    """A server in a network in memory, and clients of several addresses."""

    def __init__(self, **settings: object) -> None:
        self.network = MemoryNetwork(seed=5)
        self.server = self.network.add(RoomServer({"duel": Duel}))
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.server.listen(9080)

    def client(self, path: str, address: str = "198.51.100.1") -> WebSocketClient:
        client = self.network.add(WebSocketClient(), address=address)
        client.connect_to_url(f"ws://game:9080{path}", gd_mp_api=True)
        self.network.settle()
        return client

    def told(self, path: str, address: str = "198.51.100.1") -> tuple[int, str]:
        """How a client was closed that was not let in."""
        client = self.client(path, address)
        assert client.get_connection_status() == DISCONNECTED
        face = client.get_peer(1)
        return face.get_close_code(), face.get_close_reason()


def test_one_address_opens_so_many_rooms_and_no_more() -> None:
    place = Place(max_rooms_per_address=3, max_rooms=5)
    for _ in range(3):
        place.client("/duel/new").disconnect_from_host()
    place.network.settle()
    for path in ("/duel/new", "/duel/new?x=1"):
        assert place.told(path) == (4013, "your address has opened too many rooms")
    assert len(place.server.rooms) == 3
    honest = place.client("/duel/new", "203.0.113.9")
    assert honest.get_unique_id() > 1
    another = place.client("/duel/new", "203.0.113.9")
    assert another.get_unique_id() > 1
    assert place.told("/duel/new", "203.0.113.7") == (4013, "there is no place for another room")
    for room in place.server.rooms:
        room.close()
    place.network.settle()
    place.network.advance(1)
    assert place.server.rooms == []
    assert place.client("/duel/new").get_unique_id() > 1


def test_an_address_has_so_many_players_over_all_rooms() -> None:
    place = Place(limits=Limits(max_peers_per_address=3, max_peers=5))
    clients = [place.client("/duel/any") for _ in range(3)]
    assert len(place.server.rooms) == 2
    assert place.told("/duel/any") == (4013, "too many connections from your address")
    assert place.told("/duel/new") == (4013, "too many connections from your address")
    assert len(place.server.rooms) == 2
    clients += [place.client("/duel/any", "203.0.113.9") for _ in range(2)]
    assert place.told("/duel/any", "203.0.113.7") == (4013, "this server is full")
    assert place.server.statistics.limits_reached["max_peers_per_address"] >= 2
    clients[0].disconnect_from_host()
    place.network.settle()
    assert place.client("/duel/any").get_unique_id() > 1
    for room in place.server.rooms:
        room.close()
    place.network.settle()
    place.network.advance(1)
    assert place.server.table._visited == {}
    assert place.server.table.players == 0


async def test_heads_that_stall_keep_nobody_out(drive: Drive) -> None:
    server = RoomServer({"duel": Duel}, limits=Limits(max_pending_handshakes=4))
    server.handshake_timeout, server.close_timeout = 0.3, 0.1
    hall = Hall(drive, server)
    stalled = [await Raw.dial(server.get_local_port()) for _ in range(12)]
    for number, raw in enumerate(stalled):
        await raw.send(request(server.get_local_port(), path="/duel/new")[: 3 + 5 * number])
    player = await hall.join("/duel/new")
    await until(lambda: len(server.front.endpoint.links) == 0)
    assert len(server.rooms) == 1
    for raw in stalled:
        await raw.close()
    assert player.is_in


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"GET /du",
        b"\0\xff" * 100,
        b"GET /duel/new HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01" + b"\0" * 50,
        b"GET /duel/new HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"x" * 70000,
        request(1, path="/duel/new")[:-2],
        request(1, path="/duel/new") + b"\xff\xff\xff\xff",
    ],
    ids=range(8),
)
@pytest.mark.parametrize("drive", ["polled"], indirect=True)
async def test_sockets_are_passed_with_anything_at_all(drive: Drive, received: bytes) -> None:
    server = RoomServer({"duel": Duel})
    server.handshake_timeout = server.close_timeout = 0.1
    hall = Hall(drive, server)
    for shut in (False, True):
        ours, theirs = socket.socketpair()
        if shut:
            theirs.close()
        server.adopt(ours, ("192.0.2.7", 7), received)
        await until(lambda: not server.front.endpoint.links)
        await until(lambda: not any(room.peer.endpoint.links for room in server.rooms))
        theirs.close()
    await hall.join("/duel/any")


def test_who_waits_for_a_resolver_that_never_answers_gives_way_and_ends() -> None:
    place = Place(limits=Limits(max_pending_handshakes=3))
    waiting: list[Waiting] = []

    def resolve(address: RoomAddress, one: Waiting) -> bool:
        del address
        waiting.append(one)
        return True

    place.server.resolver = resolve
    clients = [place.client(f"/duel/R{number}") for number in range(6)]
    place.network.settle()
    assert [one.is_here for one in waiting] == [False] * 3 + [True] * 3
    place.server.create("duel", code="R5")
    waiting[5].go_on()
    waiting[4].refuse(4321, "not here")
    place.network.settle()
    assert clients[5].get_unique_id() > 1
    assert clients[4].get_peer(1).get_close_code() == 4321
    place.network.advance(10)
    assert not any(one.is_here for one in waiting)
    for one in waiting:
        one.go_on("R5")
        one.refuse()
        with pytest.raises(MultiplayerError) as raised:
            one.detach()
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST
    assert place.server.front.endpoint.links == []


async def test_a_connection_that_goes_elsewhere_takes_what_has_come_with_it(drive: Drive) -> None:
    here, there = Hall(drive), Hall(drive)
    room = there.open(code="R")

    def resolve(address: RoomAddress, waiting: Waiting) -> bool:
        assert address.code == "R"
        host, port = waiting.remote_address
        sock, received = waiting.detach()
        assert b"GET /duel/R HTTP/1.1\r\n" in received
        there.server.adopt(sock, (host, port), received)
        return True

    here.server.resolver = resolve
    player = await here.join("/duel/R")
    await until(lambda: room.seats)
    assert here.server.front.endpoint.links == []
    player.world.add.rpc_id(1, 4)
    await until(lambda: player.world.heard)


@pytest.mark.handlers_fail
async def test_a_resolver_that_raises_refuses(drive: Drive) -> None:
    hall = Hall(drive)
    hall.server.resolver = lambda address, waiting: 1 // 0 == 1
    player = hall.player("/duel/R")
    await until(lambda: player.is_out)
    with pytest.raises(MultiplayerError, match="resolver"):
        hall.server.resolver = 7  # type: ignore[assignment]


async def test_who_is_turned_away_and_stays_is_forgotten(drive: Drive) -> None:
    server = RoomServer({"duel": Duel}, limits=Limits(max_pending_handshakes=3))
    hall = Hall(drive, server)
    stubborn = [await Raw.connect(server.get_local_port(), path="/duel/NO") for _ in range(9)]
    for raw in stubborn:
        frame = await raw.receive_frame()
        assert frame is not None
        assert frame.op == CLOSE
    await until(lambda: len(server.front.endpoint.links) <= 3)
    await hall.join("/duel/new")
    for raw in stubborn:
        await raw.close()


@pytest.mark.parametrize("stride", [127])
@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("path", ["/duel/R", "/duel/new"])
def test_an_interrupt_at_any_line_of_a_poll_loses_that_player_at_most(
    path: str, stride: int
) -> None:
    at, came_in = 0, 0
    while True:
        at += stride  # not each of them: there are thousands
        place = Place()
        place.server.create("duel", code="R")
        steps = Steps(at, Interrupt)
        client = place.network.add(WebSocketClient())
        client.connect_to_url(f"ws://game:9080{path}", gd_mp_api=True)
        for _ in range(6):
            client.poll()
            steps(place.server.poll)
        if client.get_unique_id() > 1:
            came_in += 1
            client.disconnect_from_host()
            for _ in range(6):
                client.poll()
                steps(place.server.poll)
        steps.over = True
        place.network.settle()
        honest = place.client(path)
        assert honest.get_unique_id() > 1, steps.where
        here = [each for each in (client, honest) if each.get_connection_status() == CONNECTED]
        seats = [id_ for room in place.server.rooms for id_ in room.seats]
        assert sorted(seats) == sorted(each.get_unique_id() for each in here), steps.where
        for each in (client, honest):
            each.close()
        place.network.settle()
        assert not any(room.seats for room in place.server.rooms), steps.where
        assert place.server.table.players == 0, steps.where
        for room in place.server.rooms:
            room.close()
        place.network.settle()
        place.network.advance(1)
        assert place.server.rooms == [], steps.where
        assert (place.server.table.count, place.server.table._opened_by) == (0, {}), steps.where
        place.server.close()
        if at % (3 * stride) == 0:
            gc.collect()  # not while lines are counted
        if not steps.where:
            assert came_in > 5
            return
