"""What other processes have taken of the processors, from Linux's ``/proc``."""

from __future__ import annotations

from pathlib import Path


def family(pid: int) -> list[int]:
    """Return the process and its children: what is started may be a script.

    Each of its threads may have some.
    """
    threads = [*Path(f"/proc/{pid}/task").iterdir()]
    texts = [(thread / "children").read_text(encoding="ascii") for thread in threads]
    return [pid, *(int(child) for text in texts for child in text.split())]


def used(pid: int) -> float:
    """Return its seconds of processor time so far, of all threads and of what it has started.

    From ``schedstat``, in nanoseconds: ``stat`` may count whole ticks of the clock, with which a
    program that wakes at regular times is in step.
    """
    nanoseconds = 0
    for each in family(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return nanoseconds / 1e9
