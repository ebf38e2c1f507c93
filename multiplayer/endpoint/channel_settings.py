"""What a connection is made with, whatever carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from multiplayer.limits import Limits

DEFAULT_BUFFER_SIZE: Final = 65535
"""The ``inbound_buffer_size`` and ``outbound_buffer_size`` at first, in bytes."""

DEFAULT_UNRELIABLE_ORDERED: Final = 64
"""How many unreliable_ordered packets may wait for a peer that reads too slowly, at first."""

SESSION_HEARTBEAT: Final = 15.0
"""The ``heartbeat_interval`` of a session's server that is not told another one, in seconds."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What a connection is made with; sizes in bytes, times in seconds.

    ``limits`` are those that Godot does not have. ``envelope`` is what packets travel in: "gd_mp",
    "godot4" or "plain".
    """

    inbound_buffer_size: int
    outbound_buffer_size: int
    max_queued_packets: int
    handshake_timeout: float
    close_timeout: float
    heartbeat_interval: float
    max_unreliable_ordered: int = DEFAULT_UNRELIABLE_ORDERED
    limits: Limits = field(default_factory=Limits)
    envelope: str = "plain"

    @property
    def leaves_silently(self) -> bool:
        """Whether those on the other side leave without a close frame, as a Godot 4 engine does."""
        return self.envelope == "godot4"
