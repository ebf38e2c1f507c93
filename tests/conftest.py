"""What all tests share.

Rules: everything on 127.0.0.1 and on free ports; no test sleeps for something to happen, it waits
for the thing itself, with a bound; what a test starts, it ends.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn
from zlib import crc32

import pytest

from multiplayer.support import log_line
from multiplayer.testing import SimulatedNetwork
from peers import WebSocketMultiplayerPeer
from peers.memory import MemoryNetwork
from tests import display
from tests.drivers import WAYS, Way
from tests.driving import BOXES, DRIVES, MEMORIES, Drive
from tests.interop import nginx
from tests.interop.godot4.whereabouts import HOW_TO_GET_IT
from tests.interop.native import versions, whereabouts
from tests.memory_streams import move_raw_endpoints
from tests.peers.cluster import redis_server

if TYPE_CHECKING:
    from collections.abc import Generator

    import trio

ENGINES = {
    "godot3": (
        "Godot 3.2.3",
        "Debian: apt-get install godot3-server; or name the engine in GODOT3",
    ),
    "godot4": ("Godot 4.6", HOW_TO_GET_IT),
    "nginx": ("nginx", nginx.HOW_TO_GET_IT),
    "redis": ("Redis", redis_server.HOW_TO_GET_IT),
    "xvfb": ("Xvfb", display.HOW_TO_GET_IT),
    "native4": ("a native Godot 4", whereabouts.HOW_TO_GET_IT),
    "native3": ("a native Godot 3", whereabouts.HOW_TO_GET_IT),
}
"""Each marker's engine, and how to get it."""


def pytest_configure() -> None:
    """Give Ctrl-C its usual meaning: a shell lets what it starts with ``&`` ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=DRIVES)
async def drive(
    request: pytest.FixtureRequest, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> Drive:
    """Runs the test three times: peers polled in a loop, and under ``run`` of trio and asyncio."""
    if request.param not in MEMORIES and request.param not in BOXES:
        return Drive(request.param, nursery)
    seed = crc32(request.node.name.encode())  # one for each test, the same each time
    if request.param in BOXES:
        box = SimulatedNetwork(seed, BOXES[request.param])
        return Drive(request.param, nursery, box)
    network = MemoryNetwork(seed=seed, chop=MEMORIES[request.param])
    move_raw_endpoints(network, monkeypatch)
    begin = WebSocketMultiplayerPeer.__init__

    def begin_in_memory(self: WebSocketMultiplayerPeer, **options: Any) -> None:
        begin(self, **options)
        network.add(self)

    monkeypatch.setattr(WebSocketMultiplayerPeer, "__init__", begin_in_memory)
    return Drive(request.param, nursery, network)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Runs the test for each library and loop that peers can be run under; it runs under trio."""
    return Way(request.param)


@pytest.fixture(autouse=True)
def no_handler_fails_unseen(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Generator[None]:
    """Fail a test if a listener or an RPC of it failed, by an assertion for instance.

    Tests in which one is to fail are marked ``handlers_fail``.
    """
    yield
    if request.node.get_closest_marker("handlers_fail") is None:
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        for record in records:
            if record.name == "multiplayer.handlers" and not record.__dict__.get("answered", True):
                pytest.fail(record.getMessage())


@pytest.fixture(autouse=True)
def no_line_of_the_log_is_wrong(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail if a line of ours cannot be written: only handlers of users may be at fault."""
    if request.node.get_closest_marker("handlers_fail") is None:
        monkeypatch.setattr(log_line, "print_failure", _raise_again)


def _raise_again() -> NoReturn:
    error = sys.exception()
    assert error is not None
    raise error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say at the very end which tests had no engine, or another one than the one they know."""
    yield
    if news := versions.news():
        terminalreporter.section("other engines than the proven ones", yellow=True)
        for line in news:
            terminalreporter.write_line(line)
        terminalreporter.write_line("If all is well, tests/interop/native/versions.py can say so.")
    skipped = terminalreporter.getreports("skipped")
    for marker, (engine, how) in ENGINES.items():
        files = Counter(report.fspath for report in skipped if marker in report.keywords)
        if files:
            terminalreporter.section(f"not run: {engine} is missing", yellow=True)
            for file, count in sorted(files.items()):
                terminalreporter.write_line(f"{file}: {count} tests")
            terminalreporter.write_line(f"To run them: {how}.")
