"""The loop over packets that go straight: a plain function, so that an accelerator can have a twin.

What it does with one packet, and nothing else, is what every call of a known kind costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer.accelerator import accelerated

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

Plan = tuple[
    int,
    int,
    "Callable[..., object]",
    "list[type] | None",
    "Callable[[list[object]], list[object] | None] | None",
    Any,
]
"""What was found out about calls with one head: where their values begin; how many there are, -1
for a bare one; what to call with them; the types of values that need no check, if there are such;
what checks values, and returns those to call with, None for the long way; and what it is about, for
whoever takes an exception."""


@accelerated
def call_all(
    left: Iterator[bytes],
    plans: Mapping[bytes, Plan],
    sizes: bytes,
    at: int,
    read: Callable[[bytes, int, int], list[object] | None],
    now: list[Any],
    link: object,
    touched: Collection[object],
    pressing: Collection[object],
    steps: Collection[object],
) -> bytes | None:
    """Make the calls that packets ask for, as long as there are plans for them.

    Args:
        left: the packets; each is taken before it is handled.
        plans: by head; emptied in place by whatever makes them wrong.
        sizes: how long a head is, by the byte at ``at``; from 128 on, 128 more than where a name
            begins, behind whose NUL the head has one more byte.
        at: where in the packets the byte is that says so.
        read: reads values; returns None for what it does not know.
        now: the plan that is followed is put here, and behind it what its function raises.
        link: whose packets they are.
        touched: it stops after a call that puts ``link`` into this,
        pressing: or anything into this,
        steps: or this.

    Returns:
        The first packet that is to go another way; None if all were handled, or it has stopped.

    Raises:
        BaseException: what a function raises; the packets behind it are left.
    """
    for data in left:
        try:
            size = sizes[data[at]]
        except IndexError:
            return data
        if size > 127:
            size = data.find(b"\0", size - 128) + 2
        plan = plans.get(data[:size])
        if plan is None:
            return data
        start, count, function, kinds, check, _ = plan
        if count < 0:
            values: list[object] | None = [data[start:]] if len(data) > start else []
        else:
            values = read(data, start, count)
        if values is None:
            return data
        if check is not None and (kinds is None or [*map(type, values)] != kinds):
            values = check(values)
            if values is None:
                return data
        now[0] = plan
        try:
            function(*values)
        except BaseException as error:
            now[1] = error
            raise
        if link in touched or pressing or steps:
            return None
    return None
