"""``python -m peers serve --godot4``, as a user runs it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Dialect, SceneMultiplayer, rpc
from peers import TLSOptions, WebSocketMultiplayerPeer, run
from peers.__main__ import main
from peers.cli.godot4_relay import Godot4Relay
from tests.driving import Recorder, until
from tests.programs import Program, started
from tests.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Generator

SERVE = ("-m", "peers", "serve", "--godot4", "--port", "0")

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


class Player:
    """A game that has joined, and what it was told."""

    def __init__(self, port: int, nursery: trio.Nursery) -> None:
        self.api = SceneMultiplayer(dialect=Dialect.GODOT_4)
        self.told = Recorder(self.api)
        self.heard: list[tuple[str, int]] = []
        self.api.add("Main/Player", self)
        self.peer = WebSocketMultiplayerPeer()
        self.peer.create_client(f"ws://127.0.0.1:{port}")
        self.api.multiplayer_peer = self.peer
        nursery.start_soon(run, self.api)

    @rpc("any_peer")
    def hear(self, text: str) -> None:
        self.heard.append((text, self.api.get_remote_sender_id()))

    @property
    def id(self) -> int:
        return self.api.get_unique_id()

    async def joined(self, *others: int) -> None:
        """Has joined, and sees the relay and these."""
        expected = [("connected_to_server",), *(("peer_connected", peer) for peer in (1, *others))]
        await until(lambda: len(self.told.log) >= len(expected))
        assert self.told.log == expected
        self.told.log.clear()

    async def hears(self, *expected: tuple[str, int]) -> None:
        await until(lambda: len(self.heard) >= len(expected))
        assert self.heard == [*expected]
        self.heard.clear()


@pytest.fixture
def relay() -> Generator[Program]:
    with started(*SERVE) as program:
        yield program


async def listening(program: Program) -> int:
    found = await trio.to_thread.run_sync(program.until, r"listening on ws://127\.0\.0\.1:(\d+)")
    return int(found[1])


async def line(program: Program) -> str:
    text = await trio.to_thread.run_sync(program.line)
    assert text is not None
    return text


async def test_games_meet_and_call_each_other(relay: Program, nursery: trio.Nursery) -> None:
    port = await listening(relay)
    one = Player(port, nursery)
    await one.joined()
    assert (await line(relay)).startswith(f"{one.id} joined from 127.0.0.1:")
    two = Player(port, nursery)
    await two.joined(one.id)
    three = Player(port, nursery)
    await three.joined(one.id, two.id)
    await until(lambda: len(one.told.log) == 2)
    assert one.told.log == [("peer_connected", two.id), ("peer_connected", three.id)]
    one.hear.rpc("all")
    one.hear.rpc_id(two.id, "you")
    await two.hears(("all", one.id), ("you", one.id))
    await three.hears(("all", one.id))
    two.hear.rpc_id(-one.id, "not you")
    two.api.send_bytes(b"raw", -three.id)
    await three.hears(("not you", two.id))
    await until(lambda: len(one.told.log) == 3)
    assert one.told.log[2:] == [("peer_packet", two.id, b"raw")]
    left = two.id
    two.peer.close()
    await until(lambda: len(one.told.log) == 4)
    assert one.told.log[3:] == [("peer_disconnected", left)]
    for _ in range(2):
        await line(relay)  # joined
    assert (await line(relay)).startswith(f"{left} left from 127.0.0.1:")
    assert one.heard == []


async def test_what_is_for_the_relay_is_dropped_in_silence(nursery: trio.Nursery) -> None:
    with started(*SERVE, "--stats", "0.2", "--quiet") as relay:
        player = Player(await listening(relay), nursery)
        await player.joined()
        for _ in range(100):
            player.hear.rpc_id(1, "is anybody there?")
        player.api.send_bytes(b"and this", 0)
        # 100 calls, the announcement of the node, and the bytes; nothing else is printed.
        shown = await trio.to_thread.run_sync(
            relay.until, r"in .*; dropped 102; violations 0; held 0 .*"
        )
        assert "peers 1;" in shown[0]
        assert all(seen.startswith(("listening on ", "in ")) for seen in relay.seen)


async def test_what_must_not_come_is_counted(nursery: trio.Nursery) -> None:
    with started(*SERVE, "--stats", "0.2", "--quiet") as relay:
        raw = await Raw.connect(await listening(relay))
        assert len(await raw.receive_message()) == 4
        await raw.send_frame(b"\x07\x01\x05\0\0\0")  # as if it were the server
        await trio.to_thread.run_sync(relay.until, r"in .*; dropped 0; violations 1; held 0 .*")
        await raw.close()


@pytest.mark.parametrize("how", ["close", "reset", "midway"])
async def test_who_leaves_as_an_engine_does_has_left_and_is_not_lost(
    relay: Program, how: str
) -> None:
    raw = await Raw.connect(await listening(relay))
    own = int.from_bytes(await raw.receive_message(), "little")
    if how == "midway":
        await raw.send(raw.frame(b"a whole message")[:5])
    if how == "reset":  # as of an engine that has not read everything
        await raw.reset()
    else:
        await raw.close()
    assert (await line(relay)).startswith(f"{own} joined from ")
    said = await line(relay)
    if "without a word" in said:  # so it did, and the log may say so first
        said = await line(relay)
    assert said.startswith(f"{own} left from 127.0.0.1:")
    if how == "midway":
        assert said.endswith(": lost, tcp: the other side ended the connection without closing it")
    else:
        assert said.endswith(": without a close frame, as Godot 4 does")


@posix
async def test_a_signal_ends_it_with_the_totals(relay: Program, nursery: trio.Nursery) -> None:
    player = Player(await listening(relay), nursery)
    await player.joined()
    relay.process.send_signal(signal.SIGTERM)
    await until(lambda: "server_disconnected" in player.told)
    assert player.peer.get_peer(1).get_close_code() == 1001
    rest = await trio.to_thread.run_sync(relay.rest)
    assert rest[-1] == "received 0 packets (0 bytes), sent 1 packets (4 bytes), peers seen: 1"
    assert relay.status() == 0


def test_certificate_and_key_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    listens: list[tuple[object, ...]] = []

    async def run_relay(self: Godot4Relay) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(
        WebSocketMultiplayerPeer, "create_server", lambda _self, *rest: listens.append(rest)
    )
    monkeypatch.setattr(SceneMultiplayer, "multiplayer_peer", None)
    monkeypatch.setattr(Godot4Relay, "run", run_relay)
    assert main(["serve", "--godot4", "--tls-cert", "a.pem", "--tls-key", "a.key"]) == 0
    ((port, host, tls),) = listens
    assert isinstance(tls, TLSOptions)
    assert (port, host) == (9080, "127.0.0.1")
    assert (tls.get_own_certificate(), tls.get_private_key()) == (Path("a.pem"), Path("a.key"))


def test_plain_and_godot4_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--godot4", "--plain"])
    assert ended.value.code == 2
    assert "not allowed with argument --godot4" in capsys.readouterr().err
