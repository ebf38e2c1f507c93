"""``Commons``: what the roles and envelopes of one peer work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multiplayer.endpoint.agenda import Agenda
    from multiplayer.endpoint.inbox import Inbox
    from multiplayer.endpoint.statistics import Statistics
    from multiplayer.handlers import Handlers

    from .websocket.link import Link, LinkEndpoint


class Commons(NamedTuple):
    """What the roles and envelopes of one peer work with, session after session.

    Attributes:
        reactor: the endpoint, which has the connections.
        handlers: call what the program has connected and set.
        agenda: what to do next.
        inbox: the packets for this program.
        past: the counters of connections that are gone.
    """

    reactor: LinkEndpoint
    handlers: Handlers
    agenda: Agenda
    inbox: Inbox[Link]
    past: Statistics
