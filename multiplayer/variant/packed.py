"""Godot's packed arrays, ``Pool…Array`` in Godot 3: many values of one kind in one block of memory.

They are immutable sequences. ``PackedByteArray`` is Python's ``bytes``. The numeric ones rest on
:class:`array.array`: they take one, or bytes, in one piece, and give a :class:`memoryview`.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from .color import Color
from .components import FloatComponents, Number
from .vectors import Vector2, Vector3, Vector4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

Item = TypeVar("Item")
Group = TypeVar("Group", bound=FloatComponents)


def little_endian_array(typecode: str, data: bytes | memoryview) -> array[Any]:
    """Return ``data``, little-endian numbers of the kind ``typecode``, as this machine's."""
    numbers: array[Any] = array(typecode)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def to_little_endian(numbers: array[Number]) -> bytes:
    """Return ``numbers``, which are this machine's, as on the wire."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


class PackedArray(Sequence[Item]):
    """What all packed arrays have in common: equality within the same type, hashing, a repr."""

    __slots__ = ()

    @abstractmethod
    def _key(self) -> object:
        """Return what makes out the value."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"


class NumericArray(PackedArray[Item], Generic[Item, Number]):
    """A packed array that rests on :class:`array.array`.

    Attributes:
        typecode: that of the array: the kind of its numbers.
        width: how many numbers make one item.
    """

    __slots__ = ("_numbers",)

    typecode: ClassVar[str]
    width: ClassVar[int] = 1

    _numbers: array[Number]

    @classmethod
    def from_array(cls, numbers: array[Number]) -> Self:
        """Return the packed array that holds ``numbers``, copied in one piece.

        Raises:
            ValueError: the numbers are of another kind, or do not fill the last item.
        """
        if numbers.typecode != cls.typecode or len(numbers) % cls.width:
            message = (
                f"{cls.__name__} takes an array of typecode {cls.typecode!r} "
                f"and a length that is a multiple of {cls.width}"
            )
            raise ValueError(message)
        return cls.adopt(numbers[:])

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Return the packed array whose numbers stand in ``data``, little-endian as on the wire.

        Raises:
            ValueError: the bytes do not fill the last item.
        """
        view = memoryview(data).cast("B")
        if view.nbytes % (array(cls.typecode).itemsize * cls.width):
            message = f"{view.nbytes} bytes are no whole number of {cls.__name__} items"
            raise ValueError(message)
        return cls.adopt(little_endian_array(cls.typecode, view))

    @classmethod
    def adopt(cls, numbers: array[Number]) -> Self:
        """Return the packed array that rests on ``numbers`` itself, which are not checked."""
        self = cls.__new__(cls)
        self._numbers = numbers
        return self

    @property
    def data(self) -> memoryview:
        """The numbers in this machine's order, read-only and not copied."""
        return memoryview(self._numbers).toreadonly()

    def tobytes(self) -> bytes:
        """Return the numbers as on the wire: little-endian."""
        return to_little_endian(self._numbers)

    def append_to(self, out: bytearray) -> None:
        """Append what :meth:`tobytes` returns, without making it."""
        out += self._numbers if sys.byteorder == "little" else self.tobytes()

    def _key(self) -> bytes:
        return self._numbers.tobytes()

    def __reduce__(self) -> tuple[Callable[[bytes], Self], tuple[bytes]]:
        return type(self).from_bytes, (self.tobytes(),)


class _ScalarArray(NumericArray[Number, Number]):
    """A packed array of plain numbers."""

    __slots__ = ()

    def __init__(self, numbers: Iterable[Number] = ()) -> None:
        self._numbers = array(self.typecode, numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Number: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Number | Self:
        if isinstance(index, slice):
            return self.adopt(self._numbers[index])
        return self._numbers[index]


class PackedInt32Array(_ScalarArray[int]):
    """Godot's ``PackedInt32Array`` (``PoolIntArray`` in Godot 3): signed integers of 32 bits."""

    __slots__ = ()
    typecode = "i"


class PackedInt64Array(_ScalarArray[int]):
    """Godot 4's ``PackedInt64Array``: signed integers of 64 bits."""

    __slots__ = ()
    typecode = "q"


class PackedFloat32Array(_ScalarArray[float]):
    """Godot's ``PackedFloat32Array`` (``PoolRealArray`` in Godot 3): rounds to 32 bits at once."""

    __slots__ = ()
    typecode = "f"


class PackedFloat64Array(_ScalarArray[float]):
    """Godot 4's ``PackedFloat64Array``."""

    __slots__ = ()
    typecode = "d"


class GroupArray(NumericArray[Group, float]):
    """A packed array of vectors or colours, whose components are rounded to 32 bits at once."""

    __slots__ = ()
    typecode = "f"

    def __init__(self, items: Iterable[Group] = ()) -> None:
        numbers = (number for item in items for number in item.components)
        self._numbers = array(self.typecode, numbers)

    def __len__(self) -> int:
        return len(self._numbers) // self.width

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Group | Self:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(*index.indices(len(self)))])
        start = range(len(self))[index] * self.width
        components = tuple(self._numbers[start : start + self.width])
        return self._item(components)

    @abstractmethod
    def _item(self, components: tuple[float, ...]) -> Group:
        """Return the item that consists of ``components``."""


class PackedVector2Array(GroupArray[Vector2]):
    """Godot's ``PackedVector2Array`` (``PoolVector2Array`` in Godot 3)."""

    __slots__ = ()
    width = 2

    def _item(self, components: tuple[float, ...]) -> Vector2:
        return Vector2.from_components(components)


class PackedVector3Array(GroupArray[Vector3]):
    """Godot's ``PackedVector3Array`` (``PoolVector3Array`` in Godot 3)."""

    __slots__ = ()
    width = 3

    def _item(self, components: tuple[float, ...]) -> Vector3:
        return Vector3.from_components(components)


class PackedVector4Array(GroupArray[Vector4]):
    """Godot's ``PackedVector4Array``, since Godot 4.3."""

    __slots__ = ()
    width = 4

    def _item(self, components: tuple[float, ...]) -> Vector4:
        return Vector4.from_components(components)


class PackedColorArray(GroupArray[Color]):
    """Godot's ``PackedColorArray`` (``PoolColorArray`` in Godot 3)."""

    __slots__ = ()
    width = 4

    def _item(self, components: tuple[float, ...]) -> Color:
        return Color.from_components(components)


class PackedStringArray(PackedArray[str]):
    """Godot's ``PackedStringArray`` (``PoolStringArray`` in Godot 3)."""

    __slots__ = ("_strings",)

    def __init__(self, strings: Iterable[str] = ()) -> None:
        self._strings = tuple(strings)

    def _key(self) -> tuple[str, ...]:
        return self._strings

    def __len__(self) -> int:
        return len(self._strings)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> str | Self:
        if isinstance(index, slice):
            return type(self)(self._strings[index])
        return self._strings[index]
