"""The programs of ``docs/howto``, run as a user runs them; the outputs shown are the real ones."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from tests.marked_blocks import blocks_of, saved, without_numbers
from tests.programs import ROOT, run, started

if TYPE_CHECKING:
    from pathlib import Path

ELSEWHERE = {"deploy.md", "fastapi.md", "game-loop.md", "load.md", "logging.md"}
"""Pages with tests of their own."""
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs" / "howto").glob("*.md"))
    if path.name not in ELSEWHERE
}
BLOCKS = {key: block for text in PAGES.values() for key, block in blocks_of(text).items()}
IMPORTED = {"door.py": ("tokens.py",), "club.py": ("tokens.py", "door.py")}
"""The programs beside which others are run."""
TIME_LIMIT = 30

GODOT_GAME = """\
extends "res://join.gd"

func _ready():
    yield(get_tree().create_timer(15), "timeout")
    get_tree().quit(1)

func _on_network_peer_connected(id):
    ._on_network_peer_connected(id)
    if id != 1:
        get_tree().network_peer.disconnect_from_host()
        get_tree().quit()
"""


def test_every_marked_block_is_tested_here() -> None:
    found = [key for text in PAGES.values() for key in blocks_of(text)]
    assert len(found) == len(BLOCKS) == sum(text.count("\n<!-- ") for text in PAGES.values())
    assert {name for kind, name in BLOCKS if kind == "run"} == {
        "loop.py",
        "streams.py",
        "streams_asyncio.py",
        "test_game.py",
        "test_game_async.py",
        "test_game_in_memory.py",
        "calls.py",
        "asking.py",
        "checked.py",
        "differing.py",
        "health.py",
        "join.gd",
        "server_godot3.py",
        "client_godot3.gd",
        "guess.py",
        "guess.gd",
        "game.py",
        "duel.py",
        "player.py",
        "tokens.py",
        "door.py",
        "hall.py",
        "hall.gd",
        "club.py",
        "channels.py",
        "steps.py",
        "shout.py",
        "shout.gd",
        "sizes.py",
    }
    assert {name for kind, name in BLOCKS if kind == "output"} == {
        "loop.py",
        "streams.py",
        "streams_asyncio.py",
        "calls.py",
        "asking.py",
        "checked.py",
        "differing.py",
        "health.py",
        "game.py",
        "tokens.py",
        "door.py",
        "club.py",
        "channels.py",
        "steps.py",
        "shout.py",
        "sizes.py",
        "python -m demos.chat",
        "python -m peers serve",
        "python -m peers join",
    }


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("loop.py", ""),
        ("streams.py", ""),
        ("streams_asyncio.py", ""),
        ("calls.py", ""),
        ("asking.py", ""),
        ("health.py", ""),
        ("tokens.py", ""),
        ("door.py", ""),
        ("club.py", ""),
        ("channels.py", ""),
        ("steps.py", ""),
        ("shout.py", ""),
        ("sizes.py", ""),
        (
            "checked.py",
            r"peer \d+: wrong_type: Player: move\(\): to must be Vector2, not str \(further.*\)\n",
        ),
        ("differing.py", r"the RPCs of Hero differ from .*; the peer seems to lack take_damage\n"),
    ],
)
def test_a_program_prints_what_its_page_says(name: str, logged: str, tmp_path: Path) -> None:
    for other in IMPORTED.get(name, ()):
        saved(BLOCKS["run", other], tmp_path, other)
    ended = run("-W", "error", saved(BLOCKS["run", name], tmp_path, name), within=TIME_LIMIT)
    assert ended.returncode == 0, ended.stderr
    assert re.fullmatch(logged, ended.stderr)
    assert ended.stdout == BLOCKS["output", name]


@pytest.mark.parametrize("name", ["test_game.py", "test_game_async.py", "test_game_in_memory.py"])
def test_a_test_passes(name: str, tmp_path: Path) -> None:
    saved(BLOCKS["run", name], tmp_path, name)
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\ntrio_mode = true\n", encoding="utf-8")
    ended = run("-m", "pytest", "-c", str(settings), str(tmp_path / name), within=TIME_LIMIT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "= 1 passed" in ended.stdout


def test_the_game_has_60_lines_and_is_played_by_two(tmp_path: Path) -> None:
    game = BLOCKS["run", "game.py"]
    assert sum(bool(line.strip()) for line in game.splitlines()) <= 60
    path = saved(game, tmp_path, "game.py")
    with started("-W", "error", path, "serve", "0") as server:
        port = server.until(r"listening on port (\d+)")[1]
        join = ("-W", "error", path, "join", f"ws://127.0.0.1:{port}")
        with started(*join) as one, started(*join) as other:
            for player in (one, other):
                assert player.rest() == BLOCKS["output", "game.py"].splitlines()
                assert player.status() == 0
        assert server.seen == [f"listening on port {port}"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_the_rooms_are_served_and_played_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(BLOCKS["run", "duel.py"], tmp_path, "duel.py")
    player = saved(BLOCKS["run", "player.py"], tmp_path, "player.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    command = re.findall(
        r"^python (-m peers serve-rooms .*)$", PAGES["rooms-that-survive.md"], re.MULTILINE
    )[0]
    with started(*command.split(), "--port", "0") as server:
        url = server.until(r"listening on (ws://127\.0\.0\.1:\d+), 2 workers")[1]
        join = ("-W", "error", player, f"{url}/duel/any")
        with started(*join) as one, started(*join) as other:
            for playing in (one, other):
                playing.until(r"scores: \[1, 1\]")
            server.process.send_signal(signal.SIGTERM)
            assert server.status() == 0
            one.until("one moment")


def test_the_chat_goes_as_shown() -> None:
    ended = run("-m", "demos.chat", within=TIME_LIMIT)
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = BLOCKS["output", "python -m demos.chat"]
    # Peer ids are random, and so may be how many bytes they take.
    assert without_numbers(ended.stdout) == without_numbers(shown)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_the_relay_reports_as_shown() -> None:
    with started("-m", "peers", "serve", "--port", "0") as relay:
        url = relay.until(r"listening on (ws://127\.0\.0\.1:\d+)")[1]
        client = ("-m", "demos.chat", "client", "--url", url, "--name")
        with started(*client, "Ada") as ada:
            ada.until("Welcome, Ada!.*")
            with started(*client, "Bob") as bob:
                ada.until(r"\* Bob is here\.")
                bob.until(r"\* Ada is here\.")
                ada.type("/quit")
                bob.until(r"\* Ada has left\.")
                bob.type("/quit")
                assert (ada.status(), bob.status()) == (0, 0)
        for how in ("joined", "joined", "left", "left"):
            relay.until(rf"\d+ {how} from .*")
        relay.process.send_signal(signal.SIGINT)
        relay.until("received .*")
        assert relay.status() == 0
    shown = BLOCKS["output", "python -m peers serve"].splitlines()
    assert [without_numbers(line) for line in relay.seen] == [without_numbers(x) for x in shown]


async def test_the_terminal_shows_what_is_shown() -> None:
    with started("-m", "peers", "serve", "--port", "0") as relay:
        url = relay.until(r"listening on (ws://127\.0\.0\.1:\d+)")[1]
        with started("-m", "peers", "join", url) as terminal:
            await trio.to_thread.run_sync(terminal.until, "connected to .*")
            async with peers.connect(url) as client, peers.emissions(client.peer_packet) as packets:
                client.put_packet(b"Does anybody hear me?")
                client.put_packet(b"\x00\xff\x10")
                await trio.to_thread.run_sync(terminal.until, r".*\(3 bytes\): .*")
                terminal.type("/mode unreliable")
                terminal.type("loud and clear")
                with trio.fail_after(TIME_LIMIT):
                    await anext(packets)
                assert client.get_packet() == b"loud and clear"
            await trio.to_thread.run_sync(terminal.until, ".* left")
            terminal.type("/quit")
            assert await trio.to_thread.run_sync(terminal.status) == 0
            assert terminal.rest() == []
            shown = BLOCKS["output", "python -m peers join"].splitlines()
            assert [without_numbers(x) for x in terminal.seen] == [
                without_numbers(x) for x in shown
            ]


def engine() -> str:
    """Godot 3; the test is skipped if it is not there and need not be."""
    found = shutil.which(os.environ.get("GODOT3", "godot3-server"))
    if found is None:
        assert os.environ.get("GDPEERS_REQUIRE_ENGINES") != "1", "godot3-server is not installed"
        pytest.skip("godot3-server is not installed")
    return found


def played(folder: Path, scripts: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a game whose root has the script ``game.gd``, to its end."""
    for name, text in {
        "project.godot": 'config_version=4\n[application]\nrun/main_scene="res://game.tscn"\n',
        "game.tscn": "[gd_scene load_steps=2 format=2]\n"
        '[ext_resource path="res://game.gd" type="Script" id=1]\n'
        '[node name="Game" type="Node"]\nscript = ExtResource( 1 )\n',
        **scripts,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return subprocess.run(
        [engine(), "--path", str(folder)],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
        env={**os.environ, "HOME": str(folder)},
    )


@pytest.mark.godot3
def test_the_godot_script_shouts_as_ours_does(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    script = BLOCKS["run", "shout.gd"]
    assert script.count("9080") == 2
    game = played(tmp_path, {"game.gd": script.replace("9080", port)})
    assert game.returncode == 0, game.stdout + game.stderr
    assert game.stdout.endswith("\n" + BLOCKS["output", "shout.py"])


@pytest.mark.godot3
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_the_godot_script_joins_the_relay(tmp_path: Path) -> None:
    engine()  # before anything else is started
    with started("-m", "peers", "serve", "--port", "0") as relay:
        url = relay.until(r"listening on (ws://127\.0\.0\.1:\d+)")[1]
        script = BLOCKS["run", "join.gd"]
        assert script.count("ws://127.0.0.1:9080") == 1
        scripts = {"join.gd": script.replace("ws://127.0.0.1:9080", url), "game.gd": GODOT_GAME}
        with started("-m", "demos.chat", "client", "--name", "Ada", "--url", url) as ada:
            ada.until("Welcome, Ada!.*")
            game = played(tmp_path, scripts)
            assert game.returncode == 0, game.stdout + game.stderr
            assert re.search(r"^I am peer \d+$", game.stdout, re.MULTILINE)
            assert "peer 1 is here\n" in game.stdout
            assert len(re.findall(r"^peer \d+ is here$", game.stdout, re.MULTILINE)) == 2
            ada.type("/quit")
            assert ada.status() == 0
