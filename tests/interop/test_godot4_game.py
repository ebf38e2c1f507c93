"""A game of two real Godot 4.6 clients and a Python client, on a Python server.

Players walk on a line of coins and take turns; the server decides what happens. Whoever takes the
last coin wins. Players wave to each other without the server, through its relay.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import MultiplayerError, Vector2i, rpc
from tests.driving import until
from tests.interop.godot4.gdscript import script
from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

SCRIPT = script(
    '@rpc("any_peer") step(by)',
    '@rpc("any_peer", "call_local") wave(text)',
    "@rpc begin(players, coins)",
    '@rpc("authority", "unreliable_ordered") moved(player, position)',
    "@rpc scored(player, coins)",
    "@rpc turn(player)",
    "@rpc refused(why)",
    "@rpc over(winner)",
)


class World:
    """The object at ``Main/World``: the rules, on the server; on a client what it is told."""

    def __init__(self, ours: Ours) -> None:
        self.api = ours.api
        self.heard: list[tuple[Any, ...]] = []
        self.positions: dict[int, Vector2i] = {}
        self.coins: dict[int, int] = {}
        self.left: list[Vector2i] = []
        self.players: list[int] = []
        ours.api.add("Main/World", self)

    def start(self, players: list[int], coins: list[Vector2i]) -> None:
        self.players, self.left = [*players], [*coins]
        self.positions = dict.fromkeys(players, Vector2i(0, 0))
        self.coins = dict.fromkeys(players, 0)
        self.begin.rpc(self.players, self.left)
        self.turn.rpc(self.players[0])

    @rpc("any_peer")
    def step(self, by: Vector2i) -> None:
        player = self.api.get_remote_sender_id()
        self.heard.append(("step", by, player))
        if player != self.players[0]:
            self.refused.rpc_id(player, "it is not your turn")
            return
        here = self.positions[player]
        position = self.positions[player] = Vector2i(here.x + by.x, here.y + by.y)
        self.moved.rpc(player, position)
        if position in self.left:
            self.left.remove(position)
            self.coins[player] += 1
            self.scored.rpc(player, self.coins[player])
        if not self.left:
            self.over.rpc(player)
            return
        self.players.append(self.players.pop(0))
        self.turn.rpc(self.players[0])

    @rpc("any_peer", "call_local")
    def wave(self, text: str) -> None:
        self.heard.append(("wave", text, self.api.get_remote_sender_id()))

    @rpc
    def begin(self, players: list[int], coins: list[Vector2i]) -> None:
        self.heard.append(("begin", players, coins))

    @rpc("authority", "unreliable_ordered")
    def moved(self, player: int, position: Vector2i) -> None:
        self.heard.append(("moved", player, position))

    @rpc
    def scored(self, player: int, coins: int) -> None:
        self.heard.append(("scored", player, coins))

    @rpc
    def turn(self, player: int) -> None:
        self.heard.append(("turn", player))

    @rpc
    def refused(self, why: str) -> None:
        self.heard.append(("refused", why))

    @rpc
    def over(self, winner: int) -> None:
        self.heard.append(("over", winner))


async def heard_by(engine: Engine, count: int) -> list[tuple[Any, ...]]:
    """What an engine's world was told, in the form in which ours notes it."""
    calls = await engine.godot.calls(count, node="Main/World")
    found: list[tuple[Any, ...]] = []
    for method, args, sender in calls:
        values = [eval(arg, {"Vector2i": Vector2i}) for arg in args]
        assert method == "wave" or sender == 1
        found.append((method, *values, *([sender] if method == "wave" else [])))
    return found


@pytest.mark.parametrize("how", ["P", "R"])
async def test_a_game(session: Session, how: str) -> None:
    server, one, other, bot = await session.open(f"{how}EE{how}")
    assert isinstance(server, Ours)
    assert isinstance(bot, Ours)
    rules, seen = World(server), World(bot)
    engines = [member for member in (one, other) if isinstance(member, Engine)]
    for engine in engines:
        await engine.godot.add_node("World", SCRIPT)

    a, b, c = one.id, other.id, bot.id
    coins = [Vector2i(1, 0), Vector2i(1, 1), Vector2i(-1, 0)]
    right, down, left = Vector2i(1, 0), Vector2i(0, 1), Vector2i(-1, 0)
    rules.start([a, b, c], coins)
    expected: list[tuple[Any, ...]] = [("begin", [a, b, c], coins), ("turn", a)]
    steps = [(one, right), (other, left), (bot, down), (one, down)]
    for turn, (player, by) in enumerate(steps, 1):
        if player is bot:
            seen.step.rpc_id(1, by)
        else:
            assert isinstance(player, Engine)
            step = f"Vector2i({by.x}, {by.y})"
            assert await player.godot.rpc("Main/World", "step", 1, step) == 0
        await until(lambda turn=turn: len(rules.heard) == turn)
    expected += [
        ("moved", a, right),
        ("scored", a, 1),
        ("turn", b),
        ("moved", b, left),
        ("scored", b, 1),
        ("turn", c),
        ("moved", c, down),
        ("turn", a),
        ("moved", a, Vector2i(1, 1)),
        ("scored", a, 2),
        ("over", a),
    ]
    assert rules.heard == [("step", by, player.id) for player, by in steps]
    await until(lambda: len(seen.heard) >= len(expected))
    assert seen.heard == expected
    for engine in engines:
        assert await heard_by(engine, len(expected)) == expected

    rules.players = [c, a, b]
    assert await engines[1].godot.rpc("Main/World", "step", 1, "Vector2i(0, 1)") == 0
    assert await heard_by(engines[1], 1) == [("refused", "it is not your turn")]
    seen.heard.clear()
    rules.heard.clear()
    for player, text in ((one, "hello"), (bot, "beep"), (other, "well played")):
        if player is bot:
            seen.wave.rpc(text)
        else:
            assert isinstance(player, Engine)
            assert await player.godot.rpc("Main/World", "wave", 0, json.dumps(text)) == 0
        wave = ("wave", text, player.id)
        await until(lambda: seen.heard and rules.heard)
        assert seen.heard == rules.heard == [wave]
        for engine in engines:
            assert await heard_by(engine, 1) == [wave]
        seen.heard.clear()
        rules.heard.clear()
    with pytest.raises(MultiplayerError, match="call_local"):
        seen.step.rpc_id(c, right)
