"""The tree that every program of a match has: what is the same everywhere, and who may call what.

A method that only has a docstring is done by the other side: ``server_world.ServerWorld`` is the
server's, and ``client.ClientWorld`` a player's.
"""

from __future__ import annotations

from multiplayer import (
    MultiplayerSpawner,
    Node,
    Replicated,
    Vector2,
    replicated,
    rpc,
)

from .movement import Body
from .rules import FULL_HEALTH, WAITING, Shot


class Player(Node):
    """A player; its name in the tree is the id of who plays it.

    What changes all the time is sent at every tick, unreliably: what is lost is made up for by the
    next. What rarely changes is sent when it does, reliably.
    """

    tick = replicated(0)  # the server's, at which the following was so
    position = replicated(Vector2(0, 0))
    aim = replicated(0.0)
    health = replicated(FULL_HEALTH)
    lives = replicated(1)  # another number: it has jumped there
    applied = replicated(0)  # the number of the last input that the server has applied

    nick = replicated("", mode="on_change")
    score = replicated(0, mode="on_change")
    is_ready = replicated(False, mode="on_change")
    away = replicated(False, mode="on_change")  # its connection is lost; it may come back

    @property
    def id(self) -> int:
        """The id of who plays it."""
        return int(self.name)

    @property
    def body(self) -> Body:
        """What the rules know of it."""
        return Body(self.position, self.health > 0)


class Projectile(Node):
    """A shot: how it flies follows from how it began, so that nothing more needs to be sent."""

    shooter = replicated(0, mode="never")
    origin = replicated(Vector2(0, 0), mode="never")
    velocity = replicated(Vector2(0, 0), mode="never")
    fired_at = replicated(0, mode="never")

    def at(self, tick: float) -> Vector2:
        """Return where it is at a tick."""
        shot = Shot(0, self.shooter, self.origin, self.velocity, self.fired_at)
        return shot.at(tick)


class Calls(Node):
    """Who may call what in the arena, whatever its dialect."""

    # ---------------------------------------------------------------- from players

    @rpc("any_peer")
    def introduce(self, nick: str) -> None:
        """Say how one is called."""

    @rpc("any_peer")
    def set_ready(self, ready: bool) -> None:
        """Say whether one wants to play."""

    @rpc("any_peer", "unreliable_ordered")
    def steer(self, inputs: list[list[object]]) -> None:
        """Send one's last inputs, several times each, since a packet may be lost.

        Args:
            inputs: the number of each, and what ``movement.to_wire`` makes of it.
        """

    @rpc("any_peer", "unreliable")
    def ask_time(self, sent: float) -> None:
        """Ask for the server's time; :meth:`tell_time` is the answer."""

    # ---------------------------------------------------------------- from the server

    @rpc("authority")
    def welcome(self, nick: str) -> None:
        """Say how a player is called from now on.

        It is the first call to a player, and reliable: it brings the number that stands for this
        node, without which an unreliable call that overtakes it would be dropped.
        """

    @rpc("authority", "unreliable")
    def tell_time(self, sent: float, server: float) -> None:
        """Say what time it is on the server, in seconds.

        Args:
            sent: as in the question.
            server: the time.
        """

    @rpc("authority")
    def hit(self, shooter: int, victim: int, fatal: bool, at: Vector2) -> None:
        """Somebody was hit: for sounds and sparks, which a property cannot trigger."""

    @rpc("authority")
    def round_over(self, number: int, winner: int, scores: dict[int, int]) -> None:
        """A round is over; the winner is 0 if the best are equal."""


class World(Calls):
    """The arena, at the same path in all programs.

    Attributes:
        phase: see ``rules.Game``, also for the next two.
        round: see there.
        ends_at: see there.
        players: the nodes of players are below it.
        shots: those of shots.
        player_spawner: makes them appear at all.
        shot_spawner: the same.
    """

    phase = replicated(WAITING, mode="on_change")
    round = replicated(0, mode="on_change")
    ends_at = replicated(0, mode="on_change")
    last_winner = replicated(0, mode="on_change")
    last_scores: Replicated[dict[int, int]] = replicated(default_factory=dict, mode="on_change")

    def __init__(self) -> None:
        super().__init__("Arena")
        self.players = Node("Players")
        self.shots = Node("Shots")
        self.player_spawner = MultiplayerSpawner("PlayerSpawner")
        self.shot_spawner = MultiplayerSpawner("ShotSpawner")
        self.player_spawner.spawn_path = "../Players"
        self.shot_spawner.spawn_path = "../Shots"
        self.player_spawner.add_spawnable_scene("player", Player)
        self.shot_spawner.add_spawnable_scene("shot", Projectile)
        for node in (self.players, self.shots, self.player_spawner, self.shot_spawner):
            self.add_child(node)

    def everybody(self) -> dict[int, Player]:
        """Return who is there, by id."""
        return {node.id: node for node in self.players.children if isinstance(node, Player)}

    def in_flight(self) -> list[Projectile]:
        """Return the shots that are under way."""
        return [node for node in self.shots.children if isinstance(node, Projectile)]
