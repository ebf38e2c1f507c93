"""``python -m peers serve-rooms``, as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import msgpack
import pytest
import trio

import peers
from multiplayer import Error, MultiplayerError, Node, SceneMultiplayer
from multiplayer.rooms.snapshot import Snapshot, pack
from peers.__main__ import main
from peers.cli.serve_rooms import RoomsOptions, front_of
from peers.workers.kept_rooms import take_rooms, write_rooms
from peers.workers.kinds import load_kinds, load_setup
from peers.workers.pipe import Pipe
from peers.workers.worker import Worker
from tests.peers.workers import game
from tests.peers.workers.fronts import HEAD, PATIENCE, Guest
from tests.peers.workers.test_workers import World
from tests.programs import started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs import Program

SERVE = ("-m", "peers", "serve-rooms", "tests.peers.workers.game:Duel", "--port", "0")

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def port_of(server: Program) -> int:
    found = server.until(r"listening on ws://127\.0\.0\.1:(\d+).*")
    return int(found[1])


async def joined(port: int, path: str) -> Guest:
    guest = Guest(await trio.open_tcp_stream("127.0.0.1", port))
    await guest.stream.send_all(HEAD.format(path).encode())
    await guest.until(b"HTTP/1.1 101 ")
    return guest


@posix
@pytest.mark.parametrize(("workers", "number"), [(0, signal.SIGTERM), (2, signal.SIGINT)])
async def test_a_signal_sends_players_away_with_4012(workers: int, number: int) -> None:
    drain = ("--drain", "0.1") if workers else ()
    with started(*SERVE, "--workers", str(workers), *drain) as server:
        port = port_of(server)
        with trio.fail_after(PATIENCE):
            guest = await joined(port, "/duel/new")
            assert re.fullmatch("/duel/[0-9A-Z]+ is open(ed)?", server.line() or "")
            server.process.send_signal(number)
            assert b"\x0f\xac" in await guest.rest()  # 4012
            await guest.stream.aclose()
        assert server.status() == 0


@posix
async def test_a_signal_to_all_processes_means_what_it_means_to_the_front() -> None:
    with started("-c", IN_A_GROUP, *SERVE, "--workers", "2", "--drain", "0.1") as server:
        port = port_of(server)
        with trio.fail_after(PATIENCE):
            guest = await joined(port, "/duel/new")
            os.killpg(server.process.pid, signal.SIGTERM)
            assert b"\x0f\xac" in await guest.rest()
            await guest.stream.aclose()
        assert server.status() == 0


IN_A_GROUP = (
    "import os, sys; os.setpgid(0, 0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@posix
@pytest.mark.parametrize("workers", ["0", "2"])
async def test_a_player_goes_on_in_its_room_after_a_restart(workers: str, tmp_path: Path) -> None:
    keep = tmp_path / "rooms"
    drain = ["--drain", "0.1"] if workers != "0" else []
    command = [*SERVE[:-1], "{}", "--workers", workers, *drain, "--keep", str(keep)]
    with started(*command[:5], "0", *command[6:]) as server:
        port = port_of(server)
        root, world = Node(), World("World")
        root.add_child(world)
        api, client = SceneMultiplayer(root), peers.WebSocketClient()
        url = f"ws://127.0.0.1:{port}/duel/new"
        with trio.fail_after(2 * PATIENCE):
            async with peers.connect(url, peer=client, api=api, resume=peers.Resume()):
                assert await peers.reply(world.add.call_id(1, 5), PATIENCE) == 5
                me = client.get_unique_id()
                async with peers.emissions(client.session_resumed) as resumed:
                    server.process.send_signal(signal.SIGTERM)
                    assert server.status() == 0
                    assert keep.stat().st_mode & 0o777 == 0o600
                    with started(*command[:5], str(port), *command[6:]) as again:
                        assert await anext(resumed) == (False,)
                        assert await peers.reply(world.add.call_id(1, 2), PATIENCE) == 7
                        assert client.get_unique_id() == me
                        assert not keep.exists()
                        client.disconnect_from_host()
                        again.process.send_signal(signal.SIGTERM)
                        assert again.status() == 0


@posix
async def test_a_room_that_goes_on_in_another_worker_is_said() -> None:
    with started(*SERVE, "--workers", "2", "--save-every", "0.05", "--drain", "0.1") as server:
        root, world = Node(), World("World")
        root.add_child(world)
        api = SceneMultiplayer(root)
        url = f"ws://127.0.0.1:{port_of(server)}/duel/new"
        with trio.fail_after(2 * PATIENCE):
            async with (
                peers.connect(url, api=api, resume=peers.Resume()) as client,
                peers.emissions(client.session_resumed) as resumed,
            ):
                code = server.until(r"/duel/(\w+) is opened")[1]
                first, *_ = await peers.reply(world.who.call_id(1), PATIENCE)
                # Once more: the last time may have been before our seat was there, or not be sent.
                enough = 2 + await peers.reply(world.times_saved.call_id(1), PATIENCE)
                while await peers.reply(world.times_saved.call_id(1), PATIENCE) < enough:
                    pass
                os.kill(first, signal.SIGKILL)
                await anext(resumed)
                second, *_ = await peers.reply(world.who.call_id(1), PATIENCE)
                assert second != first
        server.until(rf"/duel/{code} goes on in worker \d+")
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0


def test_a_file_that_holds_no_rooms_is_said_and_used_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep = tmp_path / "rooms"
    assert take_rooms(keep) is None
    for wrong in (b"", b"\xc1", b"\x90", msgpack.packb(["gdpeers rooms 1", b"short"])):
        keep.write_bytes(wrong)
        assert take_rooms(keep) is None
        assert not keep.exists()
    assert caplog.text.count("holds no rooms") == 4
    assert write_rooms(keep, b"s" * 32, [b"one", b"two"]) == 2
    assert [*tmp_path.iterdir()] == [keep]
    assert take_rooms(keep) == (b"s" * 32, (b"one", b"two"))
    with pytest.raises(OSError, match="nowhere"):
        write_rooms(tmp_path / "nowhere" / "rooms", b"s" * 32, [])
    keep.mkdir()
    with pytest.raises(MultiplayerError) as caught:
        take_rooms(keep)
    assert caught.value.code == Error.ERR_FILE_CANT_OPEN


@posix
async def test_workers_end_with_their_front() -> None:
    with started(*SERVE, "--workers", "2") as server:
        port = port_of(server)
        with trio.fail_after(PATIENCE):
            guest = await joined(port, "/duel/new")
            server.process.kill()
            await guest.rest()
            await guest.stream.aclose()
        server.rest()  # that ends when nobody can write to it any more


@pytest.mark.parametrize(
    ("workers", "kind", "why"),
    [
        ("0", "tests.nowhere:Duel", "no module"),
        ("2", "tests.peers.workers.game:Race", "has no Race"),
    ],
)
def test_a_game_that_cannot_be_loaded_is_said(workers: str, kind: str, why: str) -> None:
    with started("-m", "peers", "serve-rooms", kind, "--port", "0", "--workers", workers) as server:
        assert server.status() == 1
        assert why in "\n".join(server.rest())


def test_what_makes_no_sense_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    node = ["--redis", "redis://127.0.0.1:1", "--node", "a"]
    for wrong in (
        ["--workers", "-1"],
        ["--tls-cert", "file"],
        [*node, "--keep", "file"],
        [*node, "--workers", "2"],
        ["--patience", "9"],
        ["--workers", "1", "--save-every", "9"],
        ["--drain", "0"],
        ["--workers", "2", "--isolated", "keep"],
        ["--node-host", "10.0.0.5"],
        ["--node-port", "0"],
        [*node, "--patience", "9"],
        [],
    ):
        with pytest.raises(SystemExit) as ended:
            main(["serve-rooms", *wrong, *(["game:Duel"] if wrong else [])])
        assert ended.value.code == 2
        assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("specs", "code", "why"),
    [
        (["game"], Error.ERR_INVALID_PARAMETER, "MODULE:CLASS"),
        ([":Duel"], Error.ERR_INVALID_PARAMETER, "MODULE:CLASS"),
        (["=a:B"], Error.ERR_INVALID_PARAMETER, "MODULE:CLASS"),
        ([" , "], Error.ERR_INVALID_PARAMETER, "no kind"),
        (["no.such:Duel"], Error.ERR_DOES_NOT_EXIST, "no module"),
        (["tests.peers.workers.game:None_"], Error.ERR_DOES_NOT_EXIST, "has no"),
        (["tests.peers.workers.game:World"], Error.ERR_INVALID_PARAMETER, "peers.Room"),
        (["a/b=tests.peers.workers.game:Duel"], Error.ERR_INVALID_PARAMETER, "path"),
        (["tests.peers.workers.game:Duel"] * 2, Error.ERR_INVALID_PARAMETER, "two kinds"),
    ],
)
def test_kinds_that_are_none(specs: list[str], code: Error, why: str) -> None:
    with pytest.raises(MultiplayerError) as caught:
        load_kinds(specs)
    assert caught.value.code == code
    assert why in caught.value.message


def test_kinds_have_the_names_of_their_classes_or_others() -> None:
    where = "tests.peers.workers.game:Duel"
    assert load_kinds([f"{where},fast={where}"]) == {"duel": game.Duel, "fast": game.Duel}


def test_a_setup_is_a_function() -> None:
    assert load_setup("tests.peers.workers.game:quick") is game.quick
    for wrong in ("game", "game:", "tests.peers.workers.game:__doc__"):
        with pytest.raises(MultiplayerError) as caught:
            load_setup(wrong)
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


async def test_a_setup_reaches_the_front_and_what_its_port_allows() -> None:
    options = RoomsOptions(
        kinds=["tests.peers.workers.game:Duel"],
        port=0,
        workers=2,
        setup="tests.peers.workers.game:quick",
    )
    front, reception, desk = front_of(options)
    assert desk.server.handshake_timeout == reception._settings.handshake_timeout == 0.5
    taken = options.where(reception.local_port).rpartition(":")[2]
    with pytest.raises(MultiplayerError) as caught:
        front_of(replace(options, port=int(taken)))
    assert caught.value.code == Error.ERR_ALREADY_IN_USE
    assert front.take_in([b"nonsense", pack(Snapshot("duel", "KEPT")).data]) == 1
    assert [*front.placement.rooms] == ["KEPT"]
    reception.stop()
    desk.server.close()


@pytest.mark.parametrize("wrong", ["resolver", "listen"])
def test_a_setup_that_does_what_the_front_does_is_refused(wrong: str) -> None:
    def setup(server: peers.RoomServer) -> None:
        if wrong == "resolver":
            server.resolver = lambda address, waiting: False
        else:
            server.listen(0, "127.0.0.1")
            begun.append(server)

    begun: list[peers.RoomServer] = []
    one, other = socket.socketpair()
    with one, other:
        with pytest.raises(MultiplayerError) as caught:
            Worker({"duel": game.Duel}, Pipe(one), setup=setup)
        assert caught.value.code == Error.ERR_UNAVAILABLE
    for server in begun:
        server.close()


def test_a_module_that_lacks_another_is_not_mistaken_for_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "lacking_game.py").write_text("import no_such_module_at_all\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        load_kinds(["lacking_game:Duel"])
