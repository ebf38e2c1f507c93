"""``python -m demos.arena``: it runs, can be watched, and ends."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from demos.arena.ground import WALLS
from demos.arena.picture import COLUMNS, DEAD, ROWS, SHOT, WALL, headline, picture, scores
from tests.demos.arena.matches import Place
from tests.programs import PATIENCE, ROOT, started

pytestmark = pytest.mark.needs_sockets

SECOND = (
    r" *\d+ s: (round \d+, \d+ s left|waiting .*|round \d+ is over, \w+ has won): "
    r"\w+ \d+(, \w+ \d+){3}; \d+ shots, \d+ hits, round trip \d+\.\d ms"
)
TOTAL = (
    r"\d+\.\d s, (\d+) ticks \(\d+ left out\), \d+ rounds; "
    r"the server received (\d+) packets \(\d+ bytes\) and sent (\d+) \(\d+ bytes\)"
)
PLAYER = r"(\w+) +(\d+) +(\d+) +(\d+) +\d+\.\d ms +\d+\.\d ms +(\d+) +(\d+)"


def test_without_a_terminal_it_says_a_line_a_second_and_ends() -> None:
    with started("-m", "demos.arena", "--seconds", "3.5") as program:
        lines = program.rest()
        assert program.status() == 0
    assert re.fullmatch(r"The arena is open at ws://127\.0\.0\.1:\d+/arena/any", lines[0])
    port = lines[0].split(":")[2].partition("/")[0]
    assert f"You, in a browser: http://127.0.0.1:{port}/" in lines
    seconds = [line for line in lines if re.match(r" *\d+ s: ", line)]
    assert len(seconds) >= 2, lines
    assert re.fullmatch(SECOND, seconds[-1]), lines  # all have joined by then
    (total,) = filter(None, (re.fullmatch(TOTAL, line) for line in lines))
    assert int(total[1]) > 10
    rows = [found for line in lines[-4:] if (found := re.fullmatch(PLAYER, line))]
    assert [row[1] for row in rows] == ["Ada", "Bob", "Cyd", "Dot"]
    for row in rows:
        assert all(int(row[column]) > 0 for column in (2, 3, 4, 5)), row[0]
    assert sum(int(row[2]) for row in rows) <= int(total[2]) + int(total[3]) + 4 * 20


def test_it_can_be_played_on_a_bad_network() -> None:
    with started("-m", "demos.arena", "--seconds", "3", "--conditions", "mobile_3g") as program:
        lines = program.rest()
        assert program.status() == 0
    players = [line.split() for line in lines[-4:]]
    assert [words[0] for words in players] == ["Ada", "Bob", "Cyd", "Dot"], lines
    assert all(float(words[4]) >= 150 for words in players), lines


def test_server_and_bots_are_programs_of_their_own() -> None:
    with started("-m", "demos.arena", "server", "--port", "0") as server:
        url = server.until(r"The arena is open at (ws://\S+)")[1]
        page = server.until(r"In a browser: (http://\S+/)")[1]
        with urllib.request.urlopen(f"{page}healthz", timeout=PATIENCE) as response:
            assert response.read() == b"ok\n"
        bot = ("-m", "demos.arena", "bot", "--url", url, "--name")
        with started(*bot, "Zoe") as zoe, started(*bot, "Max", "--seconds", "3") as max_:
            zoe.until(r".*round 1, \d+ s left: (Zoe|Max) \d+, (Zoe|Max) \d+; .*")
            assert max_.status() == 0
            assert re.fullmatch(PLAYER, max_.rest()[-1])
            server.process.send_signal(signal.SIGINT)
            assert server.status() == 0
            assert any(re.fullmatch(TOTAL, line) for line in server.rest())
            assert zoe.status() == 1
            assert zoe.rest()[-1] == "The server has gone."


def test_a_bot_without_a_server_says_so() -> None:
    with started("-m", "demos.arena", "bot", "--url", "ws://127.0.0.1:1/arena/any") as bot:
        lines = bot.rest()
        assert bot.status() == 1
    assert lines[-1].startswith("Something went wrong: ")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such terminals")
def test_in_a_terminal_it_draws_until_a_key() -> None:
    pytest.importorskip("rich")
    ours, its = os.openpty()
    try:
        program = subprocess.Popen(
            [sys.executable, "-m", "demos.arena"],
            cwd=ROOT,
            stdin=its,
            stdout=its,
            stderr=its,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        )
        os.close(its)
        shown = read_until(ours, b"any key ends it")
        os.write(ours, b"q")
        shown += read_until(ours, None)
        assert program.wait(PATIENCE) == 0
    finally:
        if program.poll() is None:
            program.kill()
            program.wait(PATIENCE)
        os.close(ours)
    assert "Ada sees: " in shown.decode()
    assert WALL in shown.decode()
    assert re.search(r"\r\nDot +\d+", shown.decode())


def read_until(terminal: int, wanted: bytes | None) -> bytes:
    """What a program shows, until it has shown that; None: until it ends."""
    shown = b""
    deadline = time.monotonic() + PATIENCE
    while wanted is None or wanted not in shown:
        assert time.monotonic() < deadline, shown[-2000:]
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # how Linux says that nobody has the other end any more
                piece = b""
            if not piece:
                assert wanted is None, shown[-2000:]
                return shown
            shown += piece
    return shown


def test_a_picture_has_everybody_where_they_are() -> None:
    place = Place(5)
    ada, bob = place.join(), place.join()
    place.play(1.0)
    rows = picture(ada.client)
    assert (len(rows), {len(row) for row in rows}) == (ROWS, {COLUMNS})
    assert rows[int(WALLS[0].top) // 2][int(WALLS[0].left)] == WALL
    shown = {letter for row in rows for letter in row} - {WALL, SHOT, DEAD, " "}
    assert shown == {"A", "B"}
    for figure in ada.client.figures():
        at = figure.position
        assert rows[int(at.y) // 2][int(at.x)] == figure.nick[0]
    assert headline(ada.client).startswith("round 1, ")
    place.network.hold(bob.peer, place.peers[0])  # it would come back before anybody notices
    place.drop(bob)
    place.idle = True
    place.network.run_until(lambda: ada.client.world.everybody()[bob.id].away)
    assert "b" in {letter for row in picture(ada.client) for letter in row}
    assert sorted(scores(ada.client).split(", ")) == ["Ada 0", "Bob 0 (away)"]
