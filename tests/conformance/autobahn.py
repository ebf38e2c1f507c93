"""The Autobahn cases as a program (PyPI ``kosoku``), and what its report says.

Its exit status says too little: it counts NON-STRICT as passed, and UNIMPLEMENTED as failed.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PROGRAM: Final = str(Path(sys.executable).with_name("kosoku"))

LARGEST: Final = 1 << 24
"""More than the longest message of any case (group 9), in bytes."""

PARALLEL: Final = 8
"""How many cases run at a time; most of their time they wait."""

TIME_LIMIT: Final = 150.0
"""How long all cases may take together, in seconds."""


class Verdict(NamedTuple):
    """What the report says about one case."""

    messages: str
    """About what was sent: OK, NON-STRICT, INFORMATIONAL, UNIMPLEMENTED, FAILED …"""
    closing: str
    """About how the connection ended."""


async def drive_server(url: str, folder: Path) -> None:
    """Run all cases against the server at ``url``; ``report(folder)`` is there after it."""
    command = [PROGRAM, "-m", "fuzzingclient", "-p", str(PARALLEL), "-o", str(folder), url]
    with trio.fail_after(TIME_LIMIT):
        await trio.run_process(command, check=False, stdout=DEVNULL, stderr=DEVNULL)


@asynccontextmanager
async def serving(folder: Path) -> AsyncGenerator[str]:
    """Serve the cases to clients at the URL that this gives; ``report(folder)`` is there after it.

    It ends when a client has asked for the report (``/updateReports``).
    """
    command = [PROGRAM, "-m", "fuzzingserver", "-o", str(folder), "127.0.0.1:0"]
    start = partial(trio.run_process, command, check=False, stdout=DEVNULL, stderr=PIPE)
    with trio.fail_after(TIME_LIMIT):
        async with trio.open_nursery() as nursery:
            process = await nursery.start(start)
            said = b""
            while not (found := re.search(rb"listening on (ws://\S+)\s", said)):
                piece = await process.stderr.receive_some()
                assert piece, f"the cases are not served: {said!r}"
                said += piece
            nursery.start_soon(_drain, process.stderr)
            try:
                yield found[1].decode()
            except BaseException:
                nursery.cancel_scope.cancel()
                raise


async def _drain(stream: trio.abc.ReceiveStream) -> None:
    async for _ in stream:
        pass


def report(folder: Path) -> dict[str, Verdict]:
    """Return the verdict on each case."""
    (agent,) = json.loads((folder / "index.json").read_text(encoding="utf-8")).values()
    return {
        case: Verdict(verdict["behavior"], verdict["behaviorClose"])
        for case, verdict in agent.items()
    }
