"""``gdpeers.js`` reads what ``docs/protocol`` and ``docs/values.md`` say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    Basis,
    EncodedObjectAsID,
    MsgpackCodec,
    SignalRef,
    TypedArray,
    TypedDictionary,
    VariantType,
    Vector3,
)
from tests.marked_blocks import text_of
from tests.multiplayer.wire import native_page
from tests.multiplayer.wire.native_replication_page import Elements, Items, Splices

if TYPE_CHECKING:
    from tests.interop.javascript.page import Page

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here

BYTES = "const bytes = (hex) => new Uint8Array(hex.match(/../g)?.map((two) => parseInt(two, 16)));"


@dataclass(frozen=True)
class Vector2:
    x: float
    y: float


def in_javascript(value: Any) -> Any:
    """What an example's value is in the JSON of the page."""
    match value:
        case bytes():
            return {"Uint8Array": list(value)}
        case Vector2():
            return {"x": value.x, "y": value.y}
        case Splices():
            splices = [in_javascript(splice) for splice in value.splices]
            return {"before": value.before, "splices": splices}
        case Items():
            return {"before": value.before, "changed": value.changed, "removed": value.removed}
        case dict():
            return {key: in_javascript(item) for key, item in value.items()}
        case list() | tuple():
            return [in_javascript(item) for item in value]
    return value


def expected(meaning: str) -> Any:
    found = native_page.as_written(meaning, Vector2)
    if isinstance(found, str):
        return found
    if isinstance(found, Elements):
        elements = [
            [
                number,
                {"map": [[bit, in_javascript(one)] for bit, one in state.items()]}
                if isinstance(state, dict)
                else in_javascript(state),
            ]
            for number, state in found.elements
        ]
        return {"type": found.name, "elements": elements, "whole": found.whole}
    return {"type": found.name, **in_javascript(found.fields)}


async def test_the_examples_of_packets(page: Page) -> None:
    examples = native_page.examples()
    code = """
        const shown = (key, value) => (value === g.MALFORMED ? "malformed" : value);
        return args.map((hex) => {
          try {
            const packet = g.readPacket(bytes(hex));
            for (const element of packet?.elements ?? []) {
              if (element[1] === g.MALFORMED) element[1] = "malformed";
            }
            return packet ?? "unknown";
          } catch (error) {
            if (error instanceof g.DecodeError) return "malformed";
            throw error;
          }
        });
    """
    found = await page.do(BYTES + code, *(data.hex() for data, _ in examples))
    for (data, meaning), packet in zip(examples, found, strict=True):
        assert packet == expected(meaning), (data.hex(" "), meaning)


async def test_the_table_of_values(page: Page) -> None:
    rows = re.findall(
        r"^\| `(.+?)` \|.*\| `([0-9a-f]+)` \|$", text_of("docs/values.md"), re.MULTILINE
    )
    assert len(rows) > 35
    code = """
        const hex = (data) => [...data].map((x) => x.toString(16).padStart(2, "0")).join("");
        const again = args.map((one) => hex(g.encode(g.decode(bytes(one)))));
        const more = [new g.StringName("abc"), new g.Float(1), new g.Vector2(1, 2), -0];
        return [again, more.map((value) => hex(g.encode(value))),
                g.decode(g.encode(new Map([[1, [2n ** 64n - 1n]]]))),
                g.decode(g.encode(new g.Basis(new g.Vector3(1, 2, 3)))).x,
                hex(g.encode(new g.Basis(new g.Vector3(1, 2, 3)))),
                [{}, { a: 1 }, new Map([[1, "x"]])].map((value) => g.entries(value))];
    """
    again, more, ints, axis, basis, pairs = await page.do(BYTES + code, *(data for _, data in rows))
    for (expression, data), found in zip(rows, again, strict=True):
        # A text is a text, and what was typed is not any more.
        plain = {"StringName": "a3616263", "TypedArray": "9101", "TypedDictionary": "8101c0"}
        assert found == plain.get(expression.partition("(")[0], data), expression
    assert more == [
        "d7150300000061626300",
        "cb3ff0000000000000",
        "d7050000803f00000040",
        "cb8000000000000000",
    ]
    assert ints == {"map": [[1, ["18446744073709551615n"]]]}
    assert axis == {"x": 1, "y": 2, "z": 3}
    assert bytes.fromhex(basis) == MsgpackCodec().encode(Basis(Vector3(1, 2, 3)))
    assert pairs == [[], [["a", 1]], [[1, "x"]]]


async def test_the_examples_of_words(page: Page) -> None:
    (block,) = re.findall(
        r"^```words\n(.*?)^```$", text_of("docs/protocol/resume.md"), re.MULTILINE | re.DOTALL
    )
    rows = [[cell.strip() for cell in line.split(" | ")] for line in block.splitlines()[1:]]
    code = """
        return args.map((text) => {
          const word = g.readWord(text);
          if (!word) return "violation";
          if (word.roster) return "roster";
          const { ack, renewed, greeting } = word;
          if (!greeting) return ack === undefined ? `renewed ${renewed}` : `ack ${ack}`;
          const { seat, grace, received, next, replayed } = greeting;
          const how = replayed === undefined ? "first" : replayed ? "replayed" : "anew";
          return `greeting ${seat} ${grace} ${received} ${next} ${how}`;
        });
    """
    found = await page.do(code, *(word for word, _ in rows))
    assert found == [meaning for _, meaning in rows]


def typed(codec: MsgpackCodec) -> list[tuple[bytes, Any]]:
    """Typed containers, and what they are in the JSON of the page."""
    of, key = VariantType, {"x": 1}
    return [
        (codec.encode(container), value)
        for container, value in [
            (TypedArray(of.FLOAT, [0.5, 0.1, 3.0]), [0.5, 0.1, 3]),
            (TypedArray(of.INT, [-1, 2**40, 2**62]), [-1, 2**40, f"{2**62}n"]),
            (TypedArray(of.STRING, ["", "a", "abcde"]), ["", "a", "abcde"]),
            (TypedArray(of.BOOL, [True, False]), [True, False]),
            (TypedArray(of.VECTOR3, [Vector3(1, 2, 3)]), [{"x": 1, "y": 2, "z": 3}]),
            (TypedArray(of.DICTIONARY, [key, {}]), [key, {}]),
            (TypedArray(of.PACKED_BYTE_ARRAY, [b"abcde", b"f"]),
             [{"Uint8Array": [*b"abcde"]}, {"Uint8Array": [*b"f"]}]),
            (TypedArray(of.OBJECT, [EncodedObjectAsID(5), None]),
             [{"type": 24, "data": {"Uint8Array": [5, *bytes(7)]}}, None]),
            (TypedDictionary(of.STRING, of.INT, {"a": 1}), {"a": 1}),
            (TypedDictionary(of.INT, of.NIL, {1: [None, "x"]}), {"map": [[1, [None, "x"]]]}),
            (TypedDictionary(of.NIL, of.SIGNAL, {"s": SignalRef("hit", 5)}),
             {"s": {"type": 26, "data": {"Uint8Array": [3, 0, 0, 0, *b"hit", 0, 5, *bytes(7)]}}}),
        ]
    ]  # fmt: skip


async def test_typed_containers(page: Page) -> None:
    pairs = typed(MsgpackCodec())
    code = BYTES + "return args.map((one) => g.decode(bytes(one)))"
    assert await page.do(code, *(data.hex() for data, _ in pairs)) == [value for _, value in pairs]
