"""Handing a channel over from one endpoint to another, with all that waits in either direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from multiplayer.errors import Error, MultiplayerError

from .channel import ChannelT, EventT

if TYPE_CHECKING:
    from collections import deque

    from .channel import Notices
    from .engine import Engine
    from .holding import Holding


class Side(Protocol[ChannelT, EventT]):
    """An endpoint; see there."""

    engine: Engine[ChannelT]
    holding: Holding[ChannelT, EventT]
    notices: Notices[ChannelT, EventT]
    entries: deque[tuple[ChannelT, EventT]]
    touched: dict[ChannelT, None]
    at_work: ChannelT | None
    writing: list[ChannelT]

    def take_over(self) -> None:
        """Go on with what a parent of this process has begun, in a child of a fork."""

    def unroll(self) -> None:
        """Let what came in runs wait message by message."""

    def forget(self, channel: ChannelT) -> None:
        """Forget a channel that the engine has not any more."""

    def welcome(self, channel: ChannelT) -> None:
        """Take note of a channel that was another's."""

    def wake(self) -> None:
        """Have whoever waits for the endpoint serve it."""


def hand_over(
    channel: ChannelT, source: Side[ChannelT, EventT], target: Side[ChannelT, EventT]
) -> None:
    """Let ``target`` go on with a channel of ``source``; see ``Endpoint.take``.

    Both have it among what they work at meanwhile: what an interrupt cuts in two is given up.
    """
    _check(channel, source)
    source.take_over()
    target.take_over()
    source.at_work = channel
    target.writing.append(channel)
    try:
        target.engine.take(channel, source.engine)
    except MultiplayerError:  # before anything has changed
        source.at_work = None
        target.writing.remove(channel)
        raise
    source.unroll()
    kept = source.holding.release(channel)
    mine = [event for other, event in source.entries if other is channel]
    others = [entry for entry in source.entries if entry[0] is not channel]
    channel.outbox.let_off()
    channel.report_to(target.notices)
    source.forget(channel)
    source.touched.pop(channel, None)
    source.entries.clear()
    source.entries.extend(others)
    target.welcome(channel)
    target.entries.extend((channel, event) for event in (*kept, *mine))
    target.writing.remove(channel)
    source.at_work = None
    target.engine.watch(channel)
    target.wake()


def _check(channel: ChannelT, source: Side[ChannelT, EventT]) -> None:
    if channel not in source.engine.channels:
        message = "the other endpoint does not have this channel; hand over one that it has"
        raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
    if channel.over or channel.is_ending or not (channel.is_open or channel.pending):
        message = "this channel is ending; hand over one that is open, or is to be"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
    if channel.ride is not None:
        message = "this channel carries a member of a session; let its role lose it first"
        raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
    if channel in source.writing or channel is source.at_work:
        message = "this channel is being served; hand it over when that is done"
        raise MultiplayerError(Error.ERR_BUSY, message)
