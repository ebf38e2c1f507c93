"""Runs Chromium, and ends it when whoever asked for it is gone, however that came about.

Run as a program: ``python keeper.py PROFILE CHROMIUM [ARGUMENT…]``. As soon as its stdin is at its
end it ends Chromium's process group, by its id, removes the profile's directory and ends itself.
Since the system closes a dead process's pipes, this holds also when the tests are killed.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 5.0
"""How long a process group may take to be gone after SIGKILL, in seconds."""


def alive(group: int) -> bool:
    """Is there a process in this group, apart from dead ones that nobody has waited for?"""
    if not Path("/proc/self/stat").exists():
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        return True
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it ended just now
        if int(its_group) == group and state not in "ZX":
            return True
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process group that this process leads."""
    deadline = time.monotonic() + PATIENCE
    while alive(process.pid) and time.monotonic() < deadline:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # there is nothing in it to be saved
        except ProcessLookupError:
            break
        process.poll()
        time.sleep(0.01)
    process.wait(PATIENCE)


def main(profile: str, *command: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # goes through "finally"
    # What the browser writes goes away with the profile.
    places = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    browser = subprocess.Popen(
        command,
        env={**os.environ, **dict.fromkeys(places, profile)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        print(browser.pid, flush=True)
        while browser.poll() is None:
            if select.select([sys.stdin], [], [], 0.5)[0]:
                break
    finally:
        end(browser)
        shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
