"""A ``ConditionedPeer`` that is interrupted at any line of a poll loses nothing."""

from __future__ import annotations

import os
import random
from typing import Final

import pytest

from multiplayer.testing import Conditions
from peers import ConditionedPeer, WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import Recorder
from tests.hostile.interrupted import Interrupt, Steps

RUNS: Final = 60
FULL: Final = "GDPEERS_FULL" in os.environ
"""Interrupt at each line that is run: some minutes."""

TICK: Final = 0.01
LATE: Final = Conditions(latency=0.03, jitter=0.005, loss=0.1)
SENT: Final = [b"%d" % number for number in range(8)]


class Play:
    """A server that is conditioned and a client, with packets both ways; polled by hand.

    Args:
        steps: calls the polls of the server.
    """

    def __init__(self, steps: Steps) -> None:
        self.now = 0.0
        network = MemoryNetwork(seed=1)
        network.follow(lambda: self.now)
        inner = network.add(WebSocketServer())
        self.server = ConditionedPeer(inner, LATE, seed=3)
        self.told = Recorder(self.server)
        inner.listen(9080, gd_mp_api=True)
        self.steps = steps
        self.client, self.leaves = (network.add(WebSocketClient()) for _ in range(2))
        for each in (self.client, self.leaves):
            each.connect_to_url("ws://localhost:9080", gd_mp_api=True)
        self.heard: list[bytes] = []
        self.answers: list[bytes] = []

    def pump(self, rounds: int) -> None:
        for _ in range(rounds):
            self.now += TICK
            self.steps(self.server.poll)
            while self.server.get_available_packet_count():
                self.heard.append(self.server.get_packet())
            for each in (self.client, self.leaves):
                each.poll()
            while self.client.get_available_packet_count():
                self.answers.append(self.client.get_packet())

    def play(self) -> None:
        self.pump(40)
        self.client.set_target_peer(1)
        for packet in SENT:
            self.client.put_packet(packet)
            self.server.put_packet(packet)
            self.pump(2)
        self.leaves.close()
        self.pump(60)
        self.steps.over = True
        self.pump(60)

    def faults(self) -> list[str]:
        """What is not as it should be, in words."""
        own, gone = self.client.get_unique_id(), self.told.of("peer_disconnected")
        faults: list[str] = []
        if self.server.get_peers() != [own]:
            faults.append(f"the server sees {self.server.get_peers()}, there is {own}")
        if self.heard != SENT:
            faults.append(f"the server heard {self.heard}")
        if [*dict.fromkeys(self.answers)] != SENT or len(self.answers) > len(SENT) + 1:
            faults.append(f"the client heard {self.answers}")
        if len(self.told.of("peer_connected")) != 2 or len(gone) != 1:
            faults.append(f"it was told {self.told.log}")
        if self.server._incoming.way or self.server._outgoing.way:
            faults.append("something is still under way")
        return faults


@pytest.mark.timeout(1200 if FULL else 60)
def test_an_interrupt_anywhere_loses_nothing() -> None:
    counting = Steps(0, Interrupt)
    counting.places = []
    whole = Play(counting)
    whole.play()
    assert whole.faults() == []
    ours = [at for at, place in enumerate(counting.places, 1) if place.startswith("conditioned/")]
    assert len(ours) > 1000
    wrong: list[str] = []
    for at in ours if FULL else sorted(random.sample(ours, RUNS)):
        steps = Steps(at, Interrupt)
        play = Play(steps)
        play.play()
        if faults := play.faults():
            wrong.append(f"at step {at}, {steps.where}: {'; '.join(faults)}")
    assert not wrong
