"""Settings that belong to another object: setting them raises, and says where they belong.

Otherwise Python would make an attribute of that name, and nothing would ever read it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final, NoReturn, overload

from .errors import Error, MultiplayerError
from .limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


class Misplaced:
    """A data descriptor in place of a setting that the class does not have.

    Args:
        instead: where it belongs, as a sentence.
    """

    only_refuses = True

    def __init__(self, instead: str) -> None:
        self.instead = instead
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> NoReturn: ...
    def __get__(self, instance: object | None, owner: type) -> Self:
        if instance is None:
            return self
        raise AttributeError(self._sentence(owner), name=self._name, obj=instance)

    def __set__(self, instance: object, value: object) -> None:
        del value
        raise MultiplayerError(Error.ERR_UNAVAILABLE, self._sentence(type(instance)))

    def _sentence(self, owner: type) -> str:
        return f"{owner.__name__} has no {self._name}: {self.instead}"


def misplace(owner: type, names: Iterable[str], instead: str) -> None:
    """Make a class refuse settings that it does not have.

    Args:
        owner: the class.
        names: what it does not have.
        instead: where they belong, as a sentence in which ``{name}`` is the name.
    """
    for name in names:
        misplaced = Misplaced(instead.format(name=name))
        misplaced.__set_name__(owner, name)
        setattr(owner, name, misplaced)


LIMITS: Final = tuple(field.name for field in fields(Limits))
"""The fields of ``Limits``."""
