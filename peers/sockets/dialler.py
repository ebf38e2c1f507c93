"""Connecting: names to addresses, and one address after another."""

from __future__ import annotations

import os
import selectors
import socket
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Protocol

from multiplayer.endpoint.channel import ChannelT
from multiplayer.endpoint.failure import Failure

if TYPE_CHECKING:
    from multiplayer.endpoint.engine import Host

    from .name_lookup import NameLookup
    from .selector import Selector
    from .system import System
    from .tcp import Connection

NOT_WATCHED: Final = "the connection cannot be waited for"


class Sockets(Protocol[ChannelT]):
    """What a dialler needs of the engine."""

    def ask_selector(self, connection: Connection[ChannelT], sock: socket.socket) -> None:
        """Ask the selector for what a connection waits for.

        Raises:
            OSError: it cannot be waited for.
        """

    def close_socket(self, connection: Connection[ChannelT]) -> None:
        """Close the socket of a connection, if it has one."""

    def unwatch(self, sock: socket.socket) -> None:
        """Take a socket that is about to be closed out of the selector."""

    def connected(
        self, connection: Connection[ChannelT], address: tuple[str, int], now: float
    ) -> None:
        """Go on with a connection that is up."""


class Dialler(Generic[ChannelT]):
    """The connections that are being made.

    Args:
        sockets: the engine.
        system: makes sockets, and looks names up.
        selector: what waits for the answers.
        host: the endpoint.

    Attributes:
        lookups: the names that are being looked up.
        dialling: the connections that wait for an address to answer.
    """

    def __init__(
        self,
        sockets: Sockets[ChannelT],
        system: System,
        selector: Selector,
        host: Host[ChannelT],
    ) -> None:
        self._sockets = sockets
        self._system = system
        self._selector = selector
        self._host = host
        self.lookups: dict[ChannelT, NameLookup] = {}
        self.dialling: set[Connection[ChannelT]] = set()

    def begin(self, connection: Connection[ChannelT], host: str, port: int) -> None:
        """Connect to ``host``: an address, or a name whose addresses are tried in turn."""
        literal = self._system.address(host, port)
        if literal is not None:
            connection.addresses = (literal,)
            self._try_next(connection, "", self._host.clock())
        else:
            self._look_up(connection, host, port)

    def _look_up(self, connection: Connection[ChannelT], host: str, port: int) -> None:
        channel = connection.channel
        try:
            lookup = self.lookups[channel] = self._system.look_up(host, port)
            resolved = partial(self._resolved, connection)
            self._selector.register(lookup.waker, selectors.EVENT_READ, resolved)
        except (OSError, RuntimeError) as error:  # no descriptor, thread or memory to be had
            self._end_lookup(channel)
            failure = Failure("dns", f"{host} cannot be looked up: {error}")
            self._host.failures.append((channel, failure))

    def _resolved(self, connection: Connection[ChannelT], mask: int, now: float) -> None:
        del mask
        lookup = self.lookups[connection.channel]
        self._end_lookup(connection.channel)
        if lookup.addresses:
            connection.addresses = (*lookup.addresses,)
            self._try_next(connection, "", now)
        else:
            connection.channel.end(Failure("dns", lookup.error))

    def _end_lookup(self, channel: ChannelT) -> None:
        lookup = self.lookups.pop(channel, None)
        if lookup is not None:
            self._sockets.unwatch(lookup.waker)
            lookup.close()

    def _try_next(self, connection: Connection[ChannelT], error: str, now: float) -> None:
        self._sockets.close_socket(connection)
        self.dialling.discard(connection)
        while connection.addresses:
            (family, address), *further = connection.addresses
            connection.addresses = (*further,)
            try:
                sock = self._system.socket(family)
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
                self._sockets.ask_selector(connection, sock)
            except OSError as reason:
                error = f"{NOT_WATCHED}: {reason.strerror or reason}"
                self._sockets.close_socket(connection)
                continue
            # One that does not answer at all must leave some of the time to the others.
            left = (connection.channel.deadline or now) - now
            connection.patience = now + left / (len(connection.addresses) + 1)
            self.dialling.add(connection)
            return
        self._host.failures.append((connection.channel, Failure("tcp", error)))

    def finish(self, connection: Connection[ChannelT], now: float) -> None:
        """Take the answer of an address: go on with the connection, or try the next."""
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
        self.dialling.discard(connection)
        self._sockets.connected(connection, address, now)

    def keep_patience(self, now: float) -> None:
        """Try the next address where one has not answered for long enough."""
        for connection in [each for each in self.dialling if each.patience <= now]:
            if connection.addresses:
                self._host.at_work = connection.channel
                self._try_next(connection, "no answer", now)
                self._host.at_work = None

    def deadlines(self) -> list[float]:
        """Return when :meth:`keep_patience` has something to do."""
        return [each.patience for each in self.dialling if each.addresses]

    def obstacle(self, channel: ChannelT) -> str:
        """Return what keeps a channel from connecting, if it is its name; "" if not."""
        lookup = self.lookups.get(channel)
        return lookup.overdue if lookup is not None else ""

    def forget(self, connection: Connection[ChannelT]) -> None:
        """Stop connecting."""
        self._end_lookup(connection.channel)
        self.dialling.discard(connection)

    def take_over(self, connections: dict[ChannelT, Connection[ChannelT]]) -> None:
        """Begin again, in a child of a fork, the look-ups whose threads are its parent's."""
        for channel, lookup in list(self.lookups.items()):
            self._end_lookup(channel)
            self._look_up(connections[channel], lookup.host, lookup.port)

    def recover(self, connections: dict[ChannelT, Connection[ChannelT]]) -> None:
        """End what an interrupt has left without a socket, a look-up or words of its failure."""
        told = {channel for channel, _ in self._host.failures}
        for channel, connection in list(connections.items()):
            waits = channel in self.lookups or connection.sock is not None or channel in told
            if connection.connecting and not waits:
                channel.end(Failure("interrupted", "connecting was interrupted"))

    def find_out(self, connections: dict[ChannelT, Connection[ChannelT]]) -> None:
        """Find out who is being connected, after an interrupt."""
        self.dialling.clear()
        self.dialling.update(each for each in connections.values() if each.connecting and each.sock)
