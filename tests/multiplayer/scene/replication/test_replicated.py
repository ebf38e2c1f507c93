"""``replicated()``: what may be declared, and what the properties do by themselves."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from multiplayer import (
    Error,
    MultiplayerError,
    Node,
    TypedArray,
    TypedDictionary,
    VariantType,
    Vector2,
)
from multiplayer.scene.methods.argument_types import property_check
from multiplayer.scene.methods.replicated_property import (
    Replicated,
    marks_of,
    replicated,
    replicated_properties,
)
from multiplayer.scene.methods.type_checks import WrongTypeError


class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


class Player(Node):
    position = replicated(Vector2(0, 0))
    health = replicated(100, mode="on_change")
    bag = replicated(default_factory=list[str], mode="on_change")
    secret = replicated("", mode="never", spawn=False)


class Wizard(Player):
    mana = replicated(10)
    health = replicated(50, mode="always")
    secret = None  # type: ignore[assignment]


class Ball:
    speed: Replicated[float] = replicated(0.0)
    mood = replicated(Mood.CALM)
    names: Replicated[list[str]] = replicated(default_factory=list)
    anything = replicated(None)
    lost: Replicated[Nowhere] = replicated(None)  # type: ignore[name-defined] # noqa: F821


def test_defaults_are_godots() -> None:
    position = Player.position
    assert (position.name, position.mode, position.spawn) == ("position", "always", True)
    assert (Player.secret.mode, Player.secret.spawn) == ("never", False)


def test_each_object_has_values_of_its_own() -> None:
    one, other = Player("One"), Player("Other")
    one.health -= 30
    one.bag.append("rope")
    assert (one.health, other.health) == (70, 100)
    assert (one.bag, other.bag) == (["rope"], [])
    assert one.bag is one.bag


def test_properties_are_in_order_and_can_be_overridden() -> None:
    assert list(replicated_properties(Player)) == ["position", "health", "bag", "secret"]
    assert list(replicated_properties(Wizard)) == ["position", "health", "bag", "mana"]
    assert replicated_properties(Wizard)["health"].mode == "always"
    assert Wizard("W").health == 50
    assert not replicated_properties(Node)


@pytest.mark.parametrize(
    "default",
    [
        [],
        {},
        bytearray(),
        memoryview(b""),
        TypedArray(VariantType.INT),
        TypedDictionary(VariantType.INT, VariantType.INT),
        ([],),
    ],
)
def test_a_default_that_can_change_is_refused(default: object) -> None:
    with pytest.raises(MultiplayerError, match="default_factory=") as caught:
        replicated(default)
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


@pytest.mark.parametrize("default", [object(), {1}, Node, 1j])
def test_a_default_that_cannot_be_sent_is_refused(default: object) -> None:
    with pytest.raises(MultiplayerError, match=r"values\.md") as caught:
        replicated(default)
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


@pytest.mark.parametrize(
    "call",
    [
        replicated,
        lambda: replicated(1, default_factory=int),
        lambda: replicated(default_factory=5),
        lambda: replicated(1, mode="sometimes"),
        lambda: replicated(1, mode=1),
    ],
)
def test_misuse_is_refused_in_a_sentence(call: Any) -> None:
    with pytest.raises(MultiplayerError) as caught:
        call()
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_defaults_that_cannot_change_are_fine() -> None:
    for default in (None, True, 5, 0.5, "a", b"a", Vector2(1, 2), (1, ("a", None)), Mood.CALM):
        assert replicated(default)


def test_setting_marks_a_change() -> None:
    player, seen = Player(), list[str]()

    def mark() -> None:
        seen.append(f"health {player.health}")

    marks_of(player).add("health", mark)
    player.health = 5
    player.position = Vector2(1, 2)
    player.health = 5
    marks_of(player).remove("health", mark)
    player.health = 7
    assert seen == ["health 5", "health 5"]


@pytest.mark.parametrize(
    "way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
@pytest.mark.parametrize("make", [lambda: Player("P"), Ball], ids=["node", "object"])
def test_a_copy_has_the_values_and_marks_of_its_own(way: Any, make: Any) -> None:
    one, seen = make(), list[int]()
    name, value = ("health", 5) if isinstance(one, Node) else ("speed", 0.5)
    setattr(one, name, value)
    marks_of(one).add(name, lambda: seen.append(1))
    if way.__name__ == "<lambda>":
        marks_of(one).remove(name, marks_of(one).of(name)[0])
    other = way(one)
    assert getattr(other, name) == value
    if way is not copy.copy:
        setattr(other, name, value)
        assert not seen


def test_a_property_cannot_be_deleted() -> None:
    player = Player()
    with pytest.raises(AttributeError, match="only set"):
        del player.health


@pytest.mark.parametrize(
    ("declared", "fits", "does_not"),
    [
        (Player.health, 5, 5.0),
        (Player.position, Vector2(1, 2), [1, 2]),
        (Player.bag, ["a"], {"a": 1}),
        (Ball.speed, 1.5, "fast"),
        (Ball.names, ["a"], [1]),
        (Ball.mood, "wild", "angry"),
    ],
)
def test_the_type_follows_from_the_annotation_or_the_default(
    declared: Any, fits: object, does_not: object
) -> None:
    check = property_check(declared)
    check.fit(fits)
    with pytest.raises(WrongTypeError):
        check.fit(does_not)


def test_a_default_of_none_takes_anything_and_enums_become_members() -> None:
    assert property_check(Ball.anything).fit({"a": 1}) == {"a": 1}
    assert property_check(Ball.mood).fit("wild") is Mood.WILD


def test_an_annotation_that_cannot_be_checked_says_so() -> None:
    with pytest.raises(MultiplayerError, match=r"replicated property 'lost'.*Nowhere") as caught:
        property_check(Ball.lost)
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


def test_a_dataclass_has_the_defaults() -> None:
    @dataclass
    class Tank:
        name: str
        armour: Replicated[int] = replicated(100)  # noqa: RUF009
        crew: Replicated[list[str]] = replicated(default_factory=list)  # noqa: RUF009

    tank, other, third = Tank("A"), Tank("B"), Tank("C", 5)  # type: ignore[arg-type]
    assert (tank.armour, tank.crew, third.armour) == (100, [], 5)
    tank.crew.append("Ada")
    assert other.crew == []
    assert list(replicated_properties(Tank)) == ["armour", "crew"]
