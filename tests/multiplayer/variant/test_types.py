"""The types themselves: arithmetic, immutability, text."""

from __future__ import annotations

import copy
import math
import pickle
from array import array
from typing import TYPE_CHECKING, Any, cast

import pytest

from multiplayer import (
    AABB,
    RID,
    Basis,
    CallableRef,
    Color,
    EncodedObjectAsID,
    NodePath,
    PackedColorArray,
    PackedFloat32Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    Plane,
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    SignalRef,
    StringName,
    Transform2D,
    Transform3D,
    TypedArray,
    TypedDictionary,
    VariantType,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
    decode_variant,
    encode_variant,
)
from multiplayer import variant as variant_package

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = [
    Vector2(1, 2),
    Vector2i(1, 2),
    Vector3(1, 2, 3),
    Vector3i(1, 2, 3),
    Vector4(1, 2, 3, 4),
    Vector4i(1, 2, 3, 4),
    Rect2(1, 2, 3, 4),
    Rect2i(1, 2, 3, 4),
    AABB(1, 2, 3, 4, 5, 6),
    Transform2D(),
    Basis(),
    Transform3D(),
    Projection(),
    Plane(1, 2, 3, 4),
    Quaternion(),
    Color(1, 2, 3, 4),
    StringName("a"),
    NodePath("/a:b"),
    RID(1),
    CallableRef(),
    SignalRef("a", 1),
    EncodedObjectAsID(1),
    PackedInt32Array([1, 2]),
    PackedVector3Array([Vector3(1, 2, 3)]),
    PackedStringArray(["a"]),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_type_is_a_small_value(value: Any) -> None:
    for same in (copy.deepcopy(value), pickle.loads(pickle.dumps(value)), decode(value)):
        assert same == value
        assert type(same) is type(value)
        assert hash(same) == hash(value)
    assert sum(value == other for other in EXAMPLES) == 1
    assert repr(value).startswith(f"{type(value).__name__}(")
    assert eval(repr(value), vars(variant_package)) == value
    assert not hasattr(value, "__dict__")


def decode(value: object) -> object:
    return decode_variant(encode_variant(value))


def test_components_cannot_be_changed() -> None:
    vector = Vector2(1, 2)
    for name in ("x", "components", "other"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(vector, name, 3)
    with pytest.raises(AttributeError, match="immutable"):
        del vector.components
    assert tuple(vector) == (1.0, 2.0)
    assert (len(vector), vector[1]) == (2, 2.0)
    assert vector != (1.0, 2.0)


def test_floats_stay_as_given_until_the_wire_rounds_them() -> None:
    vector = Vector2(0.1, 0)
    assert vector.x == 0.1
    assert decode(vector) == vector.as_float32() != vector
    assert vector.is_equal_approx(vector.as_float32())
    assert not vector.is_equal_approx(Vector2(0.1001, 0))
    large = Vector2(1e39, -1e39)
    assert decode(large) == large.as_float32() == Vector2(math.inf, -math.inf)
    assert decode(Color(1e39)).r == PackedFloat32Array([1e39])[0] == math.inf


def test_vector_arithmetic() -> None:
    a, b = Vector3(1, 2, 3), Vector3(4, 5, 6)
    assert a + b == Vector3(5, 7, 9)
    assert b - a == Vector3(3, 3, 3)
    assert -a == Vector3(-1, -2, -3)
    assert a * b == Vector3(4, 10, 18)
    assert a * 2 == 2 * a == Vector3(2, 4, 6)
    assert b / a == Vector3(4, 2.5, 2)
    assert b / 2 == Vector3(2, 2.5, 3)
    assert a.dot(b) == 32
    assert a.cross(b) == Vector3(-3, 6, -3)
    assert Vector2(1, 2).cross(Vector2(3, 4)) == -2
    assert Vector2(3, 4).length() == 5
    assert Vector2(3, 4).length_squared() == 25
    assert Vector2(1, 1).distance_to(Vector2(4, 5)) == 5
    assert Vector2(3, 4).normalized() == Vector2(0.6, 0.8)
    assert Vector2().normalized() == Vector2()
    assert Vector4(0, 0, 0, 4).lerp(Vector4(8, 0, 0, 0), 0.25) == Vector4(2, 0, 0, 3)


def test_integer_vectors_follow_godot() -> None:
    a = Vector2i(-7, 7)
    assert a / 2 == Vector2i(-3, 3)
    assert a / Vector2i(-2, 2) == Vector2i(3, 3)
    assert a * 2 == 2 * a == Vector2i(-14, 14)
    assert a * Vector2i(2, 3) == Vector2i(-14, 21)
    assert a * 0.5 == 0.5 * a == a / 2.0 == Vector2(-3.5, 3.5)
    assert Vector3i(1, 2, 2).length() == 3
    assert Vector4i(1, 2, 3, 4) * 0.5 == Vector4(0.5, 1, 1.5, 2)
    assert Vector3i(1, 2, 3) * 0.5 == Vector3(0.5, 1, 1.5)
    with pytest.raises(TypeError):
        Vector2i(1.5, 2)


def test_rounding_gives_integers() -> None:
    vector = Vector4(-1.5, 0.5, 2.5, 1.25)
    assert round(vector) == Vector4i(-2, 1, 3, 1)
    assert math.floor(vector) == Vector4i(-2, 0, 2, 1)
    assert math.ceil(vector) == Vector4i(-1, 1, 3, 2)
    assert math.trunc(vector) == Vector4i(-1, 0, 2, 1)
    assert round(Vector2(0.49999999999999994, -0.5)) == Vector2i(0, -1)
    assert round(Vector3(1.4, 1.6, 0)) == Vector3i(1, 2, 0)


@pytest.mark.parametrize("operand", [Vector2i(1, 2), Vector3(1, 2, 3), (1, 2), "a"])
def test_vectors_do_not_mix(operand: Any) -> None:
    vector = Vector2(1, 2)
    for operate in ("__add__", "__sub__", "__mul__", "__truediv__"):
        assert getattr(vector, operate)(operand) is NotImplemented
    with pytest.raises(TypeError):
        vector + operand


def test_rectangles() -> None:
    rect = Rect2(Vector2(1, 2), Vector2(3, 4))
    assert rect == Rect2(1, 2, 3, 4)
    assert (rect.position, rect.size, rect.end) == (Vector2(1, 2), Vector2(3, 4), Vector2(4, 6))
    assert rect.has_point(Vector2(1, 2))
    assert not rect.has_point(Vector2(4, 2))
    touching = Rect2i(4, 2, 1, 1)
    assert not Rect2i(1, 2, 3, 4).intersects(touching)
    assert Rect2i(1, 2, 3, 4).intersects(touching, include_borders=True)
    assert Rect2i(1, 2, 3, 4).intersects(Rect2i(3, 5, 9, 9))
    assert Rect2i(1, 2, 3, 4).end == Vector2i(4, 6)
    with pytest.raises(TypeError, match="Rect2 takes 4 numbers"):
        Rect2(1, 2, 3)


def test_boxes() -> None:
    box = AABB(Vector3(0, 0, 0), Vector3(2, 2, 2))
    assert box.end == Vector3(2, 2, 2)
    assert box.has_point(Vector3(2, 2, 2))
    assert not box.has_point(Vector3(0, 0, 2.5))
    assert box.intersects(AABB(1, 1, 1, 5, 5, 5))
    assert not box.intersects(AABB(2, 0, 0, 1, 1, 1))


def test_matrices_have_columns() -> None:
    basis = Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9))
    assert (basis.x, basis.y, basis.z) == (Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9))
    assert basis.components == (1, 4, 7, 2, 5, 8, 3, 6, 9)
    transform = Transform3D(basis, Vector3(10, 11, 12))
    assert (transform.basis, transform.origin) == (basis, Vector3(10, 11, 12))
    flat = Transform2D(1, 2, 3, 4, 5, 6)
    assert (flat.x, flat.y, flat.origin) == (Vector2(1, 2), Vector2(3, 4), Vector2(5, 6))
    projection = Projection(*range(16))
    assert (projection.x, projection.w) == (Vector4(0, 1, 2, 3), Vector4(12, 13, 14, 15))
    assert (projection.y, projection.z) == (Vector4(4, 5, 6, 7), Vector4(8, 9, 10, 11))
    plane = Plane(Vector3(0, 1, 0), 5)
    assert (plane.normal, plane.d) == (Vector3(0, 1, 0), 5)
    assert plane.distance_to(Vector3(9, 7, 9)) == 2
    quaternion = Quaternion(1, 2, 3, 4)
    assert (quaternion.x, quaternion.y, quaternion.z, quaternion.w) == (1, 2, 3, 4)


def test_colours() -> None:
    assert Color.html("#336699cc") == Color(0.2, 0.4, 0.6, 0.8)
    assert Color.html("369") == Color(0.2, 0.4, 0.6)
    assert Color.html("#369c").to_html() == "336699cc"
    assert Color(2, -1, 0.5).to_html(with_alpha=False) == "ff0080"
    assert Color(0, 0, 0, 0).lerp(Color(1, 1, 1, 1), 0.5) == Color(0.5, 0.5, 0.5, 0.5)
    assert (Color(1, 2, 3).r, Color(1, 2, 3).g, Color(1, 2, 3).b, Color(1, 2, 3).a) == (1, 2, 3, 1)
    for wrong in ("", "12345", "gggggg", "+1+1+1", " 12 34"):
        with pytest.raises(ValueError, match="not a colour"):
            Color.html(wrong)


def test_string_names_are_strings() -> None:
    assert {StringName("a"): 1}["a"] == 1
    assert decode({"a": StringName("b")}) == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "names", "subnames", "printed"),
    [
        ("", (), (), ""),
        ("/", (), (), "/"),
        ("a//b/", ("a", "b"), (), "a/b"),
        ("/root/Main:position:x", ("root", "Main"), ("position", "x"), "/root/Main:position:x"),
        (":a", (), ("a",), ":a"),
        ("a:", ("a",), (), "a"),
        ("../%Unique", ("..", "%Unique"), (), "../%Unique"),
    ],
)
def test_node_paths(
    text: str, names: tuple[str, ...], subnames: tuple[str, ...], printed: str
) -> None:
    path = NodePath(text)
    assert (path.names, path.subnames) == (names, subnames)
    assert path.absolute == text.startswith("/")
    assert str(path) == printed


@pytest.mark.parametrize("text", ["a::b", "::", "a:b::"])
def test_a_node_path_without_a_property(text: str) -> None:
    with pytest.raises(ValueError, match="a property has no name"):
        NodePath(text)


def test_packed_arrays_take_and_give_buffers() -> None:
    numbers = array("f", [1, 2, 3, 4])
    points = PackedVector2Array.from_array(numbers)
    assert list(points) == [Vector2(1, 2), Vector2(3, 4)]
    assert points.data.format == "f"
    assert points.data.tolist() == [1, 2, 3, 4]
    assert points.data.readonly
    numbers[0] = 9  # the array was copied
    assert points[0] == Vector2(1, 2)
    assert (points[-1], len(points), points[1:]) == (
        Vector2(3, 4),
        2,
        PackedVector2Array([Vector2(3, 4)]),
    )
    with pytest.raises(IndexError):
        points[2]
    assert PackedVector2Array.from_bytes(points.tobytes()) == points
    assert PackedInt64Array.from_bytes(b"\1" + bytes(7)) == PackedInt64Array([1])
    with pytest.raises(ValueError, match="typecode"):
        PackedFloat32Array.from_array(array("d"))
    with pytest.raises(ValueError, match="multiple of 2"):
        PackedVector2Array.from_array(array("f", [1]))
    with pytest.raises(ValueError, match="not a whole number"):
        PackedColorArray.from_bytes(bytes(8))
    with pytest.raises(OverflowError):
        PackedInt32Array([2**31])
    assert PackedStringArray(["a", "b"])[1:] == PackedStringArray(["b"])
    assert PackedInt32Array([1, 2])[:1] == PackedInt32Array([1])


def test_packed_arrays_take_their_own_items_only() -> None:
    wrong: list[tuple[Any, Any]] = [
        (PackedVector2Array, [Vector3(1, 2, 3)]),
        (PackedColorArray, [Vector4()]),
        (PackedVector3Array, [(1, 2, 3)]),
        (PackedStringArray, ["a", 1]),
        (PackedInt32Array, b"\1\2\3\4"),
        (PackedInt32Array, bytearray(4)),
    ]
    for array_type, items in wrong:
        with pytest.raises(TypeError, match=f"{array_type.__name__} takes"):
            array_type(items)


def test_packed_arrays_cannot_be_changed_through_their_buffer() -> None:
    numbers = PackedInt32Array([1, 2])
    assert isinstance(numbers.data.obj, bytes)
    assert bytes(numbers) == numbers.tobytes() == b"\1\0\0\0\2\0\0\0"
    copied = numbers.to_array()
    copied[0] = 9
    assert numbers == PackedInt32Array([1, 2])


def test_slices_of_packed_arrays() -> None:
    vectors = [Vector2(i, -i) for i in range(7)]
    packed, numbers = PackedVector2Array(vectors), PackedInt64Array(range(7))
    for part in (slice(2, 5), slice(None, None, -2), slice(5, 2), slice(-3, None), slice(1, 9, 3)):
        assert packed[part] == PackedVector2Array(vectors[part])
        assert numbers[part] == PackedInt64Array(range(7)[part])


def test_equality_of_packed_floats_is_that_of_bits_and_of_vectors_that_of_numbers() -> None:
    nan = math.nan
    assert PackedFloat32Array([0.0]) != PackedFloat32Array([-0.0])
    assert PackedFloat32Array([nan]) == PackedFloat32Array([nan])
    assert Vector2(0.0, 0) == Vector2(-0.0, 0)
    assert Vector2(nan, 0) != Vector2(nan, 0)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: SignalRef(cast("str", 5)), TypeError),
        (lambda: SignalRef("a", -1), ValueError),
        (lambda: NodePath.from_parts(("a", cast("str", 5))), TypeError),
        (lambda: RID(cast("int", "x")), TypeError),
        (lambda: RID(-1), ValueError),
        (lambda: RID(2**64), ValueError),
        (lambda: EncodedObjectAsID(0), ValueError),
        (lambda: Basis(cast("Vector3", Vector4())), TypeError),
        (lambda: Basis(*[cast("Vector3", Vector4())] * 3), TypeError),
        (lambda: Transform3D(Basis(), cast("Vector3", Vector2())), TypeError),
        (lambda: Transform3D(cast("Basis", Vector3())), TypeError),
        (lambda: TypedArray(cast("VariantType", 99)), ValueError),
        (lambda: TypedDictionary(VariantType.INT, cast("VariantType", 99)), ValueError),
    ],
)
def test_constructors_refuse_what_cannot_be_written(
    make: Callable[[], object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make()


def test_node_paths_of_lists() -> None:
    path = NodePath.from_parts(cast("tuple[str, ...]", ["a"]), ("b",))
    assert decode(path) == path == NodePath("a:b")


def test_copies_of_typed_containers_keep_their_types() -> None:
    numbers = TypedArray(VariantType.INT, [1])
    named = TypedDictionary(VariantType.STRING, VariantType.NIL, {"a": 1})
    assert repr(numbers.copy()) == repr(numbers)
    assert repr(named.copy()) == repr(named)


def test_vectors_of_huge_numbers_have_a_direction() -> None:
    assert Vector2(1.7e308, 1.7e308).normalized().is_equal_approx(Vector2(0.5**0.5, 0.5**0.5))
    assert Vector2(math.inf, 1).normalized().y == 0


def test_colours_that_are_no_number_have_a_text() -> None:
    assert Color(math.nan, 1, 0).to_html() == "00ff00ff"


@pytest.mark.parametrize(
    "call",
    [
        lambda: Vector2(1, 2).cross(cast("Vector2", Vector3(1, 2, 3))),
        lambda: Vector3(1, 2, 3).cross(cast("Vector3", Vector2(1, 2))),
        lambda: Vector2(1, 2).dot(cast("Vector2", Vector3(1, 2, 3))),
        lambda: Vector2(1, 2).distance_to(cast("Vector2", Vector3(1, 2, 3))),
        lambda: Vector2(1, 2).is_equal_approx(cast("Vector2", Vector3(1, 2, 3))),
        lambda: Rect2(1, 2, 3, 4).has_point(Vector3(1, 2, 3)),
        lambda: Rect2(1, 2, 3, 4).intersects(Vector3(1, 2, 3)),
        lambda: AABB().has_point(cast("Vector3", Vector2())),
    ],
)
def test_operands_of_another_size(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        (Rect2(0, 0, 1, 1), True),
        (Rect2(-2, 0, 1, 1), False),
        (Rect2(3, 0, 1, 1), False),
        (Rect2(0, -2, 1, 1), False),
        (Rect2(0, 3, 1, 1), False),
    ],
)
def test_rectangles_overlap_from_every_side(other: Rect2, overlaps: bool) -> None:
    assert Rect2(0, 0, 2, 2).intersects(other) is overlaps
    assert other.intersects(Rect2(0, 0, 2, 2)) is overlaps


def test_the_lower_edge_is_outside() -> None:
    rect = Rect2(0, 0, 2, 2)
    assert rect.has_point(Vector2(1, 1.9))
    assert not rect.has_point(Vector2(1, 2))
    assert not rect.has_point(Vector2(1, -1))


def test_approximate_equality_is_relative_for_large_numbers() -> None:
    assert Vector2(1e6, 0).is_equal_approx(Vector2(1e6 + 5, 0))
    assert not Vector2(1e6, 0).is_equal_approx(Vector2(1e6 + 15, 0))


def test_typed_containers() -> None:
    numbers = TypedArray(VariantType.INT, [1])
    assert numbers == [1]
    assert numbers != TypedArray(VariantType.FLOAT, [1])
    named = TypedDictionary(VariantType.STRING, VariantType.INT, {"a": 1})
    assert named == {"a": 1}
    assert named != TypedDictionary(VariantType.NIL, VariantType.INT, {"a": 1})
    for value in (numbers, named):
        for same in (copy.deepcopy(value), pickle.loads(pickle.dumps(value)), decode(value)):
            assert same == value
            assert repr(same) == repr(value)
