"""Whether what arrived has a type: an annotation becomes a check once, before it is used."""

from __future__ import annotations

import types
from enum import Enum, Flag
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    NamedTuple,
    Union,
    cast,
    get_args,
    get_origin,
)

from multiplayer import variant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_UNFIT: Final = object()
"""What a check returns for a value that does not fit; otherwise it returns the value to use."""

_PLAIN: Final = (bool, str, bytes, type(None))
_GODOT: Final = tuple(
    value
    for name in variant.__all__
    if isinstance(value := getattr(variant, name), type) and value is not variant.VariantType
)
_MOST_KINDS: Final = 4


class WrongTypeError(Exception):
    """A value that does not fit; the text says what it is for, what is expected, and what came."""


class TypeCheck(NamedTuple):
    """One annotation.

    Attributes:
        what: what has it: a parameter, an answer, a property.
        expected: the annotation, for people.
        by_type: whether a value fits depends on its type alone, and it stays what it is.
    """

    what: str
    expected: str
    check: Callable[[object], object]
    by_type: bool

    def fit(self, value: object) -> object:
        """Return the value: the same, with enum members for their values.

        Raises:
            WrongTypeError: it does not fit.
        """
        fit = self.check(value)
        if fit is _UNFIT:
            raise WrongTypeError(f"{self.what} must be {self.expected}, not {_kind(value)}")
        return fit


def type_check(what: str, hint: object) -> TypeCheck:
    """Return the check for an annotation.

    Raises:
        TypeError: it is none that can be checked.
    """
    return TypeCheck(what, _named(hint), _check_for(hint), _goes_by_type(hint))


def _goes_by_type(hint: object) -> bool:
    """Return whether the type of a value shows whether it has an annotation that can be checked."""
    if get_origin(hint) in (Union, types.UnionType):
        return all(map(_goes_by_type, get_args(hint)))
    if any(hint is each for each in (Any, object, None, int, float)):
        return True
    return isinstance(hint, type) and (hint in _PLAIN or issubclass(hint, _GODOT))


def _check_for(hint: object) -> Callable[[object], object]:
    """Return the check for an annotation.

    Raises:
        TypeError: it is none that can be checked.
    """
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return lambda value: value
    if hint is None:
        return _of_type(type(None))
    if origin in (Union, types.UnionType):
        return _of_union([_check_for(part) for part in get_args(hint)])
    if origin is Literal:
        return _of_literals(get_args(hint))
    if origin is list or hint is list:
        return _of_list(_check_for((get_args(hint) or (Any,))[0]))
    if origin is dict or hint is dict:
        key, value = get_args(hint) or (Any, Any)
        return _of_dict(_check_for(key), _check_for(value))
    if hint is int:
        return lambda value: value if _is_int(value) else _UNFIT
    if hint is float:
        return lambda value: value if isinstance(value, float) or _is_int(value) else _UNFIT
    if isinstance(hint, type):
        kind = cast("type[object]", hint)
        if issubclass(kind, Enum):
            return _of_enum(kind)
        if kind in _PLAIN or issubclass(kind, _GODOT):
            return _of_type(kind)
    name = _named(cast("object", hint))
    message = f"{name} is not a type that can be checked; see the list in docs/rpc.md"
    raise TypeError(message)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_type(kind: type) -> Callable[[object], object]:
    return lambda value: value if isinstance(value, kind) else _UNFIT


def _of_union(checks: Sequence[Callable[[object], object]]) -> Callable[[object], object]:
    def check(value: object) -> object:
        for one in checks:
            fit = one(value)
            if fit is not _UNFIT:
                return fit
        return _UNFIT

    return check


def _of_literals(literals: Sequence[object]) -> Callable[[object], object]:
    def check(value: object) -> object:
        for one in literals:
            sent: object = _sent(one) if isinstance(one, Enum) else one
            # 1 and True are equal, and so are 1 and 1.0; a Literal means one of them.
            if type(value) is type(sent) and value == sent:
                return one
        return _UNFIT

    return check


def _of_enum(kind: type[Enum]) -> Callable[[object], object]:
    def check(value: object) -> object:
        for member in kind:
            sent = _sent(member)
            if type(sent) is type(value) and sent == value:
                return member
        if issubclass(kind, Flag) and _is_int(value):
            return _flags(kind, cast("int", value))
        return _UNFIT

    return check


def _sent(member: Enum) -> object:
    """Return what arrives for a member: its value, a list for a tuple."""
    value: object = member.value
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def _flags(kind: type[Flag], value: int) -> object:
    """Return some members of a ``Flag`` in one, or none of them."""
    every_bit = 0
    for one in kind:
        every_bit |= one.value
    return kind(value) if 0 <= value == value & every_bit else _UNFIT


def _of_list(item: Callable[[object], object]) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, list):
            return _UNFIT
        fitted = [item(one) for one in cast("list[object]", value)]
        return _UNFIT if any(one is _UNFIT for one in fitted) else fitted

    return check


def _of_dict(
    key: Callable[[object], object], item: Callable[[object], object]
) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, dict):
            return _UNFIT
        fitted: dict[object, object] = {}
        for name, one in cast("dict[object, object]", value).items():
            fit_name, fit_one = key(name), item(one)
            if fit_name is _UNFIT or fit_one is _UNFIT:
                return _UNFIT
            fitted[fit_name] = fit_one
        return fitted

    return check


def _named(hint: object) -> str:
    if hint is type(None):
        return "None"
    if isinstance(hint, type) and get_origin(hint) is None:
        return hint.__name__
    return str(hint).replace("typing.", "")


def _kind(value: object) -> str:
    """Return what a value is, without showing it: it may be long, or private."""
    name = type(value).__name__
    if isinstance(value, list):
        inside = sorted({type(item).__name__ for item in cast("list[object]", value)})
        return f"{name} of {', '.join(inside[:_MOST_KINDS])}" if inside else f"empty {name}"
    return name
