"""One headless Chromium with one engine in it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.godot4.host import Host
from tests.interop.godot4.pack import pack
from tests.interop.godot4.whereabouts import chromium, engine

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PATIENCE = 10.0
"""How long the browser may take to end, in seconds."""

FLAGS = [
    "--headless=new",
    # As root Chromium does not start with its sandbox; all it ever sees is our own page.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--no-proxy-server",
    # A page that nobody looks at must run at full speed.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # No name but loopback's resolves: the page cannot leave.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--window-size=320,240",
]


class Browser:
    """Chromium and what serves it; its processes end when this one ends, if not before.

    Args:
        tell: called in another thread with what the page tells: its kind, and a text.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        path, directory = chromium(), engine()
        assert path is not None, "there is no browser; the tests should have been skipped"
        assert directory is not None, "there is no engine; the tests should have been skipped"
        self.host = Host(directory, pack(HERE / "project"), tell)
        profile = tempfile.mkdtemp(prefix="godot4-")
        keeper = [sys.executable, "-I", "-S", str(HERE / "keeper.py"), profile]
        self._keeper = subprocess.Popen(
            [*keeper, path, *FLAGS, f"--user-data-dir={profile}", self.host.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the tests, which then end it in their own time
        )
        assert self._keeper.stdout is not None
        self.group = int(self._keeper.stdout.readline())
        """The id of Chromium's process group."""

    @property
    def running(self) -> bool:
        return self._keeper.poll() is None

    def order(self, text: str) -> None:
        """Hand over an order."""
        self.host.orders.put(text)

    def close(self) -> None:
        """End Chromium and wait until it is gone."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(PATIENCE)
        self._keeper.stdout.close()
        self.host.close()
