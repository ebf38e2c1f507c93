"""Inherited and overridden RPCs, of nodes and of plain classes."""

from __future__ import annotations

from typing import Any

import pytest

from multiplayer import Error, Node, SceneMultiplayer, rpc
from multiplayer.scene import RPCMode
from multiplayer.scene.methods.table import table_of

from .worlds import error_of


def _classes(base: type) -> dict[str, type]:
    """Classes below ``base``, made anew for each test: tables are of classes."""

    class Base(base):  # type: ignore[misc]
        @rpc("any_peer", "call_local", 4)
        def greet(self, name: str) -> str:
            return f"hello {name}"

        @rpc("any_peer")
        def other(self) -> None: ...

    class Inherits(Base):
        pass

    class Plain(Base):
        def greet(self, name: str) -> str:
            return super().greet(name) + "!"

    class Again(Base):
        @rpc("authority", "call_remote", 5)
        def greet(self, name: str) -> str:
            return super().greet(name) + "?"

    class Below(Plain):
        def greet(self, name: str) -> str:
            return super().greet(name) + "!"

    class Nothing(Base):
        greet = None

    class BelowNothing(Nothing):
        def greet(self, name: str) -> str:
            return "no RPC"

    return {
        cls.__name__: cls for cls in (Base, Inherits, Plain, Again, Below, Nothing, BelowNothing)
    }


@pytest.fixture(params=[Node, object])
def classes(request: pytest.FixtureRequest) -> dict[str, type]:
    return _classes(request.param)


def _added(cls: type) -> Any:
    api = SceneMultiplayer(Node("root"))
    made = cls()
    if isinstance(made, Node):
        assert api.root is not None
        api.root.add_child(made)
    else:
        api.add("Made", made)
    made.api = api  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    ("name", "greeting", "channel"),
    [
        ("Base", "hello Bob", 4),
        ("Inherits", "hello Bob", 4),
        ("Plain", "hello Bob!", 4),
        ("Again", "hello Bob?", 5),
        ("Below", "hello Bob!!", 4),
    ],
)
def test_overriding(classes: dict[str, type], name: str, greeting: str, channel: int) -> None:
    made = _added(classes[name])
    assert made.greet("Bob") == greeting
    table = table_of(classes[name])
    assert table.names == ("greet", "other")
    assert table.methods["greet"].config.channel == channel
    assert table.methods["greet"](made, "Bob") == greeting
    if name != "Again":
        made.greet.rpc("Bob")  # call_local, so that it is found


def test_an_override_with_rpc_says_who_may_call(classes: dict[str, type]) -> None:
    assert table_of(classes["Again"]).methods["greet"].config.mode == RPCMode.RPC_MODE_AUTHORITY
    assert table_of(classes["Base"]).methods["greet"].config.mode == RPCMode.RPC_MODE_ANY_PEER


def test_what_is_no_function_any_more_cannot_be_called(classes: dict[str, type]) -> None:
    for name in ("Nothing", "BelowNothing"):
        assert table_of(classes[name]).names == ("other",)
        made = _added(classes[name])
        error = error_of(made.api.rpc, 0, made, "greet", ["Bob"])
        assert error.code == Error.ERR_INVALID_PARAMETER
    assert _added(classes["BelowNothing"]).greet("Bob") == "no RPC"


@pytest.mark.parametrize("base", [Node, object])
def test_a_mixin_overrides_and_stays_as_it_is(base: type) -> None:
    class Mixin:
        def greet(self, name: str) -> str:
            return f"mixed {name}"

    class Base(base):  # type: ignore[misc]
        @rpc("any_peer", "call_local")
        def greet(self, name: str) -> str:
            return "base"

    class Game(Mixin, Base):
        pass

    class Own(Mixin, Base):
        def greet(self, name: str) -> str:
            return "own " + super().greet(name)

    class Innocent(Mixin, base):  # type: ignore[misc]
        @rpc
        def declared(self) -> None: ...

    assert table_of(Game).names == table_of(Own).names == ("greet",)
    assert _added(Game).greet("Bob") == "mixed Bob"
    assert _added(Own).greet("Bob") == "own mixed Bob"
    _added(Game).greet.rpc("Bob")
    _added(Own).greet.rpc("Bob")
    # Of a class that never said so, a method must not become callable.
    assert table_of(Innocent).names == ("declared",)
    assert Mixin().greet("Bob") == "mixed Bob"
    assert not hasattr(Mixin().greet, "rpc")


def test_two_rpcs_meet() -> None:
    class Left:
        @rpc("any_peer", 1)
        def meet(self) -> None: ...

        @rpc
        def left(self) -> None: ...

    class Right:
        @rpc("any_peer", 2)
        def meet(self) -> None: ...

        @rpc
        def right(self) -> None: ...

    class Both(Left, Right):
        pass

    assert table_of(Both).names == ("left", "meet", "right")
    assert table_of(Both).methods["meet"].config.channel == 1


@pytest.mark.parametrize("wrap", [staticmethod, classmethod, property])
def test_rpc_inside_another_decorator_is_refused(wrap: Any) -> None:
    def declare(base: type) -> type:
        class Bad(base):  # type: ignore[misc]
            @wrap
            @rpc
            def method(self) -> None:
                pass

        return Bad

    error = error_of(declare, Node)
    assert error.code == Error.ERR_INVALID_DECLARATION
    assert "Bad.method" in error.message
    error = error_of(SceneMultiplayer().add, "Bad", declare(object)())
    assert error.code == Error.ERR_INVALID_DECLARATION
