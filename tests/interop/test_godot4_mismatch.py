"""A real Godot 4.6 whose script has other RPCs than our object: ours says which."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

import pytest

from multiplayer import RpcMismatch, rpc
from tests.driving import until
from tests.interop.godot4.gdscript import script
from tests.interop.scene.session import engine_and_ours

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

PATH = "Main/Duel"
LACKING = script(
    '@rpc("any_peer") attack(x)',
    '@rpc("any_peer") defend(x)',
    '@rpc("any_peer") heal(x)',
)
"""Without ``take_damage``, and with ``heal``, which another class of this program has."""


class Duel:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    @rpc("any_peer")
    def attack(self, x: int) -> None:
        self.calls.append(("attack", x))

    @rpc("any_peer")
    def defend(self, x: int) -> None:
        self.calls.append(("defend", x))

    @rpc("any_peer")
    def take_damage(self, x: int) -> None:
        self.calls.append(("take_damage", x))


class Potion:
    @rpc("any_peer")
    def heal(self, x: int) -> None: ...


def checksum(*names: str) -> str:
    return md5("".join(names).encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("layout", ["PE", "ER"])
@pytest.mark.parametrize("who", ["the engine calls first", "we call first"])
async def test_one_method_too_few_and_one_too_many(
    session: Session, caplog: pytest.LogCaptureFixture, layout: str, who: str
) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    duel = Duel()
    ours.api.add(PATH, duel)
    ours.api.add("Main/Potion", Potion())
    await engine.godot.add_node("Duel", LACKING)
    if who == "we call first":
        ours.api.rpc(engine.id, duel, "attack", [1])
        await engine.godot.complained("checksum failed")
        await engine.rejected("checksum failed")
        assert await engine.godot.calls(1, node=PATH) == [("attack", ["1"], ours.id)]
        ((signal, mismatch),) = await ours.signals(1)
        assert isinstance(mismatch, RpcMismatch)
        assert mismatch.their_checksum is None  # the engine has only said that it differs
        ours.recorder.log.clear()
    assert await engine.godot.rpc(PATH, "attack", ours.id, "2") == 0
    await until(lambda: duel.calls)
    ((signal, mismatch),) = await ours.signals(1)
    assert signal == "rpc_mismatch"
    assert mismatch == RpcMismatch(
        peer=engine.id,
        path=PATH,
        our_checksum=checksum("attack", "defend", "take_damage"),
        their_checksum=checksum("attack", "defend", "heal"),
        our_methods=("attack", "defend", "take_damage"),
        peer_lacks=("take_damage",),
        peer_has=("heal",),
        explained=True,
    )
    assert str(mismatch) in caplog.messages
    for part in (PATH, f"peer {engine.id}", "ours are attack, defend, take_damage"):
        assert part in str(mismatch)
    assert str(mismatch).endswith("the peer seems to lack take_damage and to have heal as well")
    assert duel.calls == [("attack", 2)]  # the numbers before the difference agree
    await engine.rejected("checksum failed")  # as we have told it
    assert ours.api.statistics.mismatches >= 1
