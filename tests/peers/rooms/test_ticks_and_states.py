"""What is always sent leaves a room once a tick."""

from __future__ import annotations

import pytest

from multiplayer import MultiplayerSynchronizer, Node, SceneMultiplayer, replicated, rpc
from peers import Room, RoomServer, WebSocketClient
from peers.memory import MemoryNetwork

pytestmark = pytest.mark.needs_sockets  # it has a network of its own


class Ball(Node):
    tick = replicated(0)
    bounces = replicated(0, mode="on_change")

    def __init__(self) -> None:
        super().__init__("Ball")
        self.seen: list[int] = []

    @rpc("any_peer")
    def bounce(self) -> None:
        self.bounces += 1


class Field(Room):
    tick_hz = 10.0
    idle = None
    ball: Ball

    def opened(self, options: object) -> None:
        self.ball = Ball()
        self.root.add_child(self.ball)

    def process(self, delta: float) -> None:
        self.ball.tick += 1


def played(kind: type[Field], seconds: float, budget: int = 0) -> tuple[Field, Ball]:
    """Let a client look on which calls all the time; the room, and the ball that it has seen."""
    network = MemoryNetwork(seed=3)
    server = network.add(RoomServer({"field": kind}))
    server.listen(9080)
    root, ball = Node("root"), Ball()
    root.add_child(ball)
    api, peer = SceneMultiplayer(root), WebSocketClient()
    network.add(peer, polled_by=api)
    peer.connect_to_url("ws://game:9080/field/any", gd_mp_api=True)
    api.multiplayer_peer = peer
    network.run_until(lambda: api.get_peers() == [1])
    (room,) = server.rooms
    assert isinstance(room, Field)
    room.api.replication_budget = budget
    synchronizer = next(each for each in ball.children if isinstance(each, MultiplayerSynchronizer))
    synchronizer.synchronized.connect(lambda: ball.seen.append(ball.tick))
    network.run_loop(lambda _: ball.bounce.rpc_id(1), hz=100, seconds=seconds)
    network.advance(0.2)
    return room, ball


@pytest.mark.parametrize("budget", [0, 500])
def test_it_is_sent_once_a_tick_however_much_arrives(budget: int) -> None:
    room, ball = played(Field, 2.0, budget)
    assert 20 <= room.ball.tick <= 24
    assert len(ball.seen) >= 20
    assert ball.seen == [*range(ball.seen[0], ball.seen[-1] + 1)]  # none left out, or sent again
    assert ball.bounces == room.ball.bounces == 200


def test_without_ticks_it_is_sent_at_polls() -> None:
    class Still(Field):
        tick_hz = 0.0

    room, ball = played(Still, 1.0)
    assert room.ball.tick == 0
    assert len(ball.seen) > 20
    assert ball.bounces == 100


def test_a_room_that_begins_to_tick_and_stops() -> None:
    class Changing(Field):
        def opened(self, options: object) -> None:
            super().opened(options)
            self.call_later(1.0, self.stop)

        def stop(self) -> None:
            self.tick_hz = 0.0
            self.ball.tick = 1000

    _, ball = played(Changing, 2.0)
    ticks = [tick for tick in ball.seen if tick < 1000]
    assert ticks == [*range(ticks[0], ticks[-1] + 1)]
    assert sum(tick >= 1000 for tick in ball.seen) > 20
