"""What ``import peers`` loads, and what it leaves until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.programs import ROOT

LIBRARIES = "[name for name in ('trio', 'asyncio') if name in sys.modules]"


def printed(program: str) -> list[str]:
    """The lines that a program prints that has imported nothing of ours before."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\n{program}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize(
    "program",
    [
        "import multiplayer, peers",
        "import peers.testing",
        "import peers; dir(peers); peers.WebSocketServer(); peers.Pollable; peers.Drivable",
        "from peers import WebSocketClient, WebSocketServer, WebSocketMultiplayerPeer",
        "from peers.testing import connected_pair\nwith connected_pair() as pair: pair.poll()",
    ],
)
def test_who_polls_loads_neither_library(program: str) -> None:
    assert printed(f"{program}\nprint({LIBRARIES})") == ["[]"]


def test_what_is_only_named_loads_nothing() -> None:
    program = "import peers, peers.testing; dir(peers.testing)"
    ours = "[name for name in sys.modules if name.startswith(('multiplayer', 'peers'))]"
    assert printed(f"{program}\nprint({ours})") == ["['peers', 'peers.testing']"]


@pytest.mark.parametrize("name", ["run", "serve", "connect", "fired", "emissions", "reply"])
def test_a_name_that_waits_loads_trio_and_is_that_of_peers_trio(name: str) -> None:
    program = f"""
import peers
assert {name!r} in dir(peers)
from peers import {name}
print({LIBRARIES})
import peers.trio
print({name} is peers.{name} is peers.trio.{name})
"""
    assert printed(program) == ["['trio']", "True"]


def test_trio_itself_is_found_beside_ours() -> None:
    program = """
import peers
print(peers.trio.__name__, peers.trio.run)
import trio
print(trio.__name__)
"""
    ours, theirs = printed(program)
    assert ours.startswith("peers.trio <bound method Running.run of ")
    assert theirs == "trio"


def test_what_is_not_there_is_said_so() -> None:
    program = """
import peers
try:
    peers.walk
except AttributeError as error:
    print(error)
"""
    assert printed(program) == ["module 'peers' has no attribute 'walk'"]
