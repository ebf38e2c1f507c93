"""``validate=True`` for what peers answer, and for the properties that they set."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    GODOT_3,
    Error,
    MultiplayerError,
    Node,
    Reason,
    RemoteError,
    RsetProperty,
    SceneMultiplayer,
    Vector2,
    rpc,
    rset,
)

from .gathering import PATH, Gathering

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from multiplayer import PendingCall


class Side(Enum):
    LEFT = "left"
    RIGHT = "right"


def answering(annotation: object, answer: object = None) -> Callable[[], Any]:
    """A class with a method that returns ``answer``, whatever its annotation says."""

    def look(self: object) -> object:
        del self
        return answer

    look.__annotations__["return"] = annotation
    return type("Game", (), {"look": rpc("any_peer")(look)})


def asked(annotation: object, answer: object, **options: Any) -> tuple[Gathering[Any], Any]:
    """A client that has asked for ``look``, which is annotated on its side only."""
    gathering = Gathering(answering(Any, answer), answering(annotation))
    for name, value in options.items():
        setattr(gathering.apis[2], name, value)
    call: PendingCall[Any] = gathering.games[2].look.call_id(1)
    gathering.settle()
    assert call.done
    return gathering, call


FITS: list[tuple[object, object, object]] = [
    (int, 3, 3),
    (float, 3, 3),
    (str | None, None, None),
    (None, None, None),
    (list[int], [1, 2], [1, 2]),
    (Vector2, Vector2(1, 2), Vector2(1, 2)),
    (Side, "left", Side.LEFT),
    (Any, {"a": [1]}, {"a": [1]}),
]


@pytest.mark.parametrize(("annotation", "answer", "result"), FITS, ids=str)
def test_an_answer_that_fits_arrives(annotation: object, answer: object, result: object) -> None:
    gathering, call = asked(annotation, answer, validate=True)
    assert call.result() == result
    assert type(call.result()) is type(result)
    assert gathering.rejected[2] == []


WRONG: list[tuple[object, object, str]] = [
    (int, "3", "int, not str"),
    (int, True, "int, not bool"),
    (int, None, "int, not NoneType"),
    (None, 3, "None, not int"),
    (list[int], [1, "2"], "list[int], not list of int, str"),
    (Side, "up", "Side, not str"),
]


@pytest.mark.parametrize(("annotation", "answer", "told"), WRONG, ids=str)
def test_a_wrong_answer_is_a_failure_and_never_a_value(
    annotation: object, answer: object, told: str
) -> None:
    gathering, call = asked(annotation, answer, validate=True)
    detail = f"{PATH}: look(): the answer must be {told}"
    with pytest.raises(RemoteError) as caught:
        call.result()
    assert (caught.value.kind, caught.value.text) == (Reason.WRONG_TYPE, detail)
    assert gathering.rejected[2] == [(1, Reason.WRONG_TYPE, detail)]
    assert gathering.apis[2].statistics.rejected == {Reason.WRONG_TYPE: 1}
    assert call._value is None
    # It is over: a second answer to it is one too many.
    api = gathering.apis[1]
    api._session.transport.answer(2, api._session.transport.wire.response(1, 3))
    gathering.settle()
    assert gathering.reasons(2) == [Reason.WRONG_TYPE, Reason.UNEXPECTED_ANSWER]


def test_it_is_the_side_that_asks_that_decides() -> None:
    gathering, call = asked(int, "three", validate=False)
    assert call.result() == "three"
    gathering = Gathering(answering(int, "three"), answering(str), validate=True)
    call = gathering.games[2].look.call_id(1)
    gathering.settle()
    assert call.result() == "three"
    assert gathering.rejected == {1: [], 2: []}


def test_listeners_of_the_rejection_cannot_keep_the_question_open() -> None:
    gathering = Gathering(answering(Any, "x"), answering(int), validate=True)

    def stumble(*what: object) -> None:
        raise ZeroDivisionError(what)

    gathering.apis[2].invalid_packet.connect(stumble)
    call: PendingCall[Any] = gathering.games[2].look.call_id(1)
    with suppress(ZeroDivisionError):
        gathering.settle()
    assert call.done


def test_what_cannot_be_checked_cannot_be_asked_for() -> None:
    gathering = Gathering(answering(Any), answering(tuple[int, int]), validate=True)
    call_id = gathering.games[2].look.call_id
    with pytest.raises(
        MultiplayerError, match=r"the answer: tuple\[int, int\] is not a type"
    ) as caught:
        call_id(1)
    assert caught.value.code == Error.ERR_INVALID_DECLARATION
    gathering.games[2].look.rpc_id(1)  # whose answer nobody wants
    gathering.apis[2].validate = False
    pending: PendingCall[Any] = call_id(1)
    gathering.apis[2].validate = True  # with a question open
    gathering.settle()
    with pytest.raises(RemoteError) as refused:
        pending.result()
    assert refused.value.kind == Reason.UNCHECKABLE


# ---------------------------------------------------------------- properties


class Hero:
    lives = rset("any_peer", default=3)
    speed: RsetProperty[float] = rset("any_peer", default=1)
    facing = rset("any_peer", default=Side.LEFT)
    place: RsetProperty[Vector2 | None] = rset("any_peer", default=None)
    anything = rset("any_peer", default=None)
    friends: RsetProperty[list[str]] = rset("any_peer")
    wages: Decimal  # what peers do not set needs no type that can be resolved


class Braver(Hero):
    """Inherits what can be set."""


def set_by_peer(name: str, value: object, **options: Any) -> tuple[Gathering[Any], object]:
    """What a client's assignment has made of a property of the server's."""
    gathering = Gathering(Braver, Braver, dialect=GODOT_3, **options)
    gathering.apis[2].rset(1, gathering.games[2], name, value)
    gathering.settle()
    return gathering, getattr(gathering.games[1], name)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("lives", 5, 5),
        ("speed", 2.5, 2.5),
        ("speed", 2, 2),
        ("facing", "right", Side.RIGHT),
        ("place", Vector2(1, 2), Vector2(1, 2)),
        ("place", None, None),
        ("anything", "x", "x"),
        ("friends", ["Ada"], ["Ada"]),
    ],
)
def test_a_value_that_fits_is_set(name: str, value: object, result: object) -> None:
    gathering, got = set_by_peer(name, value, validate=True)
    assert (got, type(got)) == (result, type(result))
    assert gathering.rejected[1] == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("lives", "five", "int, not str"),
        ("lives", 2.5, "int, not float"),
        ("speed", "fast", "float, not str"),
        ("facing", "up", "Side, not str"),
        ("place", [1, 2], "multiplayer.variant.vectors.Vector2 | None, not list of int"),
        ("friends", ["Ada", 3], "list[str], not list of int, str"),
    ],
)
def test_another_value_is_not_set(name: str, value: object, told: str) -> None:
    before: object = getattr(Braver(), name)
    gathering, got = set_by_peer(name, value, validate=True)
    assert got is before
    detail = f"{PATH}: {name}: the value must be {told}"
    assert gathering.rejected[1] == [(2, Reason.WRONG_TYPE, detail)]
    assert gathering.apis[1].statistics.calls_received == 0
    _, unchecked = set_by_peer(name, value)
    assert unchecked == value


def test_a_property_that_cannot_be_checked_is_an_error_beforehand() -> None:
    class Odd(Node):
        odd: RsetProperty[set[int]] = rset("puppet")

    class Unknown(Node):
        unknown: RsetProperty[Decimal] = rset("puppet")

    class OddDefault(Node):
        pair = rset("puppet", default=(1, 2))

    for make, told in ((Odd, "set"), (Unknown, "Decimal"), (OddDefault, "tuple")):
        root = make("root")
        with pytest.raises(MultiplayerError, match=told) as caught:
            SceneMultiplayer(root, GODOT_3, validate=True)
        assert caught.value.code == Error.ERR_INVALID_DECLARATION
        SceneMultiplayer(root, GODOT_3)
