"""A dropped player keeps its seat: ``docs/protocol/resume.md``, played by a raw client."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from multiplayer import MultiplayerError, TransferMode
from multiplayer.endpoint.seat_keys import SeatKeys, hash_of
from multiplayer.endpoint.server_role import ServerRole
from peers import SavedSeat, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import DRIVES, Recorder, until
from tests.peers.returning import Player, closes_all
from tests.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.driving import Drive

KINDS = pytest.mark.parametrize("kind", ["gd_mp", "godot4"])
KEY = "0123456789abcdef_-ABCD"
RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE


def polled(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    return pytest.mark.parametrize("drive", ["polled"], indirect=True)(closes_all(test))


def driven(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """In each way that there is: these wait for time to pass, and nothing else happens."""
    return pytest.mark.parametrize("drive", DRIVES, indirect=True)(closes_all(test))


def packet(sender: int, target: int, payload: bytes) -> bytes:
    return struct.pack("<Bii", 0, sender, target) + payload


def about(kind: int, peer: int) -> bytes:
    """ADD (1), DEL (2) or ID (3) in the gd_mp envelope."""
    return struct.pack("<Biii", kind, 1, 0, peer)


class Game:
    """A server that grants seats, and raw players."""

    def __init__(
        self, drive: Drive, kind: str = "gd_mp", *, grace: float = 30.0, most: int = 4096
    ) -> None:
        self.kind = kind
        self.server: WebSocketMultiplayerPeer
        if kind == "godot4":
            self.server = WebSocketMultiplayerPeer()
            self.server.close_timeout = 0.1
            self.server.grace, self.server.max_replay_packets = grace, most
            self.server.create_server(0, "127.0.0.1")
        else:
            self.server = seed = WebSocketServer()
            seed.close_timeout = 0.1
            seed.grace, seed.max_replay_packets = grace, most
            seed.bind_ip = "127.0.0.1"
            seed.listen(0, gd_mp_api=True)
        self.told = Recorder(self.server)
        drive.add(self.server)

    @property
    def port(self) -> int:
        return self.server.get_local_port()

    async def join(self, path: str = "/") -> Player:
        player = Player(self.port, path)
        await player.dial()
        await player.read()
        if self.kind == "gd_mp":
            await player.read()  # ADD 1
        return player

    def put(self, player: Player, payload: bytes, mode: TransferMode = RELIABLE) -> None:
        self.server.set_target_peer(player.id)
        self.server.transfer_mode = mode
        self.server.put_packet(payload)

    async def say(self, player: Player, payload: bytes) -> None:
        await player.say(packet(player.id, 1, payload) if self.kind == "gd_mp" else payload)

    async def drop(self, player: Player) -> None:
        before = len(self.told.of("peer_suspended"))
        await player.drop()
        await until(lambda: len(self.told.of("peer_suspended")) > before)

    def fetch(self) -> list[bytes]:
        server = self.server
        return [server.get_packet() for _ in range(server.get_available_packet_count())]


@KINDS
@polled
async def test_a_player_comes_back_and_nothing_is_missing(drive: Drive, kind: str) -> None:
    game = Game(drive, kind)
    player = await game.join()
    assert player.greeting.keys() == {"resume", "seat", "grace", "received", "next"}
    assert player.greeting["grace"] == 30.0
    for number in range(3):
        game.put(player, b"before %d" % number)
        await game.say(player, b"hello %d" % number)
    await player.read_until(b"before 0")
    await until(lambda: game.server.get_available_packet_count() == 3)
    await game.drop(player)
    assert game.server.get_suspended_peers() == [player.id] == game.server.get_peers()
    for number in range(3):
        game.put(player, b"meanwhile %d" % number)
    assert game.server.get_backlog(player.id) > 30
    received = player.received
    await player.dial()
    assert player.greeting["replayed"] is True
    assert player.greeting["received"] == 3
    player.messages.clear()
    await player.read_until(b"meanwhile 2")
    texts = [message[9 if kind == "gd_mp" else 0 :] for message in player.messages]
    assert texts == [
        *[b"before %d" % number for number in (1, 2)],
        *[b"meanwhile %d" % number for number in range(3)],
    ]
    assert player.received > received
    await game.say(player, b"again")
    await until(lambda: game.server.get_available_packet_count() == 4)
    assert game.fetch() == [b"hello 0", b"hello 1", b"hello 2", b"again"]
    id_ = game.server.get_peers()[0]
    assert game.told.of("peer_suspended") == [(id_,)]
    assert game.told.of("peer_resumed") == [(id_, True)]
    assert "peer_disconnected" not in game.told
    assert game.told.of("peer_connected") == [(id_,)]


@KINDS
@polled
async def test_a_seat_works_without_a_packet_and_any_number_of_times(
    drive: Drive, kind: str
) -> None:
    game = Game(drive, kind)
    player = await game.join()
    tokens = {player.token}
    for _ in range(5):
        await game.drop(player)
        await player.dial()
        assert player.greeting["replayed"] is True
        tokens.add(player.token)
    game.put(player, b"still here")
    await player.read_until(b"still here")
    assert game.told.of("peer_resumed") == [(player.id, True)] * 5


@KINDS
@polled
async def test_an_answer_that_was_lost_does_no_harm(drive: Drive, kind: str) -> None:
    """The client has not read the greeting, and dials again with what it knew before."""
    game = Game(drive, kind)
    player = await game.join()
    for number in range(4):
        game.put(player, b"%d" % number)
    await player.read_until(b"0")
    await game.drop(player)
    for _ in range(3):
        path = f"/?{player.query()}"
        raw = await Raw.connect(game.port, path=path)
        await raw.receive_frame()
        await raw.receive_frame()
        count = len(game.told.of("peer_suspended"))
        await raw.reset()
        await until(lambda count=count: len(game.told.of("peer_suspended")) > count)
    await player.dial()
    player.messages.clear()
    await player.read_until(b"3")
    assert [message[-1:] for message in player.messages] == [b"1", b"2", b"3"]


@KINDS
@polled
async def test_another_connection_takes_a_seat_over(drive: Drive, kind: str) -> None:
    """The old one is half open: the server has not noticed anything."""
    game = Game(drive, kind)
    player = await game.join()
    id_ = player.id
    game.put(player, b"one")
    old = player.line
    await player.dial()
    assert player.greeting["replayed"] is True
    await player.read_until(b"one")
    body = await old.receive_close()
    assert struct.unpack("!H", body[:2])[0] == 4009
    await old.close()
    game.put(player, b"two")
    await player.read_until(b"two")
    await game.say(player, b"three")
    await until(game.server.get_available_packet_count)
    assert game.fetch() == [b"three"]
    assert game.server.get_peers() == [id_]
    assert game.told.of("peer_suspended") == [(id_,)]
    assert game.told.of("peer_resumed") == [(id_, True)]
    assert "peer_disconnected" not in game.told


@KINDS
@polled
@pytest.mark.parametrize("code", [1000, 4000])
async def test_who_leaves_for_good_has_no_seat(drive: Drive, kind: str, code: int) -> None:
    game = Game(drive, kind)
    player = await game.join()
    await player.leave(code)
    await until(lambda: "peer_disconnected" in game.told)
    assert "peer_suspended" not in game.told
    assert await player.turned_away() == (4003, "your seat is gone")


@KINDS
@polled
async def test_who_has_understood_nothing_has_no_seat(drive: Drive, kind: str) -> None:
    game = Game(drive, kind)
    player = await game.join()
    await player.leave(1002)
    await until(lambda: "peer_disconnected" in game.told)
    assert "peer_suspended" not in game.told
    assert await player.turned_away() == (4003, "your seat is gone")


@KINDS
@polled
@pytest.mark.parametrize("code", [1001, 1002, 4444])
async def test_other_close_codes_leave_the_seat(drive: Drive, kind: str, code: int) -> None:
    game = Game(drive, kind)
    player = await game.join()
    if code == 1002:  # then it did understand what came before
        await game.say(player, b"x")
    await player.leave(code)
    await until(lambda: "peer_suspended" in game.told)
    await player.dial()
    assert player.greeting["replayed"] is True
    assert "peer_disconnected" not in game.told


@KINDS
@driven
async def test_when_the_grace_is_over_it_leaves_as_ever(drive: Drive, kind: str) -> None:
    game = Game(drive, kind, grace=0.05)
    player = await game.join()
    await game.drop(player)
    await until(lambda: "peer_disconnected" in game.told)
    names = [name for name in game.told.names() if str(name).startswith("peer_")]
    assert names == ["peer_connected", "peer_suspended", "peer_disconnected"]
    assert game.server.get_peers() == []
    assert await player.turned_away() == (4003, "your seat is gone")


@KINDS
@polled
async def test_who_was_thrown_out_has_no_seat(drive: Drive, kind: str) -> None:
    game = Game(drive, kind)
    player = await game.join()
    game.server.disconnect_peer(player.id)
    assert await player.read_to_the_end() in (1000, 0)
    await player.line.close()
    await until(lambda: "peer_disconnected" in game.told)
    assert "peer_suspended" not in game.told
    assert await player.turned_away() == (4003, "your seat is gone")


@KINDS
@polled
async def test_a_seat_can_be_given_up_while_it_waits(drive: Drive, kind: str) -> None:
    game = Game(drive, kind)
    first, second = await game.join(), await game.join()
    await game.drop(first)
    game.server.expire_seat(first.id)
    await game.drop(second)
    game.server.disconnect_peer(second.id)
    await until(lambda: game.told.names().count("peer_disconnected") == 2)
    for player in (first, second):
        assert await player.turned_away() == (4003, "your seat is gone")


@KINDS
@polled
async def test_a_seat_that_was_given_up_ends_with_its_connection(drive: Drive, kind: str) -> None:
    game = Game(drive, kind)
    player = await game.join()
    game.server.expire_seat(player.id)
    game.put(player, b"still here")
    await player.read_until(b"still here")
    await player.drop()
    await until(lambda: "peer_disconnected" in game.told)
    assert "peer_suspended" not in game.told


@KINDS
@polled
async def test_beyond_the_ring_the_session_begins_anew(drive: Drive, kind: str) -> None:
    game = Game(drive, kind, most=8)
    player = await game.join()
    other = await game.join()
    await game.drop(player)
    for number in range(20):
        game.put(player, b"lost %d" % number)
    assert game.server.get_backlog(player.id) == 0
    id_ = player.id
    player.messages.clear()
    await player.dial()
    assert player.greeting["replayed"] is False
    game.put(player, b"anew")
    await player.read_until(b"anew")
    assert game.told.of("peer_resumed") == [(id_, False)]
    if kind == "gd_mp":
        assert player.messages[:-1] == [about(3, id_), about(1, 1), about(1, other.id)]
        assert player.words[-1] == {"roster": True}
        await other.read_until("renewed")
        assert other.words[-1] == {"renewed": id_}
    else:
        assert player.messages[:-1] == [struct.pack("<i", id_)]
    assert game.server.statistics.drops["adrift"] == 20


@polled
async def test_a_key_in_the_url_keeps_an_id_without_words(drive: Drive) -> None:
    """As an unmodified Godot client has it."""
    game = Game(drive)
    other = await game.join()
    path = f"/?seat_key={KEY}"
    raw = await Raw.connect(game.port, path=path)
    identified = await raw.receive_message()
    id_ = struct.unpack("<i", identified[9:])[0]
    assert await raw.receive_message() == about(1, 1)
    assert await raw.receive_message() == about(1, other.id)
    await other.read_until(about(1, id_))
    plain = await Raw.connect(game.port)
    for _ in range(4):
        await plain.receive_message()
    await raw.reset()
    await until(lambda: "peer_suspended" in game.told)
    game.server.set_target_peer(id_)
    game.server.put_packet(b"into the void")
    assert game.server.statistics.drops["adrift"] == 1
    again = await Raw.connect(game.port, path=path)
    assert await again.receive_message() == about(3, id_)
    assert await again.receive_message() == about(1, 1)
    others = {await again.receive_message(), await again.receive_message()}
    assert about(1, other.id) in others
    await until(lambda: game.told.of("peer_resumed") == [(id_, False)])
    assert await plain.receive_message() == about(2, id_)
    assert await plain.receive_message() == about(1, id_)
    await other.read_until("renewed")
    assert other.words[-1] == {"renewed": id_}
    third = await Raw.connect(game.port, path=path)
    assert await third.receive_message() == about(3, id_)
    assert struct.unpack("!H", (await again.receive_close())[:2]) == (4009,)
    assert "peer_disconnected" not in game.told
    for one in (again, third, plain):
        await one.close()


@polled
async def test_a_bad_key_is_answered_in_words(drive: Drive) -> None:
    game = Game(drive)
    raw = await Raw.connect(game.port, path="/?seat_key=short")
    body = await raw.receive_close()
    assert struct.unpack("!H", body[:2])[0] == 4003
    assert b"22 to 128" in body
    await raw.close()
    assert game.server.get_peers() == []


async def go_elsewhere(drive: Drive, kind: str) -> tuple[Player, Recorder]:
    """Have a player whose seat goes on at another server, and what that one tells."""
    keys = SeatKeys(bytes(32))
    first = make(kind, keys)
    drive.add(first)
    player = Player(first.get_local_port())
    await player.dial()
    await player.read()
    saved = first.save_seats()
    assert [each.id for each in saved] == [player.id]
    first.close()
    await player.line.close()
    second = make(kind, keys)
    told = Recorder(second)
    second.restore_seats(saved)
    assert second.get_peers() == second.get_suspended_peers() == [player.id]
    drive.add(second)
    player.port = second.get_local_port()
    return player, told


@KINDS
@polled
async def test_seats_go_on_elsewhere(drive: Drive, kind: str) -> None:
    player, told = await go_elsewhere(drive, kind)
    id_ = player.id
    await until(lambda: told.of("peer_suspended") == [(id_,)])
    player.messages.clear()
    await player.dial()
    assert player.greeting["replayed"] is False
    await player.read()
    assert player.id == id_
    await until(lambda: told.of("peer_resumed") == [(id_, False)])
    await player.drop()
    await until(lambda: len(told.of("peer_suspended")) == 2)
    await player.dial()
    assert player.greeting["replayed"] is True


@KINDS
@polled
async def test_who_has_played_elsewhere_keeps_its_seat_whatever_it_says(
    drive: Drive, kind: str
) -> None:
    """1002 gives up the seat of a client that has never said anything; here it has not yet."""
    player, told = await go_elsewhere(drive, kind)
    await player.dial()
    await until(lambda: told.of("peer_resumed"))
    await player.leave(1002)
    await until(lambda: len(told.of("peer_suspended")) == 2)
    await player.dial()
    await until(lambda: len(told.of("peer_resumed")) == 2)
    assert "peer_disconnected" not in told


def make(kind: str, keys: SeatKeys) -> WebSocketMultiplayerPeer:
    server: WebSocketMultiplayerPeer
    server = WebSocketMultiplayerPeer() if kind == "godot4" else WebSocketServer()
    server.grace = 30.0
    server.seat_keys = keys
    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
    else:
        server.create_server(0, "127.0.0.1")
    return server


@driven
async def test_acknowledgements_come_in_time(drive: Drive) -> None:
    game = Game(drive)
    player = await game.join()
    for number in range(64):
        await game.say(player, b"%d" % number)
    await player.read_until("ack")
    assert player.words[-1] == {"ack": 64}
    await game.say(player, b"one more")
    await player.read_until("ack")  # after a second
    assert player.words[-1] == {"ack": 65}


@KINDS
@polled
async def test_no_key_and_no_token_gets_into_a_log_or_a_repr(
    drive: Drive, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    game = Game(drive, kind)
    requests: list[object] = []
    game.server.upgrade_callback = requests.append
    player = await game.join()
    keyed = await Raw.connect(game.port, path=f"/?seat_key={KEY}")
    await keyed.receive_frame()
    tokens = [player.token]
    await game.drop(player)
    await player.dial()
    tokens.append(player.token)
    await player.word("nonsense")
    await player.turned_away(seat=tokens[0][:-4] + "AAAA")
    game.server.disconnect_peer(player.id)
    await player.read_to_the_end()
    await until(lambda: "peer_disconnected" in game.told)
    role = game.server._role
    assert isinstance(role, ServerRole)
    members = [*role.clients.members.values()]
    said = [record.getMessage() + repr(vars(record)) for record in caplog.records]
    said += [repr(each) for each in (requests, members, role.seats, game.server.save_seats())]
    said += [repr(member.seat) for member in members]
    said.append(repr(game.server.get_peer(members[0].id)))
    assert len(said) > 6
    for secret in (KEY, *tokens, hash_of(KEY).hex(), repr(hash_of(KEY))):
        assert not any(secret in each for each in said)


def test_a_url_that_is_none_is_shown_without_its_key() -> None:
    client = WebSocketClient()
    with pytest.raises(MultiplayerError) as caught:
        client.connect_to_url(f"http://127.0.0.1/?seat_key={KEY}")
    assert KEY not in str(caught.value)
    assert "seat_key=…" in str(caught.value)


@polled
async def test_seats_can_be_restored_twice_and_not_without_grace(drive: Drive) -> None:
    keys = SeatKeys(bytes(32))
    saved = [SavedSeat(7, 1, b""), SavedSeat(8, 2, hash_of(KEY))]
    server = make("gd_mp", keys)
    told = Recorder(server)
    with pytest.raises(MultiplayerError, match="a saved seat is"):
        server.restore_seats([(7, 1)])  # type: ignore[list-item]
    server.restore_seats(saved)
    server.restore_seats(saved)
    drive.add(server)
    await until(lambda: len(told.of("peer_suspended")) == 2)
    assert server.get_peers() == [7, 8]
    assert server.save_seats() == saved
    newcomer = await Raw.connect(server.get_local_port())
    await newcomer.receive_message()
    told_of = [await newcomer.receive_message() for _ in range(3)]
    assert told_of == [about(1, 1), about(1, 7), about(1, 8)]
    again = await Raw.connect(server.get_local_port(), path=f"/?seat_key={KEY}")
    assert await again.receive_message() == about(3, 8)
    server.expire_seat(7)
    await until(lambda: told.of("peer_disconnected") == [(7,)])
    assert await newcomer.receive_message() == about(2, 8)
    assert await newcomer.receive_message() == about(1, 8)
    assert await newcomer.receive_message() == about(2, 7)
    server.close()
    with pytest.raises(MultiplayerError, match="listen first"):
        server.restore_seats(saved)
    server.grace = 0.0
    with pytest.raises(MultiplayerError, match="grace is 0"):
        server.restore_seats(saved)
    with pytest.raises(MultiplayerError, match="is for servers"):
        WebSocketClient().save_seats()


@polled
async def test_who_has_a_seat_keeps_it_when_no_more_are_granted(drive: Drive) -> None:
    game = Game(drive)
    player = await game.join()
    await game.drop(player)
    game.server.grace = 0.0
    await player.dial()
    assert player.greeting["replayed"] is True
    stranger = await Raw.connect(game.port, path="/?resume=1")
    assert (await stranger.receive_message())[0] == 3
    await player.drop()
    await until(lambda: game.told.of("peer_disconnected") == [(player.id,)])


@KINDS
@polled
async def test_unreliable_packets_are_not_written_again(drive: Drive, kind: str) -> None:
    game = Game(drive, kind)
    player = await game.join()
    game.put(player, b"seen")
    await player.read_until(b"seen")
    await game.drop(player)
    game.put(player, b"gone", UNRELIABLE)
    game.put(player, b"kept")
    player.messages.clear()
    await player.dial()
    await player.read_until(b"kept")
    assert len(player.messages) == 1
    assert game.server.statistics.drops["adrift"] == 1


@polled
async def test_what_waits_is_in_the_bytes_that_were_agreed_on(drive: Drive) -> None:
    """Modes and channels of ``gdpeers.md`` survive; a connection without them begins anew."""
    game = Game(drive)
    player = Player(game.port, headers=("Gdpeers: 1",))
    await player.dial()
    await player.read_until(about(1, 1))
    await game.drop(player)
    game.server.transfer_channel = 3
    game.put(player, b"to one")
    game.server.set_target_peer(0)
    game.server.put_packet(b"to all")
    player.messages.clear()
    await player.dial()
    assert player.greeting["replayed"] is True
    await player.read_until(b"to all")
    assert player.messages == [
        struct.pack("<BiiB", 0x40, 1, target, 3) + payload
        for target, payload in ((player.id, b"to one"), (0, b"to all"))
    ]
    await game.drop(player)
    player.headers = ()
    await player.dial()
    assert player.greeting["replayed"] is False
    game.put(player, b"plain")
    await player.read_until(struct.pack("<Bii", 0, 1, player.id) + b"plain")
