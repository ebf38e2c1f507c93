"""The arena: Python, Godot 3.6, Godot 4.6.3 and a browser in one match, on one scoreboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import peers
from demos.arena.command import site_of
from demos.arena.movement import Body
from demos.arena.playing import BotPlayer
from demos.arena.rules import Settings
from demos.arena.shared import SharedArena
from multiplayer import Vector2
from tests.driving import until
from tests.interop.javascript.browsing import browsing
from tests.interop.native.demo import playing
from tests.interop.native.resuming.cable import Cable

if TYPE_CHECKING:
    import trio

    from demos.arena.match import Match
    from demos.arena.rules import Hit

pytestmark = [pytest.mark.native3, pytest.mark.native4, pytest.mark.godot4]
SCENARIOS = False  # godot4 is here for Chromium, which runs no engine

LONG = Settings(points=1000, round_ticks=1 << 30)
SCORES = re.compile(r"round 1, .* s left: (.*)")
"""What the projects print once a second."""


def match_of(server: peers.RoomServer) -> Match:
    (match,) = {room.match for room in server.rooms if isinstance(room, SharedArena)}
    return match


def told(lines: list[str]) -> dict[str, int] | None:
    """The scores in the last line, by name; None if there are none, or somebody is away."""
    found = SCORES.fullmatch(lines[-1]) if lines else None
    rows = [] if found is None or "(away)" in found[1] else found[1].split(", ")
    return {name: int(score) for name, score in (row.rsplit(" ", 1) for row in rows)} or None


async def test_python_both_engines_and_a_browser_on_one_scoreboard(nursery: trio.Nursery) -> None:
    server = site_of(LONG)
    hits: list[Hit] = []
    bot = BotPlayer(0, "Python")
    bot.client.world.was_hit.connect(hits.append)
    async with peers.serve_rooms(0, peer=server), browsing() as browser:
        port = server.get_local_port()
        nursery.start_soon(bot.play, f"ws://127.0.0.1:{port}/arena/any")
        await until(lambda: bot.client.prediction)
        match = match_of(server)
        async with (
            Cable(nursery, f"ws://127.0.0.1:{port}") as cable,
            playing("native4", f"{cable.url}/arena4/any", "Four") as four,
            playing("native3", f"{cable.url}/arena3/any", "Three") as three,
        ):
            page = await browser.open(f"http://127.0.0.1:{port}/?nick=Browser")
            await page.until("globalThis.arena?.prediction")
            everybody = ["Browser", "Four", "Python", "Three"]
            await until(
                lambda: sorted(p.nick for p in match.everybody().values()) == everybody, 30.0
            )
            await until(lambda: match.game.round == 1)
            by_nick = {player.nick: id_ for id_, player in match.everybody().items()}
            assert by_nick["Browser"] == await page.get("arena.id")
            # They see each other: each hits somebody whom it has aimed at.
            for number, fighter in enumerate(match.game.fighters.values()):
                fighter.body = Body(Vector2(24 + 5 * number, 5))
            hitters = {by_nick[nick] for nick in ("Python", "Four", "Three")}
            await until(lambda: hitters <= {hit.shooter for hit in hits}, 30.0)

            for fighter in match.game.fighters.values():
                fighter.reloaded_at = 1 << 40  # nobody fires any more
            await until(lambda: not match.game.shots)
            for number, nick in enumerate(by_nick):
                match.game.fighters[by_nick[nick]].score = 10 + number
            scores = {nick: match.game.fighters[by_nick[nick]].score for nick in by_nick}
            await until(lambda: {f.nick: f.score for f in bot.client.figures()} == scores)
            await until(lambda: told(four.lines) == scores)
            await until(lambda: told(three.lines) == scores)
            seen = "JSON.stringify(arena.figures().map((each) => [each.nick, each.score]).sort())"
            wanted = sorted([nick, score] for nick, score in scores.items())
            await page.until(f"{seen} === JSON.stringify({wanted})")

            # Both engines lose their connections, and come back as themselves.
            cable.cut()
            engines = [match.everybody()[by_nick[nick]] for nick in ("Four", "Three")]
            await until(lambda: all(player.away for player in engines))
            await until(lambda: not any(player.away for player in engines))
            at = len(four.lines), len(three.lines)
            await until(lambda: told(four.lines[at[0] :]) == scores)
            await until(lambda: told(three.lines[at[1] :]) == scores)
            assert {player.nick: id_ for id_, player in match.everybody().items()} == by_nick
            taken = {each.id: match._queues[each.id].last for each in engines}
            await until(lambda: all(match._queues[i].last > last for i, last in taken.items()))

            assert (page.complaints, four.errors(), three.errors()) == ([], [], [])
            for room in server.rooms:
                assert not room.api.statistics.rejected, room
        bot.stop()
