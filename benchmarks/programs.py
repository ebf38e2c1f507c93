"""Starts the servers and the load generators, each a process of its own, and ends them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from .builds import HERE

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Protocol

    from .builds import Build

    class Server(Protocol):
        """What can be started."""

        @property
        def name(self) -> str: ...

        def command(self, job: str) -> list[str] | None: ...


PATIENCE = 20.0
"""How long a server may take to tell its port, in seconds."""

LIMIT = 200.0
"""How long one measurement may take, in seconds, whatever happens."""


class MeasurementFailedError(Exception):
    """A program did not do what it should; the text tells what it said."""


@contextmanager
def running(contestant: Server, job: str) -> Generator[tuple[int, int]]:
    """Run a server; its port and process id."""
    command = contestant.command(job)
    if command is None:
        raise MeasurementFailedError(f"{contestant.name} is not installed")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "HOME": home},
        )
        try:
            yield _port(process, errors), process.pid
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _port(process: subprocess.Popen[bytes], errors: IO[bytes]) -> int:
    assert process.stdout is not None
    deadline = time.monotonic() + PATIENCE
    said = b""
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([process.stdout], [], [], left)
        piece = os.read(process.stdout.fileno(), 4096) if readable else b""
        said += piece
        for line in said.split(b"\n")[:-1]:
            if line.startswith(b"port "):
                return int(line[5:])
        if readable and not piece:
            break
    errors.seek(0)
    complaint = (said + errors.read()).decode(errors="replace")
    raise MeasurementFailedError(f"{process.args} told no port:\n{complaint[-2000:]}")


def measure(
    generator: str, *arguments: object, limit: float = LIMIT, build: Build = HERE
) -> dict[str, Any]:
    """Run a load generator of this package and return what it found."""
    command = build.python(f"benchmarks.{generator}", *arguments)
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailedError(f"no result within {limit:g} s") from error
    if done.returncode:
        raise MeasurementFailedError(done.stderr.decode(errors="replace")[-2000:])
    return json.loads(done.stdout)
