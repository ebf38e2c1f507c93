"""``Polling``: what one ``poll()`` does, in which order, and what happens if it is interrupted."""

from __future__ import annotations

import math
from collections import Counter
from operator import length_hint
from typing import TYPE_CHECKING, Final, Protocol, cast

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import Error, MultiplayerError
from multiplayer.runs import Run, Watch
from multiplayer.support.unfinished import count_running

from .events import Broken, CloseReceived, Ended, Failed, Message
from .inbox import Queued
from .peer_channel import PeerChannel
from .recovery import recover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from multiplayer.runs import RelayTaker, RunTaker

    from .commons import Commons
    from .face import Face

_NEVER: Final = math.inf

_ENDS: Final = (Broken, CloseReceived, Ended, Failed)


class Envelope(Protocol):
    """What messages mean, as far as it matters to packets that go straight."""

    @property
    def packet_at(self) -> int:
        """Where in a message the packet begins, mostly; -1 if none goes straight."""
        ...

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is an ordinary packet for this program, and nobody else."""
        ...


class Role(Protocol):
    """What makes a peer a client or a server: what events mean to it."""

    def handle(self, link: PeerChannel, event: object) -> None:
        """Handle one event of one connection.

        What may be interrupted comes last, or as steps.
        """

    @property
    def envelope(self) -> Envelope:
        """What messages mean."""
        ...

    def lane(self, link: PeerChannel) -> int:
        """Return whose packets may go straight that come by a connection; 0 if none may."""
        ...

    def keep_time(self, now: float) -> None:
        """Do what was due at ``endpoint.alarm``, and set that anew.

        If it is interrupted, it is called again.
        """

    def recover(self) -> list[PeerChannel]:
        """Repair what an interrupt has left; return those that are over but still here."""
        ...

    def links(self) -> list[PeerChannel]:
        """Return the connections of those who are there."""
        ...

    def faces(self) -> Iterable[Face]:
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
        self._endpoint, self._handlers, self._agenda, self._inbox = commons[:4]
        self._let_through = commons.handlers.let_through
        self._straight = self._inbox.straight
        endpoint = self._endpoint
        self._watch = Watch(endpoint.touched, endpoint.pressing, self._agenda.steps)
        self._expecting: RunTaker | None = None
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
        endpoint = self._endpoint
        if endpoint.polling and count_running(Polling.poll, self) > 1:
            message = "a listener called poll(); return from it, and the poll under way goes on"
            raise MultiplayerError(Error.ERR_BUSY, message)
        if not self._whole or endpoint.writing or endpoint.interrupted:
            self._recover()
        self._whole = False
        let_through = self._let_through
        try:
            let_through.depth += 1
            endpoint.polling = True
            goes_on = True
            while goes_on:
                try:
                    endpoint.service(now())
                    if endpoint.alarm < _NEVER:
                        self._keep_time(now())
                    while self._agenda.steps or endpoint.entries:
                        self._dispatch()
                        if endpoint.touched or endpoint.shared or endpoint.pressing:
                            endpoint.flush()
                    goes_on = False
                except Exception as error:  # a mistake of ours, or the system has no memory
                    goes_on = self._recover(error)
        except BaseException as error:
            let_through.interrupt(error)
            raise
        finally:
            endpoint.polling = False
            endpoint.origin = None
        self._whole = True
        if let_through.errors:
            let_through.leave()
        else:
            let_through.depth -= 1

    def _keep_time(self, now: float) -> None:
        endpoint = self._endpoint
        if endpoint.alarm <= now:
            self.role.keep_time(now)
            if endpoint.touched:
                endpoint.flush()

    def _dispatch(self) -> None:
        """Handle what has happened, one thing at a time."""
        endpoint, agenda, handlers = self._endpoint, self._agenda, self._handlers
        entries, steps = endpoint.entries, agenda.steps
        while True:
            if self._expecting is not None:
                self._expecting.expect_nothing()
                self._expecting = None
            if steps:
                handlers.at_work = None
                agenda.go_through()
            endpoint.origin = None
            if not entries:
                handlers.at_work = None
                return
            link, event = entries[0]
            handlers.at_work = link
            calm = not (link.held or link.closed_by_us or endpoint.pressing)
            tried = False
            if isinstance(event, bytes):
                entries.popleft()
                tried = calm
                if calm and self._goes_alone(link, event):
                    continue
                event = Message(event, False)
            elif isinstance(event, Run):
                tried = calm
                event = self._next_of(link, event, calm=calm)
                if event is None:
                    continue
            else:
                entries.popleft()
            if link.held and endpoint.keep(link, event):
                continue
            if type(event) is Message:
                if link.closed_by_us:
                    link.fetched(len(event.data))
                    link.drop("closing")
                    continue
                if endpoint.pressing and endpoint.has_to_wait(link, event, len(event.data)):
                    handlers.at_work = None
                    continue
                endpoint.origin = link.account
                if not (tried or event.text) and self._goes_alone(link, event.data):
                    continue
                relay = self._straight.relay
                if (
                    relay
                    and event.data.startswith(relay.head)
                    and self._goes_on(link, event, relay)
                ):
                    continue
            self.role.handle(link, event)

    def _next_of(self, link: PeerChannel, run: Run, *, calm: bool) -> Message | None:
        """Do what goes straight of a run at the head of the queue, if it is ``calm``.

        Returns:
            The first message that does not; None if it is to be looked at anew what comes next.
        """
        left = length_hint(run.left)
        if not left:
            self._endpoint.entries.popleft()
            return None
        data: bytes | None = run.packets[-left]
        taker, at = self._straight.taker, self.role.envelope.packet_at
        peer = 0
        if calm and taker is not None and 0 <= at < len(data) and taker.calls[data[at]]:
            peer = 0 if self._inbox.packets else self.role.lane(link)
        if not peer or taker is None:
            run.take()
            return Message(data, False)
        self._endpoint.origin = link.account
        link.run, less = run, 0
        try:
            data = taker.take(peer, run, at, link, self._watch)
            if data is not None:
                less = 1
        finally:
            link.settle_run(less)
            link.run = None
        if data is not None:
            self._expect(peer, data, at, taker)
            return Message(data, False)
        entries = self._endpoint.entries
        if entries and entries[0][1] is run and run.settled == len(run.packets):
            entries.popleft()  # which the next look at it would do
        return None

    def _goes_alone(self, link: PeerChannel, data: bytes) -> bool:
        """Let an API take one packet; return whether it has."""
        role, taker = self.role, self._straight.taker
        at = role.envelope.packet_at
        if taker is None or not 0 <= at < len(data) or not taker.calls[data[at]]:
            return False
        peer = 0 if self._inbox.packets else role.lane(link)
        if not peer:
            return False
        self._endpoint.origin = link.account
        if taker.take_one(peer, data, at, link):
            return True
        self._expect(peer, data, at, taker)
        return False

    def _goes_on(self, link: PeerChannel, message: Message, relay: RelayTaker) -> bool:
        """Let the API of a server pass on one packet; return whether it has."""
        peer = 0 if self._inbox.packets else self.role.lane(link)
        return peer > SERVER_ID and relay.pass_on(peer, message.data, link)

    def _expect(self, peer: int, data: bytes, at: int, taker: RunTaker) -> None:
        if at < len(data) and taker.calls[data[at]] and self.role.envelope.is_for_us(data):
            self._expecting = taker
            taker.expect(peer, data, at)

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
        if isinstance(at_work, Queued):
            queued = cast("Queued[PeerChannel]", at_work)
            suspect: PeerChannel | None = queued.link
            self._inbox.take_back(queued)
        else:
            suspect = cast("PeerChannel | None", at_work)
        step = steps[0] if steps else None
        if error is not None and step is not None and step is self._tried:
            steps.popleft()  # it fails each time
        self._tried = step if error is not None else None
        why = "handling what it sent was interrupted"
        given_up = recover(self._endpoint, suspect, why)
        self._recount()
        self._tell_ends(self.role.recover())
        if error is None:
            self._let_through.recover()
            self._endpoint.polling = False
        handlers.at_work = None
        self._whole = True
        if error is not None:
            # Nobody would forget it of a connection that is not a peer yet, or any more.
            known = [link.peer_id for link in given_up if link in self.role.links()]
            peer = known[0] if known else 0
            handlers.failed(peer, "handling what it sent" if given_up else "poll", error)
        return bool(given_up) or step is not None

    def _tell_ends(self, gone: Iterable[PeerChannel]) -> None:
        """Queue again those ends of connections that have not been reported."""
        endpoint = self._endpoint
        told = {link for link, event in endpoint.waiting_entries() if isinstance(event, _ENDS)}
        for link in gone:
            if link not in told:
                endpoint.entries.append((link, Ended(link.failure is None, link.failure)))

    def _recount(self) -> None:
        """Count anew which messages of each connection wait."""
        waiting = Counter[PeerChannel]()
        octets = Counter[PeerChannel]()
        for link, event in self._endpoint.waiting_entries():
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
        for link in self._endpoint.links:
            link.run = None  # what was taken of it is not among those that wait
            link.unfetched, link.unfetched_bytes = waiting[link], octets[link]
