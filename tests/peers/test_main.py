"""The command line, as a user runs it."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers.__main__ import main
from peers.cli.relay import Godot3Relay, stats_line
from tests.programs import ROOT, Program, started
from tests.raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, close_body

if TYPE_CHECKING:
    from collections.abc import Generator

SERVE = ("-m", "peers", "serve", "--port", "0")
GOING_AWAY = struct.pack("!H", 1001)

# Without a handler for SIGINT, the interpreter's own raises KeyboardInterrupt, as Windows may.
WITHOUT_SIGNALS = (
    "import signal, sys; from peers import __main__; from peers.cli import relay; "
    "relay.STOP_SIGNALS = (signal.SIGTERM,); "
    "sys.exit(__main__.main(['serve', '--port', '0']))"
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def listening(program: Program) -> int:
    first = program.line()
    assert first is not None
    url, _, port = first.rpartition(":")
    assert url == "listening on ws://127.0.0.1"
    return int(port)


@pytest.fixture
def relay() -> Generator[Program]:
    with started(*SERVE) as program:
        yield program


@pytest.fixture
def plain_relay() -> Generator[Program]:
    with started(*SERVE, "--plain") as program:
        yield program


async def line(program: Program) -> str | None:
    return await trio.to_thread.run_sync(program.line)


async def join(port: int) -> tuple[Raw, int]:
    """A raw gd_mp client whose session is up, and its id."""
    raw = await Raw.connect(port)
    (own,) = struct.unpack("<i", (await raw.receive_message())[9:])
    assert await raw.receive_message() == gd_mp.system_packet(gd_mp.PacketType.ADD, 1)
    return raw, own


def local_address(raw: Raw) -> str:
    host, port = raw.stream.socket.getsockname()
    return f"{host}:{port}"


async def test_serve_relays_between_clients_and_reports_who_comes_and_goes(relay: Program) -> None:
    port = listening(relay)
    raw, raw_id = await join(port)
    assert await line(relay) == f"{raw_id} joined from {local_address(raw)}"
    async with peers.connect(f"ws://127.0.0.1:{port}") as client:
        ours = client.get_unique_id()
        joined = await line(relay)
        assert joined is not None
        assert joined.startswith(f"{ours} joined from 127.0.0.1:")
        assert await raw.receive_message() == gd_mp.system_packet(gd_mp.PacketType.ADD, ours)
        client.put_packet(b"to all")
        assert await raw.receive_message() == gd_mp.packet(ours, 0, b"to all")
        async with peers.emissions(client.peer_packet) as packets:
            await raw.send_frame(gd_mp.packet(raw_id, ours, b"to you"))
            with trio.fail_after(10):
                assert await anext(packets) == (raw_id,)
        assert client.get_packet() == b"to you"
    left = await line(relay)
    assert left == joined.replace("joined", "left") + ": closed with 1000"
    await raw.receive_message()  # DEL
    await raw.send_frame(close_body(4001, "tired\x1b"), CLOSE)
    assert await raw.receive_close() == close_body(4001, "tired\x1b")
    told = f"{raw_id} left from {local_address(raw)}: closed with 4001 'tired\\x1b'"
    assert await line(relay) == told
    await raw.close()


async def test_a_client_that_vanishes_is_reported(relay: Program) -> None:
    raw, own = await join(listening(relay))
    address = local_address(raw)
    await raw.reset()
    assert await line(relay) == f"{own} joined from {address}"
    left = await line(relay)
    assert left is not None
    assert left.startswith(f"{own} left from {address}: lost, tcp: the connection was lost")


async def test_the_relay_keeps_no_packets_for_itself(relay: Program) -> None:
    raw, own = await join(listening(relay))
    for number in range(5000):  # more than max_queued_packets
        await raw.send_frame(gd_mp.packet(own, 1, number.to_bytes(2)))
    await raw.send_frame(b"still here", PING)
    answer = await raw.receive_frame()
    assert answer is not None
    assert (answer.op, answer.payload) == (PONG, b"still here")
    await raw.close()


@posix
@pytest.mark.parametrize(
    ("how", "number"),
    [
        (SERVE, signal.SIGINT),
        (SERVE, signal.SIGTERM),
        (("-c", WITHOUT_SIGNALS), signal.SIGINT),
    ],
    ids=["SIGINT", "SIGTERM", "KeyboardInterrupt"],
)
async def test_a_signal_closes_everybody_with_1001(how: tuple[str, ...], number: int) -> None:
    with started(*how) as relay:
        port = listening(relay)
        raw, own = await join(port)
        closes: list[tuple[int, str]] = []
        client = peers.WebSocketClient()
        client.server_close_request.connect(lambda code, reason: closes.append((code, reason)))
        client.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peers.run, client)
            await peers.fired(client.connection_succeeded)
            await raw.receive_message()  # ADD
            await raw.send_frame(gd_mp.packet(own, 1, b"12345"))
            await raw.send_frame(b"", PING)
            assert await raw.receive_frame()  # so the packet has been taken
            relay.process.send_signal(number)
            assert await raw.receive_close() == GOING_AWAY
        assert closes == [(1001, "")]
        await raw.close()
        lines = await trio.to_thread.run_sync(relay.rest)
        assert lines[2:] == [
            "received 1 packets (14 bytes), sent 6 packets (78 bytes), peers seen: 2"
        ]
        assert relay.status() == 0


@posix
async def test_quiet_prints_neither_joins_nor_leaves() -> None:
    with started(*SERVE, "--quiet") as relay:
        raw, _ = await join(listening(relay))
        await raw.send_frame(close_body(1000), CLOSE)
        assert await raw.receive_close() == close_body(1000)
        await raw.close()
        relay.process.send_signal(signal.SIGTERM)
        assert await trio.to_thread.run_sync(relay.rest) == [
            "received 0 packets (0 bytes), sent 2 packets (26 bytes), peers seen: 1"
        ]
        assert relay.status() == 0


async def test_plain_passes_each_message_on_to_all_others(plain_relay: Program) -> None:
    port = listening(plain_relay)
    first, second, third = [await Raw.connect(port) for _ in range(3)]
    for _ in range(3):
        joined = await line(plain_relay)
        assert joined is not None
        assert " joined from 127.0.0.1:" in joined
    await first.send_frame("naïve".encode(), TEXT)
    await first.send_frame(b"\x00\xff", BINARY)
    await second.send_frame(b"mine", BINARY)
    for receiver in (second, third):
        messages = [await receiver.receive_frame() for _ in range(2)]
        assert [(m.op, m.payload) for m in messages if m] == [
            (TEXT, "naïve".encode()),
            (BINARY, b"\x00\xff"),
        ]
    for receiver in (first, third):
        assert await receiver.receive_message() == b"mine"
    for raw in (first, second, third):
        # Whatever else was relayed to it would come before the answer.
        await raw.send_frame(close_body(1000), CLOSE)
        answer = await raw.receive_frame()
        assert answer is not None
        assert answer.op == CLOSE
        await raw.close()


async def test_plain_survives_a_receiver_that_breaks(plain_relay: Program) -> None:
    port = listening(plain_relay)
    first, second, third = [await Raw.connect(port) for _ in range(3)]
    for _ in range(3):
        await line(plain_relay)
    await second.reset()
    await first.send_frame(b"on it goes")
    assert await third.receive_message() == b"on it goes"
    left = await line(plain_relay)
    assert left is not None
    assert ": lost, tcp: " in left
    await first.close()
    await third.close()


def test_a_port_in_use_is_one_sentence_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "peers", "serve", "--port", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"python -m peers serve: port {port} is in use; "
        "choose another, or --port 0 for a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "70000"], "70000 is not a port; use 1 to 65535, or 0 for a free one"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1 port 9080: "),
    ],
)
def test_what_cannot_be_listened_at_is_one_sentence_and_status_1(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"python -m peers serve: {sentence}")
    assert printed.err.count("\n") == 1


@posix
@pytest.mark.parametrize(("host", "shown"), [("::1", r"\[::1\]"), ("*", r"\*")])
def test_the_host_is_shown_as_in_a_url(host: str, shown: str) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    with started(*SERVE, "--host", host) as relay:
        relay.until(rf"listening on ws://{shown}:\d+")
        relay.process.send_signal(signal.SIGINT)
        relay.until(".*peers seen: 0")
        assert relay.status() == 0


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture
def unread_relay() -> Generator[tuple[subprocess.Popen[str], int]]:
    """A relay that nobody reads the log of, and its port."""
    with subprocess.Popen(
        [sys.executable, *SERVE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        process.stdout.close()
        try:
            yield process, port
        finally:
            process.kill()


@posix
async def test_serving_goes_on_when_nobody_reads_the_log(
    unread_relay: tuple[subprocess.Popen[str], int],
) -> None:
    process, port = unread_relay
    first, first_id = await join(port)
    second, second_id = await join(port)
    await first.receive_message()  # ADD
    await second.receive_message()
    await first.send_frame(gd_mp.packet(first_id, second_id, b"hello"))
    assert await second.receive_message() == gd_mp.packet(first_id, second_id, b"hello")
    process.send_signal(signal.SIGTERM)
    assert await first.receive_close() == GOING_AWAY
    assert await second.receive_close() == GOING_AWAY
    assert process.stderr is not None
    assert await trio.to_thread.run_sync(process.stderr.read) == ""
    assert process.wait(10) == 0
    await first.close()
    await second.close()


@posix
async def test_stats_are_printed_every_so_many_seconds() -> None:
    with started(*SERVE, "--quiet", "--stats", "0.2") as relay:
        raw, own = await join(listening(relay))
        await raw.send_frame(gd_mp.packet(own, 1, b"12345"))  # 14 bytes with the envelope
        await raw.send_frame(b"junk")
        number = r"\d+(?:\.\d)?"
        flow = rf"{number} packets/s, {number} bytes/s \(total (\d+) packets, (\d+) bytes\)"
        shown = (
            rf"in {flow}; out {flow}; peers (\d+); waiting (\d+) packets in, (\d+) bytes out; "
            r"dropped (\d+); violations (\d+); held 0 now, 0 times"
        )
        found = ("",)
        while found[0] != "2":
            matched = await trio.to_thread.run_sync(relay.until, shown)
            found = matched.groups()
        assert found == ("2", "18", "2", "26", "1", "0", "0", "0", "1")
        await raw.close()
        while found[4] != "0":
            found = (await trio.to_thread.run_sync(relay.until, shown)).groups()
        relay.process.send_signal(signal.SIGTERM)
        assert (await trio.to_thread.run_sync(relay.rest))[-1].endswith("peers seen: 1")
        assert relay.status() == 0


def test_a_line_of_stats_is_about_the_time_since_the_last() -> None:
    old = peers.Statistics(10, 1000, 20, 5000)
    new = peers.Statistics(
        15,
        1100,
        30,
        9000,
        Counter(a=1, b=2),
        Counter(c=4),
        times_held=5,
        held=1,
        packets_queued=7,
        bytes_queued=8,
    )
    assert stats_line(new, old, seconds=2.0, peers=3) == (
        "in 2.5 packets/s, 50 bytes/s (total 15 packets, 1100 bytes); "
        "out 5.0 packets/s, 2000 bytes/s (total 30 packets, 9000 bytes); peers 3; "
        "waiting 7 packets in, 8 bytes out; dropped 3; violations 4; held 1 now, 5 times"
    )


@posix
@pytest.mark.parametrize("protocol", [[], ["--godot4"], ["--plain"]])
async def test_the_relay_ends_who_is_silent_for_three_heartbeats(protocol: list[str]) -> None:
    with started(*SERVE, *protocol, "--heartbeat", "0.05") as relay:
        raw = await Raw.connect(listening(relay))
        pings = 0
        while (received := await raw.receive_frame()) is not None:
            pings += received.op == PING
        assert pings == 2
        gone = r"\d+ left from \S+: lost, timeout: silent for 0.15 s, pings were not answered"
        await trio.to_thread.run_sync(relay.until, gone)
        await raw.close()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--stats", "0"], "argument --stats: invalid number of seconds value: '0'"),
        (["--stats", "inf"], "argument --stats: invalid number of seconds value: 'inf'"),
        (["--heartbeat", "-1"], "argument --heartbeat: invalid number of seconds value: '-1'"),
        (["--heartbeat", "nan"], "argument --heartbeat: invalid number of seconds value: 'nan'"),
        (["--tls-cert", "x.pem"], "--tls-cert and --tls-key belong together"),
        (["--tls-key", "x.pem"], "--tls-cert and --tls-key belong together"),
    ],
)
def test_wrong_usage_of_serve_is_status_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"python -m peers serve: error: {complaint}\n")


def test_serve_hands_certificate_and_key_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    relays: list[Godot3Relay] = []

    async def run(self: Godot3Relay) -> None:
        relays.append(self)
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(Godot3Relay, "listen", lambda self, host, port: None)
    monkeypatch.setattr(Godot3Relay, "run", run)
    assert main(["serve", "--tls-cert", "server.pem", "--tls-key", "server.key"]) == 0
    (relay,) = relays
    assert relay.server.tls_certificate == Path("server.pem")
    assert relay.server.private_key == Path("server.key")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"gdpeers {version('gdpeers')}\n"


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m peers ")


def test_a_relay_bounds_what_one_client_may_set_off() -> None:
    relay = Godot3Relay(print)
    assert relay.server.limits.relayed_bytes_per_second == 1 << 24
