"""From the table of phases to the page about the life of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers.websocket.phases import TABLE, Action, Input, Phase
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "connection.md"

PREFACE = """\
# The life of a connection

Written by `python -m tests.phases` from the table in `peers/websocket/phases.py`; a test fails if
it is out of date. What each action does stands in `handshake.py` up to the upgrade, and in
`closing.py` from then on, next to that table.

## The drawing

From each phase, the inputs that lead on, and where to. What lies behind a phase is drawn once,
where it comes up first; `↑` points there. OVER is left out: nearly every phase leads to it. The
tables below say by what, and explain the words.

"""

BETWEEN = """
## The tables

An input that is not in the table of a phase does nothing there. In brackets: Godot's word for the
state of the connection.
"""


def _leads_to(phase: Phase) -> dict[Phase, list[Input]]:
    """The phases that come next, but for OVER, and by which inputs."""
    following: dict[Phase, list[Input]] = {}
    for what, (_, after) in TABLE[phase].items():
        if after not in (Phase.OVER, phase):
            following.setdefault(after, []).append(what)
    return following


def drawing() -> Iterator[str]:
    """The phases as a tree."""
    drawn: set[Phase] = set()

    def draw(phase: Phase, indent: str) -> Iterator[str]:
        drawn.add(phase)
        branches = list(_leads_to(phase).items())
        for at, (after, inputs) in enumerate(branches):
            last = at == len(branches) - 1
            words = ", ".join(what.name for what in inputs)
            again = after in drawn
            yield f"{indent}{'└' if last else '├'}─ {words} ─▶ {after.name}{' ↑' if again else ''}"
            if not again:
                yield from draw(after, indent + ("   " if last else "│  "))

    yield Phase.TCP.name
    yield from draw(Phase.TCP, "")
    for phase in Phase:
        if phase not in drawn and phase is not Phase.OVER:
            yield f"{phase.name} (drawn nowhere)"


def table() -> Iterator[str]:
    """What each input does in each phase."""
    for phase, row in TABLE.items():
        yield ""
        yield f"### {phase.name}"
        yield ""
        state = phase.state.name.removeprefix("STATE_")
        yield f"{phase.words[0].upper()}{phase.words[1:]} ({state})."
        if not row:
            continue
        yield ""
        yield "| input | when | what is done | next |"
        yield "|---|---|---|---|"
        for what, (action, after) in row.items():
            done = "" if action is Action.NOTHING else action.value
            yield f"| `{what.name}` | {what.value} | {done} | {after.name} |"


def page() -> str:
    """The whole page."""
    fenced = "\n".join(["```text", *drawing(), "```"])
    return PREFACE + fenced + "\n" + BETWEEN + "\n".join(table()) + "\n"
