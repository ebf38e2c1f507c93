"""``Commons``: what the roles and envelopes of one peer work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode
    from multiplayer.handlers import Handlers

    from .agenda import Agenda
    from .inbox import Inbox
    from .peer_channel import PeerChannel, PeerEndpoint
    from .statistics import Statistics


class Framed(Protocol):
    """Returns a message of a mode as all connections send it; one of text is a word."""

    def __call__(self, data: bytes, mode: TransferMode, /, *, text: bool = False) -> bytes:
        """Return its frame."""
        ...


class Commons(NamedTuple):
    """What the roles and envelopes of one peer work with, session after session.

    Attributes:
        endpoint: the endpoint, which has the connections.
        handlers: call what the program has connected and set.
        agenda: what to do next.
        inbox: the packets for this program.
        past: the counters of connections that are gone.
        framed: returns a packet of a mode as all connections send it: one copy is for all.
    """

    endpoint: PeerEndpoint
    handlers: Handlers
    agenda: Agenda
    inbox: Inbox[PeerChannel]
    past: Statistics
    framed: Framed
