"""A room that is being closed ends, wherever that is interrupted."""

from __future__ import annotations

import os

import pytest

from peers import RoomServer, WebSocketClient
from peers.memory import MemoryNetwork
from tests.hostile.interrupted import Interrupt, Steps
from tests.peers.rooms.games import Duel
from tests.peers.rooms.visitors import DISCONNECTED

pytestmark = pytest.mark.needs_sockets

EVERY = 1 if os.environ.get("GDPEERS_FULL") else 3


@pytest.mark.parametrize("in_poll", [False, True], ids=["outside", "in a poll"])
def test_a_room_ends_wherever_its_closing_is_interrupted(*, in_poll: bool) -> None:
    at = 1
    while True:
        network, steps = MemoryNetwork(seed=1), Steps(at, Interrupt)
        server = network.add(RoomServer({"duel": Duel}))
        server.listen(9080)
        room = server.create("duel", code="R")
        assert isinstance(room, Duel)
        clients = [network.add(WebSocketClient()) for _ in range(2)]
        for client in clients:
            client.connect_to_url("ws://game:9080/duel/R", gd_mp_api=True)
        network.settle()
        assert len(room.seats) == 2

        def close(steps: Steps = steps, room: Duel = room) -> None:
            steps(lambda: room.close("done", code=4100, reason="done"))

        if in_poll:
            room.call_later(0.0, close)
        else:
            close()
        network.settle()
        network.advance(10.0)
        if room.is_open:  # the interrupt came before anything was done
            room.close("done", code=4100, reason="done")
            network.advance(10.0)
        assert room.of("closed") == ["done"], steps.where
        assert server.rooms == [], steps.where
        assert all(each.get_connection_status() is DISCONNECTED for each in clients), steps.where
        if not steps.where:
            break
        at += EVERY
    assert at > 50
