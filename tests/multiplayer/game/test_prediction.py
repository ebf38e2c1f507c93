"""``Prediction`` and ``InputQueue`` against a game that has no network between."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import MultiplayerError, Node, SceneMultiplayer, rpc
from multiplayer.game import InputQueue, Prediction, Smoothing
from multiplayer.testing import MOBILE_3G, SimulatedNetwork
from multiplayer.variant import Vector2


def test_an_input_is_seen_at_once_and_the_answer_changes_nothing_that_was_right() -> None:
    prediction = Prediction(add, 0)
    assert [prediction.apply(step) for step in (1, 10, 100)] == [1, 2, 3]
    assert prediction.state == 111
    assert prediction.pending() == [(1, 1), (2, 10), (3, 100)]
    assert not prediction.reconcile(1, 1)
    assert (prediction.state, prediction.pending(1)) == (111, [(3, 100)])
    assert prediction.pending(0) == []
    assert prediction.corrections == 0


def test_a_wrong_guess_is_mended_under_the_inputs_that_came_after() -> None:
    prediction = Prediction(add, 0)
    for step in (1, 10, 100):
        prediction.apply(step)
    assert prediction.reconcile(1, -5)  # somebody has pushed us
    assert prediction.state == -5 + 110
    assert not prediction.reconcile(0, 77)  # an older answer, overtaken
    assert prediction.state == 105
    assert not prediction.reconcile(3, 105)
    assert prediction.reconcile(3, 7)  # the same input, a later state
    assert (prediction.state, prediction.corrections, prediction.pending()) == (7, 2, [])


def test_a_server_that_says_nothing_costs_no_memory() -> None:
    prediction = Prediction(add, 0, most=4)
    for step in range(10):
        prediction.apply(step)
    assert (len(prediction.pending()), prediction.forgotten, prediction.state) == (4, 6, 45)


@given(
    st.lists(st.integers(-9, 9), max_size=40),
    st.lists(st.integers(0, 3), max_size=40),
    st.lists(st.integers(-2, 2), max_size=40),
)
def test_whatever_the_server_does_all_agree_at_the_end(
    inputs: list[int], batches: list[int], pushes: list[int]
) -> None:
    prediction, queue = Prediction(add, 0), InputQueue[int](most=100)
    for entry in inputs:
        prediction.apply(entry)
    server, sent = 0, prediction.pending()
    for batch, push in zip(batches, pushes, strict=False):
        for _ in range(batch):
            if sent:
                queue.push_all(sent[:2])
                queue.push_all(sent[:1])
                sent.pop(0)
        taken = queue.take()
        server += push + (taken or 0)
        prediction.reconcile(queue.last, server)
        rest = [entry for number, entry in prediction.pending() if number > queue.last]
        assert prediction.state == reduce(add, rest, server)


def test_inputs_are_taken_once_in_order_and_floods_gain_nothing() -> None:
    queue = InputQueue[str](most=3)
    queue.push_all([(2, "b"), (1, "a"), (2, "b"), (5, "e")])
    assert (queue.repeated, len(queue)) == (1, 3)
    assert (queue.take(), queue.last) == ("a", 1)
    assert (queue.take(), queue.last) == ("b", 2)
    assert (queue.take(), queue.last) == ("e", 5)
    assert (queue.take(), queue.last) == (None, 5)
    queue.push(4, "d")
    assert (queue.take(), queue.repeated) == (None, 2)
    for number in range(6, 1006):
        queue.push(number, str(number))
    assert (len(queue), queue.dropped) == (3, 997)
    assert queue.take() == "1003"
    with pytest.raises(MultiplayerError):
        InputQueue[str](most=0)
    with pytest.raises(MultiplayerError):
        Prediction(add, 0, most=0)


def test_after_a_pause_of_the_network_a_player_is_not_late_for_good() -> None:
    queue, number = InputQueue[int](), 0
    for _ in range(12):  # nothing comes
        assert queue.take() is None
    for _ in range(12):  # then all at once
        queue.push(number := number + 1, number)
    waiting: list[int] = []
    for _ in range(200):  # and one a tick again
        queue.push(number := number + 1, number)
        assert queue.take() is not None
        waiting.append(len(queue))
    assert waiting[0] == 12
    assert waiting[100:] == [2] * 100
    assert (queue.skipped, queue.dropped) == (10, 0)
    assert queue.last == number - 2


def test_what_waits_because_the_network_is_uneven_is_not_left_out() -> None:
    queue, number = InputQueue[int](), 0
    for tick in range(400):
        for _ in range(5 if tick % 5 == 0 else 0):  # five at once, every five ticks
            queue.push(number := number + 1, number)
        assert queue.take() == tick + 1
    assert queue.skipped == 0


def test_how_much_may_wait_can_be_chosen() -> None:
    queue = InputQueue[int](spare=5)
    for number in range(1, 200):
        queue.push(number, number)
        if number > 10:
            assert queue.take()
    assert (len(queue), queue.skipped) == (5, 5)
    with pytest.raises(MultiplayerError):
        InputQueue[int](spare=-1)


def test_a_correction_dies_away_instead_of_jumping() -> None:
    smooth = Smoothing[float](half_life=0.1)
    assert smooth.shown(5.0, 1.0) == 5.0
    smooth.corrected(10.0, 2.0, 1.0)
    assert [smooth.shown(2.0, now) for now in (1.0, 1.1, 1.2)] == pytest.approx([10, 6, 4])
    smooth.corrected(3.0, 1.0, 1.2)
    assert smooth.shown(1.0, 1.2) == pytest.approx(1 + 2 + 2)
    assert smooth.shown(1.0, 9.0) == 1.0


def test_a_respawn_is_shown_at_once() -> None:
    smooth = Smoothing[Vector2](0.1, most=50)
    smooth.corrected(Vector2(0, 0), Vector2(3, 4), 0.0)
    assert smooth.shown(Vector2(3, 4), 0.0) == Vector2(0, 0)
    smooth.corrected(Vector2(3, 4), Vector2(900, 0), 0.0)
    assert smooth.shown(Vector2(900, 0), 0.0) == Vector2(900, 0)
    numbers = Smoothing[float](most=50)
    numbers.corrected(0.0, 60.0, 0.0)
    assert numbers.shown(60.0, 0.0) == 60.0
    with pytest.raises(MultiplayerError):
        Smoothing[float](0)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
def test_nonsense_from_the_server_does_not_stay(nonsense: float) -> None:
    numbers, places = Smoothing[float](), Smoothing[Vector2](most=50)
    numbers.corrected(0.0, nonsense, 0.0)
    places.corrected(Vector2(0, 0), Vector2(1, nonsense), 0.0)
    numbers.corrected(3.0, 1.0, 0.01)
    places.corrected(Vector2(0, 4), Vector2(0, 0), 0.01)
    assert numbers.shown(1.0, 0.01) == 3.0
    assert places.shown(Vector2(0, 0), 0.01) == Vector2(0, 4)


class State(NamedTuple):
    """A player between two walls."""

    x: int
    speed: int


def step(state: State, push: int) -> State:
    """The rule that both sides have."""
    speed = max(-5, min(5, state.speed + push))
    x = state.x + speed
    return State(x, speed) if -100 <= x <= 100 else State(max(-100, min(100, x)), -speed)


class Match(Node):
    """Both sides of a game with one player."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.queue = InputQueue[int]()
        self.state = State(0, 0)
        self.prediction = Prediction(step, State(0, 0))

    @rpc("any_peer", "unreliable_ordered")
    def act(self, inputs: list[list[int]]) -> None:
        """Take inputs, as the server."""
        self.queue.push_all((number, push) for number, push in inputs)

    @rpc("authority", "unreliable_ordered")
    def tell(self, number: int, x: int, speed: int) -> None:
        """Take the server's state, as the client."""
        self.prediction.reconcile(number, State(x, speed))


def test_over_a_bad_network_the_player_sees_no_delay_and_the_server_decides() -> None:
    network = SimulatedNetwork(seed=3, conditions=MOBILE_3G)

    def joined(peer: object) -> Match:
        root, match = Node("root"), Match("Match")
        root.add_child(match)
        api = SceneMultiplayer(root)
        api.multiplayer_peer = peer  # type: ignore[assignment]
        network.attach(api)
        return match

    server = network.create_server()
    ours, theirs = joined(server), joined(network.create_client(server))
    network.run_until(lambda: theirs.multiplayer.get_peers() == [1])
    alone = State(0, 0)
    for turn in range(600):
        push = (1, 1, -1, 0, -1, 1, -1)[turn * turn % 7]
        if turn < 500:
            theirs.prediction.apply(push)
            alone = step(alone, push)
        unanswered = theirs.prediction.pending(8)
        if unanswered:
            theirs.act.rpc_id(1, [[number, entry] for number, entry in unanswered])
        if turn == 250:
            ours.state = State(50, 0)  # something that the client could not know
        entry = ours.queue.take()
        while entry is not None:
            ours.state = step(ours.state, entry)
            entry = ours.queue.take()
        ours.tell.rpc(ours.queue.last, *ours.state)
        network.advance(1 / 30)
        if turn < 250:
            assert theirs.prediction.state == alone  # at once, and never corrected
            assert theirs.prediction.corrections == 0
    assert ours.queue.last == 500
    assert theirs.prediction.state == ours.state
    assert theirs.prediction.pending() == []
    assert theirs.prediction.corrections >= 1
