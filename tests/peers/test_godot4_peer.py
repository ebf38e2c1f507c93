"""``WebSocketMultiplayerPeer`` by itself: a client and a server of Godot 4's protocol."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from multiplayer.wire.envelopes import godot3 as gd_mp
from multiplayer.wire.envelopes.godot4 import id_message
from peers import TLSOptions, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import Recorder, everywhere, until
from tests.peers.sessions import fenced, payloads
from tests.programs import ROOT
from tests.raw import BINARY, CLOSE, PONG, TEXT, Raw, RawServer, close_body, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.driving import Drive

VECTORS = ROOT / "tests" / "vectors" / "godot4" / "websocket.json"
CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


class FixedIds(WebSocketMultiplayerPeer):
    """Gives out the ids that it is told to; its clock can be put forward."""

    def __init__(self, *ids: int) -> None:
        super().__init__()
        self.ids = [*ids]
        self.ahead = 0.0
        self.close_timeout = 0.2

    def generate_unique_id(self) -> int:
        return self.ids.pop(0) if self.ids else super().generate_unique_id()

    def now(self) -> float:
        return super().now() + self.ahead


def serving(drive: Drive, *ids: int, **settings: object) -> FixedIds:
    server = FixedIds(*ids)
    for name, value in settings.items():
        setattr(server, name, value)
    server.create_server(0, "127.0.0.1")
    return drive.add(server)


@asynccontextmanager
async def client_of(
    drive: Drive, **settings: object
) -> AsyncIterator[tuple[FixedIds, Raw, Recorder]]:
    """Our client, the server's end of its connection, which is open, and what it told."""
    listener = await RawServer.listen()
    client = FixedIds()
    for name, value in settings.items():
        setattr(client, name, value)
    heard = Recorder(client)
    client.create_client(listener.url)
    drive.add(client)
    async with AsyncExitStack() as ends:
        ends.push_async_callback(listener.close)
        raw = await listener.upgraded()
        ends.push_async_callback(raw.close)
        yield client, raw, heard


# ---------------------------------------------------------------- what the engine did


class Handshake(NamedTuple):
    """What Godot 4.6's client did with a server's first bytes."""

    path: str
    op: int
    payload: bytes
    signals: list[str]
    unique_id: int


def recorded() -> list[Handshake]:
    rows: list[Handshake] = []
    for row in json.loads(VECTORS.read_text(encoding="utf-8"))["handshakes"]:
        kind, _, value = row.get("path", "").removeprefix("/").partition("/")
        op, payload = CLOSE, b""
        if kind == "hello":
            op, payload = BINARY, bytes.fromhex(value)
        elif kind == "text":  # the recorder replaced the text by the id that it gave out
            op, payload = TEXT, int.to_bytes(row["unique_id"], 4, "little")
        elif kind == "close":
            op, payload = CLOSE, close_body(int(value))
        else:
            continue
        rows.append(Handshake(row["path"], op, payload, row["signals"], row["unique_id"]))
    return rows


def test_there_are_recorded_handshakes() -> None:
    assert len([row for row in recorded() if row.signals == ["connection_failed"]]) >= 8
    assert len([row for row in recorded() if "connected_to_server" in row.signals]) >= 2


@pytest.mark.parametrize("row", recorded(), ids=lambda row: row.path)
async def test_a_client_takes_and_refuses_what_the_engine_does(
    drive: Drive, row: Handshake
) -> None:
    async with client_of(drive) as (client, raw, heard):
        await raw.send_frame(row.payload, row.op)
        if row.signals == ["connection_failed"]:
            await until(lambda: "connection_failed" in heard)
            assert heard.log == [("connection_failed",)]
            assert client.get_connection_status() == DISCONNECTED
            assert client.failure is not None
            assert client.failure.stage == "id"
            if row.op != CLOSE:
                assert (await raw.receive_close())[:2] == close_body(1002)
        else:
            await until(lambda: "connection_succeeded" in heard)
            assert heard.log == [("peer_connected", 1), ("connection_succeeded",)]
            assert client.get_connection_status() == CONNECTED
            assert client.failure is None
        assert client.get_unique_id() == row.unique_id


async def test_a_godot_3_server_is_named(drive: Drive) -> None:
    async with client_of(drive) as (client, raw, heard):
        await raw.send_frame(gd_mp.system_packet(gd_mp.PacketType.ID, 5))
        await until(lambda: "connection_failed" in heard)
        assert client.failure is not None
        assert "Godot 3 server; use WebSocketClient" in str(client.failure)


@everywhere
async def test_our_own_gd_mp_server_is_named(drive: Drive) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    client = WebSocketMultiplayerPeer()
    heard = Recorder(client)
    client.create_client(f"127.0.0.1:{server.get_local_port()}")
    drive.add(client)
    await until(lambda: "connection_failed" in heard)
    assert client.failure is not None
    assert "Godot 3 server" in client.failure.detail
    await until(lambda: not server._role.clients.members)


async def test_without_an_id_the_attempt_ends_in_time(drive: Drive) -> None:
    async with client_of(drive, handshake_timeout=60.0) as (client, raw, heard):
        assert await fenced(raw) == []
        assert client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTING
        with pytest.raises(MultiplayerError) as raised:
            client.put_packet(b"early")
        assert raised.value.code == Error.FAILED
        client.ahead += 61.0
        await raw.send_frame(b"", PONG)  # stirs the client under run, that nobody asked for
        await until(lambda: "connection_failed" in heard)
        assert client.failure is not None
        assert client.failure.stage == "id"
        assert client.failure.detail.startswith("the server gave no peer id within 60 s; is it in")


# ---------------------------------------------------------------- a client


async def test_what_a_client_sends_is_bare_and_what_it_gets_is_the_servers(drive: Drive) -> None:
    async with client_of(drive) as (client, raw, heard):
        await raw.send_frame(id_message(7))
        await until(lambda: "connection_succeeded" in heard)
        assert client.get_peer_address(1) == "127.0.0.1"
        assert client.get_peer_port(1) == client.get_peer(1).get_connected_port()
        for target in (0, 1, 9, -9):  # whatever: there is one connection
            client.set_target_peer(target)
            client.put_packet(b"to %d" % target)
        client.put_packet(b"")
        assert await payloads(raw) == [b"to 0", b"to 1", b"to 9", b"to -9"]
        await raw.send_frame(b"one")
        await raw.send_frame(b"")
        await raw.send_frame(b"two", TEXT)
        await until(lambda: client.get_available_packet_count() == 2)
        assert heard.of("peer_packet") == [(1,), (1,)]
        assert (client.get_packet_peer(), client.get_packet_channel()) == (1, 0)
        assert client.get_packet_mode() == TransferMode.TRANSFER_MODE_RELIABLE
        assert [client.get_packet(), client.get_packet()] == [b"one", b"two"]
        assert client.statistics.violations == {"empty_message": 1}
        assert client.get_connection_status() == CONNECTED
        assert client.is_server_relay_supported()


async def test_a_client_that_is_left_can_be_asked_why(drive: Drive) -> None:
    async with client_of(drive) as (client, raw, heard):
        await raw.send_frame(id_message(7))
        codes: list[int] = []
        client.peer_disconnected.connect(
            lambda _: codes.append(client.get_peer(1).get_close_code())
        )
        await raw.send_frame(close_body(4001, "enough"), CLOSE)
        await until(lambda: "server_disconnected" in heard)
        assert heard.names()[2:] == ["peer_disconnected", "server_disconnected"]
        assert codes == [4001]
        assert client.get_peer(1).get_close_reason() == "enough"
        assert client.failure is None
        with pytest.raises(MultiplayerError) as raised:
            client.get_peer_address(1)
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST


@pytest.mark.parametrize("force", [False, True])
async def test_a_client_leaves(drive: Drive, force: bool) -> None:
    async with client_of(drive) as (client, raw, heard):
        await raw.send_frame(id_message(7))
        await until(lambda: "connection_succeeded" in heard)
        with pytest.raises(MultiplayerError) as raised:
            client.disconnect_peer(2)
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST
        client.disconnect_peer(1, force)
        assert await raw.receive_close() == close_body(1000)
        if force:
            assert client.get_connection_status() == DISCONNECTED
            assert heard.names()[2:] == []
        else:
            await raw.send_frame(close_body(1000), CLOSE)
            await until(lambda: "server_disconnected" in heard)
            assert heard.names()[2:] == ["peer_disconnected", "server_disconnected"]


async def test_headers_and_protocols_of_a_client(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = WebSocketMultiplayerPeer()
    client.handshake_headers = ["X-Game: chess", "X-Room: 7"]
    client.supported_protocols = ["chess", "draughts"]
    client.create_client(listener.url)
    drive.add(client)
    raw = await listener.dialled()
    asked = await raw.accept(further=["Sec-WebSocket-Protocol: chess"])
    assert "\r\nX-Game: chess\r\nX-Room: 7" in asked
    assert "chess, draughts" in asked
    assert "gdpeers" not in asked.lower()
    assert "extensions" not in asked.lower()
    await raw.send_frame(id_message(3))
    await until(client.get_unique_id)
    assert client.get_peer(1).get_selected_protocol() == "chess"
    await raw.close()
    await listener.close()


# ---------------------------------------------------------------- a server


async def test_a_server_gives_ids_and_packets_to_those_who_are_meant(drive: Drive) -> None:
    server = serving(drive, 9, 5)
    heard = Recorder(server)
    assert (server.get_connection_status(), server.get_unique_id()) == (CONNECTED, 1)
    port = server.get_local_port()
    chromium = ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",)
    first = await Raw.connect(port, headers=chromium)
    assert "extensions" not in first.head.lower()
    assert "\r\nConnection: Upgrade" in first.head
    second = await Raw.connect(port)
    assert await payloads(first) == [bytes.fromhex("09000000")]
    assert await payloads(second) == [bytes.fromhex("05000000")]
    assert heard.log == [("peer_connected", 9), ("peer_connected", 5)]
    for target in (0, 9, 5, -9, -5, 1, -1):
        server.set_target_peer(target)
        server.put_packet(b"%d" % target)
    server.put_packet(b"")
    server.flush()
    assert await payloads(first) == [b"0", b"9", b"-5", b"-1"]
    assert await payloads(second) == [b"0", b"5", b"-9", b"-1"]
    server.set_target_peer(4)
    with pytest.raises(MultiplayerError) as raised:
        server.put_packet(b"nobody")
    assert raised.value.code == Error.FAILED
    await first.send_frame(b"binary")
    await first.send_frame(b"")
    await second.send_frame(b"text", TEXT)
    assert [await payloads(first), await payloads(second)] == [[], []]  # nothing is relayed
    assert sorted(heard.of("peer_packet")) == [(5,), (9,)]
    packets = {server.get_packet_peer(): server.get_packet() for _ in range(2)}
    assert packets == {9: b"binary", 5: b"text"}
    assert server.get_peer(9).statistics.violations == {"empty_message": 1}
    assert server.get_peer_address(5) == "127.0.0.1"
    await first.send_frame(close_body(1000), CLOSE)
    await until(lambda: "peer_disconnected" in heard)
    assert heard.of("peer_disconnected") == [(9,)]
    assert server.get_peer(9).get_close_code() == 1000
    assert await payloads(second) == []
    for raw in (first, second):
        await raw.close()


async def test_a_server_refuses_and_lets_in_again(drive: Drive) -> None:
    server = serving(drive, 2, refuse_new_connections=True)
    heard = Recorder(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port()))
    assert (await raw.read_head()).startswith("HTTP/1.1 403 ")
    await raw.close()
    server.refuse_new_connections = False
    raw = await Raw.connect(server.get_local_port())
    assert await payloads(raw) == [id_message(2)]
    assert heard.log == [("peer_connected", 2)]
    await raw.close()


@pytest.mark.parametrize("force", [False, True])
async def test_a_server_sends_a_client_away(drive: Drive, force: bool) -> None:
    server = serving(drive, 2)
    heard = Recorder(server)
    raw = await Raw.connect(server.get_local_port())
    await until(lambda: "peer_connected" in heard)
    server.disconnect_peer(2, force)
    server.flush()
    assert await raw.receive_message() == id_message(2)
    assert await raw.receive_close() == close_body(1000)
    await raw.send_frame(close_body(1000), CLOSE)
    assert await raw.receive_end() == []
    if not force:
        await until(lambda: "peer_disconnected" in heard)
    assert heard.of("peer_disconnected") == ([] if force else [(2,)])
    server.disconnect_peer(2)  # it has left: nobody can know that
    assert server.statistics.drops["departed"] == 1
    await raw.close()


async def test_a_server_expels_with_a_reason(drive: Drive) -> None:
    server = serving(drive, 2, max_violations=3)
    raw = await Raw.connect(server.get_local_port())
    await until(lambda: server._role.clients.members)
    server.expel_peer(2, "10001 paths")
    server.flush()
    assert await raw.receive_message() == id_message(2)
    assert await raw.receive_close() == close_body(1008, "10001 paths")
    await raw.close()


async def test_a_server_has_enough_of_empty_messages(drive: Drive) -> None:
    server = serving(drive, 2, max_violations=3)
    raw = await Raw.connect(server.get_local_port())
    assert await raw.receive_message() == id_message(2)
    for _ in range(3):
        await raw.send_frame(b"")
    assert await raw.receive_close() == close_body(
        1008, "too many violations, the last: empty_message"
    )
    await raw.close()


async def test_headers_and_protocols_of_a_server(drive: Drive) -> None:
    server = serving(
        drive, handshake_headers=["X-Server: gdpeers"], supported_protocols=["chess", "draughts"]
    )
    raw = await Raw.connect(server.get_local_port(), protocol="poker, draughts")
    assert "\r\nX-Server: gdpeers" in raw.head
    assert "\r\nSec-WebSocket-Protocol: draughts" in raw.head
    await raw.close()
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port()))
    assert (await raw.read_head()).startswith("HTTP/1.1 400 ")
    await raw.close()


async def test_unreliable_packets_are_dropped_for_a_client_that_does_not_read(drive: Drive) -> None:
    server = serving(drive, 2, outbound_buffer_size=0)
    raw = await Raw.dial(server.get_local_port(), receive_buffer=4096)
    await raw.send(request(server.get_local_port()))
    await raw.read_head()
    await until(lambda: server._role.clients.members)
    while not server.get_peer(2).get_current_outbound_buffered_amount():
        server.put_packet(bytes(1 << 20))
        server.flush()
    server.transfer_mode = TransferMode.TRANSFER_MODE_UNRELIABLE
    server.put_packet(b"stale")
    assert server.get_peer(2).statistics.drops == {"unreliable": 1}
    await raw.close()


# ---------------------------------------------------------------- both


@everywhere
async def test_a_session_of_ours_and_then_the_other_way_round(drive: Drive) -> None:
    ours, other = drive.add(FixedIds(11, 12)), drive.add(FixedIds(13))
    for server, client in ((ours, other), (other, ours)):
        server.create_server(0, "127.0.0.1")
        client.create_client(f"ws://127.0.0.1:{server.get_local_port()}/room?x=1")
        await until(lambda client=client: client.get_connection_status() == CONNECTED)
        assert client.get_unique_id() in (11, 13)
        client.put_packet(b"up")
        await until(server.get_available_packet_count)
        assert (server.get_packet_peer(), server.get_packet()) == (client.get_unique_id(), b"up")
        server.set_target_peer(0)
        server.put_packet(b"down")
        await until(client.get_available_packet_count)
        assert (client.get_packet_peer(), client.get_packet()) == (1, b"down")
        client.close()
        server.close()
        assert server.get_connection_status() == DISCONNECTED


@everywhere
async def test_a_client_keeps_one_connection_object_when_it_has_served_in_between(
    drive: Drive,
) -> None:
    ours, other = drive.add(FixedIds()), drive.add(FixedIds())
    held = ours.get_peer(1)
    other.create_server(0, "127.0.0.1")
    for _ in range(2):
        ours.create_server(0, "127.0.0.1")
        assert not held.is_connected_to_host()
        ours.close()
        ours.create_client(f"ws://127.0.0.1:{other.get_local_port()}")
        await until(lambda: ours.get_connection_status() == CONNECTED)
        assert ours.get_peer(1) is held
        assert held.is_connected_to_host()
        ours.close()


@everywhere
async def test_a_session_over_tls(drive: Drive) -> None:
    leaf = certificate("game.example")
    server = FixedIds(11)
    server.create_server(0, "127.0.0.1", TLSOptions.server(key_of(leaf), chain_of(leaf)))
    drive.add(server)
    url = f"wss://127.0.0.1:{server.get_local_port()}"
    for options in (
        TLSOptions.client(anchor(), "game.example"),
        TLSOptions.client_unsafe(),
    ):
        client = WebSocketMultiplayerPeer()
        client.create_client(url, options)
        drive.add(client)
        await until(client.get_unique_id)
        client.close()
    for options in (TLSOptions.client(anchor()), None):  # another name; another authority
        client = WebSocketMultiplayerPeer()
        heard = Recorder(client)
        client.create_client(url, options)
        drive.add(client)
        await until(lambda heard=heard: heard.log)
        assert heard.log == [("connection_failed",)]
        assert client.failure is not None
        assert client.failure.stage == "tls"


# ---------------------------------------------------------------- mistakes


def refusal(peer: WebSocketMultiplayerPeer, *arguments: object, **settings: object) -> Error:
    """The code that beginning raises: a client if the first argument is text, else a server."""
    for name, value in settings.items():
        setattr(peer, name, value)
    begin = peer.create_client if isinstance(arguments[0], str) else peer.create_server
    with pytest.raises(MultiplayerError) as raised:
        begin(*arguments)  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert len(raised.value.args) == 2
    return raised.value.code


@pytest.mark.parametrize("arguments", [("ws://127.0.0.1:1",), (0, "127.0.0.1")])
def test_mistakes_raise(arguments: tuple[object, ...]) -> None:
    peer = WebSocketMultiplayerPeer
    invalid = Error.ERR_INVALID_PARAMETER
    assert refusal(peer(), *arguments, handshake_headers=["no header"]) == invalid
    assert refusal(peer(), *arguments, handshake_headers="X-A: b") == invalid
    assert refusal(peer(), *arguments, handshake_headers=["X-Empty: "]) == invalid
    assert refusal(peer(), *arguments, handshake_headers=["Upgrade: h2c"]) == invalid
    assert refusal(peer(), *arguments, handshake_headers=["X-Long: " + "x" * 3100]) == invalid
    assert refusal(peer(), *arguments, supported_protocols=["two words"]) == invalid
    assert refusal(WebSocketClient(), *arguments) == Error.ERR_UNAVAILABLE
    assert refusal(WebSocketServer(), *arguments) == Error.ERR_UNAVAILABLE
    busy = peer()
    busy.create_server(0, "127.0.0.1")
    assert refusal(busy, *arguments) == Error.ERR_ALREADY_IN_USE
    busy.close()
    busy.create_client("ws://127.0.0.1:1")
    assert refusal(busy, *arguments) == Error.ERR_ALREADY_IN_USE
    busy.close()


def test_options_of_the_wrong_kind_raise() -> None:
    leaf = certificate("localhost")
    server = TLSOptions.server(key_of(leaf), chain_of(leaf))
    invalid = Error.ERR_INVALID_PARAMETER
    peer = WebSocketMultiplayerPeer()
    assert refusal(peer, "wss://localhost:1", server) == invalid
    assert refusal(peer, "ws://localhost:1", server) == invalid
    assert refusal(peer, 0, "127.0.0.1", TLSOptions.client()) == invalid
    assert refusal(peer, 0, "127.0.0.1", TLSOptions.server(b"", chain_of(leaf))) == invalid
    missing = str(ROOT / "missing.pem")
    assert refusal(peer, "wss://localhost:1", TLSOptions.client(missing)) == (
        Error.ERR_FILE_NOT_FOUND
    )


def test_options_tell_what_they_are() -> None:
    client = TLSOptions.client("chain", "name")
    assert (client.is_server(), client.is_unsafe_client()) == (False, False)
    assert (client.get_trusted_ca_chain(), client.get_common_name_override()) == ("chain", "name")
    assert (client.get_own_certificate(), client.get_private_key()) == (None, None)
    unsafe = TLSOptions.client_unsafe("chain")
    assert (unsafe.is_server(), unsafe.is_unsafe_client()) == (False, True)
    assert unsafe.get_trusted_ca_chain() == "chain"
    server = TLSOptions.server("key", "certificate")
    assert (server.is_server(), server.is_unsafe_client()) == (True, False)
    assert (server.get_private_key(), server.get_own_certificate()) == ("key", "certificate")
    assert server.get_trusted_ca_chain() is None


def test_a_peer_that_is_not_in_use() -> None:
    peer = WebSocketMultiplayerPeer()
    assert (peer.get_connection_status(), peer.get_unique_id()) == (DISCONNECTED, 0)
    assert (peer.get_local_port(), peer.get_available_packet_count()) == (0, 0)
    peer.poll()
    peer.close()
    for do, code in (
        (lambda: peer.put_packet(b"x"), Error.FAILED),
        (peer.get_packet, Error.ERR_UNAVAILABLE),
        (lambda: peer.get_peer(2), Error.ERR_DOES_NOT_EXIST),
        (lambda: peer.disconnect_peer(2), Error.ERR_DOES_NOT_EXIST),
    ):
        with pytest.raises(MultiplayerError) as raised:
            do()
        assert raised.value.code == code


def test_godot_3_habits_are_named() -> None:
    peer = WebSocketMultiplayerPeer()
    with pytest.raises(MultiplayerError, match="belong in the URL"):
        peer.create_client("127.0.0.1", 9080)
    with pytest.raises(MultiplayerError, match="'9080' is not a port"):
        peer.create_server("9080")
    server = WebSocketServer()
    with pytest.raises(MultiplayerError, match="protocols is a list of names, not True"):
        server.listen(9080, True)
