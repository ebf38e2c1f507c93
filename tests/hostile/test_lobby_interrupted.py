"""A lobby whose server is interrupted: whoever stays waits or plays, and others can meet."""

from __future__ import annotations

import gc
from typing import Final

import pytest

from multiplayer import MultiplayerError
from tests.hostile.interrupted import Interrupt, Steps
from tests.peers.rooms.test_lobby_in_time import Lounge

pytestmark = pytest.mark.needs_sockets

STRIDE: Final = 701
PLAYERS: Final = 3


class Meeting:
    """Three who want to meet while the server is interrupted once, and three who come after.

    Attributes:
        first: of each of the first three, whether it has a place; None while it waits.
        later: how many of the others have one.
    """

    def __init__(self, steps: Steps) -> None:
        lounge = Lounge()
        clients = [lounge.lobby(f"10.0.0.{number}") for number in range(PLAYERS)]
        server = lounge.server
        poll = server.poll
        server.poll = lambda: steps(poll)  # type: ignore[method-assign]
        gc.collect()  # so that nothing of a meeting before ends in the midst of this one
        gc.disable()
        try:
            calls = [client.match("duel") for client in clients]
            lounge.network.advance(6.0)
        finally:
            gc.enable()
        server.poll = poll  # type: ignore[method-assign]
        lounge.network.advance(5.0)
        self.first: list[bool | None] = []
        for call in calls:
            try:
                self.first.append(len(call.result()) == 1 if call.done else None)
            except MultiplayerError:  # its connection was ended, or it was told
                self.first.append(False)
        others = [lounge.lobby(f"10.0.1.{number}") for number in range(PLAYERS)]
        calls = [client.match("duel") for client in others]
        lounge.network.advance(3.0)
        self.later = sum(call.done for call in calls)
        server.close()


def test_whoever_stays_waits_or_plays() -> None:
    counting = Steps(0, Interrupt)
    assert Meeting(counting).first == [True] * PLAYERS
    assert counting.count > 10 * STRIDE
    for at in range(1, counting.count, STRIDE):
        steps = Steps(at, Interrupt)
        meeting = Meeting(steps)
        waiting = meeting.first.count(None)
        assert waiting < PLAYERS, steps.where
        # Those who have waited longest are in the first match there is.
        places = PLAYERS * ((waiting + PLAYERS) // PLAYERS)
        assert meeting.later == places - waiting, steps.where
