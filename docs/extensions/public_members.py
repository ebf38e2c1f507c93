"""The reference: which members of a class it shows, with Godot's names beside ours.

A class shows its own members and those of bases that are not public themselves; public bases have
entries of their own. Godot's names are those of the tables in ``docs/reference.md``.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiplayer.support.internal import is_internal
from multiplayer.support.sealed import is_hidden

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MODULES = ("multiplayer", "multiplayer.game", "multiplayer.testing")
MODULES += ("peers", "peers.cluster", "peers.memory", "peers.metrics", "peers.testing")
BUILT_IN = {"object", "Exception", "BaseException", "Enum", "IntEnum", "StrEnum", "ReprEnum"}
BUILT_IN |= {"int", "str", "float", "bytes", "list", "dict", "tuple", "Generic", "Protocol"}
TABLES = Path(__file__).parents[1] / "reference.md"
ROW = re.compile(r"\| `([^`]+)` \| ([\d., ]+) \| `(?:signal )?(?:\w+\.)?(\w+)[^`]*` \|")


def public_classes() -> set[str]:
    """The names of all classes that have an entry."""
    found: set[str] = set()
    for module in map(importlib.import_module, MODULES):
        found |= {name for name in module.__all__ if inspect.isclass(getattr(module, name))}
    return found


def godot_names() -> dict[tuple[str, str], str]:
    """Godot's spelling and era, by class and name here."""
    found: dict[tuple[str, str], str] = {}
    owner = ""
    for line in TABLES.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            owner = line.removeprefix("## ")
        elif row := ROW.match(line):
            spelling, era, name = row.groups()
            found[owner, name] = f"Godot {era}: ``{spelling}``"
    return found


def skipped(
    _app: Sphinx, _what: str, _name: str, obj: object, skip: bool, _options: object
) -> bool:
    """Leave out what has a public name for our own modules only, and what a class cannot do."""
    try:
        return skip or is_internal(obj) or is_hidden(obj)
    except TypeError:  # has no hash, so it is no function
        return skip


def setup(app: Sphinx) -> dict[str, Any]:
    """Choose members, and add Godot's names to their texts."""
    names = godot_names()

    def told(
        _app: Sphinx, _what: str, name: str, _obj: object, _options: object, lines: list[str]
    ) -> None:
        owner, _, member = name.rpartition(".")
        spelling = names.get((owner.rpartition(".")[2], member))
        if spelling is not None:
            lines += ["", spelling, ""]

    app.connect("autodoc-skip-member", skipped)
    app.connect("autodoc-process-docstring", told, priority=900)
    app.config.autodoc_default_options["inherited-members"] = ",".join(public_classes() | BUILT_IN)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
