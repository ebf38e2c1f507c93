"""Boxes along the axes: ``Rect2``, ``Rect2i`` and ``AABB``."""

from __future__ import annotations

import operator

from .components import Components, FloatComponents, Number, flatten
from .vectors import Vector2, Vector2i, Vector3


class _Rectangle(Components[Number]):
    """A rectangle: x and y of the corner, width and height. Sizes are assumed to be positive."""

    __slots__ = ()

    def has_point(self, point: Components[Number]) -> bool:
        """Return whether ``point`` lies inside; the right and lower edges are outside."""
        x, y, width, height = self.components
        point_x, point_y = flatten("a point of a rectangle", 2, (point,))
        return x <= point_x < x + width and y <= point_y < y + height

    def intersects(self, other: Components[Number], *, include_borders: bool = False) -> bool:
        """Return whether the two overlap; touching counts only with ``include_borders``."""
        x, y, width, height = self.components
        other_x, other_y, other_width, other_height = flatten("another rectangle", 4, (other,))
        before = operator.le if include_borders else operator.lt
        return (
            before(x, other_x + other_width)
            and before(other_x, x + width)
            and before(y, other_y + other_height)
            and before(other_y, y + height)
        )


class Rect2(_Rectangle[float], FloatComponents):
    """Godot's ``Rect2``, from a position and a size or from x, y, width and height."""

    __slots__ = ()

    def __init__(self, *parts: float | Vector2) -> None:
        numbers = flatten("Rect2", 4, parts or (0.0,) * 4)
        object.__setattr__(self, "components", tuple(map(float, numbers)))

    @property
    def position(self) -> Vector2:
        """The corner with the smallest coordinates."""
        return Vector2.from_components(self.components[:2])

    @property
    def size(self) -> Vector2:
        """Width and height."""
        return Vector2.from_components(self.components[2:])

    @property
    def end(self) -> Vector2:
        """The corner opposite to :attr:`position`."""
        return self.position + self.size


class Rect2i(_Rectangle[int]):
    """Godot's ``Rect2i``, from a position and a size or from x, y, width and height."""

    __slots__ = ()

    def __init__(self, *parts: int | Vector2i) -> None:
        numbers = flatten("Rect2i", 4, parts or (0,) * 4)
        object.__setattr__(self, "components", tuple(map(operator.index, numbers)))

    @property
    def position(self) -> Vector2i:
        """The corner with the smallest coordinates."""
        return Vector2i.from_components(self.components[:2])

    @property
    def size(self) -> Vector2i:
        """Width and height."""
        return Vector2i.from_components(self.components[2:])

    @property
    def end(self) -> Vector2i:
        """The corner opposite to :attr:`position`."""
        return self.position + self.size


class AABB(FloatComponents):
    """Godot's ``AABB``, from a position and a size or from six numbers in that order."""

    __slots__ = ()

    def __init__(self, *parts: float | Vector3) -> None:
        numbers = flatten("AABB", 6, parts or (0.0,) * 6)
        object.__setattr__(self, "components", tuple(map(float, numbers)))

    @property
    def position(self) -> Vector3:
        """The corner with the smallest coordinates."""
        return Vector3.from_components(self.components[:3])

    @property
    def size(self) -> Vector3:
        """The lengths along the three axes."""
        return Vector3.from_components(self.components[3:])

    @property
    def end(self) -> Vector3:
        """The corner opposite to :attr:`position`."""
        return self.position + self.size

    def has_point(self, point: Vector3) -> bool:
        """Return whether ``point`` lies inside or on the surface."""
        place = flatten("a point of an AABB", 3, (point,))
        corners = zip(self.position, place, self.end, strict=True)
        return all(low <= coordinate <= high for low, coordinate, high in corners)

    def intersects(self, with_: AABB) -> bool:
        """Return whether the two overlap; touching does not count."""
        mine = zip(self.position, with_.end, strict=True)
        theirs = zip(with_.position, self.end, strict=True)
        return all(low < high for low, high in mine) and all(low < high for low, high in theirs)
