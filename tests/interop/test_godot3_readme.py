"""The how-to's Python server for a Godot 3 game, and the game, from the page's own text."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.interop.godot3.engine import executable
from tests.programs import started
from tests.test_howto import BLOCKS, TIME_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

# The game as it stands there, but that it ends when it has heard what it waits for.
GAME = """\
extends "res://client.gd"

func _ready():
    yield(get_tree().create_timer(15), "timeout")
    get_tree().quit(1)

puppet func said(name, text):
    .said(name, text)
    get_tree().quit()
"""
SCENE = """\
[gd_scene load_steps=2 format=2]
[ext_resource path="res://game.gd" type="Script" id=1]
[node name="Main" type="Node"]
script = ExtResource( 1 )
"""
PROJECT = 'config_version=4\n[application]\nrun/main_scene="res://game.tscn"\n'


def test_the_game_talks_with_the_server(godot3: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    texts = {
        "project.godot": PROJECT,
        "game.tscn": SCENE,
        "game.gd": GAME,
        "client.gd": BLOCKS["run", "client_godot3.gd"],
        "server.py": BLOCKS["run", "server_godot3.py"],
    }
    for name in ("client.gd", "server.py"):
        assert texts[name].count("9080") == 1
        texts[name] = texts[name].replace("9080", port)
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with started("-u", "-W", "error", str(tmp_path / "server.py")) as server:
        server.until("listening")
        engine = executable(godot3)
        assert engine is not None
        games = [
            subprocess.run(
                [engine, "--path", str(tmp_path)],
                capture_output=True,
                text=True,
                timeout=TIME_LIMIT,
                check=False,
                env={**os.environ, "HOME": str(tmp_path)},
            )
            for _ in range(2)
        ]
        for game in games:
            assert game.returncode == 0, game.stdout + game.stderr
            assert "Ada: Hello!\n" in game.stdout
            assert "ERROR: _process" not in game.stderr
            assert re.search(r"peer \d+ is Ada", server.line() or "")
