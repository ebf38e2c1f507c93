"""The strategies for users' tests: what they give is valid, and shrinks to what can be read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from multiplayer import Dialect, Error, MultiplayerError, SceneMultiplayer, rpc
from multiplayer.testing import (
    FAULTS,
    HEALING,
    Conditions,
    Schedule,
    SimulatedNetwork,
)
from multiplayer.testing.strategies import conditions, schedules, seeds, values
from peers.testing import SimulatedSession
from tests.multiplayer.variant.strategies import kinds

if TYPE_CHECKING:
    from collections.abc import Callable

# The same examples in every run: how far a search by chance shrinks depends on where it began.
smallest = partial(find, settings=settings(derandomize=True, database=None))
unhurried = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])


class Echo:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    @rpc("any_peer")
    def hear(self, value: object) -> None:
        self.heard.append(value)


@pytest.mark.parametrize("dialect", Dialect, ids=str)
@unhurried
@given(draw=st.data())
def test_a_value_arrives_as_it_was_sent(dialect: Dialect, draw: st.DataObject) -> None:
    sent = draw.draw(st.lists(values(dialect), min_size=1, max_size=5))
    session = SimulatedSession(SimulatedNetwork(), 1, dialect)
    ours, theirs = Echo(), Echo()
    session.server.add("Echo", ours)
    session.clients[0].add("Echo", theirs)
    for value in sent:
        theirs.hear.rpc_id(1, value)
    session.settle()
    assert ours.heard == sent
    assert kinds(ours.heard) == kinds(sent)
    session.close()


def test_values_are_as_large_as_they_may_be() -> None:
    assert smallest(values(max_leaves=3), lambda value: isinstance(value, list)) == []
    assert smallest(values(), lambda _: True) is None


@given(conditions(max_latency=0.1, max_jitter=0.0, max_loss=0.5))
def test_conditions_keep_to_their_bounds(found: Conditions) -> None:
    assert 0 <= found.latency <= 0.1
    assert found.jitter == 0
    assert 0 <= found.loss <= 0.5


def test_conditions_shrink_to_a_good_network() -> None:
    assert smallest(conditions(), lambda _: True) == Conditions()
    lossy = smallest(conditions(), lambda found: found.loss >= 0.1)
    assert lossy == Conditions(loss=0.1)


@given(schedules([1, 3], seconds=5, max_faults=4, longest=2))
def test_schedules_keep_to_their_bounds(found: Schedule) -> None:
    assert len(found) <= 4
    assert all(fault.at <= 5 and fault.lasts <= 2 and fault.peer in (1, 3) for fault in found)
    assert {fault.kind for fault in found} <= {*HEALING}


def test_schedules_shrink_to_few_short_faults() -> None:
    assert smallest(schedules([1]), lambda _: True) == Schedule()
    holding = smallest(schedules([1, 2]), lambda found: any(each.kind == "hold" for each in found))
    (fault,) = holding
    assert (fault.kind, fault.at, fault.peer) == ("hold", 0.0, 1)
    assert fault.lasts <= 0.2


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_of_fault_is_found(kind: str) -> None:
    found = smallest(schedules([1], faults=[kind]), lambda found: len(found) == 1)
    assert [fault.kind for fault in found] == [kind]


def test_a_seed_is_a_small_number() -> None:
    assert smallest(seeds(), lambda _: True) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: values("godot"), "dialect must be a Dialect"),  # type: ignore[arg-type]
        (lambda: values(max_leaves=0), "max_leaves"),
        (lambda: conditions(max_loss=1.0), "loss"),
        (lambda: conditions(max_latency=-1), "latency"),
        (lambda: schedules([]), "needs the number of somebody"),
        (lambda: schedules([1], faults=["flood"]), "faults must be some of partition"),
        (lambda: schedules([1], faults=[]), "faults must be some of partition"),
        (lambda: schedules([1], longest=0), "longest"),
        (lambda: schedules([1], seconds=-1), "seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(MultiplayerError, match=words) as caught:
        make()
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_an_api_without_clients_is_no_matter() -> None:
    session = SimulatedSession(SimulatedNetwork(), 0)
    assert isinstance(session.server, SceneMultiplayer)
    session.close()
