"""Enough workers, in virtual time: who is started, who serves, and who is ended."""

from __future__ import annotations

from multiplayer.rooms.supervision import (
    BEAT_PATIENCE,
    CALM,
    CONTAINED_AFTER,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    START_PATIENCE,
    Gone,
    Kill,
    Order,
    Serve,
    Start,
    State,
    Supervision,
)


def ordered(supervision: Supervision) -> list[Order]:
    orders = [*supervision.orders]
    supervision.orders.clear()
    return orders


def at_work(workers: int = 2, now: float = 0.0, spares: int = 1) -> Supervision:
    """All of them ready at ``now``; the last ones are spares."""
    supervision = Supervision(workers, spares=spares)
    supervision.begin(now)
    for worker in range(1, workers + spares + 1):
        supervision.ready(worker, now)
    ordered(supervision)
    return supervision


def test_all_are_started_at_once_and_serve_when_ready() -> None:
    supervision = Supervision(2)
    supervision.begin(0.0)
    assert ordered(supervision) == [Start(1), Start(2), Start(3)]
    supervision.ready(3, 1.0)
    supervision.ready(1, 1.0)
    supervision.ready(2, 1.0)
    assert ordered(supervision) == [Serve(3), Serve(1)]
    assert supervision.state(2) is State.SPARE
    assert sorted(supervision.serving()) == [1, 3]


def test_a_spare_takes_the_place_of_the_dead_at_once() -> None:
    supervision = at_work()
    supervision.died(1, CALM)
    assert ordered(supervision) == [Gone(1, contained=False), Serve(3), Start(4)]
    supervision.ready(4, CALM + 1)
    assert ordered(supervision) == []
    assert supervision.state(4) is State.SPARE


def test_without_a_spare_the_next_that_is_ready_serves() -> None:
    supervision = at_work(spares=0)
    supervision.died(2, CALM)
    assert ordered(supervision) == [Gone(2, contained=False), Start(3)]
    supervision.ready(3, CALM + 1)
    assert ordered(supervision) == [Serve(3)]


def test_a_spare_that_dies_takes_no_rooms_with_it() -> None:
    supervision = at_work()
    supervision.died(3, CALM)
    assert ordered(supervision) == [Start(4)]


def test_a_worker_that_does_not_beat_is_killed() -> None:
    supervision = at_work()
    for worker in (2, 3):
        supervision.beat(worker, 2.0)
    due = supervision.next_deadline()
    assert due == BEAT_PATIENCE
    supervision.check(due - 0.1)
    assert ordered(supervision) == []
    supervision.check(due)
    kill, start = ordered(supervision)
    assert isinstance(kill, Kill)
    assert kill.worker == 1
    assert "hangs" in kill.why
    assert start == Start(4)
    assert supervision.serving() == [2]
    supervision.died(1, due + 0.01)
    assert ordered(supervision) == [Gone(1, contained=False), Serve(3)]


def test_a_worker_that_does_not_get_ready_is_killed() -> None:
    supervision = Supervision(1, spares=0)
    supervision.begin(0.0)
    ordered(supervision)
    assert supervision.next_deadline() == START_PATIENCE
    supervision.check(START_PATIENCE)
    kill, start = ordered(supervision)
    assert isinstance(kill, Kill)
    assert "not ready" in kill.why
    assert start == Start(2)


def test_who_was_asleep_itself_kills_nobody() -> None:
    supervision = at_work()
    supervision.next_deadline()
    supervision.check(3600.0)
    assert ordered(supervision) == []
    assert supervision.next_deadline() == 3600.0 + BEAT_PATIENCE
    supervision.check(3600.0 + BEAT_PATIENCE)
    assert sum(isinstance(order, Kill) for order in ordered(supervision)) == 3


def test_a_crash_loop_backs_off_up_to_a_bound_and_is_forgotten_when_calm() -> None:
    supervision = Supervision(1, spares=0)
    supervision.begin(0.0)
    now, pauses = 0.0, list[float]()
    for worker in range(1, 12):
        assert ordered(supervision) == [Start(worker)]
        now += 0.1
        supervision.died(worker, now)
        if not supervision.orders:
            due = supervision.next_deadline()
            pauses.append(due - now)
            supervision.check(due - 0.01)
            assert not supervision.orders
            now = due
            supervision.check(now)
        else:
            pauses.append(0.0)
    assert [round(pause, 3) for pause in pauses[:5]] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert FIRST_PAUSE == 0.5
    assert round(max(pauses), 3) == pauses[-1] == LONGEST_PAUSE
    supervision.ready(12, now)
    ordered(supervision)
    supervision.died(12, now + CALM)
    assert supervision.failures == 0
    assert ordered(supervision) == [Gone(12, contained=False), Start(13)]


def test_calm_workers_forget_failures_without_a_death() -> None:
    supervision = at_work()
    supervision.died(1, 1.0)
    supervision.ready(4, 1.5)
    assert supervision.failures == 1
    for worker in (2, 3, 4):
        supervision.beat(worker, 1.5 + CALM)
    supervision.check(1.5 + CALM)
    assert supervision.failures == 0


def test_after_several_failures_the_rooms_wait_for_a_worker_of_their_own() -> None:
    supervision = at_work(3)
    contained = list[bool]()
    now = 1.0
    for _ in range(CONTAINED_AFTER):
        supervision.died(supervision.serving()[0], now)
        for order in ordered(supervision):
            if isinstance(order, Gone):
                contained.append(order.contained)
        now += 0.1
    assert contained == [False, False, True]


def test_who_talks_nonsense_is_killed_once() -> None:
    supervision = at_work()
    supervision.condemn(1, "talks nonsense")
    supervision.condemn(1, "talks nonsense")
    assert ordered(supervision) == [Kill(1, "talks nonsense")]
    supervision.ready(1, 1.0)
    assert supervision.state(1) is State.KILLED


def test_draining_starts_nobody() -> None:
    supervision = at_work()
    supervision.drain()
    for worker in (1, 2, 3):
        assert not supervision.over
        supervision.died(worker, CALM)
    assert ordered(supervision) == []
    assert supervision.over


def test_what_is_said_of_the_dead_is_nothing() -> None:
    supervision = at_work()
    for number in (0, 99):
        supervision.beat(number, 1.0)
        supervision.ready(number, 1.0)
        supervision.died(number, 1.0)
        supervision.condemn(number, "what")
    assert ordered(supervision) == []
