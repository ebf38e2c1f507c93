"""Writing a log line, whatever the program's logging handlers do.

Those of the standard library print their failures and go on; a program's own may raise instead,
which would skip whatever has to happen after the line.
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
    """Write a line; print what a logging handler or filter raises to ``sys.stderr``.

    It prints as ``logging.Handler.handleError`` does, unless ``logging.raiseExceptions`` is False.

    Args:
        log: the logger.
        level: the line's level.
        words: what it says, with ``%s`` for each of ``args``.
        args: see ``words``.
        fields: additional attributes of the log record.
    """
    try:
        log.log(level, words, *args, extra=fields, stacklevel=2)
    except Exception:  # the program's own code: anything
        if logging.raiseExceptions:
            print_failure()


def print_failure() -> None:
    """Print the exception that is being handled, if there is somewhere to print it."""
    with suppress(Exception):  # stderr may be missing or closed
        print("--- a logging handler has raised ---", file=sys.stderr)
        traceback.print_exc()
