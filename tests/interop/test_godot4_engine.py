"""The harness itself: an engine that runs what it is told, is reset, and is ended in every case."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.driving import until
from tests.interop.godot4.engine import ScriptError
from tests.interop.godot4.gdscript import script
from tests.interop.godot4.keeper import alive
from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.interop.conftest import LaunchGodot4
    from tests.interop.godot4.engine import Godot4

pytestmark = pytest.mark.godot4


async def test_version(godot4: Godot4) -> None:
    version = godot4.version
    assert (version["major"], version["minor"], version["status"]) == (4, 6, "stable")
    assert version["hash"].startswith("89cea1439")


async def test_values_reach_gdscript_and_come_back(godot4: Godot4) -> None:
    given = [None, True, -5, 2.5, 'a "quoted" \\ ü 😀\n', b"\x00\xff", b"", {"k": [1]}]
    types = await godot4.do("return args.map(func(value): return type_string(typeof(value)))", *given)
    assert types == (
        '["Nil", "bool", "int", "float", "String", "PackedByteArray", "PackedByteArray", "Dictionary"]'
    )
    assert await godot4.do("return args[0].to_utf8_buffer()", given[4]) == (
        f"PackedByteArray({', '.join(map(str, str(given[4]).encode()))})"
    ) or await godot4.do("return args[0].to_utf8_buffer().hex_encode()", given[4]) == (
        f'"{str(given[4]).encode().hex()}"'
    )
    assert await godot4.do("return args[0].hex_encode()", b"\x00\xff") == '"00ff"'


async def test_code_that_does_not_compile_is_told(godot4: Godot4) -> None:
    with pytest.raises(ScriptError, match="does not compile"):
        await godot4.do("this is no GDScript")
    assert await godot4.do("return 1 + 1") == "2"


async def test_complaints_are_told(godot4: Godot4) -> None:
    await godot4.do('push_error("something is wrong")')
    await godot4.complained("something is wrong")


async def test_calls_are_recorded(godot4: Godot4) -> None:
    await godot4.add_node("Late", script('@rpc("call_local") here(x, y): main_note(x)', "@rpc none()"))
    assert await godot4.rpc("Main/Late", "here", 1, "Vector2i(1, 2)", '&"name"') == 0


async def test_reset_leaves_nothing(launch_godot4: LaunchGodot4) -> None:
    godot = await launch_godot4()
    assert await godot.do("return main.get_children().map(func(node): return str(node.name))") == '["Game"]'


async def test_two_engines(launch_godot4: LaunchGodot4) -> None:
    one, other = await launch_godot4(), await launch_godot4()
    assert one.group != other.group
    for engine in (one, other):
        await engine.do("keep.mark = args[0]", engine.group)
    for engine in (one, other):
        assert await engine.do("return keep.mark") == str(engine.group)
