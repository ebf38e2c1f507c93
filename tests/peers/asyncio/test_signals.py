"""Signals as a stream, and what becomes of those that nobody reads."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import MultiplayerError
from peers.asyncio.signals import open_signal_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    InLoop = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """What the program's own handlers have heard."""
    heard: list[int] = []
    before = {each: signal.signal(each, lambda number, _: heard.append(number)) for each in NUMBERS}
    yield heard
    for each, handler in before.items():
        signal.signal(each, handler)


def test_they_are_read_in_order_and_have_no_other_effect(in_loop: InLoop, heard: list[int]) -> None:
    async def main() -> None:
        own = [signal.getsignal(each) for each in NUMBERS]
        with open_signal_receiver(NUMBERS) as signals:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            assert await anext(signals) == signal.SIGTERM
            assert await anext(signals) == signal.SIGINT
        assert [signal.getsignal(each) for each in NUMBERS] == own
        with pytest.raises(MultiplayerError, match="has been left"):
            await anext(signals)

    in_loop(main)
    assert heard == []


def test_what_nobody_has_read_takes_its_old_effect(in_loop: InLoop, heard: list[int]) -> None:
    async def main() -> None:
        with open_signal_receiver(NUMBERS) as signals:
            signal.raise_signal(signal.SIGTERM)
            await anext(signals)
            signal.raise_signal(signal.SIGINT)
            assert heard == []

    in_loop(main)
    assert heard == [signal.SIGINT]
