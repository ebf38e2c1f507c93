"""Nobody gets another's seat, and seats cost a server no more than its limits allow."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Limits
from multiplayer.endpoint.seat_keys import SeatKeys
from multiplayer.endpoint.server_role import ServerRole
from peers import WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import Recorder, until
from tests.kept import left_in
from tests.peers.returning import Player, closes_all
from tests.raw import TEXT, Raw, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.driving import Drive

GONE = (4003, "your seat is gone")
SECRET = bytes(range(32))


def polled(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    return pytest.mark.parametrize("drive", ["polled"], indirect=True)(closes_all(test))


class Server(WebSocketServer):
    """One whose clock of tokens can be moved on, and that has one id to give, if it is told so."""

    ahead = 0.0
    only = 0

    def token_time(self) -> float:
        return super().token_time() + self.ahead

    def generate_unique_id(self) -> int:
        return self.only or super().generate_unique_id()


def opened(drive: Drive, *, grace: float = 30.0, **settings: object) -> Server:
    server = Server()
    server.bind_ip = "127.0.0.1"
    server.grace = grace
    server.seat_keys = SeatKeys(SECRET, "here")
    for name, value in settings.items():
        setattr(server, name, value)
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    return server


async def joined(server: WebSocketMultiplayerPeer) -> Player:
    player = Player(server.get_local_port())
    await player.dial()
    await player.read()
    await player.read()
    return player


async def is_still_there(server: Server, player: Player) -> None:
    """A player has noticed nothing, and nobody else has got in."""
    assert server.get_peers() == [player.id]
    server.set_target_peer(player.id)
    server.put_packet(b"for you alone")
    await player.read_until(b"for you alone")


def forgeries(token: str) -> dict[str, str]:
    room, _, encoded = token.partition(".")
    data = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))

    def made(data: bytes, name: str = room) -> str:
        return f"{name}." + base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    id_, expiry, nonce = struct.unpack(">IQQ", data[:20])
    others = SeatKeys(bytes(32), "here"), SeatKeys(SECRET, "there"), SeatKeys(SECRET, "here", 1)
    return {
        "other secret": others[0].token(id_, nonce, expiry),
        "other room": others[1].token(id_, nonce, expiry),
        "other room, renamed": "here." + others[1].token(id_, nonce, expiry).partition(".")[2],
        "other epoch": others[2].token(id_, nonce, expiry),
        "other id": made(struct.pack(">I", id_ ^ 1) + data[4:]),
        "later": made(data[:4] + struct.pack(">Q", expiry + 1) + data[12:]),
        "other nonce": SeatKeys(SECRET, "here").token(id_, nonce ^ 1, expiry),
        "id that never was": SeatKeys(SECRET, "here").token(99, nonce, expiry),
        "last byte": made(data[:-1] + bytes([data[-1] ^ 1])),
        "no MAC": made(data[:20]),
        "short": made(data[:-1]),
        "long": made(bytes(data) + b"\0"),
        "padded": token + "=",
        "nothing": "-",
        "no room": encoded,
    }


@polled
async def test_a_token_that_was_not_given_out_opens_nothing(drive: Drive) -> None:
    server = opened(drive)
    player = await joined(server)
    told = Recorder(server)
    for name, forged in forgeries(player.token).items():
        assert await player.turned_away(seat=forged) == GONE, name
    assert told.log == []
    assert server.statistics.failed_handshakes == len(forgeries(player.token))
    await is_still_there(server, player)


@polled
async def test_an_expired_token_opens_nothing(drive: Drive) -> None:
    server = opened(drive)
    player = await joined(server)
    server.ahead = 31 * 86400.0
    assert await player.turned_away() == GONE
    server.ahead = 0.0
    await is_still_there(server, player)


@polled
async def test_the_token_of_a_seat_that_was_left_is_not_good_for_its_id(drive: Drive) -> None:
    """Somebody else has that id by now."""
    server = opened(drive)
    server.only = 7
    first = await joined(server)
    await first.leave(1000)
    await until(lambda: not server.get_peers())
    second = await joined(server)
    assert first.id == second.id == 7
    assert await first.turned_away() == GONE
    await is_still_there(server, second)


@polled
async def test_a_key_is_not_good_for_a_seat_with_a_token_nor_the_other_way(drive: Drive) -> None:
    server = opened(drive)
    player = await joined(server)
    guess = await Raw.connect(server.get_local_port(), path=f"/?seat_key={player.token[5:60]}")
    assert (await guess.receive_message())[0] == 3  # a newcomer's id
    keyed = [each for each in server.get_peers() if each != player.id]
    assert len(keyed) == 1
    role = server._role
    assert isinstance(role, ServerRole)
    seat = role.clients.members[keyed[0]].seat
    assert seat is not None
    token = SeatKeys(SECRET, "here").token(keyed[0], seat.nonce, 1e12)
    assert await player.turned_away(seat=token) == GONE


@polled
async def test_seats_that_wait_count_for_the_limits(drive: Drive) -> None:
    """Losing one connection after another gives nobody more seats than staying does."""
    server = opened(drive, limits=Limits(max_peers=8, max_peers_per_address=3))
    told = Recorder(server)
    for number in range(3):
        path = "/?resume=1" if number else "/?seat_key=0123456789abcdef_-ABCD"
        raw = await Raw.connect(server.get_local_port(), path=path)
        await raw.receive_frame()
        await raw.reset()
    await until(lambda: len(told.of("peer_suspended")) == 3)
    for path in ("/?resume=1", "/?seat_key=0123456789abcdef_-ABCE", "/"):
        raw = await Raw.dial(server.get_local_port())
        await raw.send(request(server.get_local_port(), path=path))
        assert (await raw.read_head()).startswith("HTTP/1.1 429 ")
        await raw.close()
    assert len(server.get_suspended_peers()) == 3
    for peer in server.get_suspended_peers():
        server.expire_seat(peer)
    await until(lambda: not server.get_peers())
    await joined(server)


@polled
async def test_forged_tokens_give_way_to_others(drive: Drive) -> None:
    """Who is turned away and stays counts as a handshake that is pending."""
    server = opened(drive, limits=Limits(max_pending_handshakes=4))
    for _ in range(30):
        path = "/?resume=1&seat=forged&next=1"
        raw = await Raw.connect(server.get_local_port(), path=path)
        del raw
    await until(lambda: len(server.endpoint.links) <= 4)
    player = await joined(server)
    await is_still_there(server, player)


@polled
async def test_coming_back_again_and_again_leaves_nothing(drive: Drive) -> None:
    server = opened(drive, grace=1000.0)
    told = Recorder(server)
    player = await joined(server)
    role = server._role
    assert isinstance(role, ServerRole)
    for turn in range(90):
        if turn % 3:
            await player.drop()
        await player.dial()
    await until(lambda: len(told.of("peer_resumed")) == 90)
    assert len(role.seats._ends) <= 70
    await is_still_there(server, player)
    await player.leave(4000)
    await until(lambda: not server.get_peers())
    assert len(role.seats.suspended) == len(role.seats._by_key) == 0
    await until(lambda: not server.endpoint.links)
    assert left_in(server) == []


@polled
async def test_the_old_connection_of_a_seat_says_nothing_more(drive: Drive) -> None:
    """What it has sent late is dropped: the client sends it again by the new one."""
    server = opened(drive)
    player = await joined(server)
    old = player.line
    await player.dial()
    late = struct.pack("<Bii", 0, player.id, 1) + b"late"
    await old.send_frame(late)
    await old.send_frame(b'{"ack":1}', TEXT)
    await player.say(late[:-4] + b"new")
    await until(server.get_available_packet_count)
    assert server.get_packet() == b"new"
    body = await old.receive_close()
    assert struct.unpack("!H", body[:2]) == (4009,)
    await is_still_there(server, player)
    assert server.get_available_packet_count() == 0


@polled
@pytest.mark.parametrize(
    "numbers",
    [
        {"received": 10**6},
        {"received": 2**53 - 1, "next": 2**53 - 1},
        {"next": 1},
        {"next": 2, "lost": 2},
        {"next": 100, "lost": 50},
    ],
    ids=str,
)
async def test_numbers_that_cannot_be_let_it_begin_anew(
    drive: Drive, numbers: dict[str, int]
) -> None:
    server = opened(drive)
    player = await joined(server)
    await player.say(struct.pack("<Bii", 0, player.id, 1) + b"one")
    await until(server.get_available_packet_count)
    await player.dial(**numbers)
    assert player.greeting["replayed"] is False
    assert player.greeting["received"] == 1
    await player.read_until("roster")
    await is_still_there(server, player)


@polled
@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        '{"ack":1000000}',
        '{"ack":-1}',
        '{"ack":true}',
        '{"renewed":5}',
        '{"roster":true}',
        '{"resume":1,"seat":"a","grace":1,"received":0,"next":1}',
        '{"ack":1}' + " " * 5000,
        "[" * 4096,
    ],
    ids=lambda text: text[:20] or "empty",
)
async def test_words_without_sense_are_violations(drive: Drive, text: str) -> None:
    server = opened(drive, limits=Limits(max_violations=4), close_timeout=0.1)
    told = Recorder(server)
    player = await joined(server)
    for _ in range(3):
        await player.word(text)
    await until(lambda: server.statistics.violations["bad_word"] == 3)
    await is_still_there(server, player)
    assert server.get_available_packet_count() == 0
    await player.word(text)
    assert await player.read_to_the_end() == 1008
    await player.line.close()
    await until(lambda: "peer_disconnected" in told)
    assert "peer_suspended" not in told
    assert await player.turned_away() == GONE


@polled
async def test_words_of_who_has_not_agreed_are_no_words(drive: Drive) -> None:
    """They mean what text has always meant in a gd_mp session: bytes."""
    server = opened(drive)
    for path in ("/", "/?seat_key=0123456789abcdef_-ABCD"):
        raw = await Raw.connect(server.get_local_port(), path=path)
        own = struct.unpack("<i", (await raw.receive_message())[9:])[0]
        await raw.send_frame(b'{"ack":1000000}', TEXT)
        await raw.send_frame(struct.pack("<Bii", 0, own, 1) + b"packet")
        await until(server.get_available_packet_count)
        assert server.get_packet() == b"packet"
    assert server.statistics.violations["bad_word"] == 0


@polled
async def test_a_flood_of_acknowledgements_is_bounded_by_the_rates(drive: Drive) -> None:
    server = opened(drive, limits=Limits(packets_per_second=20))
    player = await joined(server)
    for _ in range(60):
        await player.acknowledge()
    await until(lambda: server.statistics.drops["rate"] > 0)
    assert server.statistics.violations["bad_word"] == 0


@polled
async def test_a_client_that_never_acknowledges_costs_one_ring(drive: Drive) -> None:
    server = opened(drive, max_replay_bytes=10_000)
    player = await joined(server)
    role = server._role
    assert isinstance(role, ServerRole)
    seat = role.clients.members[player.id].seat
    assert seat is not None
    assert seat.ring is not None
    server.set_target_peer(player.id)
    for number in range(200):
        server.put_packet(b"%4d" % number + b"x" * 996)
        if number % 10 == 9:
            await player.read_until(b"%4d" % number + b"x" * 996)
        assert seat.ring.octets <= 10_000
    await player.dial()
    assert player.greeting["replayed"] is True
    await player.dial(received=1)
    assert player.greeting["replayed"] is False


@polled
async def test_a_half_open_connection_costs_nothing_when_its_seat_is_taken_over(
    drive: Drive,
) -> None:
    """It reads nothing; what waits for it goes to the new one, once."""
    server = opened(drive, outbound_buffer_size=200_000)
    player = Player(server.get_local_port())
    player.raw = await Raw.dial(player.port, receive_buffer=4096)
    await player.raw.send(request(player.port, path=f"/?{player.query()}"))
    await player.raw.read_head()
    player.greeting = json.loads(await player.raw.receive_message())
    player.token = player.greeting["seat"]
    await player.read()
    await player.read()
    server.set_target_peer(player.id)
    for number in range(150):
        server.put_packet(b"%3d" % number + b"y" * 997)
        if number % 10 == 0:
            await trio.lowlevel.checkpoint()
    assert server.get_backlog(player.id) > 0
    await player.dial()
    assert player.greeting["replayed"] is True
    player.messages.clear()
    await player.read_until(b"149" + b"y" * 997)
    numbers = [int(message[9:12]) for message in player.messages]
    assert numbers == [*range(150)]
    await is_still_there(server, player)
