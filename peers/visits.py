"""One line of the log for each client that has joined a server, and one for each that has left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from multiplayer.support.log_line import write_line
from multiplayer.support.log_text import one_line

if TYPE_CHECKING:
    from .sockets.engine import Reactor
    from .websocket.link import Link

_log = logging.getLogger(__name__)


def log_joined(link: Link, reactor: Reactor) -> None:
    """Say that a client is there.

    Args:
        link: its connection.
        reactor: knows how much has been logged about its address.
    """
    if reactor.may_log(link.address, logging.INFO, _log):
        sentence = "peer %s joined from %s port %s"
        who = (link.peer_id, link.address, link.port)
        write_line(_log, logging.INFO, sentence, *who, fields=_fields(link, "joined"))


def log_left(link: Link, reactor: Reactor, why: str = "") -> None:
    """Say that a client has gone, and why.

    Args:
        link: its connection.
        reactor: knows how much has been logged about its address.
        why: if that does not tell.
    """
    if reactor.may_log(link.address, logging.INFO, _log):
        sentence = "peer %s left from %s port %s: %s"
        why = one_line(why or how_it_ended(link))
        what = (link.peer_id, link.address, link.port, why)
        write_line(_log, logging.INFO, sentence, *what, fields=_fields(link, "left"))


def how_it_ended(link: Link) -> str:
    """Return in words how a connection ended: what failed, or who closed it and with which code."""
    if link.failure is not None and link.failure.stage == "left":
        return link.failure.detail  # no fault
    if link.failure is not None:
        return f"lost, {link.failure}"
    if link.close_code < 0:
        return "closed at once"  # nobody waited for the answer to our close frame
    by_us = " by us" if link.closed_by_us else ""
    # Escaped: it comes from a stranger, and a terminal obeys control characters.
    reason = f" {link.close_reason!a}" if link.close_reason else ""
    return f"closed{by_us} with {link.close_code}{reason}"


def _fields(link: Link, kind: str) -> dict[str, object]:
    return {**link.log_fields, "peer_id": link.peer_id, "kind": kind}
