"""The arena's page in Chromium: somebody plays by keys and mouse, and comes back in another tab."""

from __future__ import annotations

import itertools
import math
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

import peers
from demos.arena.ground import HEIGHT, STARTS, WIDTH
from demos.arena.movement import SPEED, TICK, Body, Input, step
from demos.arena.playing import BotPlayer
from demos.arena.room import Arena
from demos.arena.rules import Settings
from demos.arena.website import Website
from multiplayer import Vector2
from multiplayer.game import ServerClock, SnapshotBuffer
from tests.driving import until
from tests.interop.javascript.browsing import browsing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import trio

    from demos.arena.match import Match
    from tests.interop.javascript.browsing import Browser, Tab

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here


class Long(Arena):
    """An arena whose rounds do not end in a test."""

    settings = Settings(points=1000, round_ticks=1 << 30)


class House:
    """A server of arenas."""

    def __init__(self) -> None:
        self.server = peers.RoomServer({"arena": Long})
        self.server.http_callback = Website(self.server)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.get_local_port()}/"

    @property
    def rooms(self) -> str:
        return f"ws://127.0.0.1:{self.server.get_local_port()}/arena/any"

    @property
    def match(self) -> Match:
        (room,) = self.server.rooms
        assert isinstance(room, Arena)
        return room.match


@asynccontextmanager
async def opened() -> AsyncGenerator[tuple[House, Browser]]:
    house = House()
    async with peers.serve_rooms(0, peer=house.server), browsing() as browser:
        yield house, browser


async def join(browser: Browser, house: House, nick: str = "Ann") -> tuple[Tab, int]:
    tab = await browser.open(f"{house.url}?nick={nick}")
    await tab.until("globalThis.arena?.prediction")
    return tab, await tab.get("arena.id")


async def figure(tab: Tab, nick: str) -> dict[str, Any]:
    found: dict[str, Any] = await tab.until(
        f"arena.figures().find((each) => each.nick === '{nick}')"
    )
    return found


def place(found: dict[str, Any]) -> Vector2:
    return Vector2(found["x"], found["y"])


@pytest.mark.timeout(150)  # five tabs, and a bot that takes its time: a busy machine needs more
async def test_a_browser_plays_and_comes_back_in_another_tab(nursery: trio.Nursery) -> None:
    async with opened() as (house, browser):
        tab, own = await join(browser, house)
        zed = BotPlayer(3, "Zed")
        nursery.start_soon(zed.play, house.rooms)
        await tab.until("arena.headline().startsWith('round 1, ')")
        match = house.match
        assert match.everybody()[own].nick == "Ann"

        # By a key it walks to the other side.
        begun = place(await figure(tab, "Ann"))
        key = "a" if begun.x > WIDTH / 2 else "d"
        await tab.do(lambda page: page.keyboard.down(key))
        await until(lambda: abs(match.game.fighters[own].body.position.x - begun.x) > 6)
        await tab.do(lambda page: page.keyboard.up(key))
        here = "{ x: arena.prediction.state.x, y: arena.prediction.state.y }"
        fighter = match.game.fighters[own]
        assert abs(place(await figure(tab, "Ann")).x - fighter.body.position.x) < SPEED / 2

        # It sees the bot walk, where it was a moment ago.
        seen = [await figure(tab, "Zed")]
        while abs(seen[-1]["x"] - seen[0]["x"]) + abs(seen[-1]["y"] - seen[0]["y"]) < 3:
            seen.append(await figure(tab, "Zed"))
            there = match.game.fighters[zed.client.id].body
            assert not there.alive or (there.position - place(seen[-1])).length() < SPEED / 2
        steps = [
            (place(after) - place(before)).length() for before, after in itertools.pairwise(seen)
        ]
        assert len([each for each in steps if each]) > 3  # it walks there, and does not jump

        # It is shot, and shoots: at the bot, wherever that is.
        await tab.until("arena.figures().find((each) => each.isOwn).health < 3")
        assert fighter.health < 3
        for key in ("pointer", "Space"):
            await shoot(tab, house, own, by=key)

        assert tab.complaints == []

        # What is drawn is where the players are.
        zed.stop()
        await until(lambda: len(match.everybody()) == 1)
        await tab.until("arena.figures().length === 1 && arena.figures()[0].health > 0")
        await tab.until("arena.prediction.pending(1)[0]?.[0] >= 0 && arena.clock.roundTrip > 0")
        picture = "document.getElementById('ground')"
        colours = await tab.get(
            f"""(async () => {{
              const frame = () => new Promise(requestAnimationFrame);
              await frame().then(frame); // until what has come is drawn
              const canvas = {picture};
              const [me] = arena.figures();
              const scale = canvas.width / {WIDTH};
              const pen = canvas.getContext("2d");
              const at = (x, y) => [...pen.getImageData(x * scale, y * scale, 1, 1).data].join();
              const free = at({WIDTH} - me.x, {HEIGHT} - me.y); // the map is the same from there
              return [at(me.x, me.y), at(15, 8), free, scale * {HEIGHT} - canvas.height];
            }})()"""
        )
        assert len({*colours[:3]}) == 3
        assert abs(colours[3]) <= 1
        assert (await tab.do(lambda page: page.screenshot()))[:4] == b"\x89PNG"
        row = "document.querySelector('#scores tr.own')?.textContent"
        await tab.until(f"{row} === 'Ann{fighter.score}'")

        # The tab is closed; the player waits. In a new tab it is the same one.
        fighter.score = 7
        match.game.round += 1
        before = await tab.get(here)
        assert Vector2(before["x"], before["y"]) == fighter.body.position
        assert await tab.get("arena.client.statistics.rejected") == {}
        await tab.do(lambda page: page.close())
        await until(lambda: match.everybody()[own].away)
        again, same = await join(browser, house, "somebody-else")
        assert same == own
        await until(lambda: not match.everybody()[own].away)
        came = await figure(again, "Ann")
        assert (came["score"], came["isOwn"], place(came)) == (7, True, fighter.body.position)
        await again.do(lambda page: page.keyboard.down("ArrowUp"))
        await until(lambda: fighter.body.position.y < before["y"] - 2)  # its inputs are taken
        await again.do(lambda page: page.keyboard.up("ArrowUp"))

        # One more tab is another player; each keeps its own when it is loaded again.
        other, its = await join(browser, house, "Ben")
        assert its != own
        for each, id_ in ((other, its), (again, own)):
            await each.do(lambda page: page.reload())
            await each.until("globalThis.arena?.prediction")
            assert await each.get("arena.id") == id_
        assert {*match.everybody()} == {own, its}

        # A lost connection is said, and over soon.
        notice = "document.getElementById('notice')"
        await again.get("arena.client.cut()")
        assert await again.until(f"{notice}.open && {notice}.textContent")
        await again.until(f"!{notice}.open")
        assert await again.get("[arena.id, arena.isSuspended]") == [own, False]

        # Sent away, it can join again, as somebody new.
        (room,) = house.server.rooms
        room.seats[own].kick("enough")
        await again.until(f"{notice}.open && {notice}.textContent.includes('enough')")
        await again.do(lambda page: page.click("dialog button"))
        await again.until("arena.prediction && !document.getElementById('notice').open")
        assert await again.get("arena.id") not in (own, its)
        assert again.complaints + other.complaints == []


async def shoot(tab: Tab, house: House, own: int, by: str) -> None:
    """Aim at the upper left corner, and fire until a shot flies there."""

    def fire(page: Any) -> None:
        box = page.locator("#ground").bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        if by == "pointer":
            page.mouse.down()
        else:
            page.keyboard.down(by)

    game = house.match.game
    await tab.do(fire)

    def has_fired() -> bool:
        body = game.fighters[own].body.position
        aim = math.atan2(-body.y, -body.x)
        return any(
            each.owner == own and abs(math.atan2(each.velocity.y, each.velocity.x) - aim) < 0.3
            for each in game.shots.values()
        )

    await until(has_fired)
    await tab.do(lambda page: page.mouse.up() if by == "pointer" else page.keyboard.up(by))
    await until(lambda: not any(each.owner == own for each in game.shots.values()))


async def test_without_locks_a_player_outlives_a_reload() -> None:
    """As in a page that came by http:// from another machine."""
    async with opened() as (house, browser):
        await browser.begin_with("delete Navigator.prototype.locks")
        tab, own = await join(browser, house)
        other, its = await join(browser, house)
        assert own != its
        for each, id_ in ((tab, own), (other, its)):
            await each.do(lambda page: page.reload())
            await each.until("globalThis.arena?.prediction")
            assert await each.get("[arena.id, navigator.locks === undefined]") == [id_, True]


async def test_fingers_walk_and_shoot(nursery: trio.Nursery) -> None:
    async with opened() as (house, browser):
        await join(browser, house, "Zed")  # it takes two; this one stands still
        tab, own = await join(browser, house)
        await tab.until("arena.headline().startsWith('round 1, ')")
        fighter = house.match.game.fighters[own]
        begun = fighter.body.position
        way = 1 if begun.x < WIDTH / 2 else -1

        session = await tab.do(lambda page: page.context.new_cdp_session(page))

        def touch(kind: str, *fingers: tuple[int, int, int]) -> Any:
            def send(page: Any) -> None:
                points = [{"id": id_, "x": x, "y": y} for id_, x, y in fingers]
                session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

            return tab.do(send)

        await touch("touchStart", (1, 200, 300))
        await touch("touchMove", (1, 200 + 60 * way, 303))
        await until(lambda: (fighter.body.position.x - begun.x) * way > 6)
        assert fighter.body.position.y == begun.y
        assert not house.match.game.shots
        await touch("touchStart", (1, 200 + 60 * way, 303), (2, 700, 60))
        await until(lambda: any(each.owner == own for each in house.match.game.shots.values()))
        await touch("touchEnd")
        await until(lambda: not house.match.game.shots)
        where = fighter.body.position
        last = house.match._queues[own].last
        await until(lambda: house.match._queues[own].last > last + 5)
        assert fighter.body.position == where
        assert tab.complaints == []


async def test_a_name_is_taken_as_text(nursery: trio.Nursery) -> None:
    async with opened() as (house, browser):
        tab, own = await join(browser, house)
        await tab.do(lambda page: page.fill("#nick", "<b>&amp;"))
        await tab.do(lambda page: page.keyboard.press("Enter"))
        await until(lambda: house.match.everybody()[own].nick == "<b>&amp;")
        cell = "document.querySelector('#scores td')"
        await tab.until(f"{cell}?.textContent === '<b>&amp;' && !{cell}.children.length")
        # Its keys are not the player's while somebody writes a name.
        before = house.match.game.fighters[own].body.position
        await tab.do(lambda page: page.fill("#nick", ""))
        await tab.do(lambda page: page.type("#nick", "wasd"))
        await until(lambda: house.match._queues[own].last > 3)
        assert house.match.game.fighters[own].body.position == before
        assert tab.complaints == []


async def test_the_page_does_as_python_does() -> None:
    """The rule of movement to the last bit; clock and interpolation as ``multiplayer.game``."""
    chance = random.Random(5)
    inputs = [Input(chance.randint(-1, 1), chance.randint(-1, 1)) for _ in range(80)]
    inputs = [each for each in inputs for _ in range(chance.randint(1, 40))]
    questions: list[tuple[float, float, float]] = []
    now = 100.0
    for number in range(120):
        now += chance.uniform(0.01, 0.6)
        trip = chance.uniform(0.02, 0.3)
        server = now + 5 + trip * chance.random() + (40 if number > 80 else 0)
        questions.append((now, server, now + trip))
    pushes: list[tuple[float, float, float, bool]] = []
    for number in range(200):
        time = number * 3 * TICK
        if chance.random() > 0.1:
            late = chance.expovariate(20.0)
            pushes.append((time, chance.uniform(0, WIDTH), time + late, chance.random() < 0.05))
    pushes.sort(key=lambda each: each[2])
    async with opened() as (house, browser):
        tab, _ = await join(browser, house)
        code = """(async ([starts, inputs, questions, pushes]) => {
          const { step } = await import("./ground.js");
          const { ServerClock, SnapshotBuffer } = await import("./game.js");
          const clock = new ServerClock(), buffer = new SnapshotBuffer();
          return [
            starts.map(([x, y]) => inputs.reduce(
              (body, [right, down]) => step(body, { right, down }), { x, y, alive: true })),
            questions.map(([sent, server, received]) => {
              clock.sample(sent, server, received);
              return [clock.time(received), clock.roundTrip, clock.jitter];
            }),
            pushes.flatMap(([time, x, now, cut]) => {
              buffer.push(time, { x, y: -x }, now, cut);
              return [now, now + 0.03].map((at) => buffer.at(at).x);
            }),
          ];
        })(args[0])"""
        starts = [(at.x, at.y) for at in STARTS]
        given = [starts, [(each.right, each.down) for each in inputs], questions, pushes]
        walked, times, places = await tab.get(code, given)

    for at, found in zip(STARTS, walked, strict=True):
        body = Body(at)
        for each in inputs:
            body = step(body, each)
        assert (found["x"], found["y"]) == (body.position.x, body.position.y)
    clock = ServerClock()
    for question, found in zip(questions, times, strict=True):
        clock.sample(*question)
        expected = [clock.time(question[2]), clock.round_trip, clock.jitter]
        assert found == pytest.approx(expected, abs=1e-9)
    assert clock.jumps == 1
    buffer = SnapshotBuffer[Vector2]()
    wanted = list[float]()
    for time, x, at, cut in pushes:
        buffer.push(time, Vector2(x, -x), at, cut=cut)
        for moment in (at, at + 0.03):
            shown = buffer.at(moment)
            assert shown is not None
            wanted.append(shown.x)
    assert places == pytest.approx(wanted, abs=1e-6)
