"""Listeners that close, connect again and disconnect at the worst moments; networks that do."""

from __future__ import annotations

import errno
import signal
import socket

import pytest
import trio

from multiplayer import ConnectionStatus, MultiplayerError, OfflineMultiplayerPeer, Signal
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient, WebSocketServer, connect, emissions, run, serve
from peers.sockets import endpoint_sockets as sockets_module
from peers.sockets import name_lookup as resolver_module
from peers.sockets import system
from peers.testing import Pair, connected_pair
from tests.driving import PATIENCE, Drive, Recorder, until
from tests.peers.sockets import listening, raw_peer
from tests.raw import CLOSE, Raw, RawServer, close_body, frame, upgrade_headers

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


async def test_retrying_in_connection_error_takes_one_attempt_a_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(self: socket.socket, address: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(sockets_module.socket.socket, "connect", unreachable)
    client = WebSocketClient()
    failures: list[str] = []

    def again() -> None:
        failures.append(str(client.failure))
        client.connect_to_url("ws://127.0.0.1:1")

    client.connection_error.connect(again)
    client.connect_to_url("ws://127.0.0.1:1")
    for polls in range(1, 5):
        client.poll()
        assert len(failures) == polls
    assert failures[0].startswith("tcp: 127.0.0.1 port 1: ")
    with trio.move_on_after(0.05) as scope:
        await run(client)
    assert scope.cancelled_caught
    monkeypatch.undo()


async def test_disconnecting_before_the_session_is_up_keeps_it_from_coming_up(
    drive: Drive,
) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.close_timeout = 0.05
    client.connection_established.connect(lambda protocol: client.disconnect_from_host())
    at_client = Recorder(client)
    client.connect_to_url(listener.url, gd_mp_api=True)
    drive.add(client)
    raw = await listener.dialled()
    asked = await raw.read_head()
    await raw.send(answer_to(asked) + greeting(7))
    await until(lambda: "connection_failed" in at_client)
    assert at_client.names() == ["connection_established", "connection_error", "connection_failed"]
    assert client.statistics.drops == {"closing": 2}
    await raw.close()
    await listener.close()


def answer_to(asked: str) -> bytes:
    lines = ["HTTP/1.1 101 Switching Protocols", *upgrade_headers(asked), "", ""]
    return "\r\n".join(lines).encode()


def greeting(peer: int) -> bytes:
    return frame(gd_mp.system_packet(gd_mp.PacketType.ID, peer)) + frame(
        gd_mp.system_packet(gd_mp.PacketType.ADD, 1)
    )


async def test_connect_raises_if_a_listener_or_another_task_closes_meanwhile() -> None:
    listener = await RawServer.listen()
    with trio.fail_after(PATIENCE):
        client = WebSocketClient()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(close_when_dialled, listener, client)
            with pytest.raises(MultiplayerError, match="closed while connecting"):
                async with connect(listener.url, peer=client):
                    raise AssertionError("entered without a connection")
    await listener.close()


async def close_when_dialled(listener: RawServer, client: WebSocketClient) -> None:
    raw = await listener.dialled()
    client.close()
    await raw.close()


async def test_connect_is_entered_although_the_session_has_gone_again_by_then() -> None:
    listener = await RawServer.listen()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(greet_and_close, listener)
            async with connect(listener.url) as client:
                assert client.get_unique_id() == 7
                await until(lambda: client.get_connection_status() == DISCONNECTED)
                assert client.get_peer(1).get_close_code() == 1001
    await listener.close()


async def greet_and_close(listener: RawServer) -> None:
    raw = await listener.dialled()
    asked = await raw.read_head()
    await raw.send(answer_to(asked) + greeting(7) + frame(close_body(1001), CLOSE))
    await raw.receive_end()
    await raw.close()


async def test_connect_waits_on_if_a_listener_tries_again() -> None:
    with trio.fail_after(PATIENCE):
        async with serve(0) as server:
            url = f"ws://127.0.0.1:{server.get_local_port()}"
            dead = await RawServer.listen()
            await dead.close()
            client = WebSocketClient()
            client.connection_error.connect(lambda: client.connect_to_url(url, gd_mp_api=True))
            async with connect(dead.url, peer=client):
                assert client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED


async def test_leaving_ends_although_listeners_connect_and_listen_again() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.close_timeout = 0.1

    def listen_again(peer: int, clean: bool) -> None:
        server.stop()
        server.listen(0, gd_mp_api=True)

    server.client_disconnected.connect(listen_again)
    with trio.fail_after(PATIENCE):
        async with serve(0, peer=server):
            url = f"ws://127.0.0.1:{server.get_local_port()}"
            client.connection_closed.connect(
                lambda clean: client.connect_to_url(url, gd_mp_api=True)
            )
            async with connect(url, peer=client):
                pass
            assert client.get_connection_status() == DISCONNECTED
    assert server.get_connection_status() == DISCONNECTED


async def test_emissions_may_end_while_the_signal_is_emitted_all_the_time() -> None:
    class Bell:
        rung = Signal[int]("times")

    bell = Bell()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:

            async def ring() -> None:
                while True:
                    bell.rung.emit(1)
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(ring)
            for _ in range(50):
                async with emissions(bell.rung) as rings:
                    assert await anext(rings) == (1,)
            nursery.cancel_scope.cancel()


@pytest.mark.needs_sockets  # which tell of a reset later than the first packet after it
async def test_what_has_arrived_counts_although_nothing_can_be_sent_any_more(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    at_client = Recorder(client)
    client.connect_to_url(listener.url)
    raw_task: list[Raw] = []
    async with trio.open_nursery() as nursery:

        async def serve_and_hang_up() -> None:
            raw = await listener.upgraded()
            raw_task.append(raw)

        nursery.start_soon(serve_and_hang_up)
        while "connection_established" not in at_client:
            client.poll()
            await trio.lowlevel.checkpoint()
    (raw,) = raw_task
    await raw.send_frame(b"last words")
    await raw.send_frame(close_body(1001), CLOSE)
    await raw.close()
    for _ in range(3):  # into a socket that nobody reads any more
        client.get_peer(1).put_packet(b"too late")
    drive.add(client)
    await until(lambda: "connection_closed" in at_client)
    assert at_client.names()[1:] == ["data_received", "server_close_request", "connection_closed"]
    assert client.get_peer(1).get_packet() == b"last words"
    await listener.close()


def test_putting_to_a_peer_that_the_network_took_is_no_mistake() -> None:
    with connected_pair(gd_mp_api=False) as (server, _):
        (peer_id,) = server._role.clients.members
        peer = server.get_peer(peer_id)
        link = peer._link
        assert link is not None
        link.lose("the network")
        peer.put_packet(b"into the void")
        assert peer.statistics.drops == {"closing": 1}
        server.poll()
        assert not server.has_peer(peer_id)
        peer.put_packet(b"too late")
        assert server.statistics.drops == {"closing": 1, "departed": 1}


def test_closing_at_once_sends_all_that_was_put_and_a_close_frame() -> None:
    with connected_pair() as (server, client):
        at_client = Recorder(client)
        server.set_target_peer(0)
        for number in range(200):
            server.put_packet(number.to_bytes(2))
        server.close()
        while "connection_closed" not in at_client:
            client.poll()
        assert [client.get_packet() for _ in range(200)] == [n.to_bytes(2) for n in range(200)]
        assert ("server_close_request", 1000, "") in at_client.log
        assert at_client.log[-1] == ("connection_closed", True)


async def test_a_close_frame_behind_what_is_not_fetched_is_found_when_we_close(
    drive: Drive,
) -> None:
    server = listening(drive, gd_mp_api=False, max_queued_packets=1, close_timeout=5.0)
    at_server = Recorder(server)
    peer, raw = await raw_peer(server)
    await raw.send(raw.frame(b"one") + raw.frame(b"two") + raw.frame(close_body(1000), CLOSE))
    await until(lambda: "data_received" in at_server)
    server.disconnect_peer(peer)
    with trio.fail_after(3):
        await until(lambda: "client_disconnected" in at_server)
    assert at_server.log[-1] == ("client_disconnected", peer, True)
    await raw.close()


def test_closing_when_the_other_side_closes_still_sends_a_close_frame() -> None:
    with connected_pair() as pair:
        server, client = pair
        at_server = Recorder(server)
        client.server_close_request.connect(lambda code, reason: client.close())
        peer = client.get_unique_id()
        server.disconnect_peer(peer, 4000)
        pair.until(lambda: "client_disconnected" in at_server)
        assert at_server.log[-1] == ("client_disconnected", peer, True)


def test_whoever_is_forced_out_while_joining_never_joined() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.client_connected.connect(lambda peer, *_: server.disconnect_peer(peer, force=True))
    at_server = Recorder(server)
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
    Pair(server, client).until(lambda: client.get_connection_status() == DISCONNECTED)
    assert at_server.names() == ["client_connected"]
    server.stop()


async def test_an_address_that_never_answers_leaves_time_for_the_next(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = listening(drive, gd_mp_api=False)
    connect_socket = socket.socket.connect

    def swallow(self: socket.socket, address: tuple[str, int]) -> None:
        if address[0] == "127.0.0.2":
            raise BlockingIOError  # as if the first packet were lost on its way
        connect_socket(self, address)

    def two_addresses(host: str, port: int, **kwargs: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.2", port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(resolver_module.socket, "getaddrinfo", two_addresses)
    client = WebSocketClient()
    client.handshake_timeout = 1.0
    at_client = Recorder(client)

    class Hole(socket.socket):
        connect = swallow

    monkeypatch.setattr(sockets_module.socket, "socket", Hole)
    client.connect_to_url(f"ws://some.name.invalid:{server.get_local_port()}")
    drive.add(client)
    await until(lambda: at_client.log)
    assert at_client.log == [("connection_established", "")]


def test_without_descriptors_connecting_is_a_failure_and_listening_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def exhausted(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    client = WebSocketClient()
    at_client = Recorder(client)
    monkeypatch.setattr(system, "NameLookup", exhausted)
    client.connect_to_url("ws://some.name.invalid")
    while client.get_connection_status() != DISCONNECTED:
        client.poll()
    assert at_client.log == [("connection_error",)]
    assert client.failure is not None
    assert client.failure.stage == "dns"
    server = WebSocketServer()
    monkeypatch.setattr(sockets_module.selectors, "DefaultSelector", exhausted)
    with pytest.raises(MultiplayerError, match="cannot listen"):
        server.listen(0)
    assert (server.is_listening(), server.get_local_port()) == (False, 0)
    monkeypatch.undo()
    server.listen(0)
    assert server.get_local_port() != 0
    server.stop()


def test_closing_the_connection_of_a_client_that_is_connecting_gives_up() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.listen(0)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
    client.get_peer(1).close()
    client.poll()
    assert client.get_connection_status() == DISCONNECTED
    server.stop()


class Sleeper(WebSocketClient):
    """A client whose program can stall."""

    offset = 0.0

    def now(self) -> float:
        return super().now() + self.offset


def test_a_program_that_stalls_does_not_take_it_for_the_servers_silence() -> None:
    server, client = WebSocketServer(), Sleeper()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
    client.offset = 60.0
    Pair(server, client).until(
        lambda: client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED
    )
    assert client.failure is None
    client.close()
    server.close()


async def test_what_has_no_websocket_peer_cannot_be_run() -> None:
    with pytest.raises(MultiplayerError, match="no peer to run"):
        await run(OfflineMultiplayerPeer())  # pyright: ignore[reportArgumentType]


def test_a_second_ctrl_c_leaves_nothing_open() -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    release = server.endpoint.release

    def interrupt_again() -> None:
        signal.raise_signal(signal.SIGINT)
        release()

    server.endpoint.release = interrupt_again

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, server)
            await until(lambda: server.endpoint.awaited)
            signal.raise_signal(signal.SIGINT)
            await trio.sleep_forever()

    with pytest.raises(BaseException) as ended:  # one or two KeyboardInterrupts, in groups
        trio.run(main)
    assert "KeyboardInterrupt" in repr(ended.value)
    assert not server.endpoint.awaited
    assert server.endpoint.idle


def test_async_listeners_are_refused() -> None:
    async def listen(peer: int) -> None: ...

    with pytest.raises(MultiplayerError, match="is async and would never run"):
        WebSocketServer().peer_connected.connect(listen)
