"""``Polling``: what one ``poll()`` does, in which order, and what happens if it is interrupted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol, cast

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.events import Broken, CloseReceived, Ended, Failed, Message
from multiplayer.endpoint.inbox import Queued
from multiplayer.endpoint.recovery import recover
from multiplayer.support.unfinished import count_running

from .websocket.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .commons import Commons
    from .websocket.events import LinkEvent
    from .websocket_peer import WebSocketPeer

_ENDS: Final = (Broken, CloseReceived, Ended, Failed)


class Role(Protocol):
    """What makes a peer a client or a server: what events mean to it."""

    def handle(self, link: Link, event: LinkEvent) -> None:
        """Handle one event of one connection.

        What may be interrupted comes last, or as steps.
        """

    def recover(self) -> list[Link]:
        """Repair what an interrupt has left; return those that are over but still here."""
        ...

    def links(self) -> list[Link]:
        """Return the connections of those who are there."""
        ...

    def faces(self) -> Iterable[WebSocketPeer]:
        """Return what packets of single connections can be fetched from."""
        ...


class Polling:
    """Hands what has happened to the role, one thing at a time.

    Args:
        commons: what the role works with.
        role: the first one.

    Attributes:
        role: the role of the session that is under way.
    """

    def __init__(self, commons: Commons, role: Role) -> None:
        self.role = role
        self._reactor, self._handlers, self._agenda, self._inbox, _ = commons
        self._let_through = commons.handlers.let_through
        self._whole = True  # no poll was interrupted since the last one
        self._tried: Callable[[], object] | None = None  # the step that has failed last

    def poll(self, now: Callable[[], float]) -> None:
        """Do all I/O that is possible now, emit signals for what has happened, then send.

        Args:
            now: the peer's clock.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener.
            Exception: what listeners raised, with ``on_error="raise"``.
        """
        reactor = self._reactor
        if reactor.polling and count_running(Polling.poll, self) > 1:
            message = "a listener called poll(); return from it, and the poll under way goes on"
            raise MultiplayerError(Error.ERR_BUSY, message)
        if not self._whole or reactor.writing:
            self._recover()
        self._whole = False
        let_through = self._let_through
        try:
            let_through.depth += 1
            reactor.polling = True
            goes_on = True
            while goes_on:
                try:
                    reactor.service(now())
                    while self._agenda.steps or reactor.entries:
                        self._dispatch()
                        reactor.flush()
                    reactor.flush()
                    goes_on = False
                except Exception as error:  # a mistake of ours, or the system has no memory
                    goes_on = self._recover(error)
        except BaseException as error:
            let_through.interrupt(error)
            raise
        finally:
            reactor.polling = False
            reactor.origin = None
        self._whole = True
        let_through.leave()

    def _dispatch(self) -> None:
        """Handle what has happened, one thing at a time."""
        reactor, agenda, handlers = self._reactor, self._agenda, self._handlers
        entries, steps = reactor.entries, agenda.steps
        while True:
            if steps:
                handlers.at_work = None
                agenda.go_through()
            reactor.origin = None
            if not entries:
                handlers.at_work = None
                return
            link, event = entries[0]
            handlers.at_work = link
            entries.popleft()
            if link.held and reactor.keep(link, event):
                continue
            if type(event) is Message:
                if link.closed_by_us:
                    link.fetched(len(event.data))
                    link.drop("closing")
                    continue
                if reactor.pressing and reactor.has_to_wait(link, event, len(event.data)):
                    handlers.at_work = None
                    continue
                reactor.origin = link.account
            self.role.handle(link, event)

    # ---------------------------------------------------------------- interrupted

    def make_whole(self) -> None:
        """After an interrupted poll, do what the next one would do first."""
        if not (self._whole or count_running(Polling.poll, self)):
            self._recover()

    def _recover(self, error: Exception | None = None) -> bool:
        """Repair what an interrupted poll has left; see ``docs/interrupted.md``.

        Args:
            error: what ended it, if we go on all the same.

        Returns:
            Whether there is reason to believe that the next poll will do better.
        """
        handlers, steps = self._handlers, self._agenda.steps
        at_work = handlers.at_work
        suspect = at_work if isinstance(at_work, Link) else None
        if isinstance(at_work, Queued):
            queued = cast("Queued[Link]", at_work)
            suspect = queued.link
            self._inbox.take_back(queued)
        step = steps[0] if steps else None
        if error is not None and step is not None and step is self._tried:
            steps.popleft()  # it fails each time
        self._tried = step if error is not None else None
        why = "handling what it sent was interrupted"
        given_up = recover(self._reactor, suspect, why)
        self._recount()
        self._tell_ends(self.role.recover())
        if error is None:
            self._let_through.recover()
            self._reactor.polling = False
        handlers.at_work = None
        self._whole = True
        if error is not None:
            # Of who is no peer yet, or any more, nobody would forget it.
            known = [link.peer_id for link in given_up if link in self.role.links()]
            peer = known[0] if known else 0
            handlers.failed(peer, "handling what it sent" if given_up else "poll", error)
        return bool(given_up) or step is not None

    def _tell_ends(self, gone: Iterable[Link]) -> None:
        """Queue again those ends of connections that have not been reported."""
        reactor = self._reactor
        told = {link for link, event in reactor.waiting_entries() if isinstance(event, _ENDS)}
        for link in gone:
            if link not in told:
                reactor.entries.append((link, Ended(link.failure is None, link.failure)))

    def _recount(self) -> None:
        """Count anew which messages of each connection wait."""
        waiting = Counter[Link]()
        octets = Counter[Link]()
        for link, event in self._reactor.waiting_entries():
            if isinstance(event, Message):
                waiting[link] += 1
                octets[link] += len(event.data)
        for queued in self._inbox.packets:
            waiting[queued.link] += 1
            octets[queued.link] += queued.size
        for face in self.role.faces():
            for link, size in face.stored():
                waiting[link] += 1
                octets[link] += size
        for link in self._reactor.links:
            link.unfetched, link.unfetched_bytes = waiting[link], octets[link]
