"""``python -m peers join --godot4``, through a pipe: in a relay's session and in a program's."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from multiplayer import Dialect, SceneMultiplayer
from peers import WebSocketMultiplayerPeer, serve
from peers.cli.terminal import Ending
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import until
from tests.peers.terminals import joined, joining, line, relay_url, status
from tests.programs import started
from tests.raw import RawServer

if TYPE_CHECKING:
    from pathlib import Path


def test_two_talk_choose_and_part() -> None:
    with (
        relay_url("--godot4") as url,
        joined(url, "--godot4") as (ada, ada_id),
        joined(url, "--godot4") as (bob, bob_id),
    ):
        assert ada.line() == f"{bob_id} joined"
        assert bob.line() == f"{ada_id} joined"
        ada.type("to everybody")
        ada.type(f"/to {bob_id} to one")
        ada.type(f"/but {bob_id} not to him")
        ada.type("/mode unreliable")
        assert ada.line() == "mode: unreliable"
        ada.type("in another mode")
        assert [bob.line() for _ in range(3)] == [
            f"{ada_id}: to everybody",
            f"{ada_id}: to one",
            f"{ada_id}: in another mode",
        ]
        ada.type("/peers")
        ids = [1, *sorted([ada_id, bob_id])]
        names = [f"{n} (us)" if n == ada_id else str(n) for n in ids]
        assert ada.line() == f"peers: {', '.join(names)}"
        ada.type("/quit")
        assert ada.rest() == []
        assert ada.status() == Ending.LEFT
        assert bob.line() == f"{ada_id} left"
        bob.end_input()
        assert bob.rest() == []
        assert bob.status() == Ending.LEFT


async def test_a_program_hears_it_answers_it_and_ends_it() -> None:
    heard: list[tuple[int, bytes]] = []
    api = SceneMultiplayer(dialect=Dialect.GODOT_4)
    api.peer_packet.connect(lambda peer, packet: heard.append((peer, packet)))
    server = WebSocketMultiplayerPeer()
    async with serve(0, peer=server, api=api):
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        with started("-m", "peers", "join", url, "--godot4") as terminal:
            first = await line(terminal)
            assert first is not None
            own = int(first.removeprefix(f"connected to {url} as "))
            terminal.type("Grüße")
            await until(lambda: bool(heard))
            assert heard == [(own, "Grüße".encode())]
            api.send_bytes(b"\x00\xff\x10", own)
            assert await line(terminal) == "1 (3 bytes): 00 ff 10"
            api.send_bytes(b"plain text", own)
            assert await line(terminal) == "1: plain text"
            server.get_peer(own).close(4001, "no cheating")
            assert (
                await line(terminal) == "the server closed the connection with 4001 'no cheating'"
            )
            assert await status(terminal) == Ending.LOST


async def test_a_server_that_goes_without_a_word_is_lost() -> None:
    server = await RawServer.listen()
    with joining(server, "--godot4") as terminal:
        raw = await server.upgraded()
        await raw.send_frame(struct.pack("<i", 77))
        assert await line(terminal) == f"connected to {server.url} as 77"
        await raw.close()
        lost = "the connection was lost: "
        assert (await line(terminal) or "").startswith(lost)
        assert await status(terminal) == Ending.LOST
    await server.close()


@pytest.mark.parametrize(
    ("serving", "joining_", "advice"),
    [((), ("--godot4",), "without --godot4"), (("--godot4",), (), "with --godot4")],
)
def test_a_server_of_another_generation_is_named(
    serving: tuple[str, ...], joining_: tuple[str, ...], advice: str
) -> None:
    with (
        relay_url(*serving) as url,
        started("-m", "peers", "join", url, *joining_) as terminal,
    ):
        assert terminal.status() == Ending.NEVER_CONNECTED
        (said,) = terminal.rest()
        assert said.endswith(f"; join it {advice}")


def test_it_speaks_tls(tmp_path: Path) -> None:
    leaf = certificate("127.0.0.1")
    files = {"chain": chain_of(leaf), "key": key_of(leaf), "anchor": anchor()}
    paths = {name: tmp_path / f"{name}.pem" for name in files}
    for name, pem in files.items():
        paths[name].write_bytes(pem)
    options = ("--tls-cert", str(paths["chain"]), "--tls-key", str(paths["key"]))
    with (
        relay_url("--godot4", *options) as url,
        joined(url, "--godot4", "--cafile", str(paths["anchor"])) as (ada, _),
        joined(url, "--godot4", "--insecure") as (bob, bob_id),
    ):
        assert ada.line() == f"{bob_id} joined"
        bob.line()
        bob.type("nobody else can read this")
        assert ada.line() == f"{bob_id}: nobody else can read this"
        with started("-m", "peers", "join", url, "--godot4") as stranger:
            assert stranger.status() == Ending.NEVER_CONNECTED
            assert ": tls: " in "".join(stranger.rest())
