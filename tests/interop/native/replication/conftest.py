"""The session of a scenario of replication."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.native.replication.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import trio

    from tests.interop.conftest import LaunchGodot4


@pytest.fixture
async def worlds(launch_godot4: LaunchGodot4, nursery: trio.Nursery) -> AsyncGenerator[Session]:
    """A session in which nobody complains but of what the test asks for."""
    session = Session(launch_godot4, nursery)
    yield session
    session.check_no_complaints()
