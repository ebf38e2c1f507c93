"""Godot's matrices and their kin: transforms, bases, projections, planes and quaternions."""

from __future__ import annotations

from .components import FloatComponents, WithXYZW, flatten
from .vectors import Vector2, Vector3, Vector4

_X_AXIS = Vector3(1.0, 0.0, 0.0)
_Y_AXIS = Vector3(0.0, 1.0, 0.0)
_Z_AXIS = Vector3(0.0, 0.0, 1.0)
_ORIGIN = Vector3()


class Transform2D(FloatComponents):
    """Godot's ``Transform2D``: x axis, y axis and origin, as three vectors or six numbers."""

    __slots__ = ()

    def __init__(self, *parts: float | Vector2) -> None:
        numbers = flatten("Transform2D", 6, parts or (1.0, 0.0, 0.0, 1.0, 0.0, 0.0))
        object.__setattr__(self, "components", tuple(map(float, numbers)))

    @property
    def x(self) -> Vector2:
        """The x axis, a column of the matrix."""
        return Vector2.from_components(self.components[:2])

    @property
    def y(self) -> Vector2:
        """The y axis, a column of the matrix."""
        return Vector2.from_components(self.components[2:4])

    @property
    def origin(self) -> Vector2:
        """The translation."""
        return Vector2.from_components(self.components[4:])


class Basis(FloatComponents):
    """Godot's ``Basis``, from its three axes; without arguments the identity.

    The axes are the columns of the matrix, as in Godot's constructor, while :attr:`components`
    has the nine numbers row by row, as Godot writes them in bytes and in text.
    """

    __slots__ = ()

    def __init__(self, x: Vector3 = _X_AXIS, y: Vector3 = _Y_AXIS, z: Vector3 = _Z_AXIS) -> None:
        columns = [flatten("An axis of Basis", 3, (axis,)) for axis in (x, y, z)]
        rows = zip(*columns, strict=True)
        object.__setattr__(self, "components", tuple(number for row in rows for number in row))

    def __repr__(self) -> str:
        return f"Basis({self.x!r}, {self.y!r}, {self.z!r})"

    @property
    def x(self) -> Vector3:
        """The x axis, a column of the matrix."""
        return Vector3.from_components(self.components[0::3])

    @property
    def y(self) -> Vector3:
        """The y axis, a column of the matrix."""
        return Vector3.from_components(self.components[1::3])

    @property
    def z(self) -> Vector3:
        """The z axis, a column of the matrix."""
        return Vector3.from_components(self.components[2::3])


_IDENTITY = Basis()


class Transform3D(FloatComponents):
    """Godot's ``Transform3D`` (``Transform`` in Godot 3): a basis and an origin.

    :attr:`components` has the basis row by row, then the origin: twelve numbers.
    """

    __slots__ = ()

    def __init__(self, basis: Basis = _IDENTITY, origin: Vector3 = _ORIGIN) -> None:
        numbers = flatten("Transform3D's basis", 9, (basis,))
        numbers += flatten("Transform3D's origin", 3, (origin,))
        object.__setattr__(self, "components", numbers)

    def __repr__(self) -> str:
        return f"Transform3D({self.basis!r}, {self.origin!r})"

    @property
    def basis(self) -> Basis:
        """Rotation, scale and shear."""
        return Basis.from_components(self.components[:9])

    @property
    def origin(self) -> Vector3:
        """The translation."""
        return Vector3.from_components(self.components[9:])


class Projection(FloatComponents):
    """Godot's ``Projection``: four columns, as vectors or as sixteen numbers column by column."""

    __slots__ = ()

    def __init__(self, *parts: float | Vector4) -> None:
        identity = (1.0, 0.0, 0.0, 0.0, 0.0) * 3 + (1.0,)
        numbers = flatten("Projection", 16, parts or identity)
        object.__setattr__(self, "components", tuple(map(float, numbers)))

    @property
    def x(self) -> Vector4:
        """The first column."""
        return Vector4.from_components(self.components[:4])

    @property
    def y(self) -> Vector4:
        """The second column."""
        return Vector4.from_components(self.components[4:8])

    @property
    def z(self) -> Vector4:
        """The third column."""
        return Vector4.from_components(self.components[8:12])

    @property
    def w(self) -> Vector4:
        """The fourth column."""
        return Vector4.from_components(self.components[12:])


class Plane(FloatComponents):
    """Godot's ``Plane``: a normal and the distance from the origin, as a vector and a number."""

    __slots__ = ()

    def __init__(self, *parts: float | Vector3) -> None:
        numbers = flatten("Plane", 4, parts or (0.0,) * 4)
        object.__setattr__(self, "components", tuple(map(float, numbers)))

    @property
    def normal(self) -> Vector3:
        """The direction in which the plane faces."""
        return Vector3.from_components(self.components[:3])

    @property
    def d(self) -> float:
        """The distance from the origin along the normal."""
        return self.components[3]

    def distance_to(self, point: Vector3) -> float:
        """Return how far above the plane ``point`` is; below it the distance is negative."""
        return self.normal.dot(point) - self.d


class Quaternion(FloatComponents, WithXYZW[float]):
    """Godot's ``Quaternion`` (``Quat`` in Godot 3): w is the real part; the identity by default."""

    __slots__ = ()

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, w: float = 1.0) -> None:
        object.__setattr__(self, "components", (float(x), float(y), float(z), float(w)))
