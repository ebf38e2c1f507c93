"""Programs as a user starts them, with their output at hand line by line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).parents[1]
PATIENCE = 20.0
"""How long a program may take for one line, or to end, in seconds."""


class Program:
    """A Python process; its stderr is read with its stdout.

    It is told to write in ``encoding``, a part of UTF-8.
    """

    def __init__(self, *arguments: str, encoding: str = "utf-8") -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
        self.seen: list[str] = []
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self) -> str | None:
        """The next line; None at the end of the output."""
        try:
            line = self._lines.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"no further line; so far: {self.seen}") from None
        if line is not None:
            self.seen.append(line)
        return line

    def until(self, pattern: str) -> re.Match[str]:
        """The next line that matches; what comes before it is skipped."""
        while (line := self.line()) is not None:
            if found := re.fullmatch(pattern, line):
                return found
        raise AssertionError(f"ended without a line {pattern!r}: {self.seen}")

    def type(self, line: str) -> None:
        """Write a line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def rest(self) -> list[str]:
        """All further lines, to the end of the output."""
        lines: list[str] = []
        while (line := self.line()) is not None:
            lines.append(line)
        return lines

    def status(self) -> int:
        """Its exit status."""
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Kill it if it is still there."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def started(*arguments: str, encoding: str = "utf-8") -> Generator[Program]:
    """``python`` with these arguments, in the root of the repository; killed at the end."""
    program = Program(*arguments, encoding=encoding)
    try:
        yield program
    finally:
        program.end()


def run(*arguments: str, within: float) -> subprocess.CompletedProcess[str]:
    """``python`` with these arguments, in the root of the repository, once it has ended."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
