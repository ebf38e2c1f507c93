"""``Resume``: how a client comes back to its session once it has lost its connection."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Error, MultiplayerError
from .support.number_setting import check_number


@dataclass(frozen=True, slots=True)
class Resume:
    """How a client comes back by itself, see ``docs/coming-back.md``.

    Attributes:
        give_up_after: for how many seconds it tries, from the loss of a connection on; more than 0.
            The server keeps the seat for its own ``grace``.
        ring_bytes: how many bytes of reliable messages to keep until the server has them; what is
            put meanwhile is among them. With more, the session begins anew when it is back.
        ring_packets: how many messages to keep.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a number makes no sense.
    """

    give_up_after: float = 30.0
    ring_bytes: int = 262_144
    ring_packets: int = 4096

    def __post_init__(self) -> None:
        check_number("give_up_after", self.give_up_after, above_zero=True, finite=False)
        check_number("ring_bytes", self.ring_bytes, whole=True)
        check_number("ring_packets", self.ring_packets, whole=True)


def check_resume(resume: object) -> None:
    """Raise if it is neither a :class:`Resume` nor None.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if not isinstance(resume, Resume | None):
        message = f"resume must be a Resume such as peers.Resume(), or None, not {resume!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
