"""Properties that are the same at all peers: ``replicated()``.

Mirrors what a Godot scene has in the ``SceneReplicationConfig`` of its ``MultiplayerSynchronizer``.
"""

from __future__ import annotations

from enum import Enum
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    NoReturn,
    TypeVar,
    cast,
    overload,
)
from weakref import WeakKeyDictionary

from multiplayer.errors import Error, MultiplayerError
from multiplayer.variant.python_types import base_in_table
from multiplayer.variant.typed import TypedArray, TypedDictionary

from .value_type import declared_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

V = TypeVar("V")

Mode = Literal["never", "always", "on_change"]
"""When a property is sent: never after the spawn; at every tick; when it has changed."""

_MODES: Final = ("never", "always", "on_change")
_MUTABLE: Final = (list, dict, TypedArray, TypedDictionary, bytearray, memoryview)
_UNSET: Final = object()

_MARKS: Final = "_replicated_marks"
"""Where an object's ``__dict__`` keeps who wants to know of its changes."""


class Replicated(Generic[V]):
    """A property that is the same at all peers; made by :func:`replicated`.

    Its value is kept in the instance's ``__dict__``.

    Attributes:
        name: the property's name.
        mode: when it is sent.
        spawn: it is part of what is sent when the object appears.
    """

    def __init__(
        self, default: V, default_factory: Callable[[], V] | None, mode: Mode, *, spawn: bool
    ) -> None:
        self.name = ""
        self.mode: Mode = mode
        self.spawn = spawn
        self._default = default
        self._factory = default_factory
        self._owner: type = object

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self._owner = owner

    def value_type(self) -> object:
        """Return the type of its values, for ``validate``: by its annotation, or else its default.

        ``bag: Replicated[list[str]] = replicated(default_factory=list)`` means a list of text, the
        same without the annotation any list; a default of None means any value.

        Raises:
            NameError, TypeError, AttributeError, SyntaxError: the annotation cannot be resolved.
        """
        default = self._default if self._factory is None else self._factory()
        return declared_type(self._owner, self.name, Replicated, default)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> V: ...
    def __get__(self, instance: object | None, owner: type) -> Self | V:
        if instance is None:
            return self
        values = instance.__dict__
        try:
            return cast("V", values[self.name])
        except KeyError:
            if self._factory is None:
                return self._default
            return cast("V", values.setdefault(self.name, self._factory()))

    def __set__(self, instance: object, value: V) -> None:
        values = instance.__dict__
        if value is self:  # a dataclass takes it for the default, and sets it
            value = self._default if self._factory is None else self._factory()
        values[self.name] = value
        marks: Marks | None = values.get(_MARKS)
        if marks is not None:
            for mark in marks.of(self.name):
                mark()

    def __delete__(self, instance: object) -> NoReturn:
        message = f"a replicated property such as {self.name} cannot be deleted, only set"
        raise AttributeError(message)


class Marks:
    """Who wants to know when a property of one object is set.

    A copy of the object has none.
    """

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[Callable[[], object], ...]] = {}

    def of(self, name: str) -> tuple[Callable[[], object], ...]:
        """Return what to call when that property is set."""
        return self._by_name.get(name, ())

    def add(self, name: str, mark: Callable[[], object]) -> None:
        """Call ``mark`` when that property is set. It must not raise."""
        self._by_name[name] = (*self.of(name), mark)

    def remove(self, name: str, mark: Callable[[], object]) -> None:
        """Call it no more."""
        self._by_name[name] = tuple(each for each in self.of(name) if each != mark)

    def __copy__(self) -> Marks:
        return Marks()

    def __deepcopy__(self, memo: dict[int, object]) -> Marks:
        return Marks()

    def __reduce__(self) -> tuple[type[Marks], tuple[()]]:
        return Marks, ()


def marks_of(instance: object) -> Marks:
    """Return who wants to know of changes of an object whose class declares properties."""
    return cast("Marks", instance.__dict__.setdefault(_MARKS, Marks()))


@overload
def replicated(default: V, *, mode: Mode = "always", spawn: bool = True) -> Replicated[V]: ...
@overload
def replicated(
    *, default_factory: Callable[[], V], mode: Mode = "always", spawn: bool = True
) -> Replicated[V]: ...
def replicated(
    default: Any = _UNSET,
    *,
    default_factory: Callable[[], Any] | None = None,
    mode: Mode = "always",
    spawn: bool = True,
) -> Replicated[Any]:
    """Declare a property that is the same at all peers.

    For a class of :class:`Node`, or of objects for ``SceneMultiplayer.add``::

        class Player(Node):
            position = replicated(Vector2(0, 0))
            health = replicated(100, mode="on_change")
            bag = replicated(default_factory=list, mode="on_change")

    The object's authority sets it; the others get the value. The same happens as with a
    ``MultiplayerSynchronizer`` below the node: ``synchronizer_of(node)`` returns it.

    Args:
        default: its value until it is set.
        default_factory: makes the default, for lists and others that can change.
        mode: ``"always"``, at every tick; ``"on_change"``, reliably when it has changed;
            ``"never"`` after the spawn. Godot's default is ``"always"``.
        spawn: whether it is part of what is sent when the object appears.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such mode, or not one default;
            ``ERR_INVALID_DECLARATION``: the default can change, or cannot be sent.
    """
    if mode not in _MODES:
        message = f"mode must be 'always', 'on_change' or 'never', not {mode!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if (default is _UNSET) is (default_factory is None):
        message = "replicated() needs a default or a default_factory, and not both"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if default_factory is None:
        _check_default(default)
    elif not callable(default_factory):
        message = f"default_factory must be a function or a class, not {default_factory!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return Replicated(default, default_factory, mode, spawn=spawn)


def _check_default(default: object) -> None:
    """Raise unless all objects can share a default.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``.
    """
    kind = type(default)
    base = base_in_table(kind)
    if base in _MUTABLE:
        message = (
            f"a {kind.__name__} as a default would be one for all objects; use default_factory"
            f"={kind.__name__} or a function that makes one"
        )
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
    if base is None and not isinstance(default, Enum):
        message = f"{kind.__name__} has no counterpart in packets; see docs/values.md"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
    if base is tuple:
        for item in cast("tuple[object, ...]", default):
            _check_default(item)


_properties: WeakKeyDictionary[type, Mapping[str, Replicated[Any]]] = WeakKeyDictionary()


def replicated_properties(owner: type) -> Mapping[str, Replicated[Any]]:
    """Return the replicated properties of a class by name, in the order of their declaration."""
    found = _properties.get(owner)
    if found is None:
        found = _properties[owner] = _find(owner)
    return found


def _find(owner: type) -> dict[str, Replicated[Any]]:
    found: dict[str, Replicated[Any]] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Replicated):
                found[name] = cast("Replicated[Any]", value)
            else:
                found.pop(name, None)
    return found
