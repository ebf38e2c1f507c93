"""The arena for Godot 3, which has no replication: calls tell it what the others see by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import Vector2, rpc

from .server_world import Desk
from .world import Projectile

if TYPE_CHECKING:
    from multiplayer import Node

    from .match import Match


class CalledWorld(Desk):
    """The arena in a session of ``GODOT_3``, at the server.

    Args:
        match: the game.
    """

    def __init__(self, match: Match) -> None:
        super().__init__("Arena")
        self.match = match
        self._told: object = None
        nodes = match.bridge.nodes
        nodes.spawned.connect(self._spawned)
        nodes.despawned.connect(self._despawned)

    # ---------------------------------------------------------------- what is called there

    @rpc("authority", "unreliable_ordered")
    def moved(self, tick: int, players: list[list[object]]) -> None:
        """What changes all the time.

        Args:
            tick: at which it was so.
            players: of each its id, position, aim, health, ``lives`` and ``applied``.
        """

    @rpc("authority")
    def known(self, game: list[object], players: list[list[object]]) -> None:
        """What rarely changes, all of it.

        Args:
            game: phase, round, ``ends_at``, ``last_winner``, ``last_scores``; see ``World``.
            players: of each its id, name, score, ``is_ready`` and ``away``.
        """

    @rpc("authority")
    def fired(self, name: str, shooter: int, origin: Vector2, way: Vector2, tick: int) -> None:
        """A shot is under way; see ``Projectile``."""

    @rpc("authority")
    def vanished(self, name: str) -> None:
        """A shot is gone."""

    # ---------------------------------------------------------------- when

    def tell(self) -> None:
        """Tell of a tick."""
        if not self.multiplayer.get_peers():
            return
        world, players = self.match.world, self.match.everybody().values()
        self.moved.rpc(
            self.match.game.tick,
            [[p.id, p.position, p.aim, p.health, p.lives, p.applied] for p in players],
        )
        game: list[object] = [world.phase, world.round, world.ends_at]
        game += [world.last_winner, world.last_scores]
        rows: list[list[object]] = [[p.id, p.nick, p.score, p.is_ready, p.away] for p in players]
        if self._told != (game, rows):
            self._told = (game, rows)
            self.known.rpc(game, rows)

    def greet(self, id: int) -> None:  # noqa: A002 - as in the whole framework
        """Tell a newcomer, or one who is back, what the others know; of the rest :meth:`tell`."""
        if id in self.multiplayer.get_peers():
            self._told = None
            for node in self.match.world.in_flight():
                self.fired.rpc_id(id, *_about(node))

    def _spawned(self, path: str, node: Node) -> None:
        del path
        if isinstance(node, Projectile):
            self.fired.rpc(*_about(node))

    def _despawned(self, path: str) -> None:
        where, _, name = path.rpartition("/")
        if where.endswith("/Shots"):
            self.vanished.rpc(name)


def _about(shot: Projectile) -> tuple[str, int, Vector2, Vector2, int]:
    return shot.name, shot.shooter, shot.origin, shot.velocity, shot.fired_at
