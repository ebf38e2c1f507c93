"""Which worker gets which room: new ones, those of the dead, and those that kill."""

from __future__ import annotations

import random

import pytest

from multiplayer.rooms.placement import UNDERWAY, Facts, PlacedRoom, Placement, Stage
from multiplayer.rooms.supervision import Gone, Serve, Start, Supervision


def with_workers(*workers: int, **limits: int) -> Placement:
    placement = Placement(**limits)
    for worker in workers:
        placement.serve(worker)
    return placement


def opened(placement: Placement, code: str, **facts: int) -> PlacedRoom:
    room = placement.create("duel", code)
    assert room is not None
    assert room.worker is not None
    placement.told(room.worker, Facts("duel", code, **facts))
    placement.kept(room.worker, code, code.encode())
    return room


def test_rooms_go_where_there_is_least() -> None:
    placement = with_workers(1, 2, 3)
    first = opened(placement, "A", players=5)
    others = [opened(placement, code) for code in "BCDE"]
    assert first.worker == 1
    assert sorted(room.worker or 0 for room in others) == [2, 2, 3, 3]


def test_without_a_worker_there_is_no_room() -> None:
    assert with_workers().create("duel", "A") is None


def test_a_room_is_found_by_its_kind_only() -> None:
    placement = with_workers(1)
    room = opened(placement, "A")
    assert placement.find("A") is placement.find("A", "duel") is room
    assert placement.find("A", "race") is None
    assert placement.find("B") is None


def test_limits_of_rooms_in_all_and_per_address() -> None:
    placement = with_workers(1, max_rooms=3, max_rooms_per_address=2)
    for code in "AB":
        assert placement.may_create("10.0.0.1")
        placement.create("duel", code, creator="10.0.0.1")
    assert not placement.may_create("10.0.0.1")
    assert placement.may_create("10.0.0.2")
    placement.create("duel", "C", creator="10.0.0.2")
    assert not placement.may_create("10.0.0.3")
    placement.closed(1, "A")
    assert placement.may_create("10.0.0.1")


def test_any_is_the_fullest_that_has_a_place() -> None:
    placement = with_workers(1)
    opened(placement, "EMPTY", capacity=2)
    half = opened(placement, "HALF", players=1, capacity=2)
    opened(placement, "FULL", players=2, capacity=2)
    for n, hidden in enumerate(({"private": True}, {"locked": True})):
        opened(placement, f"HIDDEN{n}", players=1, capacity=2, **hidden)
    assert placement.any_of("duel", 0.0) is half
    assert placement.any_of("race", 0.0) is None


def test_who_is_underway_has_a_place() -> None:
    placement = with_workers(1)
    room = opened(placement, "A", capacity=2)
    for _ in range(2):
        assert placement.any_of("duel", 0.0) is room
        placement.sent(room, 0.0)
    assert placement.any_of("duel", 0.0) is None
    placement.told(1, Facts("duel", "A", players=1, capacity=2, arrived=1))
    assert room.expected(0.0) == 2
    assert room.expected(UNDERWAY) == 1  # the other one has not come


def test_who_has_come_while_another_left_is_not_underway_any_more() -> None:
    placement = with_workers(1)
    room = opened(placement, "A", players=1, capacity=2, arrived=1)
    placement.sent(room, 0.0)
    placement.told(1, Facts("duel", "A", players=1, capacity=2, arrived=2))
    assert room.expected(0.0) == 1
    placement.lose(1, 0.0)
    placement.serve(2)
    placement.rehouse(0.0)
    placement.told(2, Facts("duel", "A", players=1, capacity=2))  # restored
    placement.sent(room, 0.0)
    placement.told(2, Facts("duel", "A", players=2, capacity=2, arrived=1))
    assert room.expected(0.0) == 2


def test_rooms_of_the_dead_move_to_who_has_least() -> None:
    placement = with_workers(1, 2)
    rooms = [opened(placement, code, players=3) for code in "ABCDEF"]
    assert placement.lose(1, 0.0) == []
    homeless = [room for room in rooms if room.stage is Stage.HOMELESS]
    assert len(homeless) == 3
    assert all(room.facts.players == 0 for room in homeless)
    placement.serve(3)
    moves = placement.rehouse(0.0)
    assert [move.room for move in moves] == homeless
    assert {room.worker for room in homeless} == {3}
    assert not any(move.fresh for move in moves)
    assert placement.rehouse(0.0) == []


def test_without_a_new_worker_the_rooms_are_spread() -> None:
    placement = with_workers(1, 2, 3)
    for n in range(9):
        opened(placement, f"R{n}")
    placement.lose(1, 0.0)
    assert sorted(move.room.worker or 0 for move in placement.rehouse(0.0)) == [2, 2, 3]
    assert placement.rooms.keys() == {f"R{n}" for n in range(9)}


def test_a_room_that_was_never_kept_is_gone() -> None:
    placement = with_workers(1)
    room = placement.create("duel", "A", creator="10.0.0.1")
    assert placement.lose(1, 0.0) == [room]
    assert placement.find("A") is None


def test_contained_rooms_share_a_worker_of_their_own() -> None:
    placement = with_workers(1, 2)
    rooms = [opened(placement, code) for code in "ABCD"]
    placement.lose(1, 0.0, contained=True)
    assert placement.rehouse(0.0) == []
    placement.serve(3)
    assert len(placement.rehouse(0.0)) == 2
    assert sorted(room.worker or 0 for room in rooms) == [2, 2, 3, 3]


def test_a_room_that_kills_while_it_is_restored_opens_fresh_then_not_at_all() -> None:
    placement = with_workers(1)
    room = opened(placement, "A")
    for worker, fresh in ((2, False), (3, True)):
        placement.lose(worker - 1, 0.0)
        placement.serve(worker)
        (move,) = placement.rehouse(0.0)
        assert move.fresh is fresh
        placement.restoring(worker, "A")
    assert placement.lose(3, 0.0) == [room]


def test_rooms_that_wait_behind_the_one_that_kills_are_not_suspected() -> None:
    placement = with_workers(1)
    killer, other = opened(placement, "A"), opened(placement, "B")
    placement.lose(1, 0.0)
    placement.serve(2)
    placement.rehouse(0.0)
    placement.restoring(2, "A")
    placement.lose(2, 0.0)
    placement.serve(3)
    assert placement.rehouse(0.0) == [(killer, True), (other, False)]


def test_a_room_whose_workers_keep_dying_soon_opens_fresh() -> None:
    placement = with_workers(1)
    opened(placement, "A")
    fresh = list[bool]()
    now = 0.0
    for worker in range(2, 9):
        placement.lose(worker - 1, now)
        placement.serve(worker)
        fresh += [move.fresh for move in placement.rehouse(now)]
        placement.told(worker, Facts("duel", "A"))
        now += 1.0 if worker < 7 else 100.0
    assert fresh == [False, False, False, False, True, True, False]


def test_only_its_own_worker_speaks_for_a_room() -> None:
    placement = with_workers(1, 2)
    room = opened(placement, "A")
    assert placement.told(2, Facts("duel", "A", players=9)) is None
    placement.kept(2, "A", b"false")
    placement.closed(2, "A")
    placement.restoring(2, "A")
    assert placement.find("A") is room
    assert (room.facts.players, room.snapshot, room.stage) == (0, b"A", Stage.OPEN)


def test_who_comes_with_a_key_is_known_again_for_as_long_as_the_room_is_there() -> None:
    placement = with_workers(1)
    room, other = opened(placement, "A", capacity=40), opened(placement, "B")
    placement.remember(b"mine", room)
    assert placement.of_key(b"mine") is room
    assert placement.of_key(b"none") is None
    placement.remember(b"mine", other)
    assert placement.of_key(b"mine") is other
    for number in range(200):
        placement.remember(b"%d" % number, room)
    assert len(room.keys) == 80
    assert placement.of_key(b"119") is None
    assert placement.of_key(b"120") is room
    placement.closed(1, "A")
    assert placement.of_key(b"120") is None
    assert placement.of_key(b"mine") is other
    placement.closed(1, "B")
    assert placement._of_keys == {}


def test_a_worker_may_open_rooms_by_itself() -> None:
    placement = with_workers(1)
    room = placement.told(1, Facts("duel", "OWN", players=2))
    assert room is not None
    assert placement.find("OWN") is room
    placement.closed(1, "OWN")
    assert placement.rooms == {}


@pytest.mark.parametrize("seed", range(60))
def test_any_history_of_deaths_keeps_every_room_at_one_live_worker(seed: int) -> None:
    """Workers that die, hang and come up at any time; rooms that make some of them die."""
    chance = random.Random(seed)
    supervision, placement = Supervision(3), Placement()
    now, alive = 0.0, set[int]()
    supervision.begin(now)
    codes = list[str]()
    removed = set[str]()

    def carry_out() -> None:
        while supervision.orders:
            order = supervision.orders.popleft()
            if isinstance(order, Start):
                alive.add(order.worker)
            elif isinstance(order, Serve):
                placement.serve(order.worker)
            elif isinstance(order, Gone):
                gone = placement.lose(order.worker, now, contained=order.contained)
                removed.update(room.facts.code for room in gone)
            else:
                alive.discard(order.worker)
                supervision.died(order.worker, now)
        for move in placement.rehouse(now):
            assert move.room.worker in supervision.serving()

    carry_out()
    for _ in range(300):
        now += chance.choice((0.01, 0.3, 2.0, 20.0))
        what = chance.random()
        for worker in sorted(alive):
            if chance.random() < 0.97:
                supervision.beat(worker, now)
            if chance.random() < 0.5:
                supervision.ready(worker, now)
        if what < 0.2 and alive:
            worker = chance.choice(sorted(alive))
            alive.discard(worker)
            supervision.died(worker, now)
        elif what < 0.5:
            code = f"R{len(codes)}"
            if placement.create("duel", code) is not None:
                codes.append(code)
        for room in [*placement.rooms.values()]:
            if room.worker is not None and room.stage is not Stage.OPEN:
                if chance.random() < 0.5:
                    placement.restoring(room.worker, room.facts.code)
                if chance.random() < 0.5:
                    placement.told(room.worker, Facts("duel", room.facts.code))
                    placement.kept(room.worker, room.facts.code, b"kept")
        if supervision.next_deadline() <= now:
            supervision.check(now)
        carry_out()
        assert len(supervision.serving()) <= 3
        for room in placement.rooms.values():
            assert (room.worker is None) == (room.stage is Stage.HOMELESS)
            assert room.worker is None or room.worker in supervision.serving()
        assert set(placement.rooms) | removed == set(codes)
    for _ in range(20):  # left in peace, all of them come up
        now = max(now + 1.0, min(supervision.next_deadline(), now + 40.0))
        for worker in sorted(alive):
            supervision.beat(worker, now)
            supervision.ready(worker, now)
        supervision.check(now)
        carry_out()
    assert len(supervision.serving()) == 3
    assert not any(room.stage is Stage.HOMELESS for room in placement.rooms.values())


def test_what_is_noted_of_a_room_for_any_number_is_forgotten_in_time() -> None:
    placement = with_workers(1)
    room = opened(placement, "A", capacity=0)
    for second in range(100):
        placement.sent(room, second)  # who comes back to a seat is no more player than before
        room.reserve(f"token {second}", second, 2.0)
    assert len(room.underway) <= UNDERWAY
    assert [*room.reserved] == ["token 98", "token 99"]
    assert room.keeps("token 99", 100.0)
    assert not room.keeps("token 99", 101.0)
    assert not room.keeps("", 99.0)
