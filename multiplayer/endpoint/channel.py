"""What an endpoint and its channels, one connection each, have to do with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections import deque

    from multiplayer.support.log_once import LogOnce

ChannelT = TypeVar("ChannelT")
EventT = TypeVar("EventT")


class Notices(NamedTuple, Generic[ChannelT, EventT]):
    """Where the channels of one endpoint put what it has to know. They never call it.

    Attributes:
        entries: what has happened, in order of arrival over all channels.
        touched: the channels that have changed, the first to do so first: each has something to
            send, another deadline, room again, more to decode or something to settle, or is over.
            Which of these it is, its attributes say.
        faults: logs what goes wrong.
    """

    entries: deque[tuple[ChannelT, EventT]]
    touched: dict[ChannelT, None]
    faults: LogOnce
