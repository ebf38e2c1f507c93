"""``python -m peers join``, through a pipe: what is typed and what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer.wire.envelopes import godot3 as gd_mp
from peers.__main__ import main
from peers.cli.terminal import Ending, Terminal, printable, shown
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.peers.terminals import PREFIX, gd_mp_server, joined, joining, line, relay_url, status
from tests.programs import started
from tests.raw import BINARY, CLOSE, TEXT, RawServer, close_body

if TYPE_CHECKING:
    from tests.programs import Program

COMMANDS = (
    "/to ID text, /but ID text, /mode [reliable|unreliable|ordered], /channel [N], /peers, /quit"
)


def say(source: int, terminal: Program, words: str, *hearers: Program) -> None:
    """Type words; they are the next thing that exactly these hear."""
    terminal.type(words)
    for hearer in hearers:
        assert hearer.line() == f"{source}: {words}"


def test_two_talk_and_part() -> None:
    with relay_url() as url, joined(url) as (ada, ada_id), joined(url) as (bob, bob_id):
        assert ada.line() == f"{bob_id} joined"
        assert bob.line() == f"{ada_id} joined"
        say(ada_id, ada, "Grüße,  世界 🎲", bob)
        say(bob_id, bob, "hello", ada)
        ada.type("//to be")
        assert bob.line() == f"{ada_id}: /to be"
        ada.type("")  # sends nothing
        say(ada_id, ada, "  indented, and not empty", bob)
        ada.type("/quit")
        assert ada.rest() == []
        assert ada.status() == Ending.LEFT
        assert bob.line() == f"{ada_id} left"
        bob.end_input()
        assert bob.rest() == []
        assert bob.status() == Ending.LEFT


def test_to_and_but_choose_who_hears() -> None:
    with (
        relay_url() as url,
        joined(url) as (ada, ada_id),
        joined(url) as (bob, bob_id),
        joined(url) as (cyd, cyd_id),
    ):
        assert [ada.line(), ada.line()] == [f"{bob_id} joined", f"{cyd_id} joined"]
        assert [bob.line(), bob.line()] == [f"{ada_id} joined", f"{cyd_id} joined"]
        assert {cyd.line(), cyd.line()} == {f"{ada_id} joined", f"{bob_id} joined"}
        ada.type(f"/to {bob_id} only  you")
        ada.type(f"/but {bob_id} all  the others")
        ada.type("everybody")
        assert [bob.line(), bob.line()] == [f"{ada_id}: only  you", f"{ada_id}: everybody"]
        assert [cyd.line(), cyd.line()] == [f"{ada_id}: all  the others", f"{ada_id}: everybody"]
        ada.type("/peers")
        ids = sorted([1, ada_id, bob_id, cyd_id])
        names = [f"{n} (us)" if n == ada_id else str(n) for n in ids]
        assert ada.line() == f"peers: {', '.join(names)}"
        cyd.end_input()
        assert ada.line() == f"{cyd_id} left"
        for command in ("/to", "/but"):
            ada.type(f"{command} {cyd_id} too late")
            assert ada.line() == f"{PREFIX}there is no peer {cyd_id}; /peers lists who is here"
        ada.type("/to Bob hello")
        assert ada.line() == f"{PREFIX}there is no peer Bob; /peers lists who is here"


def test_modes_and_channels() -> None:
    with relay_url() as url, joined(url) as (ada, _):
        for typed, answer in [
            ("/mode", "mode: reliable"),
            ("/mode unreliable", "mode: unreliable"),
            ("/mode ordered", "mode: ordered"),
            ("/mode", "mode: ordered"),
            ("/mode reliable", "mode: reliable"),
            ("/channel", "channel: 0"),
            ("/channel 7", "channel: 7"),
            ("/channel", "channel: 7"),
            ("/channel 256", f"{PREFIX}transfer_channel must be 0 to 255, not 256"),
            ("/mode fast", f"{PREFIX}not understood: /mode fast; the commands are {COMMANDS}"),
            ("/channel x", f"{PREFIX}not understood: /channel x; the commands are {COMMANDS}"),
            ("/to 1", f"{PREFIX}not understood: /to 1; the commands are {COMMANDS}"),
            ("/wave\x1b[2J", f"{PREFIX}not understood: /wave\\x1b[2J; the commands are {COMMANDS}"),
            ("x" * 65527, None),
            ("/channel", "channel: 7"),
        ]:
            ada.type(typed)
            line = ada.line()
            if answer is None:
                assert line is not None
                assert line.startswith(f"{PREFIX}a packet of 65527 bytes is longer than ")
            else:
                assert line == answer


def test_mode_and_channel_are_those_of_the_client() -> None:
    lines: list[str] = []
    terminal = Terminal(lines.append, lines.append)
    terminal._do("/mode ordered")
    terminal._do("/channel 3")
    assert terminal.client.transfer_mode == terminal.client.TRANSFER_MODE_UNRELIABLE_ORDERED
    assert terminal.client.transfer_channel == 3


async def test_bytes_are_shown_as_bytes_and_nothing_moves_the_cursor() -> None:
    server = await RawServer.listen()
    with joining(server) as terminal:
        raw = await gd_mp_server(server, 77)
        assert await line(terminal) == f"connected to {server.url} as 77"
        for payload, told in [
            (b"plain text", "1: plain text"),
            (b"\x00\xff\x10", "1 (3 bytes): 00 ff 10"),
            (b"\x1b[2J", "1 (4 bytes): 1b 5b 32 4a"),
            (b"two\nlines", "1 (9 bytes): 74 77 6f 0a 6c 69 6e 65 73"),
            (b"1 (1 bytes): 00", "1: 1 (1 bytes): 00"),
        ]:
            await raw.send_frame(gd_mp.packet(1, 77, payload))
            assert await line(terminal) == told
        await raw.close()
        lost = (
            "the connection was lost: tcp: the other side ended the connection without closing it"
        )
        assert await line(terminal) == lost
        assert await status(terminal) == Ending.LOST
    await server.close()


async def test_what_comes_from_a_pipe_is_all_sent_before_leaving() -> None:
    server = await RawServer.listen()
    lines = [f"{number} " + "x" * 5000 for number in range(400)]  # more than any buffer holds
    with joining(server) as terminal:
        raw = await gd_mp_server(server, 77)
        assert await line(terminal) == f"connected to {server.url} as 77"

        def pipe() -> None:
            for text in lines:
                terminal.type(text)
            terminal.end_input()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, pipe)
            for text in lines:
                assert await raw.receive_message() == gd_mp.packet(77, 0, text.encode())
            assert await raw.receive_close() == close_body(1000)
        assert terminal.process.poll() is None  # it waits for the answer
        await raw.send_frame(close_body(1000), CLOSE)
        assert await status(terminal) == Ending.LEFT
        assert terminal.rest() == []
    await raw.close()
    await server.close()


async def test_plain_speaks_to_any_server() -> None:
    server = await RawServer.listen()
    with joining(server, "--plain") as terminal:
        raw = await server.upgraded()
        assert await line(terminal) == f"connected to {server.url}"
        for typed, said in [("hello", "hello"), ("//help", "/help"), ("naïve", "naïve")]:
            terminal.type(typed)
            echo = await raw.receive_frame()
            assert echo is not None
            assert (echo.op, echo.payload) == (TEXT, said.encode())
            await raw.send_frame(echo.payload, echo.op)
            assert await line(terminal) == f"server: {said}"
        for payload, op, told in [
            (b"text all the same", BINARY, "server (4 bytes): 74 65 78 74"),
            (b"\x1b[2J\n", TEXT, "server: \\x1b[2J\\n"),
            (b"", TEXT, "server: "),
        ]:
            await raw.send_frame(payload[:4] if op == BINARY else payload, op)
            assert await line(terminal) == told
        for command in ("/to 1 hello", "/peers", "/mode", "/channel", "/wave"):
            terminal.type(command)
            assert await line(terminal) == f"{PREFIX}with --plain the only command is /quit"
        terminal.type("/quit")
        assert await raw.receive_close() == close_body(1000)
        await raw.send_frame(close_body(1000), CLOSE)
        assert await status(terminal) == Ending.LEFT
        assert terminal.rest() == []
    await raw.close()
    await server.close()


def test_terminals_talk_through_an_encrypted_relay(tmp_path: Path) -> None:
    leaf = certificate("127.0.0.1")
    files = {"chain": chain_of(leaf), "key": key_of(leaf), "anchor": anchor()}
    paths = {name: tmp_path / f"{name}.pem" for name in files}
    for name, pem in files.items():
        paths[name].write_bytes(pem)
    with relay_url("--tls-cert", str(paths["chain"]), "--tls-key", str(paths["key"])) as url:
        assert url.startswith("wss://")
        with (
            joined(url, "--cafile", str(paths["anchor"])) as (ada, ada_id),
            joined(url, "--insecure") as (bob, bob_id),
        ):
            assert ada.line() == f"{bob_id} joined"
            assert bob.line() == f"{ada_id} joined"
            say(ada_id, ada, "nobody else can read this", bob)
        with started("-m", "peers", "join", url) as stranger:
            assert stranger.status() == Ending.NEVER_CONNECTED
            assert ": tls: " in "".join(stranger.rest())


def test_options_of_trust_are_handed_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    terminals: list[Terminal] = []

    async def run(self: Terminal, url: str) -> Ending:
        assert url == "wss://game.example"
        terminals.append(self)
        await trio.lowlevel.checkpoint()
        self.ending = Ending.LEFT
        return self.ending

    monkeypatch.setattr(Terminal, "run", run)
    assert main(["join", "wss://game.example", "--cafile", "ca.pem"]) == 0
    assert main(["join", "wss://game.example", "--insecure"]) == 0
    trusting, careless = (terminal.client for terminal in terminals)
    assert trusting.trusted_tls_certificate == Path("ca.pem")
    assert careless.verify_tls is False


@pytest.mark.parametrize(
    ("packet", "text"),
    [(b"", ""), ("é 🎲".encode(), "é 🎲"), (b"\xff", None), (b"a\tb", None), (b"\xc2\x9b", None)],
)
def test_what_counts_as_text(packet: bytes, text: str | None) -> None:
    assert printable(packet) == text


def test_what_is_shown_holds_no_control_characters() -> None:
    assert shown("é\x9b\u202e\n") == "é\\x9b\\u202e\\n"
