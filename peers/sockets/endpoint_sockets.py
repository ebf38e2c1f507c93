"""The sockets of one endpoint: non-blocking, behind a selector. Only this package does I/O."""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
from types import MethodType
from typing import TYPE_CHECKING, Final, Generic

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.channel import ChannelT
from multiplayer.endpoint.engine import Written
from multiplayer.endpoint.failure import Failure

from .dialler import NOT_WATCHED, Dialler
from .last_reads import LastReads, read_size
from .listener import Listener
from .system import SYSTEM
from .tcp import READ_SIZE, Connection, say_farewell, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from multiplayer.endpoint.engine import Engine, Host

    from .system import System

_OTHER_SIDE_GONE: Final = (ConnectionError, TimeoutError)
"""The errors of sockets that are not about this system."""

_READ: Final = selectors.EVENT_READ
_WRITE: Final = selectors.EVENT_WRITE
_NOTHING: Final = Written.NOTHING
_CALMLY: Final = Written.CALMLY
_WATCHED: Final = Written.WATCHED


class EndpointSockets(Generic[ChannelT]):
    """All sockets of one endpoint. What is not explained here is explained in ``Engine``.

    The selector may be one that others have a share in: see ``SocketEngine``.

    Attributes:
        system: what it has of the computer that it runs on.
        now: returns the time there, in seconds.
        connections: the channels and their sockets.
    """

    _host: Host[ChannelT]

    def __init__(self) -> None:
        self.system: System = SYSTEM
        self.now: Callable[[], float] = SYSTEM.now
        self._selector = SYSTEM.selector()
        self.connections: dict[ChannelT, Connection[ChannelT]] = {}
        # Bound once more, to a connection, it handles that, at half the size of a partial.
        self._serve_one = self._serve
        self._last_reads = LastReads[ChannelT]()
        self._resting = self._last_reads.resting

    def begin(self, host: Host[ChannelT]) -> None:
        """Work for an endpoint; called before all else, and again by :meth:`live_in`."""
        self._host = self._selector.waiter = host
        self._dialler = Dialler(self, self.system, self._selector, host)
        self._dialling = self._dialler.dialling
        self._listener = Listener(
            self.take_in, self.has, self.unwatch, self.system, self._selector, host
        )

    def live_in(self, system: System) -> None:
        """Have another system, before anything begins.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: something has begun, or it has had another.
        """
        if self.system is not SYSTEM or self._host.awaited or not self.idle:
            message = "this peer is in use, or has an engine or a network already; use a new one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self.system, self.now = system, system.now
        self._selector = system.selector()
        self.begin(self._host)

    # ---------------------------------------------------------------- who is there

    @property
    def inherited(self) -> bool:
        """Whether all of this is a parent process's; see ``Selector.inherited``."""
        return self._selector.inherited

    @property
    def channels(self) -> list[ChannelT]:
        """All that have been connected or accepted, and not dropped."""
        return list(self.connections)

    @property
    def idle(self) -> bool:
        """Whether there is neither listener nor connection."""
        return self._listener.sock is None and not self.connections

    @property
    def local_port(self) -> int:
        """The port that the listener has; 0 without one."""
        return self._listener.port

    def listen(self, host: str, port: int) -> None:
        """Accept connections at ``host`` ("*" for every interface).

        Raises:
            OSError: the address cannot be had.
        """
        try:
            self._listener.open(host, port)
        except OSError:
            self.rest()
            raise

    def stop_listening(self) -> None:
        """Close the listener; connections stay."""
        self._listener.close()

    def connect(self, host: str, port: int, channel: ChannelT) -> None:
        """Connect to an address, or to a name whose addresses are tried in turn."""
        self.connections[channel] = connection = Connection(channel, None)
        self._dialler.begin(connection, host, port)

    def take(self, channel: ChannelT, other: Engine[ChannelT]) -> None:
        """Go on with a channel of another engine, which forgets it.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: the other moves bytes in another way, or the
                channel has not been connected yet.
        """
        if not isinstance(other, EndpointSockets):
            message = "the channel's engine has no sockets; hand it over to one of its kind"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        connection = other.connections[channel]
        if connection.connecting or connection.sock is None:
            message = "this channel has not been connected yet; hand it over when it has been"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        other.unwatch(connection.sock)
        connection.mask = 0
        self.connections[channel] = connection
        other.give_away(connection)

    def give_away(self, connection: Connection[ChannelT]) -> None:
        """Forget a connection that another has taken (called by that one)."""
        self._last_reads.forget(connection)
        connection.rests = False
        del self.connections[connection.channel]

    def obstacle(self, channel: ChannelT) -> str:
        """Return what keeps a channel from connecting, in words; "" for nothing special."""
        return self._dialler.obstacle(channel)

    def has(self, sock: socket.socket) -> bool:
        """Return whether a connection has a socket (called by ``Listener``)."""
        return any(connection.sock is sock for connection in self.connections.values())

    def take_in(
        self, channel: ChannelT, sock: socket.socket, address: tuple[str, int], now: float
    ) -> None:
        """Go on with somebody who was accepted (called by ``Listener``)."""
        connection = self.connections[channel] = Connection(channel, sock)
        self._begin(connection, address, now)

    def adopt(
        self, sock: socket.socket, address: tuple[str, int], received: bytes, now: float
    ) -> None:
        """Go on with a connection that another program has accepted.

        Args:
            sock: its socket, which is this engine's from now on, whatever happens.
            address: the other side's address and port.
            received: what has been read of it already.
            now: the time.
        """
        host = self._host
        try:
            sock.setblocking(False)
            channel = host.begin_accepting(now)
            self.take_in(channel, sock, address, now)
            self.set_no_delay(channel, enabled=True)
        except BaseException:
            if not self.has(sock):
                sock.close()
            raise
        host.accepted(channel, now)
        host.at_work = channel
        if received:
            channel.receive(received, now, host.slice)
        host.at_work = None

    def let_go(self, channel: ChannelT) -> socket.socket | None:
        """Forget a channel whose socket goes elsewhere, and return that; None without one."""
        connection = self.connections.get(channel)
        sock = None if connection is None else connection.sock
        if connection is not None and sock is not None:
            connection.sock = None
            connection.mask = 0
            self.unwatch(sock)
        return sock

    def connected(
        self, connection: Connection[ChannelT], address: tuple[str, int], now: float
    ) -> None:
        """Go on with a connection that is up (called by ``Dialler``)."""
        connection.connecting = False
        self.set_no_delay(connection.channel, enabled=True)
        self._begin(connection, address, now)

    def _begin(
        self, connection: Connection[ChannelT], address: tuple[str, int], now: float
    ) -> None:
        host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
        connection.channel.connected(host, address[1], now)
        self._watch(connection)

    # ---------------------------------------------------------------- what comes

    def serve(self, now: float) -> None:
        """Do all I/O that is possible now but writing what has been queued in the meantime."""
        selector = self._selector
        if selector.inherited:
            self._host.take_over()
        selector.serve(now)
        if self._resting:
            for connection in self._last_reads.rested(now):
                self._watch(connection)
        if self._dialling:
            self._dialler.keep_patience(now)
        if self._listener.rests_until is not None:
            self._listener.keep_rest(now)

    def _serve(self, connection: Connection[ChannelT], mask: int, now: float) -> None:
        host, sock = self._host, connection.sock
        channel = host.at_work = connection.channel
        if connection.connecting:
            self._dialler.finish(connection, now)
            mask = 0
        # Reading comes first: what has arrived counts, also if nothing can be sent any more.
        if mask & _READ and sock is not None:
            size = read_size(connection) if connection.read_late else connection.read_size
            try:
                data = sock.recv(size)
            except OSError as error:
                self._lose(connection, error)
            else:
                takes_more = channel.receive(data, now, host.slice) if data else False
                if len(data) >= READ_SIZE or size > READ_SIZE:
                    connection.adapt_read_size(len(data), takes_more=takes_more)
                if not takes_more:
                    self._stop_reading(connection, len(data), now)
        if mask & _WRITE:
            host.write(channel)
        host.at_work = None

    def _stop_reading(self, connection: Connection[ChannelT], count: int, now: float) -> None:
        """See whether to read on, after ``count`` bytes; none are the end of what comes."""
        channel = connection.channel
        if not count:
            connection.read_closed = True
            channel.receive_eof()
        elif channel.is_ending:
            self._last_reads.note(connection, count, now)
        self._watch(connection)

    def _lose(self, connection: Connection[ChannelT], error: OSError) -> None:
        """Note that a socket could not be read, unless there is nothing now."""
        if not isinstance(error, BlockingIOError | InterruptedError):
            why = f"the connection was lost: {error.strerror or error}"
            connection.channel.lose(why, gone=isinstance(error, ConnectionError))
            self._watch(connection)

    # ---------------------------------------------------------------- what leaves

    def write(self, channel: ChannelT) -> Written:
        """Write what a channel has to send, as far as the socket takes it."""
        connection = self.connections.get(channel)
        if connection is None or connection.sock is None or connection.connecting:
            return _NOTHING
        sock, outbox = connection.sock, channel.outbox
        direct = not channel.encrypted
        while True:
            try:
                frames = outbox.frames
                if direct and len(frames) == 1 and not outbox.begun and type(frames[0]) is bytes:
                    goes_on = outbox.taken(sock.send(frames[0]))  # the common case
                elif pieces := outbox.pieces() if direct else channel.to_send():
                    count = send(sock, pieces)
                    goes_on = outbox.taken(count) if direct else channel.sent(count)
                else:
                    break
                if not goes_on:
                    break
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                why = f"the connection was lost: {error.strerror or error}"
                # Else what came before the other side went can still be read, and then its end.
                if connection.read_closed or not isinstance(error, _OTHER_SIDE_GONE):
                    channel.lose(why)
                else:
                    channel.lose_output(why, self._host.clock())
        return _CALMLY if connection.mask == _READ else _WATCHED

    def write_pieces(self, channel: ChannelT, pieces: list[bytes | memoryview]) -> int:
        """Write this, past what the channel has to send; return how many bytes were taken."""
        connection = self.connections[channel]
        if connection.sock is not None:
            try:  # suppress() takes longer
                return send(connection.sock, pieces)
            except OSError:  # whatever it is, `write` meets it too
                return 0
        return 0

    def shut(self, channel: ChannelT) -> None:
        """Tell the other side of a lingering channel that nothing more will come."""
        connection = self.connections[channel]
        if connection.read_closed:
            channel.abandon()  # it has said so already
        elif connection.sock is not None and not connection.shut:
            connection.shut = True
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_WR)

    def farewell(self, channel: ChannelT) -> None:
        """Write what the socket takes of what a channel has to send last, and read what came."""
        connection = self.connections.get(channel)
        if connection is not None and connection.sock is not None and not connection.connecting:
            say_farewell(channel, connection.sock)

    def set_no_delay(self, channel: ChannelT, *, enabled: bool) -> None:
        """Switch TCP_NODELAY."""
        connection = self.connections.get(channel)
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    # ---------------------------------------------------------------- what is waited for

    def watch(self, channel: ChannelT) -> None:
        """See again whether a channel takes bytes, and whether it waits to be written to."""
        connection = self.connections.get(channel)
        if connection is not None:
            self._watch(connection)

    def _watch(self, connection: Connection[ChannelT]) -> None:
        """Ask the selector for what this connection waits for; end the connection if it cannot."""
        sock = connection.sock
        if sock is None or sock.fileno() < 0:
            return
        try:
            self.ask_selector(connection, sock)
        except OSError as error:
            connection.mask = 0
            why = f"{NOT_WATCHED}: {error.strerror or error}"
            connection.channel.give_up(Failure("tcp", why))

    def ask_selector(self, connection: Connection[ChannelT], sock: socket.socket) -> None:
        """Ask the selector for what a connection waits for (called by ``Dialler``, too).

        Raises:
            OSError: it cannot be waited for.
        """
        channel = connection.channel
        mask = 0
        if connection.connecting or channel.waiting:
            mask |= _WRITE
        closed_to_us = connection.connecting or connection.read_closed or connection.rests
        if channel.reads and not closed_to_us:
            mask |= _READ
        if mask == connection.mask:
            return
        selector = self._selector
        if not connection.mask:
            selector.register(sock, mask, MethodType(self._serve_one, connection))
        elif not mask:
            selector.unregister(sock)
        else:
            selector.modify(sock, mask, MethodType(self._serve_one, connection))
        connection.mask = mask

    def next_deadline(self) -> float:
        """Return when :meth:`serve` has something to do of its own accord; infinity for never."""
        if self.system.stirs:
            return -math.inf
        rests_until = self._listener.rests_until
        due = math.inf if rests_until is None else rests_until
        return min(due, self._last_reads.due, *self._dialler.deadlines())

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when :meth:`serve` has I/O to do, if there is one.

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

    # ---------------------------------------------------------------- the end

    def drop(self, channel: ChannelT) -> None:
        """Forget a channel, and close its socket."""
        connection = self.connections.get(channel)
        if connection is None:
            return
        self._dialler.forget(connection)
        self._last_reads.forget(connection)
        self.close_socket(connection)
        # What the collector of garbage finalizes meanwhile may have closed this endpoint.
        self.connections.pop(channel, None)

    def close_socket(self, connection: Connection[ChannelT]) -> None:
        """Close the socket of a connection, if it has one (called by ``Dialler``, too)."""
        sock, connection.sock = connection.sock, None
        connection.mask = 0
        if sock is not None:
            self.unwatch(sock)
            sock.close()

    def unwatch(self, sock: socket.socket) -> None:
        """Take a socket that is about to be closed out of the selector."""
        if self._selector.unregister(sock):
            self._selector.tell_closing(sock.fileno())

    def rest(self) -> None:
        """Close the selector if there is nothing to wait for."""
        if self._selector.is_open and self.idle:
            self._selector.close()
        self._selector.rest()

    def take_over(self) -> None:
        """Go on with what a parent of this process has begun, in a child of a fork."""
        self._selector.take_over()
        self._dialler.take_over(self.connections)

    def recover(self) -> None:
        """Close the sockets that nobody has any more, and note what the selector waits for."""
        known = {each.sock for each in self.connections.values()}
        known |= {lookup.waker for lookup in self._dialler.lookups.values()}
        known.add(self._listener.sock)
        for sock in self._selector.sockets():
            if sock not in known:
                self.unwatch(sock)
                sock.close()
        for connection in self.connections.values():
            connection.mask = self._selector.events(connection.sock)
        self._dialler.recover(self.connections)
        self._listener.recover()

    def resume(self) -> None:
        """See again, when the channels are whole, what each connection waits for."""
        for connection in self.connections.values():
            if connection.rests and connection not in self._last_reads.resting:
                connection.rests = False
            self._watch(connection)
        self._dialler.find_out(self.connections)
