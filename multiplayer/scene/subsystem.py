"""``Subsystem``: one part of a session, and the few calls that all parts answer.

The session asks nothing else of a part, so a new one is added in one place: see
``Session._assemble``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sized
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from multiplayer.api_hooks import Arrived

NeighbourPackets = Mapping[type[Any], Callable[["Arrived", Any], object]]
"""By type of packet: what takes it, and how it came."""

MemberPackets = Mapping[type[Any], Callable[[int, Any], object]]
"""By type of packet: what takes it, and its sender."""


class Subsystem(Protocol):
    """One part of a session, such as who is in it, the relay, the cache of paths, or calls.

    Derive from it, and leave the calls that a part does not need as they are here. One is made for
    each peer that the API is given. A call may be repeated after an interrupt, so that must do no
    harm.

    Attributes:
        work: one table for the life of the part; :meth:`process` is called as long as something is
            in it. None if it is to be called by each poll.
        due: :meth:`process` has nothing to do before this time, whatever there is to do.
    """

    work: Sized | None = None
    due: float = -math.inf

    def neighbour_packets(self) -> NeighbourPackets:
        """Return the packets that it handles from neighbours, admitted or not, never relayed."""
        return {}

    def member_packets(self) -> MemberPackets:
        """Return the packets that it handles from those in the session, relayed or not."""
        return {}

    def turned_away(self, sender: int, packet: object) -> None:
        """Answer one of its :meth:`member_packets` from somebody who is not in the session."""

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Note that a peer has joined or left the session.

        Args:
            peer: its id. One that leaves may never have joined.
            present: it has joined, and ``peer_connected`` follows; otherwise it has left, and
                ``peer_disconnected`` was emitted if it had to be.
        """

    def peer_renewed(self, peer: int, *, by_us: bool) -> None:
        """Note that a member begins anew under its id: it knows nothing of what it was sent.

        Forget what it was sent and has said, and nothing that it is in charge of;
        :meth:`peer_changed` follows, with ``present``.

        Args:
            peer: its id.
            by_us: this program is the one that has come back, so that nobody knows anything of it.
        """

    def reset(self) -> None:
        """Forget the session, which is over."""

    def process(self, now: float) -> None:
        """Do what is due, at the end of each poll.

        Args:
            now: the time on the peer's clock, in seconds.
        """

    def next_deadline(self) -> float:
        """Return when :meth:`process` has something to do; ``math.inf`` if never."""
        return math.inf


class Observer(Protocol):
    """Watches neighbours come and go; attached to the session."""

    def came(self, peer: int) -> None:
        """Note that a peer has connected, which may have to authenticate first."""

    def left(self, peer: int, *, by_itself: bool) -> None:
        """Note that a connection has ended.

        Args:
            peer: whose.
            by_itself: it was in the session, and this program did not end it.
        """
