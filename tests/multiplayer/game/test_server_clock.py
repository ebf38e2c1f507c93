"""``ServerClock`` against the formula of RFC 5905, and over a simulated network."""

from __future__ import annotations

import math
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import Error, MultiplayerError, Node, SceneMultiplayer, rpc
from multiplayer.game import ServerClock
from multiplayer.testing import MOBILE_3G, WIFI_BAD, Conditions, SimulatedNetwork

SECONDS = st.floats(0, 2)


def rfc_5905(t1: float, t2: float, t3: float, t4: float) -> tuple[float, float]:
    """Section 8: offset and delay of a round trip; the server gets it at t2 and answers at t3."""
    return ((t2 - t1) + (t3 - t4)) / 2, (t4 - t1) - (t3 - t2)


@given(st.floats(-1000, 1000), SECONDS, SECONDS)
def test_one_answer_gives_what_the_rfc_gives(ahead: float, up: float, down: float) -> None:
    clock = ServerClock()
    sent, at_server, received = 50.0, 50.0 + up + ahead, 50.0 + up + down
    clock.sample(sent, at_server, received)
    offset, delay = rfc_5905(sent, at_server, at_server, received)
    assert clock.offset == pytest.approx(offset, abs=1e-9)
    assert clock.round_trip == pytest.approx(delay, abs=1e-9)
    assert abs(clock.offset - ahead) <= clock.uncertainty + 1e-9
    assert clock.time(received) == pytest.approx(received + offset)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=40), st.floats(-50, 50))
def test_the_best_answer_is_never_wrong_by_more_than_half_its_way(
    ways: list[tuple[float, float]], ahead: float
) -> None:
    clock = ServerClock(window=8, jump=100)
    now, times = 0.0, list[float]()
    for up, down in ways:
        clock.sample(now, now + up + ahead, now + up + down)
        now += up + down
        times.append(clock.time(now))
        now += 0.5
    assert clock.round_trip == pytest.approx(min(up + down for up, down in ways[-8:]))
    assert abs(clock.offset - ahead) <= clock.uncertainty + 1e-6
    assert times == sorted(times)
    assert clock.jumps == 0


def test_before_the_first_answer_it_is_our_own_time() -> None:
    clock = ServerClock()
    assert clock.time(7.0) == 7.0
    assert (clock.offset, clock.round_trip, clock.jitter, clock.samples) == (0, 0, 0, 0)


def test_a_better_answer_is_reached_by_running_slower_and_never_back() -> None:
    clock = ServerClock(slew=0.1)
    clock.sample(0.0, 10.4, 0.4)  # all of it on the way down
    assert clock.time(0.4) == pytest.approx(10.6)
    clock.sample(0.5, 10.55, 0.6)
    assert clock.offset == pytest.approx(10.0)
    shown = [clock.time(0.4 + step / 10) for step in range(1, 40)]
    assert shown == sorted(shown)
    assert shown[0] == pytest.approx(10.6 + 0.09)
    assert shown[-1] == pytest.approx(0.4 + 3.9 + 10.0)


def test_another_clock_is_taken_at_once() -> None:
    clock = ServerClock(jump=1.0)
    clock.sample(0.0, 500.0, 0.1)
    assert clock.time(0.1) == pytest.approx(500.05)
    clock.sample(1.0, 3.0, 1.1)  # the server has begun anew
    assert clock.jumps == 1
    assert clock.time(1.1) == pytest.approx(3.05)
    assert clock.time(2.1) == pytest.approx(4.05)


def test_a_server_that_stands_still_is_followed_at_once() -> None:
    clock, now = ServerClock(jump=1.0), 0.0
    for step in range(40):  # no answer contradicts the one before much
        now = step / 2
        clock.sample(now - 0.1, min(now, 4.0) + 100, now)
        assert clock.time(now) == pytest.approx(min(now, 4.0) + 100, abs=1.1)
    assert clock.jumps > 0


def test_nonsense_from_the_server_is_left_out() -> None:
    clock = ServerClock()
    clock.sample(1.0, 5.0, 0.5)
    clock.sample(1.0, math.nan, 1.1)
    clock.sample(1.0, math.inf, 1.1)
    clock.sample(-1.7e308, 1.7e308, 1.1)  # each of them is finite, and what follows is not
    assert (clock.samples, clock.time(2.0)) == (0, 2.0)


@pytest.mark.parametrize("arguments", [{"window": 0}, {"slew": 1.0}, {"slew": 0}, {"jump": 0}])
def test_what_makes_no_sense_raises(arguments: dict[str, float]) -> None:
    with pytest.raises(MultiplayerError) as raised:
        ServerClock(**arguments)  # type: ignore[arg-type]
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


class Time(Node):
    """Both sides of asking for the time."""

    clock = ServerClock()
    ahead = 0.0

    @rpc("any_peer", "unreliable")
    def ask(self, sent: float) -> None:
        """Answer, as a server."""
        network = self.network
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), sent, network.now + self.ahead)

    @rpc("authority", "unreliable")
    def answer(self, sent: float, server: float) -> None:
        """Take an answer, as a client."""
        self.clock.sample(sent, server, self.network.now)

    network: SimulatedNetwork


@pytest.mark.parametrize("conditions", [MOBILE_3G, WIFI_BAD], ids=["MOBILE_3G", "WIFI_BAD"])
def test_over_a_bad_network_it_is_right_within_the_jitter(conditions: Conditions) -> None:
    network = SimulatedNetwork(seed=5, conditions=conditions)
    ahead, clock = 1234.5, ServerClock()

    def joined(peer: object) -> Time:
        root = Node("root")
        node = Time("Time")
        node.network, node.ahead, node.clock = network, ahead, clock
        root.add_child(node)
        api = SceneMultiplayer(root)
        api.multiplayer_peer = peer  # type: ignore[assignment]
        network.attach(api)
        return node

    server = network.create_server()
    joined(server)
    asking = joined(network.create_client(server))
    network.run_until(lambda: asking.multiplayer.get_peers() == [1])
    errors: list[float] = []
    for turn in range(240):
        asking.ask.rpc_id(1, network.now)
        network.advance(0.25)
        error = clock.time(network.now) - (network.now + ahead)
        if turn > 40:
            errors.append(abs(error))
    assert clock.samples > 150  # some are lost
    assert max(errors) <= clock.uncertainty + 0.02
    assert mean(errors) < clock.uncertainty / 2
    assert 0 < clock.jitter < 0.2
