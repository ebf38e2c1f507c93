"""What a connection is: how far it has come, what has been counted, and how it tells of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from multiplayer.endpoint.channel_record import ChannelRecord

from .events import ReadyState
from .phases import Life, Phase

if TYPE_CHECKING:
    from multiplayer.endpoint.events import Broken
    from multiplayer.endpoint.peer_channel import PeerNotices

    from .settings import LinkSettings

_CONNECTING: Final = ReadyState.STATE_CONNECTING
_OPEN: Final = ReadyState.STATE_OPEN
_CLOSING: Final = ReadyState.STATE_CLOSING


class LinkState(ChannelRecord, Life):
    """The state of a link.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        now: the time.

    Attributes:
        phase: how far it has come.
        settled: the session is up, or was.
        closed_by_us: we began the closing handshake.
    """

    __slots__ = ("_settings", "closed_by_us", "phase", "settled")

    numbered: ClassVar[int] = 0x82  # a whole binary message (RFC 6455 section 5.2)

    def __init__(self, settings: LinkSettings, notices: PeerNotices, now: float) -> None:
        super().__init__(settings, notices, now)
        self._settings = settings
        self.phase = Phase.TCP
        self.settled = False
        self.closed_by_us = False

    # ---------------------------------------------------------------- how far it has come

    @property
    def state(self) -> ReadyState:
        """Godot's word for the phase."""
        return self.phase.state

    @property
    def over(self) -> bool:
        """Whether the socket can be closed."""
        return self.phase is Phase.OVER

    @property
    def lingering(self) -> bool:
        """Whether it is over for its endpoint, and its last bytes still leave.

        That is so after :meth:`fail`, and when a server has refused or answered a request. What
        comes is thrown away until the other side closes, or the deadline comes.
        """
        return self.phase.lingers

    @property
    def is_open(self) -> bool:
        """Whether messages may come, and nobody has begun to close it, as far as is known."""
        return self.phase.state is _OPEN

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is expected from the other side than its end."""
        phase = self.phase
        return phase.lingers or phase.state is _CLOSING

    @property
    def opening(self) -> bool:
        """Whether there has been no upgrade, and nothing has ended it."""
        return self.phase.state is _CONNECTING

    @property
    def plain(self) -> bool:
        """Whether the messages do not belong to a Godot session."""
        return self._settings.envelope == "plain"

    def blame(self, event: Broken) -> None:
        """Count a violation of RFC 6455, or of what it leaves to us."""
        self.violate(f"rfc6455_{event.code}")
