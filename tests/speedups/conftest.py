"""gdpeers-speedups, which has to be installed where the engines have to be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from multiplayer.accelerator import INTERFACE, pure

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def fast() -> ModuleType:
    """The compiled module."""
    try:
        import gdpeers_speedups  # noqa: PLC0415
    except ModuleNotFoundError:
        missing = "gdpeers-speedups is not installed (make speedups)"
        if os.environ.get("GDPEERS_REQUIRE_ENGINES") == "1":
            pytest.fail(f"{missing}; and GDPEERS_REQUIRE_ENGINES=1 demands it", pytrace=False)
        pytest.skip(missing)
    assert gdpeers_speedups.INTERFACE == INTERFACE
    gdpeers_speedups.pure.update(pure)  # which is done already unless they are switched off
    return gdpeers_speedups
