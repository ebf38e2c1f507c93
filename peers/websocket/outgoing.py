"""The sending half of a connection: what waits, in which order it leaves, when it is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.endpoint.sending import Sending

from .secure_channel import CLEAR, SecureChannel

if TYPE_CHECKING:
    from multiplayer.endpoint.ledger import Ledger

    from .frames import Frames
    from .phases import Life
    from .secure_channel import Channel
    from .settings import LinkSettings


class Outgoing(Sending):
    """What one connection sends.

    Args:
        settings: sizes and limits.
        life: how far the connection has come.
        ledger: counts.

    Attributes:
        channel: what lies between that and the socket.
        frames: what makes the frames; None before the upgrade.
    """

    __slots__ = ("_life", "channel", "frames")

    def __init__(self, settings: LinkSettings, life: Life, ledger: Ledger) -> None:
        super().__init__(settings, ledger)
        self._life = life
        tls = settings.tls() if settings.tls is not None else None
        self.channel: Channel = CLEAR if tls is None else SecureChannel(tls)
        self.frames: Frames | None = None

    # ---------------------------------------------------------------- what is queued

    def may_send(self) -> bool:
        """Return whether messages may be sent; count one that is dropped because we are closing."""
        if self._life.phase.sends:
            return True
        if self.frames is not None:
            self._ledger.drop("closing")
        return False

    def ping(self, payload: bytes) -> None:
        """Queue a ping."""
        if self.frames is not None:
            self.put(self.frames.ping(payload))

    def pong(self, payload: bytes) -> bool:
        """Queue the answer to a ping; return whether it may be answered."""
        frames = self.frames
        if frames is None or not (self._life.phase.pongs and frames.can_pong):
            return False
        self.put(frames.pong(payload))
        return True

    def close(self, code: int, reason: str) -> None:
        """Queue a close frame."""
        if self.frames is not None:
            self.put(self.frames.close(code, reason))

    def drop(self) -> None:
        """Drop what waits."""
        self.get_off()
        self.outbox.clear()
        self.channel.clear()

    def end(self) -> None:
        """Drop what waits: the connection is over."""
        self.drop()
        # The buffers of TLS are large, and who asks for a departed peer needs none.
        self.channel = CLEAR

    # ---------------------------------------------------------------- what leaves

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet, those that TLS adds not yet included."""
        return self.outbox.waiting + self.channel.waiting

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this connection first."""
        return self._life.phase.sends and not self.outbox.blocked

    def written(self) -> None:
        """Note that the socket took what it takes for now."""
        outbox, ride = self.outbox, self.ride
        blocked = bool(outbox.waiting or self.channel.waiting)
        if ride is not None:
            if blocked:
                ride.get_off()  # before modes begin to count: it was queued before
            elif self._life.phase.sends:
                ride.get_on()
        outbox.blocked = blocked
