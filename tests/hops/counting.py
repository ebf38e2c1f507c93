"""Counts what a piece of work does: calls of our functions, files, changes of file, depth."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType, ModuleType


class Hops(NamedTuple):
    """A way through our code.

    Attributes:
        calls: of functions written in Python; a generator that goes on counts as called.
        files: how many different ones were entered.
        changes: how many calls went from one of our files into another.
        depth: how many calls of ours were open at once, at most.
        way: the calls in order, a line each, indented by those that are open.
    """

    calls: int
    files: int
    changes: int
    depth: int
    way: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """All of it but the way."""
        return self[:4]


def folders_of(*packages: ModuleType) -> list[str]:
    """The folders of ``packages``, as file names of functions begin."""
    files = [package.__file__ for package in packages]
    return [f"{Path(file).parent}/" for file in files if file is not None]


def hops(work: Callable[[], object], folders: Sequence[str]) -> Hops:
    """Do ``work`` and count, in files below ``folders`` only.

    What stands between two functions of ours, such as a listener of a test, is as if it was not
    there: a call is from the innermost one of ours that is open. Garbage is not collected
    meanwhile, so that no other work is counted.
    """
    begins = tuple(folders)
    open_files: list[str] = []
    entered: set[str] = set()
    way: list[str] = []
    changes = depth = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal changes, depth
        file = frame.f_code.co_filename
        if not file.startswith(begins):
            return
        if event == "call":
            name = f"{_module(file, begins)}: {frame.f_code.co_qualname}"
            way.append("  " * len(open_files) + name)
            changes += bool(open_files) and open_files[-1] != file
            entered.add(file)
            open_files.append(file)
            depth = max(depth, len(open_files))
        elif event == "return":
            open_files.pop()

    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return Hops(len(way), len(entered), changes, depth, tuple(way))


def _module(file: str, folders: Sequence[str]) -> str:
    """The path of a module from its package on."""
    (folder,) = (Path(each) for each in folders if file.startswith(each))
    return Path(file).relative_to(folder.parent).with_suffix("").as_posix()
