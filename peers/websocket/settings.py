"""What a link is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from multiplayer.endpoint.channel_settings import ChannelSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tls import TLSLayer


@dataclass(frozen=True, slots=True)
class LinkSettings(ChannelSettings):
    """What a link is made with; ``tls`` makes what encrypts it, None for one in the clear."""

    tls: Callable[[], TLSLayer] | None = None

    @property
    def pings_before_close(self) -> bool:
        """Whether the other side may be a Godot 4 engine, which loses messages at a close frame."""
        return self.envelope != "gd_mp"
