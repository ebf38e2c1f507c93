"""``Kept``: what a peer had spawned here when it lost its connection, until it spawns it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiplayer.scene.tree.node import Node

    from .records import Feed, Tracked
    from .spawner import MultiplayerSpawner

PATIENCE: Final = 5.0
"""How long what a peer has not spawned again stays after its return, in seconds."""


class Kept:
    """The nodes of a peer that has begun anew, which knows them, but not by the numbers of before.

    It spawns again those that are still there on its side: each takes the new number. What it has
    removed meanwhile it cannot tell of, so what is left after a while goes.

    Args:
        feed: the peer, as it was. Its nodes get other numbers here, which mean nothing.
        earlier: what was left of those that it had before an earlier return.
        until: when what is left goes, in seconds of the peer's clock.

    Attributes:
        feed: the peer as it was, with what is left.
        until: see above.
    """

    __slots__ = ("_places", "feed", "until")

    def __init__(self, feed: Feed, earlier: Kept | None, until: float) -> None:
        self.feed = feed
        self.until = until
        left = [] if earlier is None else [*earlier.feed.received.values()]
        feed.received = dict(enumerate([*left, *feed.received.values()]))
        if earlier is not None:
            earlier.feed.received.clear()
        self._places = {
            (tracked.spawner, id(tracked.node)): number for number, tracked in feed.received.items()
        }

    def take(self, spawner: MultiplayerSpawner, node: Node) -> Tracked | None:
        """Remove a node that the peer spawns again, and return it; None if it is none of these."""
        number = self._places.pop((spawner, id(node)), None)
        return None if number is None else self.feed.received.pop(number, None)
