"""The arena's rule of movement in GDScript: both engines walk as Python does, to the last bit."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from demos.arena.ground import STARTS
from demos.arena.movement import Body, Input, step, to_wire
from multiplayer import Vector2
from tests.interop.native.demo import DEMOS
from tests.interop.native.whereabouts import executable

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = False  # the engines are in no session here

WALK: Final = {
    "native4": """extends SceneTree
const Ground := preload("res://ground.gd")

func _init() -> void:
	var walks: Array = JSON.parse_string(FileAccess.get_file_as_string("res://walks.json"))
	for walk: Array in walks:
		var at := Vector2(walk[0], walk[1])
		for bits: float in walk[2]:
			at = Ground.step(at, int(bits))
			print("at ", at.x * 256, " ", at.y * 256)
	quit()
""",
    "native3": """extends SceneTree
const Ground = preload("res://ground.gd")

func _init():
	var file = File.new()
	file.open("res://walks.json", File.READ)
	for walk in parse_json(file.get_as_text()):
		var at = Vector2(walk[0], walk[1])
		for bits in walk[2]:
			at = Ground.step(at, int(bits))
			print("at ", at.x * 256, " ", at.y * 256)
	quit()
""",
}


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param("native3", marks=pytest.mark.native3, id="3.6"),
        pytest.param("native4", marks=pytest.mark.native4, id="4.6.3"),
    ],
)
def test_an_engine_predicts_what_the_server_does(marker: str, tmp_path: Path) -> None:
    chance = random.Random(3)
    walks: list[tuple[float, float, list[int]]] = []
    wanted: list[tuple[float, float]] = []
    for start in STARTS:
        inputs = [
            given
            for _ in range(20)
            for given in [Input(chance.randint(-1, 1), chance.randint(-1, 1))]
            for _ in range(chance.randint(1, 30))
        ]
        walks.append((start.x, start.y, [to_wire(given)[0] for given in inputs]))
        body = Body(Vector2(start.x, start.y))
        for given in inputs:
            body = step(body, given)
            wanted.append((body.position.x * 256, body.position.y * 256))
    demo = DEMOS / marker.replace("native", "godot")
    for name in ("project.godot", "ground.gd"):
        shutil.copy(demo / name, tmp_path)
    (tmp_path / "walks.json").write_text(json.dumps(walks), encoding="utf-8")
    (tmp_path / "walk.gd").write_text(WALK[marker], encoding="utf-8")
    path = executable(marker)
    assert path is not None
    done = subprocess.run(
        [path, "--headless", "--path", str(tmp_path), "--script", "res://walk.gd"],
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("at ")]
    assert [(float(x), float(y)) for x, y in lines] == wanted, done.stderr
    assert "SCRIPT ERROR" not in done.stderr
