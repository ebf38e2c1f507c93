"""A target that runs, and what it has told about itself."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import trio

from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PATIENCE = 30.0


class State(NamedTuple):
    """One line of ``tests.hostile.target``."""

    memory: float
    longest_poll: float
    """In seconds, of all so far."""
    descriptors: int
    connections: int
    tasks: int
    waiting: int
    violations: int
    limits_reached: dict[str, int]
    failed_handshakes: int
    relayed: int
    rejected: dict[str, int]
    """By the API, if there is one."""
    kept: int
    """Of how many peers the API keeps anything."""
    blocks: int
    """How many blocks Python has allocated."""
    times_held: int = 0
    log_lines: int = 0


class Observed:
    """A target; the newest of its ``states`` is the last."""

    def __init__(self, port: int, scheme: str = "ws") -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.states: list[State] = []
        self._told = trio.Event()

    def tell(self, state: State) -> None:
        """It has told another state."""
        self.states.append(state)
        self._told.set()
        self._told = trio.Event()

    @property
    def peak(self) -> float:
        """The most memory that it had, in MiB."""
        return max(state.memory for state in self.states)

    async def next_state(self) -> State:
        """What it tells next."""
        with trio.fail_after(PATIENCE):
            await self._told.wait()
        return self.states[-1]


@asynccontextmanager
async def observed(kind: str = "gd_mp") -> AsyncGenerator[Observed]:
    """Run a target of that kind for as long as the block lasts."""
    allow_many_sockets()
    command = [sys.executable, "-m", "tests.hostile.target", kind]
    start = partial(
        trio.run_process, command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    async with trio.open_nursery() as nursery:
        process = await nursery.start(start)
        lines = _lines(process.stdout)
        with trio.fail_after(PATIENCE):
            scheme = "wss" if kind == "tls" else "ws"
            target = Observed(int(await anext(lines)), scheme)
        nursery.start_soon(_listen, target, lines)
        await target.next_state()
        yield target
        process.stdin.close()
        with trio.move_on_after(PATIENCE):
            await process.wait()
        nursery.cancel_scope.cancel()


async def _listen(target: Observed, lines: AsyncGenerator[bytes]) -> None:
    async for line in lines:
        target.tell(State(**json.loads(line)))


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncGenerator[bytes]:
    buffer = b""
    async for data in stream:
        *whole, buffer = (buffer + data).split(b"\n")
        for line in whole:
            yield line


def allow_many_sockets() -> None:
    """Let this process, and those that it starts, have as many descriptors as they may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
