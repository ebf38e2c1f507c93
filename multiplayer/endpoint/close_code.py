"""``CloseCode``: the close codes that we send or receive, and what each means."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class CloseCode(IntEnum):
    """Why a connection was closed (RFC 6455 section 7.4); ``docs/close-codes.md`` has the table.

    Codes from 4000 on are ours. Engines and browsers show all of them, text included; 1012, 1013
    and 1014 are not here, since no Godot engine understands them.

    Attributes:
        meaning: what the code says, in words.
    """

    NORMAL = 1000, "the session is over, and nothing is wrong"
    GOING_AWAY = 1001, "the program or the page ends"
    PROTOCOL_ERROR = 1002, "what came is not WebSocket, or does not belong to such a session"
    UNSUPPORTED_DATA = 1003, "a kind of message that is not understood"
    NO_STATUS = 1005, "never sent: the close frame had no code"
    ABNORMAL = 1006, "never sent: no close frame has come"
    INVALID_PAYLOAD = 1007, "text that is not UTF-8"
    POLICY_VIOLATION = 1008, "the other side broke the rules too often"
    TOO_BIG = 1009, "a message longer than the other side takes"
    INTERNAL_ERROR = 1011, "the server has made a mistake"
    LEFT = 4000, "a player leaves for good: its seat is free at once"
    KICKED = 4001, "the room, or its owner, has thrown the player out"
    SEAT_GONE = 4003, "the seat to come back to is not there any more"
    NO_SUCH_ROOM = 4004, "no room has that code, or there is no such kind"
    TAKEN_OVER = 4009, "another connection of the same player has taken the seat"
    MOVED = 4012, "the room goes on elsewhere: connect again, to the same URL"
    TRY_LATER = 4013, "not now: connect again later"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Return a member that is ``code``, and means ``meaning``."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    @property
    def is_retried(self) -> bool:
        """Whether a client that was closed with it should connect again by itself."""
        return self in _RETRIED


_RETRIED = frozenset(
    {
        CloseCode.GOING_AWAY,
        CloseCode.NO_STATUS,
        CloseCode.ABNORMAL,
        CloseCode.MOVED,
        CloseCode.TRY_LATER,
    }
)


def is_retried(code: int) -> bool:
    """Return whether a client should connect again after this code; -1 stands for none.

    Args:
        code: any close code, also one that :class:`CloseCode` does not have.
    """
    return code == -1 or code in _RETRIED
