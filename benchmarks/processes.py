"""What other processes have taken of the processors, from Linux's ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return the process and its children: what is started may be a script."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *map(int, children.read_text(encoding="ascii").split())]


def used(pid: int) -> float:
    """Return its seconds of processor time so far, of all threads and of what it has started."""
    ticks = 0
    for each in family(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
