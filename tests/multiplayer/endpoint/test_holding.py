"""``multiplayer.endpoint.holding``: who is held, and what is kept of them."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from typing import Any

from multiplayer.endpoint.holding import Holding


class Channel:
    """What an account is opened for."""

    account: Any = None
    held = False


def test_an_account_keeps_no_channel_that_has_gone_elsewhere() -> None:
    """What it has sent may wait for others for long, and is charged until it has left."""
    holding: Holding[Any, Any] = Holding(
        deque(), object(), lambda _: None, lambda _: None, lambda: 0
    )
    channel = Channel()
    holding.open_account(channel, 1000, 0.0, 0.0)
    account, gone = channel.account, weakref.ref(channel)
    assert holding.release(channel) == []
    del channel
    gc.collect()
    assert account is not None
    assert gone() is None
