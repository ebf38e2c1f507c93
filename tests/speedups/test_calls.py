"""The compiled loop of calls, held against what is written in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer.accelerator import pure
from multiplayer.scene.calls import straight_loop
from multiplayer.variant.compact import encode_compact

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SIZES = bytes([3, 4, 2, 128 + 1] * 64)
HEADS = [b"\x00\x01\x02", b"\x01\x01\x02\x03", b"\x02\x09", b"\x03name\x00\x07"]

values = st.lists(st.sampled_from([1, 300, 1.5, "text", None, True, b"bytes", [1]]), max_size=7)


class BrokenError(Exception):
    """Raised by a function."""


class World:
    """What calls do, and what came of it.

    Args:
        counts: how many arguments the function of each head takes; -1 for bare bytes.
        kinds: the types that need no check, for each head.
        steps: after which call it is to stop, and why.
    """

    def __init__(
        self,
        counts: list[int],
        kinds: list[list[type] | None],
        raising: int,
        stopping: int,
        why: str,
    ) -> None:
        self.told: list[object] = []
        self.touched: dict[object, None] = {}
        self.pressing: list[object] = []
        self.steps: set[object] = set()
        self.raising, self.stopping, self.why = raising, stopping, why
        self.now: list[Any] = [None, None]
        self.plans = {
            head: (
                len(head),
                count,
                self.function(number),
                kind,
                None if number == 0 else self.check,
                number,
            )
            for number, (head, count, kind) in enumerate(zip(HEADS, counts, kinds, strict=True))
        }

    def check(self, given: list[object]) -> list[object] | None:
        self.told.append(("checked", given))
        return None if None in given else [*reversed(given)]

    def function(self, number: int) -> Callable[..., None]:
        def called(*arguments: object) -> None:
            self.told.append((number, arguments))
            done = len(self.told)
            if done == self.raising:
                raise BrokenError(done)
            if done == self.stopping:
                self.stop()

        return called

    def stop(self) -> None:
        match self.why:
            case "touched":
                self.touched[self] = None
            case "other":
                self.touched["somebody else"] = None
            case "pressing":
                self.pressing.append(1)
            case "steps":
                self.steps.add(1)
            case _:
                self.plans.clear()

    def run(
        self, loop: Callable[..., Any], packets: list[bytes], read: Any, at: int
    ) -> list[object]:
        """All that can be seen of it from outside."""
        left = iter(packets)
        found: list[object] = []
        others = (self, self.touched, self.pressing, self.steps)
        for _ in range(len(packets) + 1):
            try:
                found.append(loop(left, self.plans, SIZES, at, read, self.now, *others))
            except BrokenError as error:
                found.append((str(error), self.now[1] is error))
            found.append((self.now[0] and self.now[0][-1], left.__length_hint__()))
        return [*found, *self.told]


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    given = draw(values)
    data = draw(st.sampled_from(HEADS)) + b"".join(map(encode_compact, given))
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 0 else data


@given(
    st.lists(packets(), max_size=12),
    st.lists(st.integers(-1, 5), min_size=4, max_size=4),
    st.lists(
        st.none() | st.lists(st.sampled_from([int, float, str, bool]), max_size=3),
        min_size=4,
        max_size=4,
    ),
    st.integers(0, 12),
    st.integers(0, 12),
    st.sampled_from(["touched", "other", "pressing", "steps", "plans"]),
    st.sampled_from([0, 0, 0, 2]),
)
def test_the_same_calls_are_made(
    fast: ModuleType,
    sent: list[bytes],
    counts: list[int],
    kinds: list[list[type] | None],
    raising: int,
    stopping: int,
    why: str,
    at: int,
) -> None:
    read = pure["read_flat"]
    expected = World(counts, kinds, raising, stopping, why).run(pure["call_all"], sent, read, at)
    for each in (read, fast.read_flat):
        world = World(counts, kinds, raising, stopping, why)
        assert world.run(fast.call_all, sent, each, at) == expected


def test_a_call_takes_any_number_of_arguments(fast: ModuleType) -> None:
    for count in range(9):
        world = World([count] * 4, [[int] * count] * 4, 0, 0, "")
        packet = HEADS[1] + b"".join(map(encode_compact, range(count)))
        world.run(fast.call_all, [packet, packet], fast.read_flat, 0)
        assert world.told == [(1, (*range(count),))] * 2


def test_tables_that_make_no_sense_lead_nowhere(fast: ModuleType) -> None:
    world = World([0] * 4, [None] * 4, 0, 0, "")
    others = (world.now, world, (), (), ())
    for sizes, at in ((b"", 0), (SIZES, -1), (SIZES, 1 << 40)):
        packet = HEADS[0]
        assert fast.call_all(iter([packet]), world.plans, sizes, at, None, *others) == packet
    with pytest.raises(TypeError):
        fast.call_all(iter(["text"]), world.plans, SIZES, 0, fast.read_flat, *others)


def test_it_is_the_one_that_sessions_use() -> None:
    assert pure["call_all"].__module__ == straight_loop.__name__
