"""With ``GDPEERS_STRAIGHT=1`` the sessions of these tests take calls straight, from the first on.

Elsewhere a call goes straight if one like it was accepted before; a test that makes each call once
would never see that way. So what a call needs is found out ahead of it here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from multiplayer import DecodeError, MultiplayerError
from multiplayer.runs import Run, Watch
from multiplayer.scene.calls.incoming_calls import Rejected
from multiplayer.scene.methods.config import RPCMode
from multiplayer.wire.dialects.api_packets import Call
from multiplayer.wire.dialects.call_forms import BARE

if TYPE_CHECKING:
    from multiplayer.scene.calls.straight_calls import StraightCalls

STRAIGHT: Final = os.environ.get("GDPEERS_STRAIGHT", "") == "1"

went: list[bytes] = []
"""The calls that went straight."""


def go(taker: StraightCalls, source: int, data: bytes) -> bool:
    """Let a packet go straight if it can; return whether it has."""
    if not data or not taker.calls[data[0]]:
        return False
    learn(taker, source, data)
    if len(went) % 2:
        has = taker.take_one(source, data, 0, _Link())
    else:
        has = taker.take(source, Run([data], len(data)), 0, taker, Watch((), (), ())) is None
    if has:
        went.append(data)
    return has


class _Link:
    """A connection of which nobody counts anything."""

    def fetched(self, size: int, count: int = 1) -> None:
        """Count nothing."""


def learn(taker: StraightCalls, source: int, data: bytes) -> None:
    """Plan for a call as if one like it had been accepted, if it would be."""
    dispatch = cast("Any", taker.listener).__self__
    try:
        call = dispatch._read(data)
    except DecodeError:
        return
    if type(call) is not Call or source not in dispatch._admitted:
        return
    if dispatch._settings.discard_packets:
        return
    incoming = dispatch._of_members[Call].__self__
    found = incoming._find(source, call)
    form = taker._form
    if isinstance(found, Rejected) or not found.method.has_body or form is None:
        return
    method, place = found.method, found.place
    may = method.config.mode == RPCMode.RPC_MODE_ANY_PEER
    if not (may or incoming._may(source, place, method.config)):
        return
    arguments = call.arguments
    count = arguments.how_many
    if taker._transport.wire.methods_by == "sender":
        count = form.count_of(data[:8], 0)
    if count is None or not (count <= BARE or method.fewest <= count <= method.most):
        return
    taker.expect(source, data, 0)
    with suppress(MultiplayerError):  # an annotation that cannot be checked
        taker.accept(source, call, place, method)
