"""``Arrivals``: which of the other side's messages have come, and when to say so.

The receiving half of ``docs/protocol/resume.md``.
"""

from __future__ import annotations

import math
from typing import Final

ACK_AFTER_MESSAGES: Final = 64
"""After so many messages since the last acknowledgement the next one is due."""

ACK_AFTER_BYTES: Final = 32 * 1024
"""After so many bytes since the last acknowledgement the next one is due."""

ACK_AFTER_SECONDS: Final = 1.0
"""So many seconds after the first message that is not acknowledged, the next one is due."""


class Arrivals:
    """The messages that have come in a session, over all its connections.

    Attributes:
        received: the number of the last message that has come; 0 before there is one. It changes
            only when one comes, or is counted in advance.
        next: the number that the next message will have.
        due: when to acknowledge, on the clock that :meth:`came` was given; infinity for not.
    """

    __slots__ = ("_ahead", "_messages", "_octets", "due", "next", "received")

    def __init__(self) -> None:
        self.received = 0
        self.next = 1
        self.due = math.inf
        self._ahead = 0  # how many are to come that are counted already
        self._messages = 0  # not acknowledged
        self._octets = 0

    def came(self, size: int, now: float) -> bool:
        """Note that a message of ``size`` bytes has come.

        Returns:
            Whether an acknowledgement is due now.
        """
        if self._ahead:
            self._ahead -= 1
        else:
            self.received = self.next
            self.next += 1
        self._messages += 1
        self._octets += size
        if self._messages >= ACK_AFTER_MESSAGES or self._octets >= ACK_AFTER_BYTES:
            self.due = now
            return True
        if self.due == math.inf:
            self.due = now + ACK_AFTER_SECONDS
        return False

    def acknowledge(self) -> int:
        """Return the number to acknowledge; nothing is due any more."""
        self._messages = self._octets = 0
        self.due = math.inf
        return self.received

    def count_ahead(self, messages: int) -> None:
        """Count messages that are here, and that :meth:`came` will be called for later."""
        if messages:
            self._ahead += messages
            self.received = self.next - 1 + messages
            self.next += messages

    def go_on_at(self, number: int) -> None:
        """Note which number the next message has: another connection has begun.

        Those that were counted in advance come before it.
        """
        self.next = number
        # The other side may have lost count in an interrupt, and begins anew below what has come:
        # that is not to be taken for an acknowledgement of what comes now.
        self.received = min(self.received, number - 1)
        self._messages = self._octets = 0
        self.due = math.inf
