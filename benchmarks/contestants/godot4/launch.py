"""How the engine is started."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

HERE = Path(__file__).parent
FETCHED = HERE.parents[2] / ".cache" / "engines"
"""Where ``make engines`` puts it."""


def program() -> str | None:
    """The engine's path: below ``$GODOT_NATIVE``, or where it is fetched to; None without it."""
    return shutil.which(Path(os.environ.get("GODOT_NATIVE") or FETCHED) / "bin" / "godot4")


def _command(*options: str, scene: str = "game.tscn") -> list[str] | None:
    path = program()
    if path is None:
        return None
    return [path, "--headless", "--path", str(HERE), scene, "--", *options]


def server() -> list[str] | None:
    """What starts a server; None if it is not installed here. It cannot choose a port by itself."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return _command(f"port={port}")


def receiver() -> list[str] | None:
    """What starts a server that receives calls; None if it is not installed here."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return _command(f"port={port}", scene="receiver.tscn")


def client(port: int, seconds: float) -> list[str] | None:
    """What starts a client that calls the server; None if it is not installed here."""
    return _command(f"url=ws://127.0.0.1:{port}", f"seconds={seconds}")


def resting_server() -> list[str] | None:
    """What starts a server that polls a thousand times a second; None if it is not installed."""
    return _script("relay.gd")


def replication_server(*options: str) -> list[str] | None:
    """What starts a server that replicates nodes; None if it is not installed."""
    return _script("replication.gd", *options)


def _script(name: str, *options: str) -> list[str] | None:
    path = program()
    if path is None:
        return None
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    engine = [path, "--headless", "--path", str(HERE), "--script", name]
    return [*engine, "--", f"port={port}", *options]
