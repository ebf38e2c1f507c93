"""A project of ``demos/godot4`` or ``demos/godot3``, as it is, in a native engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from tests.interop import conformance
from tests.interop.native.whereabouts import executable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

DEMOS: Final = Path(__file__).parents[3] / "demos"


class Project:
    """An engine that plays by itself.

    Attributes:
        lines: what it has printed.
        complaints: its errors and warnings.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.complaints: list[str] = []

    async def read(self, stream: trio.abc.ReceiveStream, lines: list[str]) -> None:
        rest = b""
        async for data in stream:
            *whole, rest = (rest + data).split(b"\n")
            lines += [line.decode("utf-8", "replace") for line in whole]

    def errors(self) -> list[str]:
        """What it has complained about, but for its missing directories."""
        words = ("ERROR", "WARNING")
        return [
            line
            for line in self.complaints
            if line.removeprefix("SCRIPT ").startswith(words) and "make_dir_recursive" not in line
        ]


@asynccontextmanager
async def playing(marker: str, url: str, nick: str) -> AsyncGenerator[Project]:
    """Start an engine that joins an arena; end it with the block.

    Args:
        marker: ``native4`` or ``native3``.
        url: the room's.
        nick: how its player is called.
    """
    path = executable(marker)
    assert path is not None, "there is no engine; the test should have been skipped"
    conformance.note(marker, "client")
    options = [f"--url={url}", f"--nick={nick}", "--bot"]
    with tempfile.TemporaryDirectory(prefix="arena-") as home:
        project = shutil.copytree(DEMOS / marker.replace("native", "godot"), f"{home}/project")
        four = ["--headless", "--path", project, "--", *options]
        process = await trio.lowlevel.open_process(
            [path, *(four if marker == "native4" else ["--path", project, *options])],
            env={"PATH": os.environ.get("PATH", ""), "HOME": home, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        engine = Project()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(engine.read, process.stdout, engine.lines)
                nursery.start_soon(engine.read, process.stderr, engine.complaints)
                yield engine
                process.kill()
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
