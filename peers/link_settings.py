"""What a link is made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from multiplayer import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tls import TLSLayer


SESSION_HEARTBEAT: Final = 15.0
"""The ``heartbeat_interval`` of a session's server that is not told another one, in seconds."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What a link is made with; sizes in bytes, times in seconds.

    ``limits`` are those that Godot does not have. ``envelope`` is what packets
    travel in, for the log. ``tls`` makes what encrypts a connection; None for connections in the
    clear.
    """

    inbound_buffer_size: int
    outbound_buffer_size: int
    max_queued_packets: int
    handshake_timeout: float
    close_timeout: float
    heartbeat_interval: float
    max_unreliable_ordered: int = 64
    limits: Limits = field(default_factory=Limits)
    envelope: str = "plain"
    tls: Callable[[], TLSLayer] | None = None
