"""One log line for each client that joins a server, and one for each that leaves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from multiplayer.support.log_line import write_line
from multiplayer.support.log_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    MayLog = Callable[[str, int, logging.Logger], bool]

_log = logging.getLogger("peers.visits")


class Ending(Protocol):
    """Why a connection failed."""

    @property
    def stage(self) -> str:
        """What failed."""
        ...

    @property
    def detail(self) -> str:
        """The same in words."""
        ...


class Visitor(Protocol):
    """The connection of a client."""

    peer_id: int
    address: str
    port: int
    close_code: int
    close_reason: str

    @property
    def failure(self) -> Ending | None:
        """Why it failed; None if it did not."""
        ...

    @property
    def closed_by_us(self) -> bool:
        """Whether we began the closing handshake."""
        ...

    @property
    def log_fields(self) -> dict[str, object]:
        """What every line of the log about it has."""
        ...


def log_joined(link: Visitor, may_log: MayLog) -> None:
    """Say that a client is there.

    Args:
        link: its connection.
        may_log: counts a line about an address; returns whether it is to be written.
    """
    if may_log(link.address, logging.INFO, _log):
        sentence = "peer %s joined from %s port %s"
        who = (link.peer_id, link.address, link.port)
        write_line(_log, logging.INFO, sentence, *who, fields=_fields(link, "joined"))


def log_left(link: Visitor, may_log: MayLog, why: str = "") -> None:
    """Say that a client has gone, and why.

    Args:
        link: its connection.
        may_log: counts a line about an address; returns whether it is to be written.
        why: if that does not tell.
    """
    if may_log(link.address, logging.INFO, _log):
        sentence = "peer %s left from %s port %s: %s"
        why = one_line(why or how_it_ended(link))
        what = (link.peer_id, link.address, link.port, why)
        write_line(_log, logging.INFO, sentence, *what, fields=_fields(link, "left"))


def log_suspended(link: Visitor, may_log: MayLog) -> None:
    """Say that a client has lost its connection, and why; it may come back.

    Args:
        link: its connection.
        may_log: counts a line about an address; returns whether it is to be written.
    """
    if may_log(link.address, logging.INFO, _log):
        sentence = "peer %s is away, its seat waits; from %s port %s: %s"
        what = (link.peer_id, link.address, link.port, one_line(how_it_ended(link)))
        write_line(_log, logging.INFO, sentence, *what, fields=_fields(link, "suspended"))


def log_resumed(link: Visitor, may_log: MayLog, *, replayed: bool) -> None:
    """Say that a client has come back.

    Args:
        link: its new connection.
        may_log: counts a line about an address; returns whether it is to be written.
        replayed: it goes on where it was.
    """
    if may_log(link.address, logging.INFO, _log):
        sentence = "peer %s is back from %s port %s, and %s"
        how = "goes on" if replayed else "begins anew"
        who = (link.peer_id, link.address, link.port, how)
        write_line(_log, logging.INFO, sentence, *who, fields=_fields(link, "resumed"))


def how_it_ended(link: Visitor) -> str:
    """Return in words how a connection ended: what failed, or who closed it and with which code."""
    if link.failure is not None and link.failure.stage == "left":
        return link.failure.detail  # not a fault
    if link.failure is not None:
        return f"lost, {link.failure}"
    if link.close_code < 0:
        return "closed at once"  # nobody waited for the answer to our close frame
    by_us = " by us" if link.closed_by_us else ""
    # Escaped: it comes from a stranger, and a terminal obeys control characters.
    reason = f" {link.close_reason!a}" if link.close_reason else ""
    return f"closed{by_us} with {link.close_code}{reason}"


def _fields(link: Visitor, kind: str) -> dict[str, object]:
    return {**link.log_fields, "peer_id": link.peer_id, "kind": kind}
