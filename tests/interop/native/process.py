"""One native Godot 4 process, with the face of ``godot4/browser.py``."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.interop.native.whereabouts import executable

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = Path(__file__).parents[1] / "godot4" / "project"
"""The project of the engine in Chromium."""
OWN = Path(__file__).parent / "project4"
"""What is another file here."""
CLIENTS = Path(__file__).parents[3] / "clients" / "godot4"
"""What games of Godot 4 can take from us."""
STARTING = 20.0
"""How long the engine may take until its project runs, in seconds."""
PATIENCE = 5.0
"""How long it may take to end by itself, in seconds."""


class NativeProcess:
    """An engine without a display; it ends when this process ends, if not before.

    Args:
        tell: called in another thread with what the engine tells: its kind, and a text.

    Raises:
        TimeoutError: its project did not run in time.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        program = executable("native4")
        assert program is not None, "there is no engine; the tests should have been skipped"
        self._tell = tell
        self._folder = tempfile.TemporaryDirectory(prefix="godot4-native-")
        folder = Path(self._folder.name)
        project, home = folder / "project", folder / "home"
        home.mkdir()
        for source in (SHARED, OWN, CLIENTS):
            shutil.copytree(source, project, dirs_exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(STARTING)
            self._process = subprocess.Popen(
                [program, "--headless", "--path", str(project)],
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "LANG": "C.UTF-8",
                    "GDPEERS_CONTROL": str(listener.getsockname()[1]),
                    **dict.fromkeys(
                        ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(home)
                    ),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
            )
            self._control: socket.socket | None = None
            try:
                self._control, _ = listener.accept()
            except BaseException:
                self.close()
                raise
        self._control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=arguments, daemon=True)
            for arguments in (
                (self._process.stdout, "out"),
                (self._process.stderr, "err"),
                (self._control.makefile("rb"), "told"),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def group(self) -> int:
        """The process id; the engine leads a group of its own."""
        return self._process.pid

    def order(self, text: str) -> None:
        """Hand over an order; an engine that stands still goes on."""
        assert self._control is not None
        self._control.sendall(text.encode() + b"\n")

    def _read(self, lines: IO[bytes], kind: str) -> None:
        with lines, suppress(OSError):
            for line in lines:
                if text := line.decode("utf-8", "replace").strip():
                    self._tell(kind, text)
        if kind == "told":
            self._tell("crash", "its connection has ended")

    def close(self) -> None:
        """End the engine and wait until it is gone."""
        if self._control is None:
            self._process.kill()
        else:
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
        if self._control is not None:
            for thread in self._threads:
                thread.join(PATIENCE)
            self._control.close()
        self._folder.cleanup()
