"""Properties that other peers can set: Godot 3's ``remote var`` and ``rset``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from .config import config_from_words
from .value_type import declared_type

if TYPE_CHECKING:
    from typing import Self

    from .config import RpcConfig

V = TypeVar("V")


class RsetProperty(Generic[V]):
    """A property that other peers can set, in the dialect ``GODOT_3``; made by :func:`rset`.

    Its value is kept in the instance's ``__dict__``.

    Attributes:
        name: the property's name, also on the wire.
        config: who may set it.
    """

    def __init__(self, config: RpcConfig, default: V) -> None:
        self.name = ""
        self.config = config
        self._default = default
        self._owner: type = object

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self._owner = owner

    def value_type(self) -> object:
        """Return the type of its values, for ``validate``: by its annotation, or else its default.

        ``health: RsetProperty[int] = rset("puppet", default=100)`` and the same without the
        annotation both mean ``int``; only a default of None means any value.

        Raises:
            NameError, TypeError, AttributeError, SyntaxError: the annotation cannot be resolved.
        """
        return declared_type(self._owner, self.name, RsetProperty, self._default)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> V: ...
    def __get__(self, instance: object | None, owner: type) -> Self | V:
        if instance is None:
            return self
        return cast("V", instance.__dict__.get(self.name, self._default))

    def __set__(self, instance: object, value: V) -> None:
        instance.__dict__[self.name] = value


def rset(*words: str, default: V = None) -> RsetProperty[V]:
    """Declare a property that other peers may set.

    For example ``health = rset("puppet", default=100)``.

    Args:
        *words: as for ``@rpc``; usually one of Godot 3's words.
        default: its value until it is set.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: as for ``@rpc``.
    """
    return RsetProperty(config_from_words(words), default)


def rset_properties(owner: type) -> dict[str, RsetProperty[Any]]:
    """Return the properties of a class that peers can set, by name."""
    found: dict[str, RsetProperty[Any]] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, RsetProperty):
                found[name] = cast("RsetProperty[Any]", value)
            else:
                found.pop(name, None)
    return found
