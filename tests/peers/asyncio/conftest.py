"""Loops for tests whose bodies run under asyncio."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.drivers import LOOPS, run_in_loop
from tests.driving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Main = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture(params=[*LOOPS])
def in_loop(request: pytest.FixtureRequest) -> Callable[[Main], Any]:
    """Runs an async function as ``asyncio.run`` does, in each kind of loop, with a bound."""

    async def bounded(main: Main) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await main()

    return lambda main: run_in_loop(request.param, partial(bounded, main))
