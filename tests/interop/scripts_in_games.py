"""Scripts of pages, run by a node of a real Godot 4.6."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.interop.native.godot4 import NativeGodot4

_ENTER = """
var script := GDScript.new()
script.source_code = args[0]
if script.reload() != OK:
	return false
var node := Node.new()
node.name = args[1]
node.set_script(script)
tree.root.add_child(node)
return true
"""
_LEAVE = "if tree.root.has_node(args[0]):\n\ttree.root.get_node(args[0]).free()"


@asynccontextmanager
async def run_in(game: NativeGodot4, script: str, name: str) -> AsyncGenerator[None]:
    """Add a node of that name with a script below the root; it is freed at the end."""
    try:
        assert await game.do(_ENTER, script, name) == "true"
        yield
    finally:
        await game.do(_LEAVE, name)
