"""Which versions the tests were last proven with.

Debian's forky moves, and an old package of it cannot be fetched again. So another version fails
nothing: the tests run with it, and the summary at their end says so, until the line here is raised.
"""

from __future__ import annotations

PROVEN = {
    "native4": "4.6.3-stable (debian4.6.3+ds-2)",
    "native3": "3.6-stable (debian3.6+ds-2)",
}
"""For each marker ``Engine.get_version_info().string``."""

_seen: dict[str, str] = {}


def note(marker: str, version: str) -> None:
    """An engine has told its version."""
    _seen[marker] = version


def news() -> list[str]:
    """A sentence for each engine that is not the one which the tests were last proven with."""
    return [
        f"{marker}: this is Godot {version}; the tests were last proven with {PROVEN[marker]}"
        for marker, version in sorted(_seen.items())
        if version != PROVEN[marker]
    ]
