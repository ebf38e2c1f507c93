"""What rooms cost and serve, how long coming back takes; rooms in a directory and in workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import rooms_directory, rooms_resume, rooms_served, rooms_workers

if TYPE_CHECKING:
    from types import ModuleType

SECTIONS: Final[tuple[ModuleType, ...]] = (
    rooms_served,
    rooms_resume,
    rooms_directory,
    rooms_workers,
)
"""Each has a ``main(quick=…)`` that prints its tables."""


def main(*, quick: bool) -> None:
    """Print the tables."""
    print("## Rooms\n")
    for section in SECTIONS:
        section.main(quick=quick)
