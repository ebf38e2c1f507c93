"""What the server replicates, in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneReplicationConfig,
    Vector2,
    replicated,
)
from tests.interop.javascript.served import CLIENT, Served, served

if TYPE_CHECKING:
    from tests.interop.javascript.page import Page

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here

JOIN = (
    CLIENT
    + """
globalThis.watch = async (url) => {
  const seen = { happened: [], client: new g.Client(url) };
  const { client } = seen;
  seen.clock = client.synchronizer("Main/Clock/MultiplayerSynchronizer",
                                   { time: "always", marks: "on_change", names: "on_change" });
  client.spawner("Main/Spawner", {
    player: { position: "always", health: "on_change", bag: "on_change",
              skin: "never", secret: { mode: "on_change", spawn: false } },
    tank: [{ angle: "always" }, { fuel: "on_change" }],
  }, (data) => ({ size: "on_change" }));
  client.on("spawned", ({ name, state }) => {
    seen.happened.push(["spawned", name, structuredClone(state)]);
  });
  client.on("despawned", (node) => seen.happened.push(["despawned", node.name]));
  client.on("rejected", (...what) => seen.happened.push(["rejected", ...what]));
  seen.node = (name) => client.nodes.find((node) => node.name === name);
  await client.ready;
  return seen;
};
globalThis.ann = await watch(args[0]);
"""
)


MORE = "const { bytes, packets } = ann.client.statistics; return bytes - 40 * packets"
"""Bytes that have come, without those of the clock's time, which comes again and again."""


class Player(Node):
    position = replicated(Vector2(0, 0))
    health = replicated(100, mode="on_change")
    bag = replicated(default_factory=list, mode="on_change")
    skin = replicated("green", mode="never")
    secret = replicated(0, mode="on_change", spawn=False)


class Clock(Node):
    time = replicated(0.0)
    marks = replicated(default_factory=list, mode="on_change")
    names = replicated(default_factory=dict, mode="on_change")


class Rock(Node):
    size = replicated(1, mode="on_change")


class Tank(Node):
    angle, fuel = 0.5, 10

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        on_change = SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE
        for property_ in "angle", "fuel":
            config = SceneReplicationConfig()
            config.add_property(f".:{property_}")
            if property_ == "fuel":
                config.property_set_replication_mode(f".:{property_}", on_change)
            synchronizer = MultiplayerSynchronizer(f"Of{property_}")
            synchronizer.replication_config = config
            self.add_child(synchronizer)


def rock(data: Any) -> Node:
    made = Rock("Rock")
    made.size = data
    return made


def world(server: Served) -> tuple[Clock, MultiplayerSpawner]:
    clock, spawner = Clock("Clock"), MultiplayerSpawner("Spawner")
    spawner.add_spawnable_scene("player", Player)
    spawner.add_spawnable_scene("tank", Tank)
    spawner.spawn_function = rock
    server.main.add_child(clock)
    server.main.add_child(spawner)
    spawner.spawn_path = ".."
    return clock, spawner


async def test_nodes_appear_change_and_go(page: Page) -> None:
    async with served() as server:
        _, spawner = world(server)
        ada = Player("Ada")
        ada.position, ada.health = Vector2(1, 2), 70
        server.main.add_child(ada)
        await page.do(JOIN, server.url)
        await page.do("await until(() => ann.node('Ada')?.state.secret === 0)")
        (spawned,) = await page.do("return ann.happened")
        state = {"position": {"x": 1, "y": 2}, "health": 70, "bag": [], "skin": "green"}
        assert spawned == ["spawned", "Ada", state]
        ada.position, ada.health, ada.secret = Vector2(5, 6), 60, 7
        ada.bag.append({"rope": b"\x01"})
        await page.do("await until(() => ann.node('Ada').state.secret == 7)")
        await page.do("await until(() => ann.node('Ada').state.position.x == 5)")
        state |= {"position": {"x": 5, "y": 6}, "health": 60, "secret": 7}
        state["bag"] = [{"rope": {"Uint8Array": [1]}}]
        assert await page.do("return ann.node('Ada').state") == state
        server.main.add_child(Tank("Tank"))
        spawner.spawn(3)
        server.main.remove_child(ada)
        await page.do("await until(() => ann.happened.length == 4)")
        assert sorted((await page.do("return ann.happened"))[1:]) == [
            ["despawned", "Ada"],
            ["spawned", "Rock", {"size": 3}],
            ["spawned", "Tank", {"angle": 0.5, "fuel": 10}],
        ]
        tank = server.main.get_node("Tank")
        assert isinstance(tank, Tank)
        tank.fuel, tank.angle = 9, 1.5
        await page.do(
            """const { state } = ann.node("Tank");
            await until(() => state.fuel == 9 && state.angle == 1.5)"""
        )
        datas = await page.do("return ann.client.nodes.map((node) => node.data).sort()")
        assert datas == [3, None]
        await page.do("ann.client.close()")


async def test_long_lists_and_dictionaries_travel_as_changes(page: Page) -> None:
    async with served() as server:
        clock, _ = world(server)
        clock.marks = list(range(100))
        clock.names = {number: f"name {number}" for number in range(100)} | {"a": 1}
        await page.do(JOIN, server.url)
        await page.do("await until(() => ann.clock.state.names)")
        for step in range(5):
            before = await page.do(MORE)
            clock.marks[step * 10] = "changed"
            clock.marks[50:52] = []
            clock.names[step] = "new"
            del clock.names[50 + step]
            clock.names[f"more {step}"] = step
            clock.time = step + 1.0
            await page.do(f"await until(() => ann.clock.state.names.has('more {step}'))")
            found = await page.do("return [ann.clock.state.marks, ann.clock.state.names]")
            assert found[0] == clock.marks
            assert dict(found[1]["map"]) == clock.names
            if step:  # what comes first, and to a new peer, is whole
                assert (await page.do(MORE)) - before < 1000
        await page.do("await until(() => ann.clock.state.time == 5)")
        assert await page.do("return ann.happened") == []
        await page.do("ann.client.close()")


async def test_a_page_that_cannot_apply_a_change_asks_for_all(page: Page) -> None:
    async with served() as server:
        clock, _ = world(server)
        clock.marks = list(range(100))
        await page.do(JOIN, server.url)
        await page.do("await until(() => ann.clock.state.marks)")
        # The page breaks the rule that lists in the state are not to be changed.
        await page.do("ann.clock.state.marks.push(1)")
        clock.marks[3] = "changed"
        await page.do("await until(() => ann.clock.state.marks[3] == 'changed')")
        assert await page.do("return ann.clock.state.marks") == clock.marks
        await page.do("ann.client.close()")


async def test_what_is_there_after_the_connection_was_lost(page: Page) -> None:
    async with served() as server:
        world(server)
        ada, bob = Player("Ada"), Player("Bob")
        server.main.add_child(ada)
        server.main.add_child(bob)
        await page.do(JOIN, server.url)
        await page.do("await until(() => ann.client.nodes.length == 2)")
        await page.do("ann.client.cut()")
        server.main.remove_child(bob)
        server.main.add_child(Player("Cyd"))
        ada.health = 5
        await page.do("await until(() => ann.node('Ada').state.health == 5 && ann.node('Cyd'))")
        await page.do("await until(() => !ann.node('Bob'))")
        happened = await page.do("return ann.happened.map(([what, name]) => what + ' ' + name)")
        assert sorted(happened) == ["despawned Bob", "spawned Ada", "spawned Bob", "spawned Cyd"]
        # Anew, since more was to be sent than is kept.
        code = """
            ann.client.cut();
            const other = ann.client.add("Elsewhere");
            for (let n = 0; n < 5000; n++) other.rpcId(1, "nothing");
            ann.happened = [];
            await until(() => ann.happened.length == 4);
            return [ann.happened.map(([what, name]) => what + " " + name),
                    ann.client.nodes.map(({ state }) => state.health)]
        """
        happened, health = await page.do(code)
        assert sorted(happened[:2]) == ["despawned Ada", "despawned Cyd"]
        assert sorted(happened[2:]) == ["spawned Ada", "spawned Cyd"]
        assert sorted(health) == [5, 100]
        await page.do("ann.client.close()")
