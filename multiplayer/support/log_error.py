"""An exception in a form fit for the log: bounded, escaped, never mistaken for other lines.

With ``exc_info`` logging handlers would print ``str(error)`` as it is, and a peer may have chosen
part of that: text of any length, with line breaks and terminal escape sequences.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final, cast

from .log_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_MOST_ERRORS: Final = 8
"""How many exceptions of a chain and its groups are described in all."""

_MOST_NOTES: Final = 2

# Of each exception: where it came in, and where it was raised. Between the two lies recursion.
_OUTER_FRAMES: Final = 4
_INNER_FRAMES: Final = 12

_INDENT: Final = "    "


def describe_error(error: BaseException) -> str:
    """Return what an exception says and where it was raised: one line, and indented ones below.

    The first line holds the exception's type and text. The frames of the traceback follow, the
    innermost last, then the exceptions that it was raised from, and those of a group. Each line
    is cut and escaped as by ``log_text.one_line``. Of many lines some are left out, and one says
    how many. Nothing that the exception's own code raises comes out.

    Args:
        error: the exception.
    """
    lines: list[str] = []
    left = _MOST_ERRORS
    seen: set[int] = set()
    todo: list[tuple[str, BaseException, int]] = [("", error, 0)]
    while todo:
        how, each, depth = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if not left:
            lines.append(f"{_INDENT}… and further exceptions")
            break
        left -= 1
        margin = _INDENT * (depth + 1) if lines else ""
        lines.append(margin + how + _head(each))
        try:
            lines += [margin + _INDENT + line for line in _details(each)]
            todo += reversed(_behind(each, depth, left))
        except Exception as failure:  # its class may have replaced its attributes with anything
            lines.append(f"{margin}{_INDENT}(describing it raises {kind_of(failure)})")
    return "\n".join(lines)


def error_fields(error: BaseException) -> dict[str, object]:
    """Return the log record's fields about an exception: ``error_type``, its type's name.

    They are for counting and filtering; a record with ``exc_info`` would be printed as it is.

    Args:
        error: the exception.
    """
    return {"error_type": one_line(_qualified(error)[1])}


def kind_of(error: BaseException) -> str:
    """Return the name of an exception's type, whatever its class has put in its place."""
    return type.__dict__["__name__"].__get__(type(error))


def text_of(error: BaseException) -> str:
    """Return what an exception says, whatever its ``__str__`` does."""
    try:
        return str.__str__(str(error))  # str() may give a subclass with methods of its own
    except Exception as failure:
        return f"(its str() raises {kind_of(failure)})"


def _qualified(error: BaseException) -> tuple[str, str]:
    """Return the module of an exception's class, and its qualified name there."""
    try:
        kind = type(error)
        return str.__str__(kind.__module__), str.__str__(kind.__qualname__)
    except Exception:  # a metaclass may answer instead
        return "", kind_of(error)


def _head(error: BaseException) -> str:
    module, name = _qualified(error)
    if module not in ("", "builtins", "__main__"):
        name = f"{module}.{name}"
    text = text_of(error)
    return one_line(name, 100) + (f": {one_line(text)}" if text else "")


def _details(error: BaseException) -> Iterator[str]:
    notes: object = getattr(error, "__notes__", None)
    if isinstance(notes, (list, tuple)):
        shown = [note for note in notes[:_MOST_NOTES] if isinstance(note, str)]  # pyright: ignore[reportUnknownVariableType]
        yield from (one_line(note) for note in shown)
    frames = list(traceback.walk_tb(error.__traceback__))
    between = len(frames) - _OUTER_FRAMES - _INNER_FRAMES
    if between > 0:
        yield from _places(frames[:_OUTER_FRAMES])
        yield f"… {between} more"
        frames = frames[-_INNER_FRAMES:]
    yield from _places(frames)


def _places(frames: list[tuple[FrameType, int]]) -> Iterator[str]:
    for frame in traceback.StackSummary.extract(iter(frames)):
        yield one_line(f'File "{frame.filename}", line {frame.lineno}, in {frame.name}')
        if frame.line:
            yield _INDENT + one_line(frame.line)


def _behind(error: BaseException, depth: int, left: int) -> list[tuple[str, BaseException, int]]:
    """Return the exceptions behind this one, at most a few more than there is room for."""
    behind: list[tuple[str, BaseException, int]] = []
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        behind += [("one of them: ", each, depth + 1) for each in group.exceptions[: left + 1]]
    if error.__cause__ is not None:
        behind.append(("raised from ", error.__cause__, depth))
    elif error.__context__ is not None and not error.__suppress_context__:
        behind.append(("raised while handling ", error.__context__, depth))
    return behind
