"""Making an endpoint whole after an interrupt; outside of its ``service`` and ``flush``.

A channel at work may have lost something: it is given up. The rest follows from what the engine and
the channels are, and is found out anew.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

from .cause import Cause
from .close_code import CloseCode
from .failure import Failure

if TYPE_CHECKING:
    from .channel import ChannelT, EventT
    from .endpoint import Endpoint


def recover(
    endpoint: Endpoint[ChannelT, EventT], suspect: ChannelT | None, why: str
) -> list[ChannelT]:
    """Make an endpoint whole.

    Args:
        endpoint: the endpoint.
        suspect: whose event was being handled.
        why: in words, for those that are given up.

    Returns:
        Who was given up.
    """
    engine, channels = endpoint.engine, endpoint.engine.channels
    lost = {cast("ChannelT", each) for each in endpoint.fanout.recover(endpoint.shares)}
    lost |= {each for each in channels if not each.outbox.recover()}
    lost |= {each for each in (suspect, endpoint.at_work) if each is not None}
    lost |= {*endpoint.writing}
    engine.recover()
    for channel in lost:
        _give_up(endpoint, channel, Failure("interrupted", why))
    for channel in engine.channels:
        if channel.over:
            channel.abandon()
            endpoint.drop(channel)
    here = engine.channels
    endpoint.holding.recover(here)
    told = {channel for channel, event in endpoint.entries if event is endpoint.drained}
    endpoint.backlogs.keep(here, told)
    engine.resume()
    endpoint.newcomers.recover(here)
    endpoint.deadlines.begin_anew(here)
    endpoint.slices.behind.clear()
    endpoint.slice = endpoint.slices.size
    endpoint.slices.behind.update({each: None for each in here if each.behind})
    endpoint.touched.update(dict.fromkeys(here))
    endpoint.resumed, endpoint.shared = dict.fromkeys(here), True
    endpoint.at_work = None
    endpoint.interrupted = False
    endpoint.writing.clear()
    return [*lost]


def _give_up(endpoint: Endpoint[ChannelT, EventT], channel: ChannelT, failure: Failure) -> None:
    if channel in endpoint.engine.channels and channel not in endpoint.writing:
        # Who has a seat is to come back to it, which it would not do after a mistake of ours.
        code = Cause.OURS if channel.outbox.ring is None else CloseCode.TRY_LATER
        with contextlib.suppress(Exception):  # it may be in any state
            channel.close_at_once(code)
            endpoint.engine.farewell(channel)
    with contextlib.suppress(Exception):
        channel.give_up(failure)
    channel.abandon()
    endpoint.drop(channel)
