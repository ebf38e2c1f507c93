"""Engines for tests, and what happens to the tests where there is none."""

from __future__ import annotations

import os
import shutil
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.driving import Drive
from tests.interop import conformance, nginx
from tests.interop.godot3.engine import Godot3, executable
from tests.interop.godot4 import whereabouts
from tests.interop.godot4.bridge import Bridge
from tests.interop.godot4.engine import Godot4
from tests.interop.godot4.pool import Engines
from tests.interop.native import whereabouts as native
from tests.interop.native.godot4 import NativeGodot4
from tests.interop.scene.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    import trio

    Launch = Callable[[], Awaitable[Godot3]]
    LaunchGodot4 = Callable[[], Awaitable[NativeGodot4]]
    LaunchWeb4 = Callable[[], Awaitable[Godot4]]


def _missing(item: pytest.Item) -> str | None:
    """Why this test cannot run here; None if it can."""
    if item.get_closest_marker("godot3") and executable() is None:
        return "no Godot 3.2.3 here (godot3-server, or another path in GODOT3)"
    if item.get_closest_marker("godot4") and (missing := whereabouts.missing()):
        return f"{missing} ({whereabouts.HOW_TO_GET_IT})"
    if item.get_closest_marker("nginx") and nginx.executable() is None:
        return f"no nginx here ({nginx.HOW_TO_GET_IT})"
    if item.get_closest_marker("caddy") and shutil.which("caddy") is None:
        return "no caddy here (Debian: apt-get install caddy)"
    for marker, program in native.PROGRAMS.items():
        if item.get_closest_marker(marker) and native.executable(marker) is None:
            return f"no native {program} here ({native.HOW_TO_GET_IT})"
    return None


_found: list[pytest.Item] = []
_whole = pytest.StashKey[bool]()


def pytest_itemcollected(item: pytest.Item) -> None:
    _found.append(item)


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[_whole] = conformance.is_whole(session.items, _found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and report.passed:
        conformance.passed(item)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Compare the page of conformance with what the engines have done, if all have played."""
    if exitstatus or not _required() or not session.config.stash.get(_whole, False):
        return
    if complaint := conformance.settle():
        print(f"\n{complaint}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _required() -> bool:
    return os.environ.get("GDPEERS_REQUIRE_ENGINES") == "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    conformance.begin()
    if not _required() and (missing := _missing(item)):
        pytest.skip(missing)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    # Here and not during setup, so that it counts as a failed test, not as an error.
    if missing := _missing(item):
        pytest.fail(f"{missing}; and GDPEERS_REQUIRE_ENGINES=1 demands it", pytrace=False)


GENERATION_3 = [
    pytest.param("godot3", marks=pytest.mark.godot3, id="3.2.3"),
    pytest.param("native3", marks=pytest.mark.native3, id="3.6"),
]


@pytest.fixture(params=GENERATION_3)
def godot3(request: pytest.FixtureRequest) -> str:
    """The marker of a Godot 3: every test of one runs with 3.2.3 and with 3.6."""
    marker: str = request.param
    return marker


@pytest.fixture
async def launch(godot3: str, nursery: trio.Nursery) -> AsyncGenerator[Launch]:
    """Starts engines, and ends them after the test."""
    async with AsyncExitStack() as engines:

        async def launch_one() -> Godot3:
            return await engines.enter_async_context(Godot3.launched(nursery, godot3))

        yield launch_one


@pytest.fixture(scope="session")
def web4_engines() -> Generator[Engines[Godot4]]:
    """The engines in Chromium of all tests, ended at their end."""
    engines = Engines(Godot4)
    yield engines
    engines.close()


@pytest.fixture(scope="session")
def godot4_engines() -> Generator[Engines[NativeGodot4]]:
    """The native engines of all tests, ended at their end."""
    engines = Engines(NativeGodot4)
    yield engines
    engines.close()


@pytest.fixture
async def launch_godot4(
    godot4_engines: Engines[NativeGodot4],
) -> AsyncGenerator[LaunchGodot4]:
    """Gives out engines that have been reset; the second call in a test gives another one."""
    async with AsyncExitStack() as lent:

        async def launch_one() -> NativeGodot4:
            return await lent.enter_async_context(godot4_engines.lent())

        yield launch_one


@pytest.fixture
async def launch_web4(web4_engines: Engines[Godot4]) -> AsyncGenerator[LaunchWeb4]:
    """Do as ``launch_godot4``, with engines in Chromium."""
    async with AsyncExitStack() as lent:

        async def launch_one() -> Godot4:
            return await lent.enter_async_context(web4_engines.lent())

        yield launch_one


@pytest.fixture
async def godot4(launch_godot4: LaunchGodot4) -> NativeGodot4:
    """An engine, for tests that need no more than one."""
    return await launch_godot4()


@pytest.fixture
async def web4(launch_web4: LaunchWeb4) -> Godot4:
    """An engine in Chromium, for tests that need no more than one."""
    return await launch_web4()


@pytest.fixture
async def bridge() -> AsyncGenerator[Bridge]:
    """Clients of an engine connect here: ``await web4.create_server(bridge.engine_url)``."""
    async with Bridge.open() as opened:
        yield opened


@pytest.fixture
async def session(
    launch_godot4: LaunchGodot4,
    launch_web4: LaunchWeb4,
    bridge: Bridge,
    nursery: trio.Nursery,
) -> AsyncGenerator[Session]:
    """A Godot 4 session, in which nothing is dropped but what the test asks for."""
    made = Session(launch_godot4, launch_web4, bridge, nursery)
    yield made
    made.check_nothing_rejected()


@pytest.fixture(params=["polled", "run"])
async def drive(request: pytest.FixtureRequest, nursery: trio.Nursery) -> Drive:
    """As that of all tests, in two of the ways: what waits sees nothing of who is there."""
    return Drive(request.param, nursery)
