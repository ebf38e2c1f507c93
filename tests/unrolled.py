"""Events without runs: each message by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from multiplayer.endpoint.events import messages_of
from multiplayer.runs import Run
from peers.websocket import frames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multiplayer.endpoint.events import Message

T = TypeVar("T")


def unrolled(events: Iterable[T | Run | bytes]) -> list[T | Message]:
    """Return the events, each message as one, also of a run."""
    single: list[T | Message] = []
    for event in events:
        if isinstance(event, Run):
            assert len(event.packets) > 1, "a run of one, or of nothing"
            assert event.size == sum(map(len, event.packets))
            single += messages_of(event)
        elif isinstance(event, bytes):
            single += messages_of(event)
        else:
            single.append(event)
    return single


class Frames(frames.Frames):
    """The frames of a connection, each message an event of its own."""

    def receive(self, data: bytes, room: int) -> list[frames.FrameEvent]:
        return [*unrolled(super().receive(data, room))]
