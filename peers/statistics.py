"""What a peer counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


def _counter() -> Counter[str]:
    return Counter()


@dataclass(slots=True)
class Statistics:
    """Counters of one connection, or of all of a peer object together.

    Packets and bytes are WebSocket messages and their payloads, envelope included; frame headers,
    pings and pongs are not counted.

    Attributes:
        packets_received: messages that came.
        bytes_received: their payload, in bytes.
        packets_sent: messages that were queued to be sent, also those that were dropped from the
            queue later.
        bytes_sent: their payload, in bytes.
        drops: how many packets went nowhere, by reason.
        violations: how many things came that must not, by kind.
        failed_handshakes: connections that ended before the upgrade (servers only).
    """

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    drops: Counter[str] = field(default_factory=_counter)
    violations: Counter[str] = field(default_factory=_counter)
    failed_handshakes: int = 0

    def add(self, other: Statistics) -> None:
        """Add the counters of ``other`` to these."""
        self.packets_received += other.packets_received
        self.bytes_received += other.bytes_received
        self.packets_sent += other.packets_sent
        self.bytes_sent += other.bytes_sent
        self.drops.update(other.drops)
        self.violations.update(other.violations)
        self.failed_handshakes += other.failed_handshakes
