"""Godot's vectors: ``Vector2``, ``Vector3``, ``Vector4`` and their integer kinds.

Operators work component by component, with a vector of the same type or with a number, as in Godot.
Unlike in Godot, dividing by zero raises ``ZeroDivisionError``, even for floats.
"""

from __future__ import annotations

import math
import operator
from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from .components import Components, FloatComponents, Number, WithXY, WithXYZ, WithXYZW, same_type

if TYPE_CHECKING:
    from typing import Self

IntegerKind_co = TypeVar("IntegerKind_co", covariant=True)
FloatKind_co = TypeVar("FloatKind_co", covariant=True)


def _half_away_from_zero(number: float) -> int:
    """Round as Godot does; Python's own ``round`` goes to the even neighbour."""
    whole = math.trunc(number)
    return whole + int(math.copysign(1, number)) if abs(number - whole) >= 0.5 else whole


def _truncated_quotient(dividend: int, divisor: int) -> int:
    """Divide as Godot does; Python's ``//`` rounds down instead of towards zero."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


class Vector(Components[Number]):
    """What float and integer vectors have in common."""

    __slots__ = ()

    def _pairs(self, other: Self) -> zip[tuple[Number, Number]]:
        return zip(self.components, other.components, strict=True)

    def __add__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        return self.from_components(tuple([a + b for a, b in self._pairs(other)]))

    def __sub__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        return self.from_components(tuple([a - b for a, b in self._pairs(other)]))

    def __neg__(self) -> Self:
        return self.from_components(tuple([-c for c in self.components]))

    def length_squared(self) -> Number:
        """Return the square of the length, which is cheaper than the length."""
        return sum(c * c for c in self.components)

    def length(self) -> float:
        """Return the length."""
        return math.hypot(*self.components)

    def distance_to(self, to: Self) -> float:
        """Return the distance between the points that this vector and ``to`` stand for."""
        same_type(self, to)
        return math.dist(self.components, to.components)


class FloatVector(Vector[float], FloatComponents, Generic[IntegerKind_co]):
    """A vector of floats.

    ``round``, ``math.floor``, ``math.ceil`` and ``math.trunc`` give the vector of integers;
    ``round`` rounds halves away from zero, as Godot does.
    """

    __slots__ = ()

    @abstractmethod
    def _integers(self, components: tuple[int, ...]) -> IntegerKind_co:
        """Return the vector of integers with these components."""

    def __mul__(self, other: Self | float) -> Self:
        if isinstance(other, (int, float)):
            return self.from_components(tuple([c * other for c in self.components]))
        if type(other) is not type(self):
            return NotImplemented
        return self.from_components(tuple([a * b for a, b in self._pairs(other)]))

    __rmul__ = __mul__

    def __truediv__(self, other: Self | float) -> Self:
        if isinstance(other, (int, float)):
            return self.from_components(tuple([c / other for c in self.components]))
        if type(other) is not type(self):
            return NotImplemented
        return self.from_components(tuple([a / b for a, b in self._pairs(other)]))

    def __round__(self) -> IntegerKind_co:
        return self._integers(tuple(map(_half_away_from_zero, self.components)))

    def __floor__(self) -> IntegerKind_co:
        return self._integers(tuple(map(math.floor, self.components)))

    def __ceil__(self) -> IntegerKind_co:
        return self._integers(tuple(map(math.ceil, self.components)))

    def __trunc__(self) -> IntegerKind_co:
        return self._integers(tuple(map(math.trunc, self.components)))

    def dot(self, with_: Self) -> float:
        """Return the dot product."""
        same_type(self, with_)
        return sum(a * b for a, b in self._pairs(with_))

    def normalized(self) -> Self:
        """Return the vector of length 1 in the same direction; of a zero vector, itself."""
        length = self.length()
        if math.isinf(length) and all(map(math.isfinite, self.components)):
            scaled = self / max(map(abs, self.components))
            return scaled / scaled.length()
        return self / length if length else self

    def lerp(self, to: Self, weight: float) -> Self:
        """Return the point between this (``weight`` 0.0) and ``to`` (``weight`` 1.0)."""
        return self + (to - self) * weight


class IntegerVector(Vector[int], Generic[FloatKind_co]):
    """A vector of integers, 32 bits each on the wire.

    Division by an ``int`` rounds towards zero; ``*`` and ``/`` with a ``float`` give the vector of
    floats. Both are Godot's rules.
    """

    __slots__ = ()

    @abstractmethod
    def _floats(self, components: tuple[float, ...]) -> FloatKind_co:
        """Return the vector of floats with these components."""

    @overload
    def __mul__(  # pyright: ignore[reportOverlappingOverload]
        self, other: Self | int
    ) -> Self: ...
    @overload
    def __mul__(self, other: float) -> FloatKind_co: ...
    def __mul__(self, other: Self | float) -> Self | FloatKind_co:
        if isinstance(other, int):
            return self.from_components(tuple([c * other for c in self.components]))
        if isinstance(other, float):
            return self._floats(tuple([c * other for c in self.components]))
        if type(other) is not type(self):
            return NotImplemented
        return self.from_components(tuple([a * b for a, b in self._pairs(other)]))

    __rmul__ = __mul__

    @overload
    def __truediv__(  # pyright: ignore[reportOverlappingOverload]
        self, other: Self | int
    ) -> Self: ...
    @overload
    def __truediv__(self, other: float) -> FloatKind_co: ...
    def __truediv__(self, other: Self | float) -> Self | FloatKind_co:
        if isinstance(other, int):
            quotients = [_truncated_quotient(c, other) for c in self.components]
            return self.from_components(tuple(quotients))
        if isinstance(other, float):
            return self._floats(tuple([c / other for c in self.components]))
        if type(other) is not type(self):
            return NotImplemented
        quotients = [_truncated_quotient(a, b) for a, b in self._pairs(other)]
        return self.from_components(tuple(quotients))


class Vector2i(IntegerVector["Vector2"], WithXY[int]):
    """Godot's ``Vector2i``: two integers."""

    __slots__ = ()

    def __init__(self, x: int = 0, y: int = 0) -> None:
        object.__setattr__(self, "components", (operator.index(x), operator.index(y)))

    def _floats(self, components: tuple[float, ...]) -> Vector2:
        return Vector2.from_components(components)


class Vector3i(IntegerVector["Vector3"], WithXYZ[int]):
    """Godot's ``Vector3i``: three integers."""

    __slots__ = ()

    def __init__(self, x: int = 0, y: int = 0, z: int = 0) -> None:
        object.__setattr__(self, "components", tuple(map(operator.index, (x, y, z))))

    def _floats(self, components: tuple[float, ...]) -> Vector3:
        return Vector3.from_components(components)


class Vector4i(IntegerVector["Vector4"], WithXYZW[int]):
    """Godot's ``Vector4i``: four integers."""

    __slots__ = ()

    def __init__(self, x: int = 0, y: int = 0, z: int = 0, w: int = 0) -> None:
        object.__setattr__(self, "components", tuple(map(operator.index, (x, y, z, w))))

    def _floats(self, components: tuple[float, ...]) -> Vector4:
        return Vector4.from_components(components)


class Vector2(FloatVector[Vector2i], WithXY[float]):
    """Godot's ``Vector2``: two floats."""

    __slots__ = ()

    def __init__(self, x: float = 0.0, y: float = 0.0) -> None:
        object.__setattr__(self, "components", (float(x), float(y)))

    def _integers(self, components: tuple[int, ...]) -> Vector2i:
        return Vector2i.from_components(components)

    def cross(self, with_: Vector2) -> float:
        """Return the cross product: the signed area of the parallelogram of both vectors."""
        same_type(self, with_)
        return self.x * with_.y - self.y * with_.x


class Vector3(FloatVector[Vector3i], WithXYZ[float]):
    """Godot's ``Vector3``: three floats."""

    __slots__ = ()

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> None:
        object.__setattr__(self, "components", (float(x), float(y), float(z)))

    def _integers(self, components: tuple[int, ...]) -> Vector3i:
        return Vector3i.from_components(components)

    def cross(self, with_: Vector3) -> Vector3:
        """Return the cross product, which is perpendicular to both vectors."""
        same_type(self, with_)
        ax, ay, az = self.components
        bx, by, bz = with_.components
        return Vector3(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


class Vector4(FloatVector[Vector4i], WithXYZW[float]):
    """Godot's ``Vector4``: four floats."""

    __slots__ = ()

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, w: float = 0.0) -> None:
        object.__setattr__(self, "components", (float(x), float(y), float(z), float(w)))

    def _integers(self, components: tuple[int, ...]) -> Vector4i:
        return Vector4i.from_components(components)
