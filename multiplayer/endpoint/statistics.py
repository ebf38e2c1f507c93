"""What a peer counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


def _counter() -> Counter[str]:
    return Counter()


@dataclass(slots=True)
class Statistics:
    """The counts of one connection, or of all of a peer object together, at the time of asking.

    Packets and bytes are WebSocket messages and their payloads, envelope included; frame headers,
    pings and pongs are not counted.

    Attributes:
        packets_received: messages that came.
        bytes_received: their payload, in bytes.
        packets_sent: messages that were queued to be sent, including those that were dropped from
            the queue later.
        bytes_sent: their payload, in bytes.
        drops: how many packets went nowhere, by reason. Those for peers that have left count as
            ``departed``, as do attempts to close such a peer, and its packets that nobody fetched;
            what is sent to, or comes from, a connection that is being closed as ``closing``; what
            waited for a peer that was closed because it was too slow as ``overflow``.
        violations: how many violations came, by kind.
        limits_reached: how often a limit was reached, by its name: a field of ``Limits``, or an
            attribute of the peer like ``inbound_buffer_size``.
        handler_errors: exceptions that the program's listeners and callbacks have raised; see
            ``on_error``. For the peer object, not for a connection.
        failed_handshakes: connections that ended before the upgrade (servers only).
        http_requests: requests that asked for no upgrade while there was an ``http_callback``,
            answered or not (servers only). They are not failed handshakes.
        times_held: how often a peer was not read for a while because what it had sent to others
            filled their buffers, or exceeded ``Limits.relayed_bytes_per_second``.
        held: how many peers are held now.
        packets_queued: messages that have come and now wait to be fetched.
        bytes_queued: how many bytes now wait to be sent, frame headers included.
        round_trip_time: from the last heartbeat's ping to its pong, in seconds; None before one.
            For several connections, the longest, which shows whether anybody lags.
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
        """Add the counts of ``other``."""
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
