"""A real Redis or Valkey, on a port of its own, that can be paused, killed and emptied."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

HOW_TO_GET_IT = "Debian: apt-get install redis-server; or name the program in REDIS_PATH"

PATIENCE = 10.0
"""How long a server may take to begin or to end, in seconds."""


def executable() -> str | None:
    """Its path: ``$REDIS_PATH``, or ``redis-server`` or ``valkey-server`` on the ``PATH``."""
    named = os.environ.get("REDIS_PATH")
    return shutil.which(named or "redis-server") or shutil.which(named or "valkey-server")


class RedisServer:
    """One server.

    Args:
        folder: where it keeps its data.
        port: its port on 127.0.0.1.
        keeps: it writes what it is told to its disk at once.
    """

    def __init__(self, folder: str, port: int, *, keeps: bool) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._folder = folder
        self._port = port
        self._keeps = keeps
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it had written before is there again."""
        program = executable()
        assert program is not None
        options = {"bind": "127.0.0.1", "port": str(self._port), "dir": self._folder, "save": ""}
        options |= {
            "appendonly": "yes" if self._keeps else "no",
            "appendfsync": "always",
            "loglevel": "warning",
        }
        command = [
            program,
            *(word for key, value in options.items() for word in (f"--{key}", value)),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while self.ask("PING") != b"+PONG\r\n":
            assert self._process.poll() is None, "it has ended"
            assert time.monotonic() < until, "it does not answer"
            time.sleep(0.01)  # there is nothing to wait for

    def ask(self, *words: str) -> bytes:
        """Send a command of a few words; return the first bytes of the answer, b"" without one."""
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as sock:
                sock.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
                return sock.recv(65536)
        except OSError:
            return b""

    def kill(self) -> None:
        """End it at once, as when the power fails."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE)

    def pause(self) -> None:
        """Stop it: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def running(*, keeps: bool = False) -> Generator[RedisServer]:
    """A server, while the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="gdpeers-redis-") as folder:
        server = RedisServer(folder, port, keeps=keeps)
        try:
            server.start()
            yield server
        finally:
            server.kill()
