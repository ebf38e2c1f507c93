"""Methods with ``@rpc``: plain calls, arguments, bodies, kinds of classes."""

from __future__ import annotations

import gc
import inspect
import pydoc
from typing import Any

import pytest

from multiplayer import NATIVE, BoundRpc, Error, MultiplayerError, Node, SceneMultiplayer, rpc

from .worlds import A, Kind, World, error_of


class Subject:
    """Methods of all shapes; those that run note their arguments."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    @rpc("any_peer", "call_local")
    def three(self, a: int, b: int = 2, c: int = 3) -> tuple[int, int, int]:
        """Return all three."""
        self.log.append((a, b, c))
        return a, b, c

    @rpc("any_peer", "call_local")
    def many(self, a: int, *rest: int) -> int:
        self.log.append((a, *rest))
        return a + sum(rest)

    @rpc("any_peer", "call_local")
    def by_keyword(self, a: int, *, loud: bool = False, **more: int) -> str:
        self.log.append((a, loud))
        return f"{a} {loud} {more}"

    @rpc("any_peer", "call_local")
    def positional(self, a: int, /, b: int = 2) -> int:
        self.log.append((a, b))
        return a

    @rpc("any_peer", "call_local")
    def all_in_one(*args: Any) -> None:
        args[0].log.append(args[1:])


@pytest.fixture
def subject() -> Any:
    api, made = SceneMultiplayer(), Subject()
    api.add("Subject", made)
    made.api = api  # type: ignore[attr-defined]
    return made


def test_a_plain_call_stays_a_plain_call() -> None:
    plain = Subject()  # belongs to no API
    assert plain.three(1) == (1, 2, 3)
    assert plain.three(1, c=5) == (1, 2, 5)
    assert plain.three(c=1, a=2, b=3) == (2, 3, 1)
    assert plain.many(1, 2, 3) == 6
    assert plain.by_keyword(1, loud=True, x=2) == "1 True {'x': 2}"
    with pytest.raises(TypeError):
        plain.three()  # type: ignore[call-arg]


def test_a_call_through_the_class_is_one_too() -> None:
    assert Subject.three(Subject(), 1, c=9) == (1, 2, 9)


def test_it_keeps_its_documentation_and_says_what_it_is() -> None:
    assert Subject.three.__doc__ == "Return all three."
    assert "Subject.three" in repr(Subject.three)
    assert "three" in repr(Subject().three)


def test_bound_methods_of_one_object_are_equal() -> None:
    one, other = Subject(), Subject()
    assert one.three == one.three
    assert hash(one.three) == hash(one.three)
    assert one.three != other.three
    assert one.three != one.many
    assert one.three != 3


@pytest.mark.parametrize(
    ("args", "kwargs", "taken"),
    [
        ((1,), {}, (1, 2, 3)),
        ((1, 5, 6), {}, (1, 5, 6)),
        ((), {"a": 1}, (1, 2, 3)),
        ((1,), {"b": 7}, (1, 7, 3)),
        ((1,), {"c": 7}, (1, 2, 7)),
        ((), {"c": 3, "b": 2, "a": 1}, (1, 2, 3)),
    ],
)
def test_keywords_travel_by_position(
    subject: Any, args: tuple[int, ...], kwargs: dict[str, int], taken: tuple[int, ...]
) -> None:
    subject.three.rpc(*args, **kwargs)
    subject.three.rpc_id(1, *args, **kwargs)
    assert subject.log == [taken, taken]


def test_defaults_that_are_not_needed_are_not_sent() -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    world.game(A).any_two.rpc(1)
    world.settle()
    sent = world.network.log[-1].payload
    assert b"default" not in sent
    assert world.took()[0].args == (1, "default")


def test_any_number_of_arguments(subject: Any) -> None:
    subject.many.rpc(1)
    subject.many.rpc(1, 2, 3)
    subject.all_in_one.rpc()
    subject.all_in_one.rpc(1, 2)
    assert subject.log == [(1,), (1, 2, 3), (), (1, 2)]
    subject.log.clear()
    subject.many.rpc(*range(255))
    assert subject.log == [tuple(range(255))]
    error = error_of(subject.many.rpc, *range(256))
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "1 to 255 arguments, not 256" in error.message


def test_keyword_only_arguments_stay_at_home(subject: Any) -> None:
    subject.by_keyword.rpc(1)
    assert subject.log == [(1, False)]
    for name, kwargs in (("loud", {"loud": True}), ("extra", {"extra": 1})):
        error = error_of(lambda kwargs=kwargs: subject.by_keyword.rpc(1, **kwargs))
        assert error.code == Error.ERR_INVALID_PARAMETER
        assert name in error.message
    assert subject.log == [(1, False)]


def test_arguments_that_do_not_fit_are_a_type_error(subject: Any) -> None:
    for call in (
        subject.three.rpc,
        lambda: subject.three.rpc(1, 2, 3, 4),
        lambda: subject.three.rpc(1, d=4),
        lambda: subject.three.rpc(1, a=1),
        lambda: subject.positional.rpc(a=1),
    ):
        with pytest.raises(TypeError):
            call()
    assert not subject.log


def test_rpc_needs_an_api() -> None:
    error = error_of(Subject().three.rpc, 1)
    assert error.code == Error.ERR_UNCONFIGURED
    assert "api.add" in error.message


# ------------------------------------------------------------------ bodies


class Declared:
    @rpc("any_peer", "call_local")
    def dots(self) -> None: ...

    @rpc("any_peer", "call_local")
    def documented(self, x: int) -> None:
        """It exists elsewhere."""

    @rpc("any_peer", "call_local")
    def both(self) -> None:
        """It exists elsewhere."""

    @rpc("any_peer", "call_local")
    async def later(self) -> None: ...

    @rpc("any_peer", "call_local")
    async def documented_later(self) -> None:
        """It exists elsewhere."""


class WithBodies:
    @rpc("any_peer", "call_local")
    def passes(self) -> None:
        pass

    @rpc("any_peer", "call_local")
    def returns(self) -> None:
        return

    @rpc("any_peer", "call_local")
    def returns_none(self) -> None:
        """With documentation."""
        return None  # noqa: RET501

    @rpc("any_peer", "call_local")
    def passes_after_words(self) -> None:
        """Documentation.

        At the very left.
        """
        pass  # noqa: PIE790

    @rpc("any_peer", "call_local")
    def returns_something(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("name", "args"),
    [("dots", ()), ("documented", (1,)), ("both", ()), ("later", ()), ("documented_later", ())],
)
def test_a_method_without_a_body_cannot_be_called_here(name: str, args: tuple[Any, ...]) -> None:
    api, made = SceneMultiplayer(), Declared()
    api.spawn = lambda *_: pytest.fail("it ran")
    api.add("Declared", made)
    for call in (getattr(made, name), getattr(Declared, name).__get__(made, Declared)):
        error = error_of(call, *args)
        assert error.code == Error.ERR_UNAVAILABLE
        assert f"{name}.rpc()" in error.message
    assert error_of(getattr(Declared, name), made, *args).code == Error.ERR_UNAVAILABLE
    assert error_of(getattr(made, name).rpc, *args).code == Error.ERR_UNAVAILABLE


@pytest.mark.parametrize(
    "name", ["passes", "returns", "returns_none", "passes_after_words", "returns_something"]
)
def test_a_body_that_does_nothing_is_one(name: str) -> None:
    api, made = SceneMultiplayer(), WithBodies()
    api.add("WithBodies", made)
    assert getattr(made, name)() == (3 if name == "returns_something" else None)
    getattr(made, name).rpc()


# ------------------------------------------------------------------ kinds of classes


class Slotted:
    __slots__ = ("log",)

    def __init__(self) -> None:
        self.log: list[int] = []

    @rpc("any_peer", "call_local")
    def take(self, x: int) -> None:
        self.log.append(x)


def test_a_class_with_slots_alone() -> None:
    api, made = SceneMultiplayer(), Slotted()
    api.add("Slotted", made)
    made.take.rpc(4)
    assert made.log == [4]
    api.remove("Slotted")
    assert error_of(made.take.rpc, 4).code == Error.ERR_UNCONFIGURED


class Equal:
    """All are equal, and none can be hashed."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.count = 0

    def __eq__(self, other: object) -> bool:
        return True

    @rpc("any_peer", "call_local")
    def hit(self) -> None:
        self.count += 1


def test_objects_are_told_apart_by_identity() -> None:
    api = SceneMultiplayer()
    objects = [Equal(), Equal()]
    for number, made in enumerate(objects):
        api.add(f"Equal{number}", made)
    objects[1].hit.rpc()
    assert [made.count for made in objects] == [0, 1]


def test_an_object_that_was_removed_is_not_kept() -> None:
    api = SceneMultiplayer()
    for _ in range(50):  # ids of dead objects are used again
        api.add("Slotted", made := Slotted())
        api.remove("Slotted")
        other = Slotted()
        assert error_of(other.take.rpc, 1).code == Error.ERR_UNCONFIGURED
        del made, other
        gc.collect(0)


def test_an_object_has_one_place() -> None:
    api, other, made = SceneMultiplayer(), SceneMultiplayer(), Slotted()
    api.add("One", made)
    assert error_of(api.add, "Two", made).code == Error.ERR_ALREADY_IN_USE
    assert error_of(other.add, "One", made).code == Error.ERR_ALREADY_IN_USE
    assert error_of(api.add, "One", Slotted()).code == Error.ERR_ALREADY_EXISTS
    api.remove("One")
    other.add("One", made)
    assert error_of(api.remove, "One").code == Error.ERR_DOES_NOT_EXIST
    assert error_of(api.set_multiplayer_authority, made, 2).code == Error.ERR_DOES_NOT_EXIST
    assert error_of(api.rpc, 0, made, "take", [1]).code == Error.ERR_UNCONFIGURED


@pytest.mark.parametrize("path", ["", "/root/A", "..", "A/../B", "A//B", "A/", "A:b", "./A"])
def test_paths_that_objects_cannot_have(path: str) -> None:
    assert error_of(SceneMultiplayer().add, path, Slotted()).code == Error.ERR_INVALID_PARAMETER


@pytest.mark.parametrize("thing", [object(), 3, Node("N"), "text"])
def test_what_cannot_be_added(thing: object) -> None:
    assert error_of(SceneMultiplayer().add, "A", thing).code == Error.ERR_INVALID_PARAMETER


def test_a_bound_rpc_tells_of_itself_as_a_method_does() -> None:
    class Door:
        @rpc
        def open(self, width: float, *, slowly: bool = False) -> str:
            """Open the door."""
            return f"{width} {slowly}"

        def plain(self, width: float, *, slowly: bool = False) -> str: ...

        @rpc
        def close(self) -> None: ...

    door = Door()
    assert door.open.__self__ is door
    assert (door.open.__name__, door.open.__doc__) == ("open", "Open the door.")
    assert inspect.signature(door.open) == inspect.signature(door.plain)
    assert inspect.signature(Door.open) == inspect.signature(Door.plain)
    assert door.open.__wrapped__(2, slowly=True) == "2 True"  # type: ignore[attr-defined]
    assert "Open the door." in pydoc.plain(pydoc.render_doc(door.open))
    assert door.close.__doc__ is None
    assert BoundRpc.__doc__ is not None
    assert BoundRpc.__doc__.startswith("A method of one object")
    assert BoundRpc.__name__ == "BoundRpc"
    assert not hasattr(BoundRpc, "__wrapped__")
    assert "peer" in inspect.signature(BoundRpc.rpc_id).parameters
    assert "rpc_id" in pydoc.plain(pydoc.render_doc(BoundRpc))


def test_what_does_not_fit_is_named() -> None:
    class Game(Node):
        @rpc("any_peer")
        def say(self, text: str) -> None:
            raise AssertionError

    game = Game("root")
    SceneMultiplayer(game)
    with pytest.raises(TypeError, match=r"say\(\): missing a required argument: 'text'"):
        game.say.rpc()  # pyright: ignore[reportCallIssue]
    with pytest.raises(
        MultiplayerError,
        match="a peer id must be an int, and come first, before arguments; not 'hello'",
    ):
        game.say.rpc_id("hello", "text")  # pyright: ignore[reportArgumentType]
