"""Where spawners and synchronizers report to: the part of ``Tracking`` that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.scene.tree.node import Node


class Registry(Protocol):
    """What an API knows of the spawners and synchronizers in its tree; see ``Tracking``."""

    def check(self, what: str) -> None:
        """Raise if the dialect has no replication."""

    def watch(self, spawner: Node, below: Node | None) -> None:
        """Spawn what is added below a node; None for nothing."""

    def leave(self, spawner: Node) -> None:
        """A spawner leaves the tree."""

    def count_of(self, spawner: Node) -> int:
        """Return how many nodes a spawner has spawned that are there."""
        ...

    def is_live(self, spawner: Node, node: Node) -> bool:
        """Return whether a spawner has spawned a node."""
        ...

    def check_data(self, data: object) -> None:
        """Raise if the data of a spawn cannot be sent."""

    def spawn(self, spawner: Node, node: Node, scene: int | None, data: object) -> None:
        """Note that this program spawns a node."""

    def withdraw(self, node: Node) -> None:
        """Note that a node that was to be spawned was not added after all."""

    def start(self, synchronizer: Node) -> None:
        """A synchronizer has entered the tree, or has another root or authority now."""

    def stop(self, synchronizer: Node) -> None:
        """A synchronizer leaves the tree, or is about to get another root or authority."""

    def update_visibility(self, synchronizer: Node, peer: int) -> None:
        """What a peer may see of a synchronizer may have changed; 0: what any may see."""


def registry_of(api: MultiplayerAPI) -> Registry:
    """Return where those in the tree of ``api`` report to."""
    return cast("Registry", api.get_tracking())
