"""What the tests of peers share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from zlib import crc32

import pytest

from tests.driving import CHOPPED, DRIVES
from tests.peers.joined import ENVELOPES, Session, session_of

if TYPE_CHECKING:
    from tests.driving import Drive

_ALL: Final = "GDPEERS_FULL" in os.environ
"""Run each test of connections in all networks that cut what they carry, not in one of them."""


@pytest.fixture(params=ENVELOPES)
async def session(request: pytest.FixtureRequest, drive: Drive) -> Session:
    """A server and two clients of ours, joined, in each envelope; with the mark ``everywhere``."""
    return await session_of(drive, request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let tests of connections run in a network in memory too, which cuts what it carries.

    All but those that are marked ``needs_sockets``, or begin with marked ``everywhere``; what is
    marked ``much`` is not sent byte by byte.
    """
    test = metafunc.definition
    if "drive" not in metafunc.fixturenames or test.get_closest_marker("needs_sockets"):
        return
    if any("drive" in mark.args[0] for mark in test.iter_markers("parametrize")):
        return
    chopped = CHOPPED[1:] if test.get_closest_marker("much") else CHOPPED
    if not _ALL:
        chopped = [chopped[crc32(test.nodeid.encode()) % len(chopped)]]
    test.add_marker(pytest.mark.parametrize("drive", [*DRIVES, *chopped], indirect=True))
