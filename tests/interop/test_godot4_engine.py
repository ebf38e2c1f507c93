"""The harness itself: an engine that runs what it is told, is reset, and is ended in every case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.driving import until
from tests.interop.godot4.engine import Godot4, ScriptError
from tests.interop.godot4.gdscript import script
from tests.interop.godot4.keeper import alive
from tests.programs import started

if TYPE_CHECKING:
    from tests.interop.conftest import LaunchWeb4
    from tests.interop.godot4.pool import Engines

SCENARIOS = False
pytestmark = pytest.mark.godot4

KILLED = """
import trio
from tests.interop.godot4.engine import Godot4

async def main():
    engine = Godot4()
    async with engine.lent():
        print(engine.group, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


async def test_version(web4: Godot4) -> None:
    version = web4.version
    assert (version["major"], version["minor"], version["status"]) == (4, 6, "stable")
    assert version["hash"].startswith("89cea1439")


async def test_values_reach_gdscript(web4: Godot4) -> None:
    text = 'a "quoted" \\ ü 😀\t\n'
    given = [None, True, -5, 2.5, text, b"\x00\xff", b"", [], {"k": [1]}]
    types = await web4.do("return args.map(func(value): return typeof(value))", *given)
    assert json.loads(types) == [0, 1, 2, 3, 4, 29, 29, 28, 27]
    hexadecimal = await web4.do("return args[0].to_utf8_buffer().hex_encode()", text)
    assert bytes.fromhex(json.loads(hexadecimal)).decode() == text
    assert await web4.do("return args[0].hex_encode()", b"\x00\xff") == '"00ff"'


async def test_code_that_does_not_compile_is_told(web4: Godot4) -> None:
    with pytest.raises(ScriptError, match="does not compile"):
        await web4.do("this is no GDScript")
    assert await web4.do("return 1 + 1") == "2"


async def test_complaints_are_told(web4: Godot4) -> None:
    await web4.do('push_error("something is wrong")')
    await web4.complained("something is wrong")


async def test_calls_are_recorded_by_node(web4: Godot4) -> None:
    late = script('@rpc("call_local") here(x, y): again(x)', '@rpc("any_peer") again(x)')
    await web4.add_node("Late", late)
    assert await web4.rpc("Main/Late", "here", 1, "Vector2i(1, 2)", '&"name"') == 0
    assert await web4.rpc("Main/Game", "local_one", 0, "null") == 0
    assert await web4.calls(1) == [("local_one", ["null"], 1)]
    assert await web4.calls(2, node="Main/Late") == [
        ("here", ["Vector2i(1, 2)", '&"name"'], 1),
        ("again", ["Vector2i(1, 2)"], 1),
    ]
    assert await web4.calls() == []


async def test_a_reset_engine_is_as_new(godot4_engines: Engines[Godot4]) -> None:
    look = (
        "return [main.get_child_count(), keep.size(), multiplayer.server_relay,"
        " multiplayer.auth_callback.is_valid(), main.get_node('Game').get_multiplayer_authority()]"
    )
    async with godot4_engines.lent() as godot:
        new = await godot.do(look)
        assert new == "[1, 0, true, false, 1]"
        await godot.add_node("Late")
        await godot.set_auth(b"greeting")
        await godot.set_authority("Main/Game", 77)
        await godot.do("keep.mark = 1\nmultiplayer.server_relay = false")
        await godot.rpc("Main/Late", "local_one", 0, "1")
        assert await godot.do(look) != new
    async with godot4_engines.lent() as again:
        assert again is godot
        assert await again.do(look) == new
        assert await again.calls(node="Main/Late") == []


async def test_two_engines(launch_web4: LaunchWeb4) -> None:
    one, other = await launch_web4(), await launch_web4()
    assert one.group != other.group
    for engine in (one, other):
        await engine.do("keep.mark = args[0]", engine.group)
    for engine in (one, other):
        assert await engine.do("return keep.mark") == str(engine.group)


def test_a_closed_engine_is_gone() -> None:
    engine = Godot4()
    assert alive(engine.group)
    engine.close()
    assert not alive(engine.group)


async def test_the_engine_of_killed_tests_is_ended() -> None:
    with started("-c", KILLED) as program:
        group = int(program.until(r"\d+")[0])
        assert alive(group)
        program.process.kill()
        await until(lambda: not alive(group))
