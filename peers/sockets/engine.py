"""The one I/O engine: non-blocking sockets behind one selector. The only module that does I/O.

A peer object owns one reactor; a server's listener and all its connections share it. Whoever drives
the peer calls :meth:`Reactor.service` and then :meth:`Reactor.flush`; both never wait.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import logging
import math
import os
import selectors
import socket
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError, TransferMode
from multiplayer.endpoint.channel import Notices
from multiplayer.support.log_bounds import LogBounds
from multiplayer.support.log_line import write_line
from multiplayer.support.log_once import LogOnce
from peers.backlog import Backlogs
from peers.failure import Failure
from peers.fanout import Fanout, Share
from peers.pressure import NEARLY_FULL, STALL, Account, Stalls, grace
from peers.websocket.broken_off import UNCLOSED
from peers.websocket.close_codes import INTERNAL_ERROR
from peers.websocket.events import Drained, ReadyState
from peers.websocket.frames import Message
from peers.websocket.link import Link
from peers.websocket.upgrade import ServerUpgrade

from .last_reads import LastReads, read_size
from .system import SYSTEM
from .tcp import READ_SIZE, Connection, say_farewell, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from peers.backlog import Sender
    from peers.pressure import Buffer
    from peers.websocket.events import LinkEvent
    from peers.websocket.settings import LinkSettings

    from .name_lookup import NameLookup
    from .system import System

_log = logging.getLogger(__name__)
_link_log = logging.getLogger("peers.websocket.link")


_ACCEPTS_PER_SERVICE: Final = 64
_ACCEPT_PAUSE: Final = 0.1
"""How long to leave the listener alone, in seconds, when the system has no descriptors left."""

# The numbers are Winsock's WSAEMFILE and WSAENOBUFS.
_EXHAUSTED: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, 10024, 10055}
)

_OTHER_SIDE_GONE: Final = (ConnectionError, TimeoutError)
"""The errors of sockets that are not about this system."""

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

_NOT_WATCHED: Final = "the connection cannot be waited for"

_SLICE: Final = 512
"""How many messages are decoded in one poll of peers that have sent more than that, together."""

_SMALLEST_SLICE: Final = 32

_OLD_DEADLINES: Final = 64
"""How many deadlines that hold no more may be kept, besides some for each connection."""


class Reactor:
    """All sockets of one peer object.

    Args:
        clock: the owner's clock, in seconds.
        eager: send at once what is queued outside a poll, unless somebody waits for ``on_wake``.

    Attributes:
        fanout: everybody who gets what is sent to all.
        entries: what has happened, in order of arrival, for the peer to take from the left.
        touched: the links that are to be looked at.
        faults: logs what goes wrong on the connections.
        notices: the same three, for new links.
        log_bounds: how many lines of the log each address can cause.
        polling: the peer is in its ``poll()``.
        awaited: somebody waits for the selector; it is not to be closed under them.
        at_work: the connection that is being served; what is left here, an interrupt has left.
        writing: the connections that are being written to, or told of others, in the same sense.
        origin: who is charged for what is sent now; see ``pressure``.
        pressing: those that are held, the longest first.
        on_wake: called when there is something to do that no socket will tell.
        on_close: called with each watched descriptor before it is closed.
    """

    def __init__(self, clock: Callable[[], float], *, eager: bool) -> None:
        self.clock = clock
        self.entries: deque[tuple[Link, LinkEvent]] = deque()
        self.touched: dict[Link, None] = {}
        self.log_bounds = LogBounds(_tell_left_out)
        self.faults = LogOnce(_link_log, self._may_log_fault)
        self.notices = Notices(self.entries, self.touched, self.faults)
        self.fanout = Fanout(self)
        self.polling = False
        self.awaited = False
        self.at_work: Link | None = None
        self.writing: list[Link] = []
        self.on_wake: Callable[[], None] | None = None
        self.on_close: Callable[[int], None] | None = None
        self.eager = eager
        self.system: System = SYSTEM
        self.now: Callable[[], float] = SYSTEM.now
        self._selector = SYSTEM.selector()
        self._listener: socket.socket | None = None
        self._listener_settings: LinkSettings | None = None
        self._listener_rests_until: float | None = None
        self._refused_by_system = 0  # how often the listener had to rest without accepting anybody
        self._newcomers: dict[Link, None] = {}  # accepted, the oldest first; some are upgraded
        self._shared = False  # the fan-out has something to send
        self._shares: deque[Share] = deque()  # of what has left the fan-out
        self._nearly_full = math.inf  # see ``pressure``
        self._most_shared = math.inf  # how many bytes for all wait for the next flush, at most
        self._most_shared_packets = math.inf
        self._connections: dict[Link, Connection] = {}
        self._lookups: dict[Link, NameLookup] = {}
        self._failures: list[tuple[Link, Failure]] = []  # to be told by the next service
        self._dialling: set[Connection] = set()
        self._last_reads = LastReads()
        self._resumed: set[Link] = set()
        self._behind: dict[Link, None] = {}  # have more to decode than their slice
        self._slice = _SLICE  # how many messages a link may decode at once
        self.origin: Account | None = None
        self._kept: dict[Link, deque[LinkEvent]] = {}  # what has come from those that are held
        self.pressing: dict[Link, Account] = {}
        self._resting: dict[Link, Account] = {}  # those that have set off too much
        self._stalls = Stalls()
        self._backlogs = Backlogs(self._drained)
        self._deadlines: list[tuple[float, int, Link]] = []
        self._count = itertools.count()

    def live_in(self, system: System) -> None:
        """Have another system, before anything begins.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: something has begun, or it has had another.
        """
        if self.system is not SYSTEM or self.awaited or not self.idle:
            message = "this peer is in use, or in a network already; add one that is new"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self.system, self.now = system, system.now
        self._selector = system.selector()

    # ---------------------------------------------------------------- beginning

    def listen(self, host: str, port: int, settings: LinkSettings) -> None:
        """Accept connections at ``host`` ("*" for every interface).

        Raises:
            OSError: the address cannot be had.
        """
        self._take_over()
        listener = self.system.listener(host, port)
        try:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, self._accept)
        except OSError:
            listener.close()
            self._close_idle_selector()
            raise
        self._listener, self._listener_settings = listener, settings
        self._nearly_full = NEARLY_FULL * settings.outbound_buffer_size or math.inf
        # A half of what may wait, because a socket may take nothing of it.
        self._most_shared = settings.outbound_buffer_size / 2 or math.inf
        self._most_shared_packets = settings.limits.max_outbox_packets / 2 or math.inf
        self.wake()

    @property
    def local_port(self) -> int:
        """The port that the listener has; 0 without one."""
        return self._listener.getsockname()[1] if self._listener else 0

    def connect(self, host: str, port: int, link: Link) -> None:
        """Connect ``link`` to ``host``: an address, or a name whose addresses are tried in turn.

        Failures are told by the next service, so that a listener that tries again whenever it
        hears of one gets one attempt a poll, and does not keep the poll from ending.
        """
        self._take_over()
        self._connections[link] = connection = Connection(link, None)
        self._note_deadline(connection)
        literal = self.system.address(host, port)
        if literal is not None:
            connection.addresses = [literal]
            self._try_next(connection, "", self.clock())
        else:
            self._look_up(connection, host, port)
        self.wake()

    def _look_up(self, connection: Connection, host: str, port: int) -> None:
        try:
            lookup = self._lookups[connection.link] = self.system.look_up(host, port)
            resolved = partial(self._resolved, connection)
            self._selector.register(lookup.waker, selectors.EVENT_READ, resolved)
        except (OSError, RuntimeError) as error:  # no descriptor, thread or memory to be had
            self._end_lookup(connection.link)
            failure = Failure("dns", f"{host} cannot be looked up: {error}")
            self._failures.append((connection.link, failure))

    def _resolved(self, connection: Connection, mask: int, now: float) -> None:
        del mask
        lookup = self._lookups[connection.link]
        self._end_lookup(connection.link)
        if lookup.addresses:
            connection.addresses = [*lookup.addresses]
            self._try_next(connection, "", now)
        else:
            connection.link.end(Failure("dns", lookup.error))

    def _end_lookup(self, link: Link) -> None:
        lookup = self._lookups.pop(link, None)
        if lookup is not None:
            self._unwatch(lookup.waker)
            lookup.close()

    def _try_next(self, connection: Connection, error: str, now: float) -> None:
        self._close_socket(connection)
        self._dialling.discard(connection)
        while connection.addresses:
            family, address = connection.addresses.pop(0)
            try:
                sock = self.system.socket(family)
            except OSError as reason:
                error = str(reason)
                continue
            sock.setblocking(False)
            try:
                sock.connect(address)
            except BlockingIOError:
                pass  # the answer is still to come
            except OSError as reason:
                error = f"{address[0]} port {address[1]}: {reason.strerror or reason}"
                sock.close()
                continue
            connection.sock = sock
            try:
                self._ask_selector(connection, sock)
            except OSError as reason:
                error = f"{_NOT_WATCHED}: {reason.strerror or reason}"
                self._close_socket(connection)
                continue
            # One that does not answer at all must leave some of the time to the others.
            left = (connection.link.deadline or now) - now
            connection.patience = now + left / (len(connection.addresses) + 1)
            self._dialling.add(connection)
            return
        self._failures.append((connection.link, Failure("tcp", error)))

    # ---------------------------------------------------------------- serving

    def service(self, now: float) -> None:
        """Do all I/O that is possible now: accept, read, decode, answer pings, keep deadlines."""
        if self._selector.inherited:
            self._take_over()
        if self._failures:
            self._tell_failures()
        if self._behind:
            self._catch_up(now)
        self._selector.serve(now)
        if self.touched:
            self._look_at_touched(now)
        while self._resumed:
            self._go_on(self._resumed.pop(), now)
        if self.log_bounds.due <= now:
            self.log_bounds.tell(now)
        if self._last_reads.resting:
            for connection in self._last_reads.rested(now):
                self._watch(connection)
        if self._dialling or self._listener_rests_until is not None:
            self._keep_dialling(now)
        if self._deadlines and self._deadlines[0][0] <= now:
            self._keep_deadlines(now)
        if self.pressing or self._stalls.terms:
            self._keep_pressure_terms(now)
        if self.touched or self._shared:
            self.flush()  # pongs

    def _tell_failures(self) -> None:
        for _ in range(len(self._failures)):
            link, failure = self._failures[0]
            link.end(failure)
            del self._failures[0]

    def _catch_up(self, now: float) -> None:
        """Decode the next slice of each that has sent more than one."""
        behind, self._behind = self._behind, {}
        self._slice = max(_SMALLEST_SLICE, _SLICE // len(behind))
        for link in behind:
            self._go_on(link, now)
        if not any(link.behind for link in behind):
            self._slice = _SLICE

    def _go_on(self, link: Link, now: float) -> None:
        """Decode more of what has been read of ``link``."""
        connection = self._connections.get(link)
        if connection is not None and not link.is_held:  # else when it is let go
            self.at_work = link
            link.receive(b"", now, self._slice)
            self._watch(connection)
            self.at_work = None

    def _keep_dialling(self, now: float) -> None:
        if self._listener_rests_until is not None and now >= self._listener_rests_until:
            self._end_rest(now)
        for connection in [each for each in self._dialling if each.patience <= now]:
            if connection.addresses:
                self.at_work = connection.link
                self._try_next(connection, "no answer", now)
                self.at_work = None

    def _keep_deadlines(self, now: float) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            when, _, link = heapq.heappop(self._deadlines)
            self.at_work = link
            if link.deadline == when and not self._excuse(link, when, now):
                lookup = self._lookups.get(link)
                if lookup is not None:
                    link.check(now, lookup.overdue)
                else:
                    link.check(now)
            self.at_work = None

    def _excuse(self, link: Link, when: float, now: float) -> bool:
        """Move a deadline, once, that was missed because nobody called :meth:`service`.

        A game that loads for some seconds must not take its own silence for the other side's.
        """
        connection = self._connections.get(link)
        if connection is None or now - when < STALL or connection.excused == when:
            return False
        link.deadline = connection.excused = now + grace(now - when)
        self._note_deadline(connection)
        return True

    def next_deadline(self) -> float:
        """Return when there is something to do even if no socket stirs.

        In seconds on the owner's clock; minus infinity for at once, infinity for never.
        """
        if self._resumed or self.entries or self.touched or self._shared or self._failures:
            return -math.inf
        if self._behind:
            return -math.inf
        while self._deadlines and self._deadlines[0][2].deadline != self._deadlines[0][0]:
            heapq.heappop(self._deadlines)
        deadlines = [each.patience for each in self._dialling if each.addresses]
        deadlines += (self._last_reads.due, self.log_bounds.due, self._stalls.due)
        deadlines.extend(account.rests_until for account in self._resting.values())
        if self._deadlines:
            deadlines.append(self._deadlines[0][0])
        if self._listener_rests_until is not None:
            deadlines.append(self._listener_rests_until)
        return min(deadlines)

    def _accept(self, mask: int, now: float) -> None:
        del mask
        listener, settings = self._listener, self._listener_settings
        if listener is None or settings is None:
            return
        for _ in range(_ACCEPTS_PER_SERVICE):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(listener, error, now)
                    return
                continue  # that one has gone again
            try:
                sock.setblocking(False)
                link = self.at_work = Link(settings, self.notices, ServerUpgrade(), now)
                connection = self._connections[link] = Connection(link, sock)
            except BaseException:
                sock.close()
                raise
            self._note_deadline(connection)
            self._connected(connection, address, now)
            if link.failure is not None:  # the selector has no room for it
                self.at_work = None
                self._rest(listener, link.failure, now)
                return
            self._note_accepting()
            self._make_way(link, settings.limits.max_pending_handshakes, now)
            self.at_work = None

    def _rest(self, listener: socket.socket, why: OSError | Failure, now: float) -> None:
        """Leave the listener alone for a while: the system has no descriptor left, or no memory."""
        if not self._refused_by_system and self.may_log("", logging.WARNING, _log):
            words = "no connection can be accepted for now: %s"
            write_line(_log, logging.WARNING, words, why, fields={})
        self._refused_by_system += 1
        self._selector.unregister(listener)
        self._listener_rests_until = now + _ACCEPT_PAUSE

    def _end_rest(self, now: float) -> None:
        self._listener_rests_until = None
        if self._listener is not None:
            try:
                self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            except OSError as error:
                self._rest(self._listener, error, now)

    def _note_accepting(self) -> None:
        if self._refused_by_system:
            if self.may_log("", logging.WARNING, _log):
                words = "connections are accepted again after %s rests"
                write_line(_log, logging.WARNING, words, self._refused_by_system, fields={})
            self._refused_by_system = 0

    def _make_way(self, newcomer: Link, limit: int, now: float) -> None:
        """End the oldest connections without an upgrade, if there are more than ``limit``.

        Who is honest needs a moment for the upgrade; who waits for nothing gives way.
        """
        self._newcomers[newcomer] = None
        if not 0 < limit < len(self._newcomers):
            return
        self._newcomers = {link: None for link in self._newcomers if link.pending}
        while len(self._newcomers) > limit:
            oldest = next(iter(self._newcomers))
            del self._newcomers[oldest]
            oldest.give_way(now)
            connection = self._connections.get(oldest)
            if connection is not None:
                if connection.sock is not None:
                    say_farewell(oldest, connection.sock)
                oldest.abandon()
                self._discard(connection)

    def _connected(self, connection: Connection, address: tuple[str, int], now: float) -> None:
        connection.connecting = False
        self._dialling.discard(connection)
        self.set_no_delay(connection.link, enabled=True)
        host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
        connection.link.connected(host, address[1], now)
        self._watch(connection)

    def _serve(self, connection: Connection, mask: int, now: float) -> None:
        self.at_work = connection.link
        if connection.connecting:
            self._finish_connecting(connection, now)
            self.at_work = None
            return
        # Reading comes first: what has arrived counts, also if nothing can be sent any more.
        if mask & selectors.EVENT_READ and connection.sock is not None:
            self._read(connection, connection.sock, now)
        if mask & selectors.EVENT_WRITE:
            self._write(connection)
        self.at_work = None

    def _finish_connecting(self, connection: Connection, now: float) -> None:
        sock = connection.sock
        if sock is None:
            return
        error = 0
        try:
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            address = sock.getpeername()
        except OSError as reason:
            remote = os.strerror(error) if error else reason.strerror
            self._try_next(connection, f"the connection was not accepted: {remote}", now)
            return
        self._connected(connection, address, now)

    def _read(self, connection: Connection, sock: socket.socket, now: float) -> None:
        link = connection.link
        was_ending = link.is_ending
        try:
            data = sock.recv(read_size(connection, READ_SIZE))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            why = f"the connection was lost: {error.strerror or error}"
            link.lose(why, gone=isinstance(error, ConnectionError))
        else:
            if data:
                if was_ending:
                    self._last_reads.note(connection, len(data), now)
                link.receive(data, now, self._slice)
                if link.reads and not connection.rests:
                    return  # whatever else there is to do since then, it is in `touched`
            else:
                connection.read_closed = True
                link.receive_eof(UNCLOSED)
        self._watch(connection)

    # ---------------------------------------------------------------- sending

    def flush(self) -> None:
        """Write what is queued, one write a peer, as far as the sockets take it.

        Nothing in a child of a fork that has not polled: its parent may write the same.
        """
        if self._shared:
            self._write_shared()
        if self.touched:
            self._look_at_touched()
        if self.pressing:
            self._look_again()
        if not self._connections:
            self._close_idle_selector()

    def _write_shared(self) -> None:
        if self._selector.inherited:
            return
        self._shared = False
        shares, writing = self._shares, self.writing
        self.fanout.unload(shares)
        while shares:
            link = shares[0].rider.link
            connection = self._connections.get(link)
            if connection is None:
                shares.popleft()
                continue
            writing.append(link)
            share = shares.popleft()
            taken = 0
            # What has to be copied, and what follows something else, goes the common way.
            if connection.sock is not None and not (link.encrypted or link.outbox.waiting):
                with contextlib.suppress(OSError):  # whatever it is, the common way meets it too
                    taken = send(connection.sock, share.pieces)
            if taken == share.size:
                share.sent()
                writing.pop()
                continue
            share.to_outbox(taken)
            self._write(connection)
            writing.pop()

    def _write(self, connection: Connection) -> None:
        link, sock = connection.link, connection.sock
        if self._selector.inherited:
            return
        self.writing.append(link)
        if sock is not None and not connection.connecting:
            while pieces := link.to_send():
                try:
                    link.sent(send(sock, pieces))
                except (BlockingIOError, InterruptedError):
                    break
                except OSError as error:
                    why = f"the connection was lost: {error.strerror or error}"
                    # Else what came before the other side went can still be read, and then its end.
                    if connection.read_closed or not isinstance(error, _OTHER_SIDE_GONE):
                        link.lose(why)
                    else:
                        link.lose_output(why, self.clock())
            link.written()
            if not link.waiting:
                if link.state is ReadyState.STATE_CLOSING:
                    link.finish(self.clock())
                if link.lingering:
                    self._shut(connection, sock)
                if self._stalls.terms:
                    self._stalls.forget(link)
                if self._backlogs.full:
                    self._backlogs.note(link)
            elif link.overflowing:
                link.overflow(self.clock())
            else:
                self._stalls.note(link, self.clock())
                self._backlogs.note(link)
        if link.over:
            self._discard(connection)
        elif link.waiting or connection.mask != selectors.EVENT_READ:
            self._watch(connection)
        self.writing.pop()

    def _shut(self, connection: Connection, sock: socket.socket) -> None:
        """Tell the other side of a lingering link that nothing more will come."""
        if connection.read_closed:
            connection.link.abandon()  # it has said so already
        elif not connection.shut:
            connection.shut = True
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)

    def _watch(self, connection: Connection) -> None:
        """Ask the selector for what this connection waits for; end the connection if it cannot."""
        sock = connection.sock
        if sock is None or sock.fileno() < 0:
            return
        try:
            self._ask_selector(connection, sock)
        except OSError as error:
            connection.mask = 0
            why = f"{_NOT_WATCHED}: {error.strerror or error}"
            connection.link.give_up(Failure("tcp", why))

    def _ask_selector(self, connection: Connection, sock: socket.socket) -> None:
        link = connection.link
        mask = 0
        if connection.connecting or link.waiting:
            mask |= selectors.EVENT_WRITE
        closed_to_us = connection.connecting or connection.read_closed or connection.rests
        if link.reads and not closed_to_us:
            mask |= selectors.EVENT_READ
        if mask == connection.mask:
            return
        selector = self._selector
        if not connection.mask:
            selector.register(sock, mask, partial(self._serve, connection))
        elif not mask:
            selector.unregister(sock)
        else:
            selector.modify(sock, mask, partial(self._serve, connection))
        connection.mask = mask

    # ---------------------------------------------------------------- what links tell

    def _look_at_touched(self, now: float | None = None) -> None:
        """Do what the touched links need; accounts are settled if the time is given.

        What is to be decoded is noted only: that is for :meth:`service`.
        """
        touched, connections = self.touched, self._connections
        while touched and not self._selector.inherited:
            links = [*touched]
            touched.clear()
            for link in links:
                connection = connections.get(link)
                if connection is None:
                    continue
                if link.deadline != connection.deadline:
                    self._note_deadline(connection)
                if link.behind:
                    self._behind[link] = None
                if link.resumed:
                    self._resumed.add(link)
                if now is not None and link.account is not None and link.account.spent:
                    self._settle(link, now)
                if link.waiting or link.state is not ReadyState.STATE_OPEN:
                    self._write(connection)

    def send(
        self, link: Link, data: bytes, *, text: bool = False, mode: TransferMode = _RELIABLE
    ) -> None:
        """Queue a message on ``link``, charged to whoever sent what is being handled."""
        link.send(data, text=text, mode=mode, origin=self.origin)
        self.look_at(link)

    def begin_closing(self, link: Link, code: int, reason: str, *, at_once: bool = False) -> None:
        """Begin the closing handshake on ``link``; see ``Link.close``."""
        link.close(code, reason, self.clock(), at_once=at_once)
        self.look_at(link)

    def fetched(self, link: Link, size: int) -> None:
        """Note that a message of ``size`` bytes, which came on ``link``, has been fetched."""
        link.fetched(size)
        if link.resumed:
            self.wake()

    def look_at(self, link: Link) -> None:
        """Write to ``link`` if more has been queued than should wait; see that the rest leaves.

        To be called after something was queued, or ``link`` was told to close, by anybody but the
        links themselves.
        """
        if (link.overflowing or link.ought_to_leave) and link in self._connections:
            self._write(self._connections[link])
        if not self.polling:
            if self.on_wake is not None:
                self.on_wake()
            elif self.eager:
                self.flush()

    def shared_queued(self, octets: int, packets: int) -> None:
        """Note that so much waits for somebody who gets what is sent to all."""
        self._shared = True
        if octets > self._most_shared or packets > self._most_shared_packets:
            self._write_shared()
        elif self.on_wake is not None and not self.polling:
            self.on_wake()

    def _note_deadline(self, connection: Connection) -> None:
        link = connection.link
        connection.deadline = link.deadline
        if link.deadline is not None:
            heapq.heappush(self._deadlines, (link.deadline, next(self._count), link))
            if len(self._deadlines) > _OLD_DEADLINES + 4 * len(self._connections):
                # Those that hold no more would keep their links until they come, if ever.
                self._deadlines = [each for each in self._deadlines if each[2].deadline == each[0]]
                heapq.heapify(self._deadlines)

    # ---------------------------------------------------------------- pressure

    def open_account(self, link: Link, account: Account | None = None) -> None:
        """Charge ``link`` for what it sends to others from now on.

        Args:
            link: a connection to a server.
            account: that of the member which it carries; None for a new one.
        """
        settings, holder = self._listener_settings, _Holder(self, link)
        if account is not None:
            account.move_to(holder)
            link.account, link.held = account, account.held
        elif settings is not None:
            rate = settings.limits.relayed_bytes_per_second
            size = settings.outbound_buffer_size
            link.account = Account(holder, size, rate, self.clock())

    def receivers(self) -> int:
        """Return how many get what is sent to all: in plain mode, where all are sent it singly."""
        return len(self.fanout) or sum(link.account is not None for link in self._connections)

    def _settle(self, link: Link, now: float) -> None:
        """Hold a peer that has set off more than it may, until that much time has passed."""
        account = link.account
        if account is not None and account.settle(now):
            link.reach("relayed_bytes_per_second")
            self._resting[link] = account

    def hold(self, link: Link, account: Account, why: str) -> None:
        """Read no more of ``link``, and leave what it has sent; see ``pressure``."""
        link.held = True
        self.pressing[link] = account
        link.statistics.times_held += 1
        link.note(logging.INFO, "held", why)
        connection = self._connections.get(link)
        if connection is not None:
            self._watch(connection)

    def let_go(self, link: Link) -> None:
        """Go on with ``link``: first with what it had sent when it was held."""
        link.held = False
        self.pressing.pop(link, None)
        self._resting.pop(link, None)
        kept = self._kept.pop(link, None)
        if kept:
            self.entries.extendleft((link, event) for event in reversed(kept))
        self._resumed.add(link)
        self.wake()

    def keep(self, link: Link, event: LinkEvent) -> bool:
        """Keep what has come from a peer that is held; return False if it is to be done now."""
        if isinstance(event, Drained):
            return False  # it tells of what is sent to it, which goes on
        if link.state is ReadyState.STATE_OPEN or link.over:
            self._kept.setdefault(link, deque()).append(event)
            return True
        kept = self._kept.pop(link, None)  # we are closing it: nobody is to wait for the others
        if not kept:
            return False
        self.entries.extendleft((link, each) for each in reversed([*kept, event]))
        return True

    def has_to_wait(self, link: Link, event: LinkEvent) -> bool:
        """Keep a message for whose receivers there is no room, because of those that are held."""
        account, size = link.account, self._nearly_full
        if account is None:
            return False
        outboxes = (each.outbox for each in {*self._stalls.terms, *self.touched})
        full = [outbox for outbox in outboxes if outbox.blocked and outbox.load > size]
        if full and (account.adds_to(full) or not self._has_room(full, event)):
            account.wait_for(full)
        return link.held and self.keep(link, event)

    def _has_room(self, full: list[Buffer], event: LinkEvent) -> bool:
        """Return whether a message may go to all of those that are nearly full, twice."""
        size = len(event.data) if isinstance(event, Message) else 0
        room = self._nearly_full / NEARLY_FULL
        return all(outbox.load + 2 * size <= room for outbox in full)

    def _keep_pressure_terms(self, now: float) -> None:
        for link in [link for link, each in self._resting.items() if each.rests_until <= now]:
            del self._resting[link]
            self._settle(link, now)
        for reader in self._stalls.stalled(now):
            reader.stall(now)
        self._look_again()

    def _look_again(self) -> None:
        """Let those go who are held for what others have taken, or left, in the meantime."""
        for account in list(self.pressing.values()):
            account.look_again()

    def _drained(self, link: Sender) -> None:
        assert isinstance(link, Link)
        if link.state is ReadyState.STATE_OPEN:  # else nothing more can be sent
            self.entries.append((link, Drained()))

    def wake(self) -> None:
        """Tell whoever waits for the selector that there is something else to do."""
        if self.on_wake is not None and not self.polling:
            self.on_wake()

    def set_no_delay(self, link: Link, *, enabled: bool) -> None:
        """Switch TCP_NODELAY."""
        connection = self._connections.get(link)
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    # ---------------------------------------------------------------- the log

    def may_log(self, address: str, level: int, log: logging.Logger) -> bool:
        """Count a line about an address; return whether it is to be written."""
        return log.isEnabledFor(level) and self.log_bounds.allow(address, level, self.clock())

    def _may_log_fault(self, peer: int, level: int, fields: Mapping[str, object]) -> bool:
        del peer
        return self.log_bounds.allow(str(fields["address"]), level, self.clock())

    # ---------------------------------------------------------------- waiting

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when :meth:`service` has I/O to do, if there is one.

        epoll and kqueue have one; where select() is used, wait for :meth:`watched` instead.

        Raises:
            MultiplayerError: ``ERR_CANT_CREATE``: the system has no descriptor left for it.
        """
        try:
            return self._selector.fileno()
        except OSError as error:
            message = f"sockets cannot be waited for: {error.strerror or error}"
            raise MultiplayerError(Error.ERR_CANT_CREATE, message) from error

    def watched(self) -> Iterator[tuple[int, int]]:
        """Return each watched descriptor and its mask of ``selectors.EVENT_…``."""
        return self._selector.watched()

    @property
    def links(self) -> list[Link]:
        """All links that have not been dropped yet."""
        return list(self._connections)

    @property
    def inherited(self) -> bool:
        """Whether all of this is a parent process's; see ``Selector.inherited``."""
        return self._selector.inherited

    @property
    def idle(self) -> bool:
        """Whether there is neither listener nor connection."""
        return self._listener is None and not self._connections

    # ---------------------------------------------------------------- ending

    def stop_listening(self) -> None:
        """Close the listener; connections stay."""
        if self._listener is not None:
            self._unwatch(self._listener)
            self._listener.close()
        self._listener = None
        self._listener_rests_until = None

    def close(self, code: int = 1000) -> None:
        """Close everything at once.

        Open connections get a close frame if the socket takes it. Whoever holds the selector is
        woken, and has to call :meth:`release`. In a child of a fork that has not polled only our
        copies of the sockets are closed: the connections are its parent's.
        """
        inherited = self._selector.inherited
        if inherited:
            self._stop_waiting()
        self.stop_listening()
        for connection in list(self._connections.values()):
            if not inherited:
                connection.link.close_at_once(code)
            if connection.sock is not None and not (connection.connecting or inherited):
                say_farewell(connection.link, connection.sock)
            connection.link.abandon()
            self._discard(connection)
        self.fanout.clear()
        self._failures.clear()
        self.entries.clear()
        self.touched.clear()
        self._resumed.clear()
        self._behind.clear()
        self._kept.clear()
        self.pressing.clear()
        self._resting.clear()
        self._stalls.clear()
        self._backlogs.clear()
        self._deadlines.clear()
        self.log_bounds.tell_all()
        self._close_idle_selector()
        self.wake()

    def release(self) -> None:
        """Let go of the selector after waiting."""
        self._stop_waiting()
        self._close_idle_selector()

    def _stop_waiting(self) -> None:
        self.awaited = False
        self.on_wake = self.on_close = None

    def _take_over(self) -> None:
        """Go on with what a parent of this process has begun, in a child of a fork."""
        if not self._selector.inherited:
            return
        self._selector.take_over()
        self._stop_waiting()  # it was the parent that waited
        for link, lookup in list(self._lookups.items()):  # whose threads are the parent's too
            self._end_lookup(link)
            self._look_up(self._connections[link], lookup.host, lookup.port)

    # ---------------------------------------------------------------- interrupted

    def waiting_entries(self) -> Iterator[tuple[Link, LinkEvent]]:
        """Yield what has come and was not handled, from those that are held, too."""
        yield from self.entries
        for link, kept in self._kept.items():
            for event in kept:
                yield link, event

    def recover(self, suspect: Link | None, why: str) -> list[Link]:
        """Make whole what an interrupt has left; outside of :meth:`service` and :meth:`flush`.

        Who was at work may have lost something: it is given up. The rest follows from what sockets
        and links there are, and is found out anew.

        Args:
            suspect: whose event was being handled.
            why: in words, for those that are given up.

        Returns:
            Who was given up.
        """
        links = self._connections
        lost = {suspect, self.at_work, *self.writing, *self.fanout.recover(self._shares)}
        lost |= {link for link in links if not link.outbox.recover()}
        written, lost = {*self.writing}, {link for link in lost if link is not None}
        self._recover_sockets()
        for link in lost:
            self._give_up(link, Failure("interrupted", why), says_so=link not in written)
        for link, connection in list(links.items()):
            if link.over:
                link.abandon()
                self._discard(connection)
        self._recover_pressure()
        for connection in links.values():
            if connection.rests and connection not in self._last_reads.resting:
                connection.rests = False
            self._watch(connection)
        self._newcomers = {link: None for link in self._newcomers if link in links}
        if self._listener_settings is not None:
            self._newcomers |= {link: None for link in links if link.pending}
        self._dialling = {each for each in links.values() if each.connecting and each.sock}
        self._deadlines.clear()
        for connection in links.values():
            self._note_deadline(connection)
        self._behind = {link: None for link in links if link.behind}
        self.touched.update(dict.fromkeys(links))
        self._resumed, self._shared = {*links}, True
        self.at_work = None
        self.writing.clear()
        return [*lost]

    def _give_up(self, link: Link, failure: Failure, *, says_so: bool) -> None:
        connection = self._connections.get(link)
        if connection is not None and says_so:
            with contextlib.suppress(Exception):  # it may be in any state
                link.close_at_once(INTERNAL_ERROR)
                if connection.sock is not None and not connection.connecting:
                    say_farewell(link, connection.sock)
        with contextlib.suppress(Exception):
            link.give_up(failure)
        link.abandon()
        if connection is not None:
            self._discard(connection)

    def _recover_sockets(self) -> None:
        """Close the sockets that nobody has any more, and note what the selector waits for."""
        known = {each.sock for each in self._connections.values()}
        known |= {lookup.waker for lookup in self._lookups.values()}
        known.add(self._listener)
        for sock in self._selector.sockets():
            if sock not in known:
                self._unwatch(sock)
                sock.close()
        for connection in self._connections.values():
            connection.mask = self._selector.events(connection.sock)
        for link, connection in list(self._connections.items()):
            told = any(each is link for each, _ in self._failures)
            waits = link in self._lookups or connection.sock is not None or told
            if connection.connecting and not waits:
                link.end(Failure("interrupted", "connecting was interrupted"))
        listener = self._listener
        if listener is not None and not self._selector.events(listener):
            self._listener_rests_until = -math.inf

    def _recover_pressure(self) -> None:
        """Charge everybody anew, and let those go on that are held for nothing."""
        here = self._connections
        accounts = {link: link.account for link in here if link.account is not None}
        accounts |= self.pressing  # some of whom are not here any more
        for account in accounts.values():
            account.begin_anew()
        for link in here:
            link.outbox.forget_charges()
        for link in here:
            link.outbox.charge_anew()
        for link, account in accounts.items():
            account.judge()
            link.held = account.held
        self.pressing = {link: account for link, account in accounts.items() if account.held}
        self._resting = {link: each for link, each in self.pressing.items() if link in here}
        for link in [*self._kept]:
            if not link.held:
                kept = self._kept.pop(link)
                self.entries.extendleft((link, event) for event in reversed(kept))
        self._stalls.keep(here)
        told = {link for link, event in self.entries if isinstance(event, Drained)}
        self._backlogs.keep(here, told)

    def _discard(self, connection: Connection) -> None:
        self._end_lookup(connection.link)
        self._dialling.discard(connection)
        self._newcomers.pop(connection.link, None)
        self._last_reads.forget(connection)
        self._close_socket(connection)
        self._connections.pop(connection.link, None)
        self._resumed.discard(connection.link)
        self._behind.pop(connection.link, None)
        self._stalls.forget(connection.link)
        self._backlogs.forget(connection.link)
        account = self._resting.pop(connection.link, None)
        if account is not None:
            account.rest_no_more()

    def _close_socket(self, connection: Connection) -> None:
        sock, connection.sock = connection.sock, None
        connection.mask = 0
        if sock is not None:
            self._unwatch(sock)
            sock.close()

    def _unwatch(self, sock: socket.socket) -> None:
        """Take a socket that is about to be closed out of the selector."""
        if self._selector.unregister(sock) and self.on_close is not None:
            self.on_close(sock.fileno())

    def _close_idle_selector(self) -> None:
        if self._selector.is_open and self.idle and not self.awaited:
            self._selector.close()


def _tell_left_out(level: int, line: str, fields: dict[str, object]) -> None:
    write_line(_link_log, level, "%s", line, fields=fields)


class _Holder:
    """Holds one peer for its account."""

    __slots__ = ("_link", "_reactor")

    def __init__(self, reactor: Reactor, link: Link) -> None:
        self._reactor = reactor
        self._link = link

    def receivers(self) -> int:
        """Return how many get what is sent to all."""
        return self._reactor.receivers()

    def hold(self, why: str) -> None:
        """Read no more of the peer, and leave what it has sent."""
        account = self._link.account
        assert account is not None
        self._reactor.hold(self._link, account, why)

    def let_go(self) -> None:
        """Go on with it."""
        self._reactor.let_go(self._link)
