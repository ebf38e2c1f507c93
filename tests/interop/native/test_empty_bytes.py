"""An empty ``PackedByteArray`` as the only argument of a call.

Godot 4 writes a single ``PackedByteArray`` bare, without a count of arguments, so that an empty one
cannot be told from none at all (godot#95247). It reads the other form, with a count, as well: what
we write for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.scene.engine import Engine
from tests.interop.scene.session import engine_and_ours

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

CALL = "main.get_node('Game').{}.rpc_id(args[0], PackedByteArray())"


@pytest.mark.parametrize("layout", ["PE", "EP", "RE"])
async def test_the_engine_gets_ours(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    for payload in (b"", b"x", bytearray()):
        for _ in range(2):  # the first by path
            ours.game.any_one.rpc_id(engine.id, payload)
            numbers = ", ".join(map(str, payload))
            expected = ("any_one", [f"PackedByteArray({numbers})"], ours.id)
            assert await engine.godot.calls(1) == [expected]


@pytest.mark.parametrize("layout", ["PE", "EP"])
async def test_the_engines_own_is_no_argument(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    await engine.godot.do(CALL.format("any_none"), ours.id)
    assert await ours.calls(1) == [("any_none", [], engine.id)]


@pytest.mark.parametrize("layout", ["EE"])
async def test_so_it_is_between_engines(session: Session, layout: str) -> None:
    caller, called = await session.open(layout)
    assert isinstance(caller, Engine)
    await caller.godot.do(CALL.format("any_none"), called.id)
    assert await called.calls(1) == [("any_none", [], caller.id)]
