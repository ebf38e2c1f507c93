"""What goes wrong around us: signals, clocks, networks, handlers; and what the log says."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketServer, run
from tests.driving import Drive, Recorder, until
from tests.peers.sessions import FixedServer, fenced
from tests.peers.sockets import AGREED, listening, raw_peer
from tests.programs import started
from tests.raw import CLOSE, Raw, close_body

if TYPE_CHECKING:
    from collections.abc import Iterator


IS_IT_PLAIN = "is it in plain mode? A client of a session connects with gd_mp_api=True"


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
async def test_sigterm_tells_the_clients_of_the_relay_and_ends_it() -> None:
    with started("-m", "peers", "serve", "--port", "0") as relay:
        port = int(relay.until(r"listening on ws://127\.0\.0\.1:(\d+)")[1])
        raw = await Raw.connect(port)
        relay.process.send_signal(signal.SIGTERM)
        assert await raw.receive_close() == close_body(1001)
        await trio.to_thread.run_sync(relay.status)
        assert relay.status() == 0
        await raw.close()


async def test_a_clock_that_jumps_ahead_ends_no_connection_that_is_alive(drive: Drive) -> None:
    server = FixedServer()
    server.heartbeat_interval = 10.0
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=False)
    drive.add(server)
    peer, raw = await raw_peer(server)
    for _ in range(3):
        server.ahead += 100_000.0
        await fenced(raw)
    assert server.has_peer(peer)
    await raw.close()


async def test_a_clock_that_jumps_back_harms_nothing(drive: Drive) -> None:
    server = FixedServer()
    server.ahead = 100_000.0
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=False)
    drive.add(server)
    peer, raw = await raw_peer(server)
    server.ahead = 0.0
    await fenced(raw)
    _, other = await raw_peer(server)
    await fenced(other)
    assert server.has_peer(peer)
    await raw.close()
    await other.close()


@pytest.mark.parametrize("code", [errno.ENETDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT])
async def test_an_interface_that_goes_away_ends_the_connection_and_no_other(
    drive: Drive, code: int
) -> None:
    server = listening(drive, gd_mp_api=False)
    at_server = Recorder(server)
    peer, raw = await raw_peer(server)
    other, honest = await raw_peer(server)
    link = server.get_peer(peer)._link
    assert link is not None
    connection = server.endpoint.engine.connections[link]
    inner = connection.sock
    assert inner is not None

    class Gone:
        """A socket whose interface is gone."""

        def recv(self, size: int) -> bytes:
            raise OSError(code, "gone")

        def send(self, data: object) -> int:
            raise OSError(code, "gone")

        sendmsg = send

        def __getattr__(self, name: str) -> object:
            return getattr(inner, name)

    connection.sock = Gone()
    await raw.send_frame(b"wakes it")
    await until(lambda: ("client_disconnected", peer, False) in at_server.log)
    assert server.has_peer(other)
    await fenced(honest)
    await raw.close()
    await honest.close()


def test_exceptions_in_handlers_leave_poll_and_lose_nothing() -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    failing: list[int] = []

    @server.data_received.connect
    def fail(peer: int) -> None:
        failing.append(peer)
        raise ZeroDivisionError

    received: list[bytes] = []

    async def main() -> None:
        def take(error: Exception) -> None:
            assert isinstance(error, ZeroDivisionError)
            received.append(server.get_peer(failing[-1]).get_packet())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: run(server, on_error=take))
            raw = await Raw.connect(server.get_local_port())
            for number in range(5):
                await raw.send_frame(bytes([number]))
            await until(lambda: len(received) == 5)
            await raw.send_frame(close_body(1000), CLOSE)
            assert await raw.receive_close() == close_body(1000)
            await raw.close()
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert received == [bytes([number]) for number in range(5)]


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """Lets this process open only a few more."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = socket.socket()
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 30, before[1]))
    probe.close()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.needs_sockets
@pytest.mark.usefixtures("few_descriptors")
async def test_without_descriptors_it_does_not_spin_and_accepts_again_later(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(drive, gd_mp_api=False)
    waiting: list[socket.socket] = []
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            try:
                one = socket.socket()
            except OSError:
                break
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", server.get_local_port()))
            waiting.append(one)
            await until_polled(server)
        assert "no connection can be accepted for now" in caplog.text
        # Later polls do not try at once again, and say nothing again.
        for _ in range(20):
            await until_polled(server)
        for one in waiting:
            one.close()
        peer, raw = await raw_peer(server)
    assert server.has_peer(peer)
    said = [
        record.getMessage() for record in caplog.records if record.name == "peers.sockets.engine"
    ]
    assert len(said) == 2
    assert said[1].startswith("connections are accepted again after ")
    assert int(said[1].split()[5]) < 20
    await raw.close()


async def until_polled(server: WebSocketServer) -> None:
    """Let whoever drives the server do so."""
    del server
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    with trio.move_on_after(0.002):
        await trio.sleep_forever()


# ------------------------------------------------------------------ the log


@pytest.mark.parametrize(("headers", "dialect"), [((), "gd_mp"), (AGREED, "gdpeers")])
async def test_a_repeated_violation_takes_two_lines_with_peer_address_and_dialect(
    drive: Drive, caplog: pytest.LogCaptureFixture, headers: tuple[str, ...], dialect: str
) -> None:
    server = listening(drive, max_violations=0)
    peer, raw = await raw_peer(server, headers)
    with caplog.at_level(logging.DEBUG):
        for _ in range(50):
            await raw.send_frame(b"secret")
        await fenced(raw)
        await raw.close()
        await until(lambda: not server.has_peer(peer))
    lines = [record for record in caplog.records if record.name == "peers.websocket.link"]
    asked = "" if headers else f": {IS_IT_PLAIN}"  # who has agreed is a client of sessions
    assert [(line.levelname, line.getMessage()) for line in lines] == [
        ("WARNING", f"peer {peer}: short_packet{asked} (further ones are counted)"),
        ("INFO", f"peer {peer}: short_packet, 50 times in all"),
    ]
    for line in lines:
        fields = {"peer_id": peer, "address": "127.0.0.1", "dialect": dialect}
        assert line.__dict__.items() >= fields.items()
    assert "secret" not in caplog.text


async def test_a_refused_connection_is_logged_with_its_address(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(drive, refuse_new_connections=True)
    with caplog.at_level(logging.INFO):
        raw = await Raw.dial(server.get_local_port())
        await raw.send(b"GET /?token=secret HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await raw.read_head()).startswith("HTTP/1.1 426 ")
        await until(lambda: server.statistics.failed_handshakes)
    (line,) = [record for record in caplog.records if record.name.startswith("peers")]
    assert line.__dict__.items() >= {"peer_id": 0, "address": "127.0.0.1"}.items()
    assert "secret" not in line.getMessage()
    await raw.close()


async def test_payloads_never_reach_the_log(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    server = listening(drive, gd_mp_api=True, max_queued_packets=1, inbound_buffer_size=100)
    with caplog.at_level(logging.INFO):
        peer, raw = await raw_peer(server)
        await raw.send_frame(gd_mp.packet(peer, 1, b"secret"))
        await raw.send_frame(gd_mp.packet(peer, 77, b"secret"))
        await until(lambda: server.get_available_packet_count() == 1)
        assert server.get_packet() == b"secret"
        await raw.send_frame(b"secret" * 20)
        assert (await raw.receive_close())[:2] == close_body(1009)
        await raw.close()
    assert caplog.records
    assert "secret" not in caplog.text
