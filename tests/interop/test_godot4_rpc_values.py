"""Values of every Variant type as RPC arguments, from real Godot 4.6 to ours and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import EncodedObjectAsID, VariantCodec, VariantType
from tests.interop.scene.session import engine_and_ours
from tests.interop.values import values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

CODEC = VariantCodec(4)
AT_ONCE = 16_000
"""How many bytes of arguments go out together: an engine's buffers hold 65535."""
# With a second argument, since no bytes alone are no argument at all (godot#95247).
SEND_ALL = """
for bytes in args[1]:
	main.get_node("Game").any_two.rpc_id(args[0], bytes_to_var(bytes), 7)
"""


def portions() -> Iterator[list[Any]]:
    """All values, in portions that the engine's buffers can hold."""
    portion: list[Any] = []
    size = 0
    for value in values(4):
        size += len(CODEC.encode(value)) + 50
        if portion and size > AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(value)
    yield portion


def test_the_values_are_of_every_type() -> None:
    types = {CODEC.encode(value)[0] for portion in portions() for value in portion}
    assert types == {*VariantType} - {VariantType.OBJECT}
    assert sum(map(len, portions())) >= 400


@pytest.mark.parametrize("layout", ["PE", "EP"])
async def test_values_that_the_engine_sends(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    for portion in portions():
        encoded = [CODEC.encode(value) for value in portion]
        await engine.godot.do(SEND_ALL, ours.id, [*encoded])
        calls = await ours.calls(len(portion))
        assert len(calls) == len(portion)
        for (method, (found, _), sender), value in zip(calls, portion, strict=True):
            assert (method, sender) == ("any_two", engine.id)
            assert repr(found) == repr(value)


@pytest.mark.parametrize("layout", ["PE", "EP"])
async def test_values_that_the_engine_gets(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    for portion in portions():
        for value in portion:
            ours.game.any_two.rpc_id(engine.id, value, 7)
        calls = await engine.godot.encoded_calls(len(portion))
        assert len(calls) == len(portion)
        for (method, (found, _), sender), value in zip(calls, portion, strict=True):
            assert (method, sender) == ("any_two", ours.id)
            assert repr(CODEC.decode(found)) == repr(value)


@pytest.mark.parametrize("layout", ["PE", "EP"])
async def test_objects_arrive_as_their_ids(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    number = int(await engine.godot.do("return main.get_instance_id()"))
    await engine.godot.do(
        "var nobody: Node = null\n"
        "main.get_node('Game').any_two.rpc_id(args[0], main, nobody)\n"
        "main.get_node('Game').any_two.rpc_id(args[0], nobody, [nobody, main])",
        ours.id,
    )
    reference = EncodedObjectAsID(number)
    assert await ours.calls(2) == [
        ("any_two", [reference, None], engine.id),
        ("any_two", [None, [None, reference]], engine.id),
    ]
    ours.game.any_two.rpc_id(engine.id, reference, [None])
    ((_, (found, nothing), _),) = await engine.godot.calls(1)
    assert "EncodedObjectAsID" in found
    assert str(number) in found
    assert nothing == "[null]"
