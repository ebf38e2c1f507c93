"""What worlds are made of, in terms of neither side."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Mode(IntEnum):
    """``SceneReplicationConfig.ReplicationMode``."""

    NEVER = 0
    ALWAYS = 1
    ON_CHANGE = 2


@dataclass(frozen=True)
class Property:
    """A property in a configuration: path, in the spawn or not, mode."""

    path: str
    mode: Mode
    spawn: bool = True


@dataclass(frozen=True)
class Part:
    """A node and what is below it.

    Attributes:
        name: the node's.
        kind: ``thing``, ``node``, ``synchronizer`` or ``spawner``; ``declared`` for a thing whose
            synchronizer ours has from ``replicated()``.
        parts: below it.
        settings: what is set on it, by Godot's names.
        properties: of a synchronizer.
        path: of a spawner, its ``spawn_path``.
        scenes: of a spawner, the names of what it may spawn.
    """

    name: str
    kind: str = "node"
    parts: Sequence[Part] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    properties: Sequence[Property] = ()
    path: str = ""
    scenes: Sequence[str] = ()

    def as_variant(self) -> dict[str, Any]:
        """What ``world.gd`` makes it of."""
        return {
            "name": self.name,
            "kind": self.kind,
            "parts": [part.as_variant() for part in self.parts],
            "settings": self.settings,
            "properties": [[each.path, each.spawn, int(each.mode)] for each in self.properties],
            "path": self.path,
            "scenes": [*self.scenes],
        }


def always(*paths: str, spawn: bool = True) -> list[Property]:
    """Properties that are sent in each poll."""
    return [Property(path, Mode.ALWAYS, spawn) for path in paths]


def on_change(*paths: str, spawn: bool = True) -> list[Property]:
    """Properties that are sent when they have changed."""
    return [Property(path, Mode.ON_CHANGE, spawn) for path in paths]


def never(*paths: str) -> list[Property]:
    """Properties that are in the spawn only."""
    return [Property(path, Mode.NEVER) for path in paths]


def synchronizer(name: str, properties: Sequence[Property], **settings: Any) -> Part:
    """A synchronizer of the node above it."""
    return Part(name, "synchronizer", properties=properties, settings=settings)


def spawner(name: str, path: str, *scenes: str, **settings: Any) -> Part:
    """A spawner below which nodes of these scenes may be put at ``path``, seen from itself."""
    return Part(name, "spawner", path=path, scenes=scenes, settings=settings)


def thing(name: str, *parts: Part) -> Part:
    """A replicated node."""
    return Part(name, "thing", parts)


@dataclass(frozen=True)
class Plan:
    """A world.

    Attributes:
        scenes: what spawners spawn, by name.
        parts: what is there from the beginning.
    """

    scenes: dict[str, Part]
    parts: Sequence[Part]


THING = thing(
    "Thing",
    synchronizer("Sync", [*always(".:position"), *on_change(".:hp", ".:title")]),
)
"""Position always, two others on change: that of the benchmark, too."""

SPAWNING = Plan({"thing": THING}, [Part("Things"), spawner("Spawner", "../Things", "thing")])
"""A spawner of things at ``Things``."""
