"""What a peer counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


def _counter() -> Counter[str]:
    return Counter()


@dataclass(slots=True)
class Statistics:
    """What one connection, or all of a peer object together, had counted when it was asked.

    Packets and bytes are WebSocket messages and their payloads, envelope included; frame headers,
    pings and pongs are not counted.

    Attributes:
        packets_received: messages that came.
        bytes_received: their payload, in bytes.
        packets_sent: messages that were queued to be sent, also those that were dropped from the
            queue later.
        bytes_sent: their payload, in bytes.
        drops: how many packets went nowhere, by reason. Those for peers that have left are counted
            as ``departed``, as is trying to close one, and what one sent and nobody has fetched.
        violations: how many things came that must not, by kind.
        limits_reached: how often a limit was reached, by its name: a field of ``Limits``, or an
            attribute of the peer like ``inbound_buffer_size``.
        handler_errors: exceptions that listeners and callbacks of the program have raised; see
            ``on_error``. Of the peer object, not of a connection.
        failed_handshakes: connections that ended before the upgrade (servers only).
        http_requests: requests that asked for no upgrade while there was an ``http_callback``,
            answered or not (servers only). They are no failed handshakes.
        times_held: how often a peer was not read for a while because what it had sent to others
            filled their buffers, or was more than ``Limits.relayed_bytes_per_second``.
        held: how many are so, now.
        packets_queued: messages that have come and wait to be fetched, now.
        bytes_queued: how many bytes wait to be sent, now; frame headers included.
        round_trip_time: from the last heartbeat's ping to its pong, in seconds; None before one. Of
            several connections the longest: who asks for all wants to know whether anybody lags.
    """

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    drops: Counter[str] = field(default_factory=_counter)
    violations: Counter[str] = field(default_factory=_counter)
    limits_reached: Counter[str] = field(default_factory=_counter)
    handler_errors: int = 0
    failed_handshakes: int = 0
    http_requests: int = 0
    times_held: int = 0
    held: int = 0
    packets_queued: int = 0
    bytes_queued: int = 0
    round_trip_time: float | None = None

    def add(self, other: Statistics) -> None:
        """Take in what ``other`` has counted."""
        self.packets_received += other.packets_received
        self.bytes_received += other.bytes_received
        self.packets_sent += other.packets_sent
        self.bytes_sent += other.bytes_sent
        self.drops.update(other.drops)
        self.violations.update(other.violations)
        self.limits_reached.update(other.limits_reached)
        self.failed_handshakes += other.failed_handshakes
        self.http_requests += other.http_requests
        self.times_held += other.times_held
        self.held += other.held
        self.packets_queued += other.packets_queued
        self.bytes_queued += other.bytes_queued
        if other.round_trip_time is not None:
            self.round_trip_time = max(other.round_trip_time, self.round_trip_time or 0.0)
