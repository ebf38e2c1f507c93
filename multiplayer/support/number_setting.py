"""Settings that are numbers: times, sizes and counts. Anything else raises when it is set."""

from __future__ import annotations

import math
from operator import index
from typing import Generic, Self, TypeVar, overload

from multiplayer.errors import Error, MultiplayerError

N = TypeVar("N", int, float)


def check_number(
    name: str, value: object, *, whole: bool = False, above_zero: bool = False, finite: bool = True
) -> float:
    """Return ``value``, which a user gives for the setting ``name``, if it makes sense.

    Args:
        name: what users call it.
        value: anything.
        whole: it is a count.
        above_zero: it cannot be 0; it can never be negative.
        finite: ``math.inf`` makes no sense, not even as "for ever".

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it makes no sense.
    """
    number: float
    if isinstance(value, bool):
        raise _unfit(name, value, whole=whole)
    if isinstance(value, (int, float)) and not (whole and isinstance(value, float)):
        number = value
    else:
        try:
            number = index(value)  # type: ignore[arg-type]  # those of other libraries
        except TypeError:
            raise _unfit(name, value, whole=whole) from None
    if number < 0 or math.isnan(number) or (above_zero and number == 0):
        bound = "more than 0" if above_zero else "0 or more"
        message = f"{name} must be {bound}, not {value}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if finite and math.isinf(number):
        message = f"{name} must be finite, not {value}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return number


def _unfit(name: str, value: object, *, whole: bool) -> MultiplayerError:
    message = f"{name} must be a {'whole number' if whole else 'number'}, not {value!r}"
    return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


class NumberSetting(Generic[N]):
    """A data descriptor; setting a value that makes no sense raises ``ERR_INVALID_PARAMETER``.

    For settings that are read once a session, not for every packet.

    Args:
        default: the initial value; if it is an int, all values must be.
        above_zero: see :func:`check_number`.
        finite: see :func:`check_number`.
    """

    def __init__(self, default: N, *, above_zero: bool = False, finite: bool = True) -> None:
        self.default: N = default
        self._above_zero = above_zero
        self._finite = finite
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> N: ...

    def __get__(self, instance: object | None, owner: type) -> Self | N:
        return self if instance is None else vars(instance).get(self._name, self.default)

    def __set__(self, instance: object, value: N) -> None:
        vars(instance)[self._name] = check_number(
            self._name,
            value,
            whole=isinstance(self.default, int),
            above_zero=self._above_zero,
            finite=self._finite,
        )
