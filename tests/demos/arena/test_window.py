"""``python -m demos.arena play``: on a real screen with real keys, and what is drawn at all."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
import time
from functools import partial
from inspect import signature
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest
import trio

import peers
from demos.arena.movement import RADIUS, TICK, Input
from demos.arena.playing import BotPlayer
from demos.arena.room import Arena
from demos.arena.rules import FULL_HEALTH, Settings
from multiplayer import Vector2
from multiplayer.game import SnapshotBuffer
from tests.demos.arena.matches import Place
from tests.programs import PATIENCE, ROOT, started

pygame = pytest.importorskip("pygame")

from demos.arena.drawing import BACKGROUND, SIZE, Painter, Scale, colour_of  # noqa: E402
from demos.arena.hands import Hands  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from demos.arena.match import Match
    from tests.display import Display, Picture

pytestmark = pytest.mark.needs_sockets

BOUND: Final = 1.0
"""How late others are shown at most, in seconds: what ``SnapshotBuffer`` waits for at most."""

EXACT: Final = 0.15
"""How far from the way that a player took its picture may be: two pixels."""

PLAYER = r"(\w+) +(\d+) +(\d+) +(\d+) +\d+\.\d ms +\d+\.\d ms +(\d+) +(\d+)"


class Recorded(Arena):
    """An arena that knows where everybody was, in which nobody dies, so that nobody jumps."""

    settings = Settings(points=1000, players=3, round_ticks=1_000_000)
    room: Recorded

    def opened(self, options: object) -> None:
        super().opened({})
        self.history: list[tuple[float, dict[int, Vector2]]] = []
        Recorded.room = self

    def process(self, delta: float) -> None:
        super().process(delta)
        fighters = self.match.game.fighters.values()
        for fighter in fighters:
            fighter.health = FULL_HEALTH
        self.history.append((time.monotonic(), {each.id: each.body.position for each in fighters}))


def ids(match: Match) -> dict[str, int]:
    return {each.nick: id_ for id_, each in match.everybody().items()}


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody says when another program has done it
            await trio.sleep(TICK)


def place_in(picture: Picture, id_: int) -> Vector2 | None:
    """Where the picture shows a player; None if something is before it."""
    (left, top), scale = picture.first(BACKGROUND), Scale(SIZE)
    found = [*picture.where(colour_of(id_), left + scale.area.right, top + scale.area.bottom)]
    if len(found) < 0.85 * math.pi * (RADIUS * scale.unit) ** 2:
        return None
    across, down = (sum(pixel) / len(found) for pixel in zip(*found, strict=True))
    return scale.place(Vector2(across + 0.5 - left, down + 0.5 - top))


def away_from(way: Iterable[Vector2], at: Vector2) -> float:
    """How far a point is from a way."""
    places = [*way]
    least = min((place - at).length() for place in places)
    for one, other in pairwise(places):
        along = other - one
        if along.length():
            part = ((at.x - one.x) * along.x + (at.y - one.y) * along.y) / along.length() ** 2
            least = min(least, (one + along * min(max(part, 0.0), 1.0) - at).length())
    return least


@pytest.mark.xvfb
async def test_the_window_is_played_by_keys_and_shows_players_where_they_are(
    screen: Display, nursery: trio.Nursery
) -> None:
    assert signature(SnapshotBuffer).parameters["most"].default == BOUND
    async with peers.serve_rooms(0, {"arena": Recorded}) as server:
        url = f"ws://127.0.0.1:{server.get_local_port()}/arena/any"
        bots = [BotPlayer(number) for number in range(2)]
        for bot in bots:
            nursery.start_soon(bot.play, url)
        window: subprocess.Popen[str] = subprocess.Popen(  # noqa: ASYNC220 - that takes no time
            [sys.executable, "-m", "demos.arena", "play", "--url", url, "--name", "Zoe"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            await until(lambda: server.rooms)
            match = Recorded.room.match
            await until(lambda: {*ids(match)} == {"Ada", "Bob", "Zoe"} and match.game.round == 1)
            while len({colour_of(id_) for id_ in ids(match).values()}) < 3:  # one time in 300
                for number, bot in enumerate(bots):
                    bot.stop()
                    await until(lambda nick=bot.client.nick: nick not in ids(match))
                    bots[number] = BotPlayer(number)
                    nursery.start_soon(bots[number].play, url)
                await until(lambda: {*ids(match)} == {"Ada", "Bob", "Zoe"})
            await played_by_hand(screen, match, ids(match)["Zoe"])
            await compared(screen, match)
            screen.press("escape")
            said, _ = await trio.to_thread.run_sync(partial(window.communicate, timeout=PATIENCE))
            assert window.returncode == 0, said
            row = re.fullmatch(PLAYER, said.splitlines()[-1])
            assert row, said
            assert row[1] == "Zoe"
            assert all(int(row[column]) for column in (2, 3, 4, 5)), said
            await until(lambda: "Zoe" not in ids(match))  # it has said goodbye
        finally:
            window.kill()
            window.wait(PATIENCE)
            for bot in bots:
                bot.stop()


async def played_by_hand(screen: Display, match: Match, zoe: int) -> None:
    """Walk, aim and shoot."""
    screen.focus()
    fighter = match.game.fighters[zoe]
    for key, way in (("d", Vector2(1, 0)), ("s", Vector2(0, 1)), ("a", Vector2(-1, 0))):
        begun = fighter.body.position
        screen.press(key)
        await until(lambda begun=begun, way=way: (fighter.body.position - begun).dot(way) > 1)
        screen.release(key)
    window = screen.picture().first(BACKGROUND)
    at = Scale(SIZE).pixel(fighter.body.position)
    screen.move(round(window[0] + at.x + 30), round(window[1] + at.y + 30))
    await until(lambda: abs(fighter.aim - math.pi / 4) < 0.3)
    screen.hold_button()
    await until(lambda: any(shot.owner == zoe for shot in match.game.shots.values()))
    screen.release_button()


async def compared(screen: Display, match: Match) -> None:
    """Take pictures, and compare each with where the server had the players at the time."""
    room, nicks = Recorded.room, ids(match)
    pictures: list[tuple[float, float, Picture]] = []
    screen.press("w")  # so that all move
    for _ in range(20):
        begun = time.monotonic()
        picture = await trio.to_thread.run_sync(screen.picture)
        pictures.append((begun, time.monotonic(), picture))
        await trio.sleep(2 * TICK)
    screen.release("w")
    # The player at the window is ahead of the server: it is shown where it is going to be.
    await until(lambda: room.history[-1][0] > pictures[-1][1] + BOUND)
    for nick, id_ in nicks.items():
        ahead = BOUND if nick == "Zoe" else 0.0
        seen: list[Vector2] = []
        for begun, ended, picture in pictures:
            if (at := place_in(picture, id_)) is not None:
                since, to = begun - BOUND, ended + ahead
                moments = (there for when, there in room.history if since <= when <= to)
                way = [there[id_] for there in moments if id_ in there]
                assert away_from(way, at) <= EXACT, nick
                seen.append(at)
        assert len(seen) >= 5, nick
        assert max((one - other).length() for one in seen for other in seen) > 3 * EXACT, nick


def test_keys_and_the_mouse_become_inputs() -> None:
    hands, own = Hands(), Vector2(100, 100)
    post = pygame.Event
    assert hands.input(None) == Input()
    hands.take(post(pygame.KEYDOWN, key=pygame.K_w))
    hands.take(post(pygame.KEYDOWN, key=pygame.K_RIGHT))
    hands.take(post(pygame.MOUSEMOTION, pos=(100, 200)))
    assert hands.input(own) == Input(1, -1, math.pi / 2)
    hands.take(post(pygame.KEYUP, key=pygame.K_w))
    hands.take(post(pygame.MOUSEBUTTONDOWN, button=1, pos=(0, 100)))
    assert hands.input(own) == Input(1, 0, math.pi, fire=True)
    hands.take(post(pygame.WINDOWFOCUSLOST))
    assert hands.input(own) == Input(0, 0, math.pi)
    hands.take(post(pygame.KEYDOWN, key=pygame.K_SPACE))
    hands.take(post(pygame.KEYUP, key=pygame.K_SPACE))  # both within a tick
    assert hands.input(own).fire
    assert not hands.input(own).fire
    assert not hands.wants_to_go
    hands.take(post(pygame.QUIT))
    assert hands.wants_to_go


def test_a_drawing_has_everybody_where_they_are() -> None:
    pygame.font.init()
    place = Place(5)
    ada, bob = place.join(), place.join()
    painter, surface = Painter(ada.client), pygame.Surface((1000, 700))
    place.play(1.0)
    painter.draw(surface, place.network.now)
    scale = Scale(surface.get_size())
    for figure in ada.client.figures():
        at = scale.pixel(figure.position)
        assert surface.get_at((round(at.x), round(at.y)))[:3] == colour_of(figure.id)
        assert (scale.place(at) - figure.position).length() < 1e-3
    place.idle = True
    place.play(2.0)
    place.network.hold(bob.peer, place.peers[0])  # it would come back before anybody notices
    place.drop(bob)
    place.network.run_until(lambda: ada.client.world.everybody()[bob.id].away)
    painter.draw(surface, place.network.now)
    at = scale.pixel(next(each.position for each in ada.client.figures() if not each.is_own))
    assert surface.get_at((round(at.x), round(at.y)))[:3] != colour_of(bob.id)  # a hollow one


def test_without_a_server_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with started("-m", "demos.arena", "play", "--url", "ws://127.0.0.1:1/arena/any") as window:
        lines = window.rest()
        assert window.status() == 1
    assert len(lines) == 2, lines  # no summary of a player that never was
    assert lines[0].startswith("Nobody can be reached there: tcp: ")
    assert lines[1] == "Is there a server? python -m demos.arena server"


def test_it_plays_on_a_bad_network_until_the_server_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with started("-m", "demos.arena", "server", "--port", "0", "--seconds", "5") as server:
        url = server.until(r"The arena is open at (ws://\S+)")[1]
        arguments = ("play", "--url", url, "--conditions", "wifi_bad")
        with started("-m", "demos.arena", *arguments) as window:
            lines = window.rest()
            assert window.status() == 1
    assert lines[-1] == "The server has gone.", lines
    words = lines[-2].split()
    assert words[0] == "You"
    assert float(words[4]) >= 20, lines


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such signal")
def test_an_interrupt_is_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with started("-m", "demos.arena", "server", "--port", "0") as server:
        url = server.until(r"The arena is open at (ws://\S+)")[1]
        with started("-m", "demos.arena", "play", "--url", url) as window:
            server.until(r"/arena/\w+ is open")
            window.process.send_signal(signal.SIGINT)
            lines = window.rest()
            assert window.status() == 0, lines
            assert re.fullmatch(PLAYER, lines[-1])
        server.process.send_signal(signal.SIGINT)
        assert server.status() == 0


def test_without_pygame_it_says_what_it_takes() -> None:
    script = (
        "import sys; sys.modules['pygame'] = None\n"
        "from demos.arena.__main__ import main\n"
        "sys.exit(main(['play']))"
    )
    with started("-c", script) as window:
        lines = window.rest()
        assert window.status() == 1
    says = "ERR_UNAVAILABLE: the window takes pygame-ce: pip install pygame-ce"
    assert lines == [f"Something went wrong: {says}"]
