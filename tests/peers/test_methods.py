"""Every method's errors and values outside the beaten track (Godot's own, made exceptions)."""

from __future__ import annotations

from functools import partial
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from peers import (
    ReadyState,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
    WriteMode,
)
from peers.testing import connected_pair
from tests.driving import everywhere, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.driving import Drive


def raises(code: Error, call: Callable[[], object]) -> str:
    """The sentence with which ``call`` is refused with ``code``."""
    with pytest.raises(MultiplayerError) as refused:
        call()
    assert refused.value.code is code, refused.value
    return str(refused.value)


def test_an_unconnected_client() -> None:
    client = WebSocketClient()
    assert client.get_connection_status() is ConnectionStatus.CONNECTION_DISCONNECTED
    assert (client.get_unique_id(), client.get_available_packet_count()) == (0, 0)
    assert client.is_server_relay_supported() is False
    assert client.failure is None
    raises(Error.ERR_UNCONFIGURED, client.get_connected_host)
    raises(Error.ERR_UNCONFIGURED, client.get_connected_port)
    peer = client.get_peer(1)
    assert peer is client.get_peer(1)
    raises(Error.ERR_DOES_NOT_EXIST, lambda: client.get_peer(2))
    raises(Error.ERR_DOES_NOT_EXIST, lambda: client.disconnect_peer(2))
    client.disconnect_from_host()
    client.disconnect_peer(1)
    client.poll()


def test_an_unconnected_peer() -> None:
    peer = WebSocketPeer()
    assert peer.is_connected_to_host() is False
    assert peer.get_ready_state() is ReadyState.STATE_CLOSED
    assert (peer.get_close_code(), peer.get_close_reason()) == (-1, "")
    assert (peer.get_available_packet_count(), peer.get_current_outbound_buffered_amount()) == (
        0,
        0,
    )
    assert peer.get_selected_protocol() == ""
    assert peer.round_trip_time is None
    assert peer.statistics.packets_sent == 0
    peer.close()
    peer.set_no_delay(True)
    raises(Error.FAILED, lambda: peer.put_packet(b"x"))
    raises(Error.FAILED, lambda: peer.send(b""))
    raises(Error.ERR_UNAVAILABLE, peer.get_packet)
    assert peer.get_packet_error() is Error.ERR_UNAVAILABLE
    raises(Error.ERR_UNCONFIGURED, peer.get_connected_host)
    raises(Error.ERR_UNCONFIGURED, peer.get_connected_port)
    peer.put_packet(b"")


def test_an_idle_server() -> None:
    server = WebSocketServer()
    assert (server.is_listening(), server.get_local_port(), server.bind_ip) == (False, 0, "*")
    assert server.get_connection_status() is ConnectionStatus.CONNECTION_DISCONNECTED
    assert server.get_unique_id() == 1
    assert server.has_peer(1) is False
    for call in (server.get_peer, server.get_peer_address, server.get_peer_port):
        raises(Error.ERR_DOES_NOT_EXIST, lambda call=call: call(2))
    raises(Error.ERR_DOES_NOT_EXIST, lambda: server.disconnect_peer(2))
    server.stop()
    server.begin_leaving()


def test_packets_of_the_object_itself_need_gd_mp_mode() -> None:
    with connected_pair(gd_mp_api=False) as (server, client):
        for peer in (server, client):
            for name in ("get_packet", "get_packet_peer", "get_packet_channel", "get_packet_mode"):
                raises(Error.ERR_UNCONFIGURED, getattr(peer, name))
            sentence = raises(Error.ERR_UNCONFIGURED, lambda peer=peer: peer.put_packet(b"x"))
            assert "use get_peer(id).put_packet()" in sentence
            raises(Error.ERR_UNCONFIGURED, lambda peer=peer: peer.put_var(1))
            assert peer.get_available_packet_count() == 0
        assert client.get_packet_error() is Error.ERR_UNCONFIGURED
        assert client.get_unique_id() == 0


def test_packets_in_gd_mp_mode() -> None:
    with connected_pair() as pair:
        server, client = pair
        raises(Error.ERR_UNAVAILABLE, client.get_packet)
        raises(Error.ERR_UNAVAILABLE, client.get_packet_peer)
        client.put_packet(b"x")
        pair.until(server.get_available_packet_count)
        assert server.get_packet_peer() == client.get_unique_id()
        assert server.get_packet_channel() == 0
        assert server.get_packet_mode() is TransferMode.TRANSFER_MODE_RELIABLE
        assert server.get_packet() == b"x"
        assert server.get_packet_error() is Error.OK
        server.set_target_peer(999)
        raises(Error.FAILED, lambda: server.put_packet(b"x"))
        server.set_target_peer(1)
        server.put_packet(b"to itself: goes nowhere, as in Godot")
        for peer in (server, client):
            peer.put_packet(b"")
            raises(Error.ERR_INVALID_PARAMETER, lambda peer=peer: peer.put_packet("text"))
        assert client.statistics.packets_sent == 1
        assert server.statistics.packets_sent == 2  # the id, and the server itself


def test_too_long_packets_are_refused_where_they_are_put() -> None:
    with connected_pair() as pair:
        server, client = pair
        longest = 65535 - 9
        for peer in (server, client):
            peer.set_target_peer(0)
            sentence = raises(
                Error.ERR_OUT_OF_MEMORY, lambda peer=peer: peer.put_packet(bytes(longest + 1))
            )
            assert "outbound_buffer_size" in sentence
            peer.put_packet(bytes(longest))
        pair.until(server.get_available_packet_count)
        pair.until(client.get_available_packet_count)
        assert len(server.get_packet()) == len(client.get_packet()) == longest
    with connected_pair(gd_mp_api=False) as (_, plain):
        raises(Error.ERR_OUT_OF_MEMORY, lambda: plain.get_peer(1).put_packet(bytes(65536)))


def test_a_client_that_is_not_up_yet_sends_nothing() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    client.connect_to_url(url, gd_mp_api=True)
    assert client.get_connection_status() is ConnectionStatus.CONNECTION_CONNECTING
    raises(Error.FAILED, lambda: client.put_packet(b"x"))
    raises(Error.ERR_ALREADY_IN_USE, lambda: client.connect_to_url(url))
    raises(Error.FAILED, lambda: client.set_buffers(1, 1, 1, 1))
    client.close()
    server.close()


def test_giving_up_while_connecting_is_a_failure() -> None:
    client = WebSocketClient()
    heard: list[str] = []
    client.connection_error.connect(lambda: heard.append("error"))
    client.connection_failed.connect(lambda: heard.append("failed"))
    server = WebSocketServer()
    server.listen(0)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
    client.disconnect_from_host()
    client.poll()
    assert heard == ["error", "failed"]
    assert client.failure is not None
    assert "closed by ourselves" in str(client.failure)
    server.stop()


def test_listening_twice_and_on_a_taken_port() -> None:
    server, other = WebSocketServer(), WebSocketServer()
    server.bind_ip = other.bind_ip = "127.0.0.1"
    server.listen(0)
    port = server.get_local_port()
    raises(Error.ERR_ALREADY_IN_USE, lambda: server.listen(0))
    raises(Error.ERR_ALREADY_IN_USE, lambda: other.listen(port))
    assert other.is_listening() is False

    def rebind() -> None:
        server.bind_ip = "127.0.0.2"

    raises(Error.ERR_ALREADY_IN_USE, rebind)
    raises(Error.FAILED, lambda: server.set_buffers(1, 1, 1, 1))
    raises(Error.ERR_INVALID_PARAMETER, lambda: other.listen(65536))
    other.bind_ip = "203.0.113.1"
    raises(Error.ERR_CANT_CREATE, lambda: other.listen(0))
    server.stop()
    server.listen(port)
    assert server.get_local_port() == port
    server.stop()


def test_buffers_are_rounded_up_as_in_godot() -> None:
    client = WebSocketClient()
    client.set_buffers(3, 100, 64, 200)
    assert client.inbound_buffer_size == 4 * 1024 - 1
    assert client.outbound_buffer_size == 64 * 1024 - 1
    assert client.max_queued_packets == 200
    raises(Error.ERR_INVALID_PARAMETER, lambda: client.set_buffers(0, 1, 1, 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("handshake_timeout", 0),
        ("close_timeout", 0),
        ("heartbeat_interval", -1),
        ("max_unreliable_ordered", -1),
        ("inbound_buffer_size", 0),
        ("outbound_buffer_size", -1),
        ("max_queued_packets", 0),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: float) -> None:
    for peer in (WebSocketClient(), WebSocketServer(), WebSocketMultiplayerPeer()):
        before: object = getattr(peer, name)
        for senseless in (value, nan, -inf, "3", [3], True):
            sentence = raises(Error.ERR_INVALID_PARAMETER, partial(setattr, peer, name, senseless))
            assert name in sentence
        assert getattr(peer, name) == before


SIZES = [
    "inbound_buffer_size",
    "outbound_buffer_size",
    "max_queued_packets",
    "max_unreliable_ordered",
    "encode_buffer_max_size",
    "transfer_channel",
]


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_whole_numbers(name: str) -> None:
    client = WebSocketClient()
    for senseless in (1e6, 2.5, inf):
        sentence = raises(Error.ERR_INVALID_PARAMETER, partial(setattr, client, name, senseless))
        assert name in sentence


@pytest.mark.parametrize("name", ["close_timeout", "heartbeat_interval"])
def test_some_times_are_finite(name: str) -> None:
    sentence = raises(Error.ERR_INVALID_PARAMETER, partial(setattr, WebSocketClient(), name, inf))
    assert f"{name} must be finite" in sentence


@everywhere
async def test_a_handshake_may_take_for_ever(drive: Drive) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.handshake_timeout = inf
    server.listen(0)
    drive.add(server)
    client = WebSocketClient()
    client.handshake_timeout = inf
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
    drive.add(client)
    await until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
    client.close()
    server.stop()


@pytest.mark.parametrize("senseless", [0, 1.5, nan, "4", None])
def test_set_buffers_takes_positive_whole_numbers(senseless: Any) -> None:
    client = WebSocketClient()
    for position in range(4):
        numbers: list[Any] = [1, 1, 1, 1]
        numbers[position] = senseless
        raises(Error.ERR_INVALID_PARAMETER, partial(client.set_buffers, *numbers))
    assert client.inbound_buffer_size == 65535


@pytest.mark.parametrize(
    "headers",
    [
        ["no colon"],
        [": no name"],
        ["Two Words: x"],
        ["Injected: x\r\nHost: evil"],
        ["Host: other"],
        ["Sec-WebSocket-Key: mine"],
        ["Gdpeers: 2"],
    ],
)
def test_headers_that_break_the_request_are_refused(headers: list[str]) -> None:
    client = WebSocketClient()
    raises(
        Error.ERR_INVALID_PARAMETER,
        lambda: client.connect_to_url("ws://127.0.0.1:1", custom_headers=headers),
    )


def test_protocols_that_are_no_tokens_are_refused() -> None:
    client, server = WebSocketClient(), WebSocketServer()
    for protocols in (["a b"], [""], ["a,b"], ["ü"], "binary"):
        raises(
            Error.ERR_INVALID_PARAMETER,
            lambda protocols=protocols: client.connect_to_url("ws://127.0.0.1:1", protocols),
        )
        raises(Error.ERR_INVALID_PARAMETER, lambda protocols=protocols: server.listen(0, protocols))


@pytest.mark.parametrize("code", [1, 999, 1004, 1005, 1006, 1012, 1013, 1014, 1015, 2999, 5000, -1])
def test_close_codes_that_may_not_be_sent_are_refused(code: int) -> None:
    with connected_pair() as (server, client):
        peer = client.get_unique_id()
        for call in (
            lambda: client.disconnect_from_host(code),
            lambda: client.get_peer(1).close(code),
            lambda: server.disconnect_peer(peer, code),
            lambda: server.begin_leaving(code),
            lambda: client.begin_leaving(code),
            lambda: server.end_at_once(code),
            lambda: client.end_at_once(code),
        ):
            assert "may not be sent" in raises(Error.ERR_INVALID_PARAMETER, call)
        assert server.has_peer(peer)
        assert server.is_listening()


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        (1000.0, "", "not float"),
        ("1000", "", "not str"),
        (None, "", "not NoneType"),
        (True, "", "not bool"),
        (1000, b"why", "not bytes"),
        (1000, None, "not NoneType"),
    ],
)
def test_what_is_no_close_code_or_reason_raises_before_anything_has_happened(
    code: Any, reason: Any, sentence: str, godot4: bool
) -> None:
    pair = connected_pair(godot4=True) if godot4 else connected_pair()
    with pair as connected:
        server, client = connected
        peer = client.get_unique_id()
        calls: list[Callable[[], object]] = [
            lambda: server.get_peer(peer).close(code, reason),
            lambda: client.get_peer(1).close(code, reason),
        ]
        if isinstance(client, WebSocketClient):
            calls.append(lambda: client.disconnect_from_host(code, reason))
        if isinstance(server, WebSocketServer) and code is not True:  # there it means force
            calls.append(lambda: server.disconnect_peer(peer, code, reason))
        if code == 1000 and isinstance(code, int):
            calls.append(lambda: server.expel_peer(peer, reason))
        else:
            calls += [
                lambda: server.begin_leaving(code),
                lambda: client.begin_leaving(code),
                lambda: server.end_at_once(code),
            ]
        for call in calls:
            assert sentence in raises(Error.ERR_INVALID_PARAMETER, call)
        client.put_packet(b"still here")
        connected.until(server.get_available_packet_count)
        assert server.get_packet() == b"still here"
        assert server.get_peers() == [peer]


@pytest.mark.parametrize(
    ("code", "reason", "heard"),
    [
        (1000, "", (1000, "")),
        (4000, "why é", (4000, "why é")),
        (0, "dropped", (1005, "")),
        (4999, "x" * 200, (4999, "x" * 123)),
        (4001, "é" * 100, (4001, "é" * 61)),
        (4001, "no\0NUL", (4001, "noNUL")),
    ],
)
def test_close_codes_and_reasons_arrive(code: int, reason: str, heard: tuple[int, str]) -> None:
    for begin in ("client", "server", "peer"):
        with connected_pair() as pair:
            server, client = pair
            peer_id = client.get_unique_id()
            at_server, at_client = server.get_peer(peer_id), client.get_peer(1)
            requests: list[tuple[object, ...]] = []
            server.client_close_request.connect(lambda _, *args: requests.append(args))  # noqa: B023
            client.server_close_request.connect(lambda *args: requests.append(args))  # noqa: B023
            if begin == "client":
                client.disconnect_from_host(code, reason)
            elif begin == "peer":
                at_client.close(code, reason)
            else:
                server.disconnect_peer(peer_id, code, reason)
            pair.until(lambda: not server.has_peer(peer_id))  # noqa: B023
            pair.until(lambda: client.get_connection_status() == 0)  # noqa: B023
            assert requests == [heard]
            for peer in (at_server, at_client):
                assert (peer.get_close_code(), peer.get_close_reason()) == heard
                assert peer.get_ready_state() is ReadyState.STATE_CLOSED


@pytest.mark.parametrize("code", [1012, 1013, 1014])
def test_codes_that_no_engine_understands_are_for_plain_mode_alone(code: int) -> None:
    server = WebSocketServer()
    joined: list[int] = []
    server.client_connected.connect(lambda peer, *_: joined.append(peer))
    with connected_pair(gd_mp_api=False, server=server) as pair:
        pair.until(lambda: joined)
        codes: list[tuple[int, str]] = []
        pair.client.server_close_request.connect(lambda *said: codes.append(said))
        server.disconnect_peer(joined[0], code, "soon")
        pair.until(lambda: codes and not server.has_peer(joined[0]))
        assert codes == [(code, "soon")]
        assert server.get_peer(joined[0]).get_close_code() == code  # the answer repeats it
    with connected_pair() as (server, client):
        refuse_close(code, client.disconnect_from_host, client.get_peer(1).close)
        peer = client.get_unique_id()
        refuse_close(code, lambda code: server.disconnect_peer(peer, code))
    with connected_pair(godot4=True) as (server4, client4):
        at_server = server4.get_peer(client4.get_unique_id())
        refuse_close(code, client4.get_peer(1).close, at_server.close)


def refuse_close(code: int, *calls: Callable[[int], object]) -> None:
    for call in calls:
        sentence = raises(Error.ERR_INVALID_PARAMETER, partial(call, code))
        assert "4012" in sentence
        assert "4013" in sentence


@pytest.mark.parametrize("how", ["force=True", "True"])
def test_disconnecting_by_force_is_silent_for_the_server_alone(how: str) -> None:
    with connected_pair() as pair:
        server, client = pair
        other = WebSocketClient()
        other.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        left: list[int] = []
        other.peer_disconnected.connect(left.append)

        def joined() -> bool:
            other.poll()
            return other.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED

        pair.until(joined)
        heard: list[int] = []
        server.peer_disconnected.connect(heard.append)
        server.client_disconnected.connect(lambda peer, clean: heard.append(peer))
        peer = client.get_unique_id()
        client.put_packet(b"on its way")
        if how == "True":
            server.disconnect_peer(peer, True)  # Godot 4's spelling
        else:
            server.disconnect_peer(peer, force=True)
        assert server.has_peer(peer) is False
        pair.until(lambda: client.get_connection_status() == 0)

        def told() -> bool:
            other.poll()
            return left == [peer]

        pair.until(told)
        assert heard == []
        assert server.get_available_packet_count() == 0
        other.close()


def test_text_and_binary() -> None:
    with connected_pair(gd_mp_api=False) as pair:
        server, client = pair
        ids: list[int] = []
        server.data_received.connect(ids.append)
        to_server = client.get_peer(1)
        assert to_server.get_write_mode() is WriteMode.WRITE_MODE_BINARY
        to_server.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
        to_server.put_packet("héllo".encode())
        raises(Error.ERR_INVALID_DATA, lambda: to_server.put_packet(b"\xff"))
        to_server.set_write_mode(1)
        to_server.put_packet(b"\xff")
        raises(Error.ERR_INVALID_PARAMETER, lambda: to_server.set_write_mode(2))
        pair.until(lambda: len(ids) == 2)
        peer = server.get_peer(ids[0])
        got = [(peer.get_packet(), peer.was_string_packet()) for _ in range(2)]
        assert got == [("héllo".encode(), True), (b"\xff", False)]
        assert peer.get_connected_host() == server.get_peer_address(ids[0]) == "127.0.0.1"
        assert peer.get_connected_port() == server.get_peer_port(ids[0])
        assert client.get_connected_port() == server.get_local_port()
        assert client.get_connected_host() == "127.0.0.1"
        for message, text in ((b"", False), (b"", True), ("ü".encode(), True)):
            if text:
                peer.send_text(message.decode())
            else:
                peer.send(message)
        raises(Error.ERR_INVALID_DATA, lambda: peer.send_text("\ud800"))
        raises(Error.ERR_INVALID_PARAMETER, lambda: peer.send(b"x", 7))
        pair.until(lambda: to_server.get_available_packet_count() == 3)
        got = [(to_server.get_packet(), to_server.was_string_packet()) for _ in range(3)]
        assert got == [(b"", False), (b"", True), ("ü".encode(), True)]
        peer.set_no_delay(False)
        peer.put_var([1, 2])
        pair.until(to_server.get_available_packet_count)
        assert to_server.get_var() == [1, 2]
        # Its last packets stay readable when a client has left.
        to_server.put_packet(b"last words")
        client.disconnect_from_host()
        pair.until(lambda: not server.has_peer(ids[0]))
        assert server.get_peer(ids[0]).get_packet() == b"last words"


def test_a_server_remembers_only_so_many_that_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiplayer.endpoint.clients._DEPARTED_KEPT", 2)
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    ids: list[int] = []
    server.client_disconnected.connect(lambda peer, clean: ids.append(peer))
    for count in range(1, 4):
        client.connect_to_url(url)
        while client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTED:
            client.poll()
            server.poll()
        client.get_peer(1).put_packet(b"never fetched")
        client.close()
        while len(ids) < count:
            server.poll()
    raises(Error.ERR_DOES_NOT_EXIST, lambda: server.get_peer(ids[0]))
    assert [server.get_peer(peer).get_packet() for peer in ids[1:]] == [b"never fetched"] * 2
    assert server.statistics.drops == {"departed": 1}
    assert server.statistics.packets_received == 3
    server.stop()
