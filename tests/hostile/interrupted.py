"""A session of which one poll is interrupted: where, a number says; afterwards all must be well.

``python -m tests.hostile.interrupted server`` interrupts the server at every step, which takes an
hour; ``--every 97`` at some of them.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

import multiplayer
import peers
from tests.hostile.plain_play import PlainWorld
from tests.hostile.play import Injector, World
from tests.hostile.whole import Check, open_descriptors

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    Trace = Callable[[FrameType, str, Any], "Trace | None"]

OURS: Final = tuple(str(Path(package.__path__[0])) + os.sep for package in (multiplayer, peers))


class Interrupt(BaseException):
    """What nobody catches."""


class Steps:
    """Counts the lines that polls of one object run in our files, and raises at one of them.

    Args:
        at: at which, from 1; 0 for none.
        error: what to raise.

    Attributes:
        count: how many there have been.
        where: the line at which it was raised.
        over: see ``Injector``.
        places: if it is a list, all lines.
    """

    def __init__(self, at: int, error: type[BaseException]) -> None:
        self.count = 0
        self.where = ""
        self.over = False
        self.places: list[str] | None = None
        self._at = at
        self._error = error

    def __call__(self, poll: Callable[[], None]) -> None:
        if self.where or self.over:
            poll()
            return
        before = sys.gettrace()
        gc.disable()  # what is left of the sessions before is not to be finalized under the trace
        sys.settrace(self._enter)
        try:
            poll()
        except BaseException as error:
            if not self.where or not _is_ours(error, self._error):
                raise
        finally:
            sys.settrace(before)
            gc.enable()

    def _enter(self, frame: FrameType, event: str, arg: object) -> Trace | None:
        del event, arg
        return self._line if frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Trace:
        del arg
        if event == "line":
            self.count += 1
            if self.places is not None:
                self.places.append(_place(frame))
            if self.count == self._at:
                self.where = _place(frame)
                raise self._error("interrupted here")
        return self._line


def _is_ours(error: BaseException, kind: type[BaseException]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_ours(each, kind) for each in error.exceptions)
    return type(error) is kind


def _place(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.name}:{frame.f_lineno} {frame.f_code.co_name}"


ERRORS: Final = (KeyboardInterrupt, MemoryError, Interrupt, RuntimeError)


def session(inject: Injector, subject: str, **options: bool) -> list[str]:
    """Play one session; return what was wrong with it afterwards.

    Args:
        inject: see ``World``.
        subject: see there.
        **options: see there; ``plain`` for a ``PlainWorld``.
    """
    before = open_descriptors()
    plain = options.pop("plain", False)
    world = (PlainWorld if plain else World)(inject, subject, **options)
    try:
        world.play()
        faults = world.faults() if isinstance(world, PlainWorld) else Check(world).faults()
    except Exception as error:
        faults = [f"raised {error!r} at {_way_to(error)}"]
    finally:
        world.close()
    del world
    if (more := open_descriptors() - before) > 0:
        faults.append(f"{more} descriptors are left open")
    return faults


def _way_to(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{Path(each.filename).name}:{each.lineno}" for each in reversed(frames))


def lines_of(subject: str, **options: bool) -> list[str]:
    """Return the lines that the polls of ``subject`` run, from the first to the last."""
    steps = Steps(0, Interrupt)
    steps.places = []
    assert session(steps, subject, **options) == []
    return steps.places


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.interrupted")
    parser.add_argument("subject", choices=["server", "client"])
    parser.add_argument("--godot4", action="store_true", help="with Godot 4's envelope")
    parser.add_argument("--open", action="store_true", help="without a password")
    parser.add_argument("--every", type=int, default=1, help="only every so many steps")
    parser.add_argument("--first", type=int, default=1, help="the first step")
    given = parser.parse_args()
    logging.disable()
    options = {"godot4": given.godot4, "authenticates": not given.open}
    total, wrong, runs = len(lines_of(given.subject, **options)), 0, 0
    for at in range(given.first, total + 1, given.every):
        steps, runs = Steps(at, ERRORS[at % len(ERRORS)]), runs + 1
        if faults := session(steps, given.subject, **options):
            wrong += 1
            print(at, ERRORS[at % len(ERRORS)].__name__, steps.where, "|", "; ".join(faults))
    print(f"{wrong} of {runs} runs went wrong; there are {total} steps")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
