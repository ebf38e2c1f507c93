"""``Sealed``: objects of our own classes take no public attribute that they do not declare.

Otherwise ``server.bindip = "127.0.0.1"`` makes an attribute that nothing ever reads.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeVar

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., NoReturn]")

_OURS: Final = ("multiplayer", "peers")
_set: Final = object.__setattr__
_UNAVAILABLE: Final[set[object]] = set()


def unavailable(method: F) -> F:
    """Mark a method that a class inherits and cannot do: ``dir()`` and the reference lack it."""
    _UNAVAILABLE.add(method)
    return method


def is_unavailable(member: object) -> bool:
    """Return whether a class has a member only to say what to use instead."""
    return inspect.isfunction(member) and member in _UNAVAILABLE


class Sealed:
    """Something whose public attributes are those that its class declares.

    A class that is not ours, and so each that derives from one of ours, may have any: those are the
    program's own. So may each object, with an underscore in front. What is written for every packet
    must not be an attribute of a sealed object, because checking the name takes longer than
    writing; :class:`MultiplayerPeer` keeps such things in an object of its own.
    """

    _attributes: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if _is_ours(cls):
            cls._attributes = frozenset()  # until one is set that is not in it yet
        elif cls.__setattr__ is Sealed.__setattr__:
            cls.__setattr__ = super().__setattr__  # object's again, at no cost

    if not TYPE_CHECKING:  # which would take any name for an attribute then

        def __setattr__(self, name: str, value: object) -> None:
            """Set an attribute.

            Raises:
                MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none of that name.
            """
            if name not in self._attributes and name[:1] != "_":
                self._check_attribute(name)
            _set(self, name, value)

    @classmethod
    def _check_attribute(cls, name: str) -> None:
        """Raise unless objects of exactly this class may have that attribute."""
        if _is_ours(cls):
            cls._attributes = _declared(cls)
            if name not in cls._attributes:
                raise _no_such(cls, name)

    def __dir__(self) -> list[str]:
        found = {name: inspect.getattr_static(type(self), name, None) for name in super().__dir__()}
        return [name for name, member in found.items() if not is_hidden(member)]


def is_hidden(member: object) -> bool:
    """Return whether a member of a class is only there to say what to use instead."""
    return is_unavailable(member) or getattr(type(member), "only_refuses", False)


def _is_ours(class_: type) -> bool:
    return class_.__module__.partition(".")[0] in _OURS


def _declared(class_: type) -> frozenset[str]:
    """Return the names of a class of ours, and of those above it."""
    names: set[str] = set()
    for base in class_.__mro__:
        names |= {*vars(base), *inspect.get_annotations(base)}
    return frozenset(names)


def _no_such(class_: type, name: str) -> MultiplayerError:
    from difflib import get_close_matches  # noqa: PLC0415 - only misspelt names need it

    members = {each: inspect.getattr_static(class_, each, None) for each in _declared(class_)}
    known = sorted(n for n, each in members.items() if n[:1] != "_" and not inspect.isroutine(each))
    near: str = next(iter(get_close_matches(name, known, 1, 0.7)), "")
    member: Any = members.get(near)
    if not near:
        own = "its userdata" if "userdata" in known else f"a subclass of {class_.__name__}"
        message = f"{class_.__name__} has no attribute {name!r}; keep what is your own in {own}"
    elif is_hidden(member) and hasattr(member, "instead"):
        message = f"{class_.__name__} has no attribute {name!r}, nor {near!r}: {member.instead}"
    else:
        message = f"{class_.__name__} has no attribute {name!r}; did you mean {near!r}?"
    return MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
