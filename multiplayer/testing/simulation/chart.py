"""Sequence charts in text: a column for each peer, a line for each event, the time downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .trace_event import TraceEvent

_LEAST: Final = 8
_MOST: Final = 18
_TIME: Final = 12


def chart(names: Sequence[str], events: Sequence[TraceEvent]) -> str:
    """Return a chart of events.

    ``o- ->`` leaves, ``---->`` arrives, ``- - x`` is lost on the way, ``====`` has been done to the
    network.

    Args:
        names: of all peers, in the order of their columns; those that do nothing get none.
        events: what to show.
    """
    busy = {name for event in events for name in (event.source, event.target)}
    shown = [name for name in names if name in busy]
    width = max(_LEAST, min(_MOST, max(map(len, shown), default=0) + 2))
    columns = {name: place * width + width // 2 for place, name in enumerate(shown)}
    total = len(shown) * width
    title = "".join(name[: width - 1].center(width) for name in shown)
    lines = [f"{'seconds':>{_TIME}} {title}".rstrip()]
    for event in events:
        text = event.text if event.what == "fault" else _label(event)
        lines.append(f"{event.time:>{_TIME}.6f} {_line(event, columns, total)} {text}".rstrip())
    return "\n".join(lines)


def _label(event: TraceEvent) -> str:
    what = "" if event.what in ("sent", "delivered") else f"{event.what}: "
    return f"#{event.serial} {what}{event.text}"


def _line(event: TraceEvent, columns: dict[str, int], total: int) -> str:
    cells = [" "] * total
    for place in columns.values():
        cells[place] = "|"
    start, end = columns[event.source], columns[event.target]
    if event.what == "fault":
        cells[start] = "*"
        return "".join(cells)
    step = 1 if end > start else -1
    arrives = event.what in ("delivered", "doubled", "replayed")
    for place in range(start + step, end, step):
        if cells[place] == " " and (arrives or (place - start) % 2):
            cells[place] = "-"
    if event.what == "sent":
        cells[start] = "o"
    head = "x" if not arrives and event.what != "sent" else ">" if step > 0 else "<"
    if end != start:
        cells[end - step] = head
    return "".join(cells)
