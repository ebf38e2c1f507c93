"""Godot's packed arrays, ``Pool…Array`` in Godot 3: many values of one kind in one block of memory.

They are immutable sequences. ``PackedByteArray`` is Python's ``bytes``. The numeric ones convert
from and to :class:`array.array` and buffers in one piece.

Arrays of floats are equal if their bits are: 0.0 and -0.0 differ, and a NaN equals itself. Vectors
and plain floats follow IEEE 754, where it is the other way round.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, overload

from .color import Color
from .components import FloatComponents, Number
from .vectors import Vector2, Vector3, Vector4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

Item = TypeVar("Item")
Group = TypeVar("Group", bound=FloatComponents)


def little_endian_array(typecode: str, data: bytes | memoryview) -> array[Any]:
    """Return ``data``, little-endian numbers of kind ``typecode``, in this machine's order."""
    numbers: array[Any] = array(typecode)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def to_little_endian(numbers: array[Number]) -> bytes:
    """Return ``numbers``, which are in this machine's order, as on the wire."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


class PackedArray(Sequence[Item]):
    """What all packed arrays have in common: equality within the same type, hashing, a repr."""

    __slots__ = ()

    @abstractmethod
    def _key(self) -> object:
        """Return what makes two values equal."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"


class NumericArray(PackedArray[Item], Generic[Item, Number]):
    """A packed array of numbers, or of items that consist of numbers.

    It keeps the bytes of the wire, not an :class:`array.array`: they are read, written, compared
    and hashed in one piece, at the cost of ``bytes``, and nobody can change them. Arrays and
    buffers convert in one piece, too.

    Attributes:
        wire: the numbers as on the wire: little-endian.
        typecode: the kind of the numbers, as in ``array.array``.
        width: numbers per item.
        item_size: bytes per item.
    """

    __slots__ = ("wire",)

    typecode: ClassVar[str]
    width: ClassVar[int] = 1
    item_size: ClassVar[int]

    wire: bytes

    @classmethod
    def from_array(cls, numbers: array[Number]) -> Self:
        """Return the packed array that holds ``numbers``, copied in one piece.

        Raises:
            ValueError: the numbers have another typecode, or do not fill the last item.
        """
        if numbers.typecode != cls.typecode or len(numbers) % cls.width:
            message = (
                f"{cls.__name__} takes an array of typecode {cls.typecode!r} "
                f"and a length that is a multiple of {cls.width}"
            )
            raise ValueError(message)
        return cls._adopt(to_little_endian(numbers))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Return the packed array whose numbers ``data`` holds, little-endian as on the wire.

        Raises:
            ValueError: the bytes do not fill the last item.
        """
        wire = bytes(data)
        if len(wire) % cls.item_size:
            message = f"{len(wire)} bytes are not a whole number of {cls.__name__} items"
            raise ValueError(message)
        return cls._adopt(wire)

    @classmethod
    def _adopt(cls, wire: bytes) -> Self:
        self = object.__new__(cls)
        self.wire = wire
        return self

    @property
    def data(self) -> memoryview:
        """The numbers in this machine's order, read-only; copied only if that is big-endian."""
        if sys.byteorder == "big":
            return memoryview(self.to_array()).toreadonly()
        return cast("memoryview", memoryview(self.wire).cast(cast("Any", self.typecode)))

    def to_array(self) -> array[Number]:
        """Return a copy of the numbers as an array, made in one piece."""
        return little_endian_array(self.typecode, self.wire)

    def tobytes(self) -> bytes:
        """Return the numbers as on the wire: little-endian."""
        return self.wire

    __bytes__ = tobytes

    def __len__(self) -> int:
        return len(self.wire) // self.item_size

    def _key(self) -> bytes:
        return self.wire

    def _slice(self, index: slice) -> Self:
        start, stop, step = index.indices(len(self))
        if step == 1:
            return self._adopt(self.wire[start * self.item_size : stop * self.item_size])
        size = self.item_size
        starts = range(start * size, stop * size, step * size)
        return self._adopt(b"".join([self.wire[at : at + size] for at in starts]))

    def __reduce__(self) -> tuple[Callable[[bytes], Self], tuple[bytes]]:
        return type(self).from_bytes, (self.wire,)


class _ScalarArray(NumericArray[Number, Number]):
    """A packed array of plain numbers.

    Raises:
        TypeError: they are not numbers, or are bytes: use :meth:`from_bytes` for those.
        OverflowError: a number is too large.
    """

    __slots__ = ()

    def __init__(self, numbers: Iterable[Number] = ()) -> None:
        if isinstance(numbers, (bytes, bytearray)):
            message = f"{type(self).__name__} takes numbers; use from_bytes for bytes"
            raise TypeError(message)
        self.wire = to_little_endian(array(self.typecode, numbers))

    def __iter__(self) -> Iterator[Number]:
        return iter(self.to_array())

    @overload
    def __getitem__(self, index: int) -> Number: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Number | Self:
        return self._slice(index) if isinstance(index, slice) else cast("Number", self.data[index])


class PackedInt32Array(_ScalarArray[int]):
    """Godot's ``PackedInt32Array`` (``PoolIntArray`` in Godot 3): signed integers of 32 bits."""

    __slots__ = ()
    typecode = "i"
    item_size = 4


class PackedInt64Array(_ScalarArray[int]):
    """Godot 4's ``PackedInt64Array``: signed integers of 64 bits."""

    __slots__ = ()
    typecode = "q"
    item_size = 8


class PackedFloat32Array(_ScalarArray[float]):
    """Godot's ``PackedFloat32Array`` (``PoolRealArray`` in Godot 3): rounds to 32 bits at once."""

    __slots__ = ()
    typecode = "f"
    item_size = 4


class PackedFloat64Array(_ScalarArray[float]):
    """Godot 4's ``PackedFloat64Array``."""

    __slots__ = ()
    typecode = "d"
    item_size = 8


class GroupArray(NumericArray[Group, float]):
    """A packed array of vectors or colours, whose components it rounds to 32 bits at once.

    Attributes:
        item_type: the class of the items.

    Raises:
        TypeError: an item has another class.
    """

    __slots__ = ()
    typecode = "f"
    item_type: ClassVar[type[Any]]

    def __init__(self, items: Iterable[Group] = ()) -> None:
        numbers: array[float] = array(self.typecode)
        for item in items:
            if not isinstance(item, self.item_type):
                name = self.item_type.__name__
                message = f"{type(self).__name__} takes {name}, not {type(item).__name__}"
                raise TypeError(message)
            numbers.extend(item.components)
        self.wire = to_little_endian(numbers)

    def __iter__(self) -> Iterator[Group]:
        numbers = iter(self.to_array())
        return map(self.item_type.from_components, zip(*[numbers] * self.width, strict=True))

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Group | Self:
        if isinstance(index, slice):
            return self._slice(index)
        start = range(len(self))[index] * self.width
        return self.item_type.from_components(tuple(self.data[start : start + self.width]))


class PackedVector2Array(GroupArray[Vector2]):
    """Godot's ``PackedVector2Array`` (``PoolVector2Array`` in Godot 3)."""

    __slots__ = ()
    item_type = Vector2
    width = 2
    item_size = 8


class PackedVector3Array(GroupArray[Vector3]):
    """Godot's ``PackedVector3Array`` (``PoolVector3Array`` in Godot 3)."""

    __slots__ = ()
    item_type = Vector3
    width = 3
    item_size = 12


class PackedVector4Array(GroupArray[Vector4]):
    """Godot's ``PackedVector4Array``, since Godot 4.3."""

    __slots__ = ()
    item_type = Vector4
    width = 4
    item_size = 16


class PackedColorArray(GroupArray[Color]):
    """Godot's ``PackedColorArray`` (``PoolColorArray`` in Godot 3)."""

    __slots__ = ()
    item_type = Color
    width = 4
    item_size = 16


class PackedStringArray(PackedArray[str]):
    """Godot's ``PackedStringArray`` (``PoolStringArray`` in Godot 3)."""

    __slots__ = ("_strings",)

    def __init__(self, strings: Iterable[str] = ()) -> None:
        self._strings = tuple(strings)
        for text in self._strings:
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                message = f"PackedStringArray takes str, not {type(text).__name__}"
                raise TypeError(message)

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
