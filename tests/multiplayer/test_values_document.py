"""The table in ``docs/values.md`` is true."""

from __future__ import annotations

from pathlib import Path

import msgpack
import pytest

import multiplayer
from multiplayer import (
    MsgpackCodec,
    MultiplayerError,
    VariantType,
    decode_variant,
    encode_variant,
)
from multiplayer.variant.python_types import VARIANT_TYPES

DOCUMENT = Path(__file__).parents[2] / "docs" / "values.md"


def rows() -> list[list[str]]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table]


ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row(row: list[str]) -> None:
    expression, _, godot4, variant_hex, form, msgpack_hex = row
    value = eval(expression, vars(multiplayer))
    number, name = godot4.split()
    assert VariantType[name] == int(number)
    variant = bytes.fromhex(variant_hex)
    assert encode_variant(value) == variant
    assert variant[0] == int(number)
    codec = MsgpackCodec()
    packed = bytes.fromhex(msgpack_hex)
    assert codec.encode(value) == packed
    for decoded in (decode_variant(variant), codec.decode(packed)):
        assert decoded == (list(value) if isinstance(value, tuple) else value)
    if form.startswith("ext "):
        raw = msgpack.unpackb(packed)
        assert raw.code == int(form.removeprefix("ext ")) == int(number)
        assert variant.endswith(raw.data)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_godot3(row: list[str]) -> None:
    expression, godot3, _, variant_hex, *_ = row
    value = eval(expression, vars(multiplayer))
    if godot3 == "none":
        with pytest.raises(MultiplayerError):
            encode_variant(value, 3)
        return
    variant = encode_variant(value, 3)
    number = int(godot3.split()[0])
    assert variant[0] == number
    if isinstance(value, multiplayer.RID):
        assert len(variant) == 4
    elif not isinstance(value, (list, tuple, dict)):
        assert variant[1:] == bytes.fromhex(variant_hex)[1:]


def test_the_table_is_complete() -> None:
    documented = {type(eval(row[0], vars(multiplayer))) for row in ROWS}
    assert set(VARIANT_TYPES) - documented == {bytearray, memoryview}


def test_names_of_variant_are_exported() -> None:
    assert set(multiplayer.variant.__all__) <= set(multiplayer.__all__)
    for name in multiplayer.variant.__all__:
        assert getattr(multiplayer, name) is getattr(multiplayer.variant, name)
