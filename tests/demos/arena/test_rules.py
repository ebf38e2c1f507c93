"""The rules of the arena, without a network."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demos.arena import ground, rules
from demos.arena.ground import HEIGHT, STARTS, WALLS, WIDTH, is_free, sees
from demos.arena.movement import RADIUS, SPEED, TICK_HZ, Body, Input, from_wire, step, to_wire
from demos.arena.rules import (
    FULL_HEALTH,
    OVER,
    PLAYING,
    RELOAD_TICKS,
    RESPAWN_TICKS,
    SHOT_TICKS,
    WAITING,
    Event,
    Game,
    Hit,
    RoundBegan,
    RoundOver,
    Settings,
)
from multiplayer import Vector2

INPUTS = st.builds(
    Input,
    st.integers(-1, 1),
    st.integers(-1, 1),
    st.floats(-math.pi, math.pi, allow_nan=False),
    st.booleans(),
)


def playing(*ids: int, **rules: int) -> Game:
    """A game whose round has begun, with players at their places."""
    game = Game(Settings(**rules))
    for id_ in ids:
        game.add(id_).ready = True
    assert RoundBegan(1) in game.advance({})
    return game


def face(game: Game, one: int = 2, other: int = 3) -> Input:
    """Put two players beside each other, and return the input with which the first fires."""
    game.fighters[one].body = Body(Vector2(20, 16))
    game.fighters[other].body = Body(Vector2(23, 16))
    return Input(0, 0, 0.0, True)


def fire_until(game: Game, trigger: Input, shooter: int = 2, ticks: int = 200) -> list[Event]:
    """Fire until somebody dies; return what happened."""
    events: list[Event] = []
    for _ in range(ticks):
        events += game.advance({shooter: trigger})
        if any(isinstance(event, Hit) and event.fatal for event in events):
            return events
    raise AssertionError("nobody has died")


@given(st.lists(INPUTS, max_size=200), st.sampled_from(STARTS))
def test_nobody_gets_into_a_wall_or_out(inputs: list[Input], start: Vector2) -> None:
    body = Body(start)
    for each in inputs:
        before, body = body, step(body, each)
        assert is_free(body.position, RADIUS)
        assert all((part * 256).is_integer() for part in body.position.components)
        assert (body.position - before.position).length() <= SPEED / TICK_HZ + 1 / 256


def test_all_directions_are_as_fast() -> None:
    straight = step(Body(Vector2(8, 16)), Input(1, 0)).position
    aslant = step(Body(Vector2(8, 16)), Input(1, 1)).position
    assert (straight - Vector2(8, 16)).length() == pytest.approx(SPEED / TICK_HZ, abs=1 / 256)
    assert (aslant - Vector2(8, 16)).length() == pytest.approx(SPEED / TICK_HZ, abs=1 / 256)


def test_a_wall_stops_one_axis_alone() -> None:
    wall = WALLS[0]
    at = Vector2(wall.left - RADIUS - 0.01, (wall.top + wall.bottom) / 2)
    slid = step(Body(at), Input(1, 1)).position
    assert slid.x == at.x
    assert slid.y > at.y


def test_the_dead_do_not_move() -> None:
    dead = Body(Vector2(8, 16), alive=False)
    assert step(dead, Input(1, 1)) is dead


@given(INPUTS)
def test_an_input_comes_through_the_wire(given_: Input) -> None:
    assert from_wire(*to_wire(given_)) == given_


@pytest.mark.parametrize(
    ("bits", "aim"),
    [
        (32, 0.0),
        (-1, 0.0),
        (True, 0.0),
        ("1", 0.0),
        (1, "0"),
        (1, math.nan),
        (1, math.inf),
        (1, None),
    ],
)
def test_what_is_none_is_refused(bits: object, aim: object) -> None:
    assert from_wire(bits, aim) is None


def test_places_to_appear_are_free() -> None:
    assert all(is_free(start, RADIUS) for start in STARTS)
    assert not is_free(Vector2(WIDTH, HEIGHT), RADIUS)
    assert not sees(Vector2(10, 9), Vector2(20, 9))
    assert sees(Vector2(10, 16), Vector2(20, 16))


def test_a_game_begins_when_all_are_ready() -> None:
    game = Game()
    game.add(2).ready = True
    assert game.advance({}) == []
    assert game.phase == WAITING
    third = game.add(3)
    assert game.advance({}) == []
    third.ready = True
    assert game.advance({}) == [RoundBegan(1)]
    assert game.phase == PLAYING


def test_one_who_is_never_ready_keeps_nobody_from_playing_for_long() -> None:
    game = playing(2, 3, round_ticks=10, pause_ticks=5, wait_ticks=20)
    game.add(4)
    rounds: list[int] = []
    for _ in range(200):
        rounds += [each.number for each in game.advance({}) if isinstance(each, RoundBegan)]
    assert rounds == [2, 3, 4, 5, 6]
    game = Game(Settings(wait_ticks=20))
    game.add(2).ready = True
    game.add(3)
    for _ in range(100):  # not enough are
        assert game.advance({}) == []
    game.add(4).ready = True
    game.advance({})
    assert (game.phase, game.ends_at) == (WAITING, game.tick + 20)
    game.fighters[4].ready = False
    game.advance({})
    assert game.ends_at == 0
    game.fighters[4].ready = True
    game.advance({})
    game.fighters[3].ready = True  # nobody is waited for any more
    assert game.advance({}) == [RoundBegan(1)]


def test_nobody_fires_before_it_has_begun() -> None:
    game = Game()
    game.add(2)
    game.advance({2: Input(fire=True)})
    assert not game.shots


def test_players_appear_far_from_each_other() -> None:
    game = playing(2, 3, 4, 5)
    places = [each.body.position for each in game.fighters.values()]
    assert len({*places}) == 4
    assert all(is_free(place, RADIUS) for place in places)


def test_a_shot_hits_and_the_third_kills() -> None:
    game = playing(2, 3)
    events = fire_until(game, face(game))
    hits = [event for event in events if isinstance(event, Hit)]
    assert [hit.fatal for hit in hits] == [False] * (FULL_HEALTH - 1) + [True]
    assert {(hit.shooter, hit.victim) for hit in hits} == {(2, 3)}
    assert game.fighters[2].score == 1
    victim = game.fighters[3]
    assert not victim.body.alive
    for _ in range(RESPAWN_TICKS):
        assert not victim.body.alive
        game.advance({})
    assert victim.body.alive
    assert (victim.health, victim.lives) == (FULL_HEALTH, 3)


def test_a_weapon_has_to_be_reloaded() -> None:
    game = playing(2, 3)
    numbers: set[int] = set()
    for _ in range(RELOAD_TICKS * 3):
        game.advance({2: Input(aim=math.pi / 2, fire=True)})
        numbers |= {*game.shots}
    assert numbers == {1, 2, 3}


def test_a_shot_ends_at_a_wall_and_in_time() -> None:
    game = playing(2, 3)
    game.fighters[2].body = Body(Vector2(WALLS[0].left - 3, 9))
    game.fighters[3].body = Body(Vector2(WALLS[0].right + 3, 9))
    game.advance({2: Input(aim=0.0, fire=True)})
    assert [shot.owner for shot in game.shots.values()] == [2]
    for _ in range(SHOT_TICKS):
        assert game.advance({}) == []
    assert not game.shots


def test_enough_points_win_a_round_and_the_next_begins() -> None:
    game = playing(2, 3, points=2)
    events: list[Event] = []
    for _ in range(2):
        while not game.fighters[3].body.alive:
            game.advance({})
        events = fire_until(game, face(game))
    assert events[-1] == RoundOver(1, 2, {2: 2, 3: 0})
    assert game.phase == OVER
    assert not game.shots
    later: list[Event] = []
    for _ in range(game.settings.pause_ticks):
        later += game.advance({})
    assert later == [RoundBegan(2)]
    assert {each.score for each in game.fighters.values()} == {0}


def test_time_ends_a_round_without_a_winner() -> None:
    game = playing(2, 3, round_ticks=10)
    events = [event for _ in range(10) for event in game.advance({})]
    assert events == [RoundOver(1, 0, {2: 0, 3: 0})]


def test_a_round_ends_when_one_is_left() -> None:
    game = playing(2, 3)
    game.remove(3)
    assert game.advance({}) == [RoundOver(1, 2, {2: 0})]
    assert [event for _ in range(1000) for event in game.advance({})] == []
    assert game.phase == WAITING


def test_the_shot_of_one_who_has_left_still_hits() -> None:
    game = playing(2, 3, 4)
    game.advance({2: face(game)})
    game.remove(2)
    events = [event for _ in range(10) for event in game.advance({})]
    assert [event[:3] for event in events if isinstance(event, Hit)] == [(2, 3, False)]


def random_game(seed: int) -> Game:
    chance = random.Random(seed)
    game = playing(2, 3, 4, points=3)
    for _ in range(600):
        game.advance(
            {
                id_: Input(
                    chance.randint(-1, 1),
                    chance.randint(-1, 1),
                    chance.uniform(-3, 3),
                    chance.random() < 0.5,
                )
                for id_ in game.fighters
                if chance.random() < 0.9
            }
        )
        for fighter in game.fighters.values():
            assert 0 <= fighter.health <= FULL_HEALTH
            assert fighter.body.alive == (fighter.health > 0)
            assert is_free(fighter.body.position, RADIUS)
    return game


@given(st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_the_same_inputs_give_the_same_game(seed: int) -> None:
    assert random_game(seed) == random_game(seed)


def test_the_rules_know_no_network() -> None:
    for module in (rules, ground):
        assert not {"peers", "trio", "time", "random"} & {*vars(module)}
