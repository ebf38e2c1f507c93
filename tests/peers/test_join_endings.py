"""``python -m peers join``: how it ends, and what it says then."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest
import trio

from peers.__main__ import main
from peers.cli.terminal import Ending
from tests.peers.terminals import PREFIX, gd_mp_server, joining, line, status
from tests.programs import PATIENCE, ROOT, started
from tests.raw import CLOSE, PING, PONG, Frame, RawServer, close_body

if TYPE_CHECKING:
    from pathlib import Path

# Without a handler for SIGINT, the interpreter's own raises KeyboardInterrupt.
WITHOUT_SIGNALS = (
    "import signal, sys; from peers import __main__; from peers.cli import terminal; "
    "terminal.STOP_SIGNALS = (signal.SIGTERM,); "
    "sys.exit(__main__.main(['join', sys.argv[1]]))"
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


async def test_leaving_without_an_answer_is_not_leaving() -> None:
    server = await RawServer.listen()
    with joining(server) as terminal:
        raw = await gd_mp_server(server, 77)
        terminal.type("/quit")
        assert await raw.receive_close() == close_body(1000)
        await raw.close()
        assert await status(terminal) == Ending.LOST
        assert terminal.rest()[-1].startswith("the connection was lost: protocol: ")
    await server.close()


@pytest.mark.parametrize("options", [(), ("--plain",)], ids=["gd_mp", "plain"])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (close_body(1001), "1001"),
        (close_body(4001, "tired\x1b"), "4001 'tired\\x1b'"),
        (b"", "1005"),
    ],
)
async def test_it_ends_at_once_when_the_server_closes_and_nobody_types(
    options: tuple[str, ...], body: bytes, told: str
) -> None:
    server = await RawServer.listen()
    with joining(server, *options) as terminal:
        raw = await (server.upgraded() if options else gd_mp_server(server, 77))
        assert await line(terminal)
        await raw.send_frame(body, CLOSE)
        assert await raw.receive_close() == body
        await raw.close()
        assert await line(terminal) == f"the server closed the connection with {told}"
        assert await status(terminal) == Ending.LOST
    await server.close()


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_means_quit_and_a_second_one_does_not_wait(number: int) -> None:
    server = await RawServer.listen()
    with joining(server, "--plain") as terminal:
        raw = await server.upgraded()
        assert await line(terminal)
        terminal.process.send_signal(number)
        assert await raw.receive_close() == close_body(1000)
        terminal.process.send_signal(number)
        assert await status(terminal) == Ending.LEFT
        assert terminal.rest() == [f"{PREFIX}interrupted"]
        await raw.close()
    await server.close()


@posix
async def test_a_signal_while_connecting_gives_up() -> None:
    server = await RawServer.listen()
    with joining(server) as terminal:
        raw = await server.dialled()
        await raw.read_head()
        terminal.process.send_signal(signal.SIGINT)
        assert await status(terminal) == Ending.NEVER_CONNECTED
        assert terminal.rest() == [f"{PREFIX}interrupted"]
        await raw.close()
    await server.close()


@posix
async def test_a_keyboard_interrupt_leaves_too() -> None:
    server = await RawServer.listen()
    with started("-c", WITHOUT_SIGNALS, server.url) as terminal:
        raw = await gd_mp_server(server, 77)
        assert await line(terminal) == f"connected to {server.url} as 77"
        terminal.process.send_signal(signal.SIGINT)
        assert await raw.receive_close() == close_body(1001)
        assert await status(terminal) == Ending.LEFT
        assert terminal.rest() == []
        await raw.close()
    await server.close()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_nobody_there_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"ws://127.0.0.1:{unused_port()}"
    assert main(["join", url]) == Ending.NEVER_CONNECTED == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{PREFIX}no connection to {url}: tcp: ")
    assert printed.err.count("\n") == 1


async def test_a_refusal_and_a_close_before_the_session_are_status_1() -> None:
    server = await RawServer.listen()
    with joining(server) as terminal:
        raw = await server.dialled()
        await raw.accept(status="503 Full", headers=[])
        told = await line(terminal)
        assert told is not None
        assert told.startswith(f"{PREFIX}no connection to {server.url}: http: ")
        assert await status(terminal) == Ending.NEVER_CONNECTED
        await raw.close()
    with joining(server) as terminal:
        raw = await server.upgraded()
        await raw.send_frame(struct.pack("!H", 4000) + b"not you", CLOSE)
        assert await raw.receive_close()
        told = await line(terminal)
        assert told is not None
        assert "4000 'not you'" in told
        assert await status(terminal) == Ending.NEVER_CONNECTED
        await raw.close()
    await server.close()


@pytest.mark.parametrize("status_line", ["403 Forbidden", "1x1 \x1b[2JNo"])
async def test_no_raw_word_of_a_refusing_server_is_printed(status_line: str) -> None:
    server = await RawServer.listen()
    with joining(server) as terminal:
        raw = await server.dialled()
        body = ["", "\x1b]0;title\x07\x9b31m\u202e not you\x7f" + "x" * 60_000]
        await raw.accept(status=status_line, headers=["X: \x1b[2J", *body])
        told = await line(terminal)
        assert told is not None
        assert told.startswith(f"{PREFIX}no connection to {server.url}: http: ")
        assert told.isprintable()
        assert len(told) < 400
        assert await status(terminal) == Ending.NEVER_CONNECTED
        assert terminal.rest() == []
        await raw.close()
    await server.close()


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["ws://a", "--cafile", "x", "--insecure"], ["http://127.0.0.1"]):
        with pytest.raises(SystemExit) as ended:
            main(["join", *arguments])
        assert ended.value.code == 2
    assert "the scheme is http, not ws or wss" in capsys.readouterr().err


def test_the_help_tells_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["join", "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "exit status: 0 left by " in told
    for status_ in ("; 1 never connected", "; 2 wrong usage", "; 3 the server closed"):
        assert status_ in told


@pytest.mark.parametrize(
    ("text", "sent"),
    [(b"", []), (b"hello\r\n\nlast, without an end", ["hello", "last, without an end"])],
)
async def test_input_may_be_a_file(text: bytes, sent: list[str], tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    typed.write_bytes(text)
    server = await RawServer.listen()
    with typed.open("rb") as file:
        assert await piped(server, file, sent) == Ending.LEFT
    await server.close()


@posix
async def test_without_an_input_it_leaves_at_once() -> None:
    server = await RawServer.listen()
    closing = ("sh", "-c", 'exec "$0" "$@" <&-')
    assert await piped(server, subprocess.DEVNULL, [], *closing) == Ending.LEFT
    await server.close()


async def piped(server: RawServer, source: IO[bytes] | int, sent: list[str], *shell: str) -> int:
    """The status of a terminal with this input, that sends this and leaves."""
    process = await trio.lowlevel.open_process(
        [*shell, sys.executable, "-m", "peers", "join", "--plain", server.url],
        cwd=ROOT,
        stdin=source,
        stdout=subprocess.DEVNULL,
    )
    try:
        raw = await server.upgraded()
        for text in sent:
            assert await raw.receive_message() == text.encode()
        if sent:  # its close frame waits until we have read that
            ping = await raw.receive_frame()
            assert ping is not None
            assert ping.op == PING
            await raw.send_frame(ping.payload, PONG)
        assert await raw.receive_frame() == Frame(CLOSE, close_body(1000), True, 0, True)
        await raw.send_frame(close_body(1000), CLOSE)
        with trio.fail_after(PATIENCE):
            ended = await process.wait()
        await raw.close()
    finally:
        process.kill()
    return ended
