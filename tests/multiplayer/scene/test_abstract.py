"""``@rpc`` over an abstract method, and under it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import isabstract
from typing import Any

import pytest

from multiplayer import Node, SceneMultiplayer, rpc


class Above(ABC):
    @rpc("any_peer")
    @abstractmethod
    def jump(self, height: int) -> None: ...


class Below(ABC):
    @abstractmethod
    @rpc("any_peer")
    def jump(self, height: int) -> None: ...


class AboveInTree(Node):
    @rpc("any_peer")
    @abstractmethod
    def jump(self, height: int) -> None: ...


class BelowInTree(Node):
    @abstractmethod
    @rpc("any_peer")
    def jump(self, height: int) -> None: ...


BASES: tuple[Any, ...] = (Above, Below, AboveInTree, BelowInTree)
each_base = pytest.mark.parametrize("base", BASES)


@each_base
def test_the_class_is_abstract(base: Any) -> None:
    assert isabstract(base)
    assert base.__abstractmethods__ == {"jump"}
    with pytest.raises(TypeError, match="abstract"):
        base()


@each_base
def test_a_class_that_still_lacks_it_is_abstract(base: Any) -> None:
    class Half(base):
        pass

    class Again(base):
        @abstractmethod
        def jump(self, height: int) -> None: ...

    for class_ in (Half, Again):
        assert isabstract(class_)
        with pytest.raises(TypeError, match="abstract"):
            class_()


@each_base
def test_a_class_that_has_it_is_not(base: Any) -> None:
    class Plain(base):
        def jump(self, height: int) -> None:
            self.height = height

    class Decorated(base):
        @rpc("authority")
        def jump(self, height: int) -> None:
            self.height = height

    for class_ in (Plain, Decorated):
        assert not isabstract(class_)
        made = class_()
        made.jump(3)
        assert made.height == 3
        api = SceneMultiplayer()
        if isinstance(made, Node):
            api.root = made
        else:
            api.add("Thing", made)
        assert hasattr(made.jump, "rpc_id")


def test_other_methods_are_not_abstract() -> None:
    class Plain:
        @rpc
        def jump(self) -> None: ...

    assert Plain.jump.__isabstractmethod__ is False
    assert not isabstract(Plain)
