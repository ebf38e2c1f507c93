"""Godot's typed arrays and dictionaries: a ``list`` and a ``dict`` that remember their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .type_numbers import VariantType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class TypedArray(list[object]):
    """Godot's ``Array[T]``, on the wire since Godot 4.3.

    A list in all respects. Elements are checked when it is encoded, not when they are added. Equal
    to a plain list of the same elements, and to a typed array only if the types agree.

    Attributes:
        element_type: the type of its elements. ``OBJECT`` stands for objects of any class, which
            arrive as :class:`EncodedObjectAsID` or ``None``.
    """

    __slots__ = ("element_type",)

    def __init__(self, element_type: VariantType, elements: Iterable[object] = ()) -> None:
        super().__init__(elements)
        self.element_type = VariantType(element_type)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypedArray) and other.element_type != self.element_type:
            return False
        return super().__eq__(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def copy(self) -> TypedArray:
        """Return an array of the same type with the same elements."""
        return TypedArray(self.element_type, self)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"TypedArray({self.element_type.name}, {super().__repr__()})"

    def __reduce__(
        self,
    ) -> tuple[Callable[..., TypedArray], tuple[VariantType, list[object]]]:
        return TypedArray, (self.element_type, list(self))


class TypedDictionary(dict[object, object]):
    """Godot's ``Dictionary[K, V]``, since Godot 4.4.

    A dict in all respects. Keys and values are checked when it is encoded, not when they are added.
    Equal to a plain dict of the same items, and to a typed one only if the types agree.

    Attributes:
        key_type: the type of the keys; ``NIL`` for any.
        value_type: the type of the values; ``NIL`` for any.
    """

    __slots__ = ("key_type", "value_type")

    def __init__(
        self,
        key_type: VariantType,
        value_type: VariantType,
        items: Mapping[object, object] | Iterable[tuple[object, object]] = (),
    ) -> None:
        super().__init__(items)
        self.key_type = VariantType(key_type)
        self.value_type = VariantType(value_type)

    def _types(self) -> tuple[VariantType, VariantType]:
        return self.key_type, self.value_type

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypedDictionary) and other._types() != self._types():
            return False
        return super().__eq__(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def copy(self) -> TypedDictionary:
        """Return a dictionary of the same types with the same items."""
        return TypedDictionary(self.key_type, self.value_type, self)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        types = f"{self.key_type.name}, {self.value_type.name}"
        return f"TypedDictionary({types}, {super().__repr__()})"

    def __reduce__(
        self,
    ) -> tuple[
        Callable[..., TypedDictionary], tuple[VariantType, VariantType, dict[object, object]]
    ]:
        return TypedDictionary, (self.key_type, self.value_type, dict(self))
