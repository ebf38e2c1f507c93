"""What all tests share.

Rules: everything on 127.0.0.1 and on free ports; no test sleeps for something to happen, it waits
for the thing itself, with a bound; what a test starts, it ends.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.driving import Drive

if TYPE_CHECKING:
    from collections.abc import Generator

    import trio


@pytest.fixture(params=["polled", "run"])
async def drive(request: pytest.FixtureRequest, nursery: trio.Nursery) -> Drive:
    """Runs the test twice: peers polled in a loop, and under ``peers.run``."""
    return Drive(request.param, nursery)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say at the very end which tests were not run for want of an engine."""
    yield
    skipped = terminalreporter.getreports("skipped")
    files = Counter(report.fspath for report in skipped if "godot3" in report.keywords)
    if files:
        terminalreporter.section("not run: Godot 3.2.3 is missing", yellow=True)
        for file, count in sorted(files.items()):
            terminalreporter.write_line(f"{file}: {count} tests")
        terminalreporter.write_line(
            "To run them: Debian: apt-get install godot3-server; or name the engine in GODOT3."
        )
