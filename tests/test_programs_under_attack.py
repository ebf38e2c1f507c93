"""Server programs of pages, as printed, survive every message of a client."""

from __future__ import annotations

import runpy
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from multiplayer import GODOT_3, GODOT_4, Node, SceneMultiplayer, replicated, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer
from tests.marked_blocks import blocks_of, saved, text_of
from tests.programs import PATIENCE, ROOT, started

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.programs import Program


class Page(NamedTuple):
    """A program in a page, and what its clients speak."""

    page: str
    name: str
    dialect: str
    says_the_same: bool = True
    """Strangers change nothing in what it prints but by adding lines."""
    arguments: tuple[str, ...] = ()
    """Those of its command line."""


HOW_TOS: Final = sorted((ROOT / "docs" / "howto").glob("*.md"))
PAGES: Final = ("README.md", "docs/rpc.md", *(f"docs/howto/{path.name}" for path in HOW_TOS))
ENDING: Final = (
    Page("docs/howto/loops.md", "loop.py", "VALUES"),
    Page("docs/howto/loops.md", "streams.py", "VALUES"),
    Page("docs/howto/loops.md", "streams_asyncio.py", "VALUES"),
    Page("docs/howto/calls.md", "calls.py", "NATIVE", says_the_same=False),
    Page("docs/howto/calls.md", "asking.py", "NATIVE"),
    Page("docs/howto/http.md", "health.py", "VALUES", says_the_same=False),
    Page("docs/howto/authentication.md", "door.py", "VALUES"),
    Page("docs/howto/logging.md", "logged.py", "NATIVE", says_the_same=False),
    Page("docs/howto/migrating-from-python-socketio.md", "channels.py", "NATIVE"),
    Page("docs/howto/migrating-from-podsixnet.md", "steps.py", "NATIVE"),
    Page("docs/howto/migrating-from-godot3-websocketclient.md", "shout.py", "VALUES"),
    Page("docs/rpc.md", "login.py", "NATIVE"),
    Page("docs/rpc.md", "kick.py", "NATIVE"),
)
SERVING: Final = (
    Page("docs/howto/godot4-server.md", "guess.py", "GODOT_4"),
    Page("docs/howto/godot3-server.md", "server_godot3.py", "GODOT_3"),
    Page("docs/howto/whole-game.md", "game.py", "NATIVE", arguments=("serve", "0")),
    Page("docs/howto/authentication.md", "hall.py", "GODOT_4"),
    Page("README.md", "server.py", "NATIVE"),
    Page("README.md", "dice.py", "GODOT_4"),
)
NO_SERVERS: Final = frozenset(
    {
        ("docs/howto/test-peers.md", "test_game.py"),
        ("docs/howto/test-peers.md", "test_game_async.py"),
        ("docs/howto/test-peers.md", "test_game_in_memory.py"),
        ("docs/howto/calls.md", "checked.py"),
        ("docs/howto/calls.md", "differing.py"),
        ("docs/howto/rooms-that-survive.md", "duel.py"),
        ("docs/howto/rooms-that-survive.md", "player.py"),
        ("docs/howto/authentication.md", "tokens.py"),
        ("docs/howto/authentication.md", "club.py"),
        ("README.md", "client.py"),
        ("docs/howto/deploy.md", "served.py"),
        ("docs/howto/fastapi.md", "app.py"),
        ("docs/howto/game-loop.md", "play_arcade.py"),
        ("docs/howto/game-loop.md", "play_panda3d.py"),
        ("docs/howto/load.md", "load.py"),
        ("docs/howto/small-snapshots.md", "sizes.py"),
        ("docs/rpc.md", "objects.py"),
        ("docs/rpc.md", "godot3.py"),
        ("docs/rpc.md", "groups.py"),
    }
)
"""Those whose peers are of ``connected_pair``, which lets exceptions out; rooms and their players.

``tests/peers/rooms/test_hostile.py`` attacks rooms.
"""

manners = pytest.mark.parametrize("manner", ["stays", "leaves"])
seeds = pytest.mark.parametrize("seed", [1, 2])


def test_every_server_program_is_attacked_here() -> None:
    programs = {
        (page, name)
        for page in PAGES
        for kind, name in blocks_of(text_of(page))
        if kind == "run" and name.endswith(".py")
    }
    attacked = {(page.page, page.name) for page in (*ENDING, *SERVING)}
    assert programs == attacked | NO_SERVERS


def saved_with_the_others(page: Page, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a page's program to a file, and those that it may import beside it."""
    for (kind, name), block in blocks_of(text_of(page.page)).items():
        if kind == "run" and name.endswith(".py"):
            saved(block, folder, name)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return str(folder / page.name)


@seeds
@manners
@pytest.mark.parametrize("page", ENDING, ids=lambda page: page.name)
def test_a_program_that_ends_ends_as_if_nobody_had_come(
    page: Page, manner: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = blocks_of(text_of(page.page))
    program = saved_with_the_others(page, tmp_path, monkeypatch)
    with started("-m", "tests.attacked", program, page.dialect, manner, str(seed)) as run:
        lines = run.rest()
        assert run.status() == 0, lines
    count = int(lines[0].split()[2])
    assert count >= 50
    if not page.says_the_same:
        return
    rest = iter(lines)
    for expected in blocks["output", page.name].splitlines():
        assert expected in rest, lines  # in this order, with what strangers set off in between


class Game(Node):
    """The players' side of both programs that serve."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: list[tuple[object, ...]] = []

    @rpc("any_peer")
    def guess(self, number: int) -> None: ...

    @rpc
    def answer(self, player: int, number: int, verdict: str) -> None:
        self.heard.append((player, number, verdict))


class Dice(Node):
    """The players' side of the dice."""

    heard: list[int]

    @rpc("any_peer")
    def roll(self) -> None: ...

    @rpc
    def rolled(self, player: int, number: int) -> None:
        assert 1 <= number <= 6
        self.heard.append(player)


class Lamp(Node):
    """The players' side of the lamp."""

    lit = replicated(False, mode="on_change")

    @rpc("any_peer")
    def switch(self) -> None: ...


class Hall(Node):
    heard: list[str]

    @rpc("any_peer")
    def greet(self) -> None: ...

    @rpc
    def greeted(self, name: str) -> None:
        self.heard.append(name)


class Main(Node):
    heard: list[tuple[object, ...]]

    @rpc("master")
    def say(self, name: str, text: str) -> None: ...

    @rpc("puppet")
    def said(self, name: str, text: str) -> None:
        self.heard.append((name, text))


@seeds
@manners
@pytest.mark.parametrize("page", SERVING, ids=lambda page: page.name)
def test_a_program_that_serves_goes_on_serving(
    page: Page, manner: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = saved_with_the_others(page, tmp_path, monkeypatch)
    attacked = ("tests.attacked", program, page.dialect, manner, str(seed), *page.arguments)
    with started("-m", *attacked) as run:
        port = run.until(r"attacked by \d+ at (\d+)")[1]
        PLAYS[page.name](port, program)
        assert run.process.poll() is None
        end(run)


def play_guess(port: str, _: str) -> None:
    peer, game = WebSocketMultiplayerPeer(), Game("Guess")
    peer.create_client(f"ws://127.0.0.1:{port}")
    root = Node("root")
    root.add_child(game)
    api = SceneMultiplayer(root, GODOT_4)
    api.connected_to_server.connect(lambda: game.guess.rpc_id(1, 0))
    poll(api, peer, lambda: (api.get_unique_id(), 0, "too low") in game.heard)


def talk(port: str, _: str) -> None:
    peer, main = WebSocketClient(), Main()
    main.heard = []
    peer.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
    root = Node("root")
    root.add_child(main)
    api = SceneMultiplayer(root, GODOT_3)
    api.connected_to_server.connect(lambda: main.say.rpc("Ada", "hello"))
    poll(api, peer, lambda: ("Ada", "hello") in main.heard)


def roll(port: str, _: str) -> None:
    peer, dice = WebSocketMultiplayerPeer(), Dice()
    dice.heard = []
    peer.create_client(f"ws://127.0.0.1:{port}")
    root = Node("root")
    root.add_child(dice)
    api = SceneMultiplayer(root, GODOT_4)
    api.connected_to_server.connect(lambda: dice.roll.rpc_id(1))
    poll(api, peer, lambda: api.get_unique_id() in dice.heard)


def log_in(port: str, program: str) -> None:
    make: Callable[[str], str] = runpy.run_path(str(Path(program).with_name("tokens.py")))["make"]
    peer, hall = WebSocketMultiplayerPeer(), Hall("Hall")
    hall.heard = []
    peer.create_client(f"ws://127.0.0.1:{port}")
    root = Node("root")
    root.add_child(hall)
    api = SceneMultiplayer(root, GODOT_4)
    api.auth_callback = lambda _id, _data: None
    api.peer_authenticating.connect(lambda id_: api.send_auth(id_, make("Ada").encode()))
    api.peer_authenticating.connect(api.complete_auth)
    api.connected_to_server.connect(lambda: hall.greet.rpc_id(1))
    poll(api, peer, lambda: "Ada" in hall.heard)


def switch(port: str, _: str) -> None:
    peer, lamp = WebSocketClient(), Lamp()
    peer.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
    api = SceneMultiplayer(lamp)
    seen: list[bool] = []
    api.connected_to_server.connect(lambda: seen.append(lamp.lit) or lamp.switch.rpc_id(1))
    poll(api, peer, lambda: bool(seen) and lamp.lit)


def collect_coins(port: str, program: str) -> None:
    with started(program, "join", f"ws://127.0.0.1:{port}") as player:
        printed = [line for line in player.rest() if not line.startswith("peer ")]  # the log
        assert printed == ["coins: 1", "coins: 2", "coins: 3"]
        assert player.status() == 0


PLAYS: Final[dict[str, Callable[[str, str], None]]] = {
    "guess.py": play_guess,
    "server_godot3.py": talk,
    "game.py": collect_coins,
    "server.py": switch,
    "hall.py": log_in,
    "dice.py": roll,
}
"""What a player does at each program that serves, given its port."""


def poll(
    api: SceneMultiplayer, peer: WebSocketMultiplayerPeer, condition: Callable[[], bool]
) -> None:
    api.multiplayer_peer = peer
    deadline = time.monotonic() + PATIENCE
    while not condition():
        api.poll()
        assert time.monotonic() < deadline, peer.failure
        select.select([], [], [], 0.001)
    peer.close()


def end(run: Program) -> None:
    """Stop it as its user would; what it says of that is not looked at here."""
    run.process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.CTRL_C_EVENT)
    run.process.wait(PATIENCE)
