"""What two players notice when the server of their game is killed: here, and with python-socketio.

``python -m benchmarks.games.killed``
"""

from __future__ import annotations

import ast
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.tables import table

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

HERE = Path(__file__).parent
PATIENCE = 20.0
BEFORE = 15
"""How many taps a player has when the server is killed."""


class Seen(NamedTuple):
    """What a player prints: who it is, and the scores."""

    name: str
    scores: dict[str, int]

    @property
    def own(self) -> int:
        return self.scores.get(self.name, 0)


class Player:
    """A client in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""

    def look(self) -> Seen:
        """The next line that it prints."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._rest:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError("a player says nothing any more")
            piece = os.read(self._process.stdout.fileno(), 4096)
            if not piece:
                raise EOFError("a player has ended")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        name, _, scores = line.decode().partition(" ")
        return Seen(name, {str(who): score for who, score in ast.literal_eval(scores).items()})

    def until(self, condition: Callable[[Seen], bool]) -> Seen:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = self.look()
            if condition(seen):
                return seen
        raise TimeoutError("a player waits in vain")


@contextmanager
def process(*arguments: object) -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-u", "-m", *map(str, arguments)]
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HERE.parent.parent
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(5)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout is not None:
            started.stdout.close()


class Ours:
    """Its own supervisor replaces a worker that dies."""

    name = "gdpeers, `serve-rooms --workers 2`"
    source = HERE / "taps.py"

    def __init__(self, stack: ExitStack) -> None:
        front = stack.enter_context(
            process(
                "peers", "serve-rooms", "benchmarks.games.taps:Duel", "--port", 0, "--workers", 2
            )
        )
        assert front.stdout is not None
        port = front.stdout.readline().partition(b"ws://127.0.0.1:")[2].split(b",")[0]
        self._front = front.pid
        self._url = f"ws://127.0.0.1:{int(port)}/duel/any"

    def player(self, stack: ExitStack) -> Player:
        return Player(stack.enter_context(process("benchmarks.games.taps", self._url)))

    def kill(self) -> None:
        """Kill every process that has rooms."""
        children = Path(f"/proc/{self._front}/task/{self._front}/children").read_text()
        for child in children.split():
            if b"peers.workers" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)


class SocketIO:
    """Begun again at once by whoever supervises it: here, this program."""

    name = "python-socketio"
    source = HERE / "taps_socketio.py"

    def __init__(self, stack: ExitStack) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._stack = stack
        self._begin()

    def _begin(self) -> None:
        command = ("benchmarks.games.taps_socketio", "serve", self._port)
        self._server = self._stack.enter_context(process(*command))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("the server does not listen")

    def player(self, stack: ExitStack) -> Player:
        url = f"http://127.0.0.1:{self._port}"
        return Player(stack.enter_context(process("benchmarks.games.taps_socketio", url, "duel")))

    def kill(self) -> None:
        self._server.kill()
        self._server.wait()
        self._begin()


def lines_of(path: Path) -> int:
    """How many lines of code a program has: neither blank, nor comment, nor docstring."""
    tree = ast.parse(path.read_text())
    texts = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(path.read_text().splitlines(), 1)
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in texts
        for number, line in lines
    )


class Outcome(NamedTuple):
    """What the players of one game notice: for how long they are away, and what is as it was."""

    away: float
    same_ids: bool
    scores_kept: bool


def play(kind: type[Ours | SocketIO]) -> Outcome:
    """Play a match whose server is killed."""
    with ExitStack() as stack:
        game = kind(stack)
        players = [game.player(stack), game.player(stack)]
        before = [player.until(lambda seen: seen.own >= BEFORE) for player in players]
        game.kill()
        killed = time.monotonic()
        after = [
            player.until(partial(is_back, was)) for player, was in zip(players, before, strict=True)
        ]
        away = time.monotonic() - killed
    pairs = [*zip(before, after, strict=True)]
    return Outcome(
        away,
        all(was.name == now.name for was, now in pairs),
        all(now.own > was.own for was, now in pairs),
    )


def is_back(before: Seen, seen: Seen) -> bool:
    """Whether a player's taps count again: in the old game, or in a new one."""
    if seen.name != before.name:
        return seen.own > 0
    return seen.own > before.own + 3


def row(kind: type[Ours | SocketIO]) -> list[str]:
    outcome = play(kind)
    said = ["yes" if each else "no" for each in outcome[1:]]
    return [kind.name, str(lines_of(kind.source)), f"{outcome.away:.1f} s", *said]


def main() -> None:
    head = ["the same game with", "lines", "both play again after", "same ids", "scores kept"]
    print(table(head, [row(kind) for kind in (Ours, SocketIO)]))


if __name__ == "__main__":
    main()
