"""How the engine is started."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

PROGRAM = os.environ.get("GODOT3", "godot3-server")


def command() -> list[str] | None:
    """What starts it; None if it is not installed here. It cannot choose a port by itself."""
    path = shutil.which(PROGRAM)
    if path is None:
        return None
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return [path, "--path", str(Path(__file__).parent), "--script", "relay.gd", f"--port={port}"]
