"""Microseconds per encode and decode, ours against msgpack: ``python benchmarks/variant.py``.

Prints a Markdown table. The msgpack columns are the bare library on the same values: a vector is a
list of two floats there, a packed array the bytes of its numbers.
"""

from __future__ import annotations

import timeit
from array import array
from functools import partial
from typing import TYPE_CHECKING, Any

import msgpack

from multiplayer import MsgpackCodec, PackedFloat32Array, VariantCodec, Vector2

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = array("f", range(10_000))
LISTS = [[number, number + 1, number + 2] for number in range(200)]
TEXT = "Where the dwarves dig, gold is. " * 128

VALUES: dict[str, tuple[Any, Any]] = {
    "move message": (
        {"id": 7, "pos": Vector2(1.5, 2.5), "vel": Vector2(-1, 0.5), "t": 12.375},
        {"id": 7, "pos": [1.5, 2.5], "vel": [-1.0, 0.5], "t": 12.375},
    ),
    "list of 1000 ints": (list(range(1000)), list(range(1000))),
    "list of 1000 ints and floats": ([0, 0.5] * 500, [0, 0.5] * 500),
    "200 lists of 3 ints": (LISTS, LISTS),
    "10 000 packed floats": (PackedFloat32Array.from_array(NUMBERS), NUMBERS.tobytes()),
    "4 KiB of text": (TEXT, TEXT),
}


def microseconds(call: Callable[[], object]) -> float:
    """Return the time of one call: the best of five measurements of about 50 ms each."""
    timer = timeit.Timer(call)
    number, taken = timer.autorange()
    number = max(1, round(number * 0.05 / taken))
    return min(timer.repeat(5, number)) / number * 1e6


def main() -> None:
    variant, native = VariantCodec(4), MsgpackCodec()
    print("| value | VariantCodec encode | decode | MsgpackCodec encode | decode ", end="")
    print("| msgpack encode | decode | Variant / msgpack, encode | decode |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, (ours, plain) in VALUES.items():
        cells: list[float] = []
        for encode, decode, value in (
            (variant.encode, variant.decode, ours),
            (native.encode, native.decode, ours),
            (msgpack.packb, msgpack.unpackb, plain),
        ):
            data = encode(value)
            cells += [microseconds(partial(encode, value)), microseconds(partial(decode, data))]
        cells += [cells[0] / cells[4], cells[1] / cells[5]]
        print(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")


if __name__ == "__main__":
    main()
