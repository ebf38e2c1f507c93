"""Writing a line of the log, whatever the program's logging handlers do.

Those of the standard library print what goes wrong in them and go on; one of a program's may raise
instead, and would end what has to be done after the line.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_line(
    log: logging.Logger, level: int, words: str, *args: object, fields: Mapping[str, object]
) -> None:
    """Write a line; what a logging handler or filter raises is printed to ``sys.stderr``.

    As ``logging.Handler.handleError`` does it, and unless ``logging.raiseExceptions`` is False.

    Args:
        log: where to.
        level: of the line.
        words: what it says, with ``%s`` for each of ``args``.
        args: see ``words``.
        fields: further attributes of the log record.
    """
    try:
        log.log(level, words, *args, extra=fields, stacklevel=2)
    except Exception:  # the program's own code: anything
        if logging.raiseExceptions:
            print_failure()


def print_failure() -> None:
    """Print the exception that is being handled, if there is anything to print to."""
    with suppress(Exception):  # there may be no stderr, or one that is closed
        print("--- a logging handler has raised ---", file=sys.stderr)
        traceback.print_exc()
