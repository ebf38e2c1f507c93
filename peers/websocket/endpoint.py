"""An endpoint whose channels are links."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from multiplayer.endpoint.endpoint import Endpoint
from multiplayer.endpoint.events import Drained

from .link import Link
from .upgrade import ServerUpgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.engine import Engine
    from multiplayer.endpoint.peer_channel import PeerChannel, PeerEndpoint, PeerNotices

    from .settings import LinkSettings

_link_log = logging.getLogger("peers.websocket.link")


def endpoint_over(
    engine: Engine[PeerChannel], clock: Callable[[], float], *, eager: bool
) -> PeerEndpoint:
    """Return an endpoint without links yet; see ``Endpoint`` for the arguments."""
    return Endpoint(engine, clock, drained=Drained(), log=_link_log, eager=eager)


def accept_links(endpoint: PeerEndpoint, host: str, port: int, settings: LinkSettings) -> None:
    """Have an endpoint accept links, as servers do.

    Raises:
        OSError: the address cannot be had.
    """
    make = partial(_newcomer, settings, endpoint.notices)
    endpoint.listen(host, port, make, settings.outbound_buffer_size, settings.limits)


def adopt_links(endpoint: PeerEndpoint, settings: LinkSettings) -> None:
    """Have an endpoint make links of connections that somebody else accepts."""
    make = partial(_newcomer, settings, endpoint.notices)
    endpoint.accept(make, settings.outbound_buffer_size, settings.limits)


def _newcomer(settings: LinkSettings, notices: PeerNotices, now: float) -> Link:
    return Link(settings, notices, ServerUpgrade(), now)
