"""What has happened to a connection, in order of time, as a session knows it.

A connection may tell more than this, before it carries anybody: that is for whoever decides who
gets in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multiplayer.runs import Run

    from .failure import Failure


class Opened(NamedTuple):
    """The server agreed to the connection, with this sub-protocol ("" for none)."""

    protocol: str


class Message(NamedTuple):
    """A whole message. ``text`` tells its type; its bytes are valid UTF-8 then.

    ``counted`` is False for one that the network may lose, in which case nobody can number it.
    """

    data: bytes
    text: bool
    counted: bool = True


class CloseReceived(NamedTuple):
    """The other side closes, with a code and a reason. The last event but for the end."""

    code: int
    reason: str


class Broken(NamedTuple):
    """What came violates the connection's protocol or a limit: the code to close with, and why.

    The last event. ``limit`` is the name of the limit, "" for none.
    """

    code: int
    reason: str
    limit: str = ""


class Failed(NamedTuple):
    """The connection never opened, or (``stage`` id) never became a session."""

    failure: Failure


class Ended(NamedTuple):
    """An open connection has ended; ``failure`` is None if it was closed properly."""

    clean: bool
    failure: Failure | None


class Drained(NamedTuple):
    """Little waits to be sent where it was much; told by whoever moves the bytes."""


def messages_of(event: Run | bytes) -> list[Message]:
    """Return the messages of a run whose turn has not come, which stay in it; or what is one."""
    packets = [event] if isinstance(event, bytes) else event.rest()
    return [Message(data, False) for data in packets]


def without_nul(reason: str) -> str:
    """Return the reason of a close without the NUL that Godot 3 puts at its end."""
    return reason.partition("\0")[0]
