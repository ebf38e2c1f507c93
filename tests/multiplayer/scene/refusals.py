"""What must hold whenever a bad packet arrives."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .worlds import A, B, Called, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


class Refused:
    """Lets the server receive bad packets of A, and checks all that must hold then."""

    def __init__(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        self.world = world
        self.caplog = caplog

    def __call__(self, reason: str, bad: Sequence[bytes], times: int = 1) -> None:
        world = self.world
        world.invalid.clear()
        before = world.rejected().get(reason, 0)
        with self.caplog.at_level(logging.WARNING):
            self.caplog.clear()
            for packet in bad:
                world.inject(A, 1, packet)
            world.settle()
        mine = [line for line in world.invalid if line[0] == 1]
        assert mine == [(1, A, reason)] * times
        assert world.rejected()[reason] == before + times
        warned = [
            record
            for record in self.caplog.records
            if record.name == "multiplayer.scene.rejections" and getattr(record, "peer_id", 0) == A
        ]
        assert len(warned) == (before == 0)
        assert not world.calls
        self.check_that_honest_calls_work()

    def check_that_honest_calls_work(self) -> None:
        world = self.world
        world.invalid.clear()
        for sender in (A, B, 1):
            others = [peer for peer in (1, A, B) if peer != sender]
            expected = [Called(at, "any_one", ("honest",), sender) for at in others]
            assert world.do(sender, 0, "any_one", "honest") == expected
        assert not world.invalid
