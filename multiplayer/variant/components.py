"""The base of the types with a fixed number of numbers, such as vectors and transforms."""

from __future__ import annotations

import operator
import struct
from array import array
from typing import TYPE_CHECKING, Generic, Never, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

Number = TypeVar("Number", int, float)


def _hashed(*numbers: float) -> bytes:
    return struct.pack(f"{len(numbers)}d", *numbers)


class Components(Generic[Number]):
    """An immutable value that consists of numbers in a fixed order, the order of Godot's bytes.

    Values are equal if they have the same type and exactly the same numbers; use
    :meth:`is_equal_approx`, where there is one, to compare results of calculations. Iterating,
    indexing and ``len`` see the numbers, so a ``Vector2`` fits whatever takes a sequence of two.

    Attributes:
        components: the numbers. Floats are kept as given, in Python's 64 bits; on the wire they
            have 32 (see ``as_float32`` of the types that hold floats).
    """

    __slots__ = ("components",)

    components: tuple[Number, ...]

    @classmethod
    def from_components(cls, components: tuple[Number, ...]) -> Self:
        """Return the value that consists of ``components``, which are not checked."""
        self = object.__new__(cls)
        object.__setattr__(self, "components", components)
        return self

    def __setattr__(self, name: str, value: object) -> Never:
        message = f"{type(self).__name__} is immutable: make a new one instead of setting {name}"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> Never:
        message = f"{type(self).__name__} is immutable: {name} cannot be deleted"
        raise AttributeError(message)

    def __iter__(self) -> Iterator[Number]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __getitem__(self, index: int) -> Number:
        return self.components[index]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(map(operator.eq, self.components, other.components))

    def __hash__(self) -> int:
        # Through bytes, whose hash is seeded: nobody can choose vectors that share one hash.
        try:
            return hash(_hashed(*[number + 0.0 for number in self.components]))
        except OverflowError:
            return hash(self.components)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.components))})"

    def __reduce__(self) -> tuple[Callable[[tuple[Number, ...]], Self], tuple[object]]:
        return type(self).from_components, (self.components,)


class FloatComponents(Components[float]):
    """Components that are floats."""

    __slots__ = ()

    def is_equal_approx(self, other: Self) -> bool:
        """Return whether all components are approximately equal, by Godot's measure.

        They may differ by less than 0.00001, or by less than that fraction of the component of
        ``self``, whichever is larger.
        """
        same_type(self, other)
        return all(
            a == b or abs(a - b) < max(1e-5 * abs(a), 1e-5)
            for a, b in zip(self.components, other.components, strict=True)
        )

    def as_float32(self) -> Self:
        """Return the value as it arrives on the other side: each component rounded to 32 bits.

        As in Godot, one that is too large becomes infinite.
        """
        return self.from_components(tuple(array("f", self.components)))


class WithXY(Components[Number]):
    """Components whose first two are called x and y."""

    __slots__ = ()

    @property
    def x(self) -> Number:
        """The first component."""
        return self.components[0]

    @property
    def y(self) -> Number:
        """The second component."""
        return self.components[1]


class WithXYZ(WithXY[Number]):
    """Components whose third is called z."""

    __slots__ = ()

    @property
    def z(self) -> Number:
        """The third component."""
        return self.components[2]


class WithXYZW(WithXYZ[Number]):
    """Components whose fourth is called w."""

    __slots__ = ()

    @property
    def w(self) -> Number:
        """The fourth component."""
        return self.components[3]


def same_type(one: object, other: object) -> None:
    """Check the operand of a method that needs one of its own type.

    Raises:
        TypeError: the operand has another type.
    """
    if not isinstance(other, type(one)):
        message = f"{type(one).__name__} needs a value of its own type, not {type(other).__name__}"
        raise TypeError(message)


def flatten(
    name: str, count: int, parts: tuple[Number | Components[Number], ...]
) -> tuple[Number, ...]:
    """Return the numbers of ``parts``, each of which is a number or consists of numbers.

    Raises:
        TypeError: they are not ``count`` numbers; ``name`` is the type that needs them.
    """
    numbers: list[Number] = []
    for part in parts:
        if isinstance(part, Components):
            numbers.extend(part.components)
        else:
            numbers.append(part)
    if len(numbers) != count:
        message = f"{name} takes {count} numbers, or vectors holding as many, not {len(numbers)}"
        raise TypeError(message)
    return tuple(numbers)
