"""``docs/howto/deploy.md``: what its containers run, without containers."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest

from multiplayer import Node, SceneMultiplayer
from peers import Resume, WebSocketClient
from tests.marked_blocks import blocks_of, saved, text_of
from tests.peers.cluster import redis_server
from tests.programs import PATIENCE, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCKS: Final = blocks_of(text_of("docs/howto/deploy.md"))
GAME: Final = blocks_of(text_of("docs/tutorial.md"))
COMPOSE: Final = BLOCKS["run", "compose.yaml"]
DOCKERFILE: Final = BLOCKS["run", "Dockerfile"]


def commands() -> list[list[str]]:
    """What the services run, in their order; the compose file has lists as JSON has them."""
    found = re.findall(r"^    command: (\[.*?\])$", COMPOSE, re.MULTILINE | re.DOTALL)
    return [json.loads(each) for each in found]


def until(condition: Callable[[], Any], *apis: SceneMultiplayer) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        for api in apis:
            api.poll()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def joining(url: str, world: Node) -> SceneMultiplayer:
    root, client = Node(), WebSocketClient()
    root.add_child(world)
    api = SceneMultiplayer(root)
    client.resume = Resume()
    client.connect_to_url(url, gd_mp_api=True)
    api.multiplayer_peer = client
    return api


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the image's folder holds."""
    (line,) = re.findall(r"^COPY (arena/.*) \./$", DOCKERFILE, re.MULTILINE)
    for path in line.split():
        name = path.removeprefix("arena/")
        text = BLOCKS["run", name] if ("run", name) in BLOCKS else GAME["run", name]
        saved(text, tmp_path, name)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_what_the_image_runs_by_itself_is_healthy(folder: Path) -> None:
    (line,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    _, *arguments = json.loads(line)
    with started(*arguments, "--port", "0", "--host", "127.0.0.1") as server:
        port = server.until(r"listening on ws://[^:]+:(\d+).*")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE) as answer:
            assert answer.read() == b"well\n"
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0


@pytest.mark.redis
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_a_client_plays_on_when_its_node_is_drained(folder: Path) -> None:
    from world import World  # type: ignore[import-not-found]  # noqa: PLC0415

    nodes = [each for each in commands() if each[0] == "python"]
    assert len(nodes) == 2
    with redis_server.running() as redis:
        here = {"redis://redis:6379": redis.url, "*": "127.0.0.1", "9081": "0"}
        # A name, as services have: each resolves it.
        here |= {"node-a": "localhost", "node-b": "localhost"}
        one, other = ([here.get(word, word) for word in words[1:]] for words in nodes)
        with started(*one, "--port", "0") as a, started(*other, "--port", "0") as b:
            urls = [
                each.until(r"node \w, listening on (ws://127\.0\.0\.1:\d+).*")[1] for each in (a, b)
            ]
            ann = joining(f"{urls[0]}/arena/new", World())
            until(ann.get_unique_id, ann)
            code = a.until(r"/arena/(\w+) is open")[1]
            bob = joining(f"{urls[1]}/arena/{code}", World())  # through the other node
            until(lambda: len(bob.root.get_node("World").players()) == 2, ann, bob)
            own, back = bob.get_unique_id(), list[int]()
            peer = bob.multiplayer_peer
            assert isinstance(peer, WebSocketClient)
            peer.session_resumed.connect(back.append)
            a.process.send_signal(signal.SIGTERM)  # the room's own; it goes to the other one
            until(lambda: back, ann, bob)
            assert bob.get_unique_id() == own
            assert a.status() == 0
            b.process.send_signal(signal.SIGTERM)
            assert b.status() == 0


def test_the_files_name_each_other() -> None:
    services = re.findall(r"^  ([\w-]+):$", COMPOSE, re.MULTILINE)
    assert services == ["redis", "node-a", "node-b", "caddy", "certificates"]
    *_, proxy = commands()
    behind = [word.partition(":")[0] for word in proxy if word.endswith(":9080")]
    hosts = [words[words.index("--node-host") + 1] for words in commands()[:-1]]
    assert behind == hosts == ["node-a", "node-b"]
    assert 'dockerfile: "arena/Dockerfile"' in COMPOSE
