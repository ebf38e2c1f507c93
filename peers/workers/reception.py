"""``Reception``: accepts connections, reads what they ask for, and brings each to its worker.

The head of a request has ``handshake_timeout`` seconds and ``max_header_size`` bytes, as at any
server here. Of those that have not sent theirs, wait for their room or are being turned away there
are ``max_pending_handshakes`` at most; one more ends the oldest.

A connection is passed as it is; with TLS, whose keys cannot be passed, and
where sockets cannot be, its bytes are.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import Limits
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.support.log_error import describe_error
from peers.cluster.splice import dial, splice, stream_of
from peers.sockets.listener import EXHAUSTED
from peers.sockets.tcp import open_listener
from peers.websocket.http_head import END_OF_HEAD, HttpRefusedError, read_request

from .heads import Incoming, Received, asking_for
from .messages import Take, encoded
from .turning_away import closing, refusal

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

    from multiplayer.rooms.placement import PlacedRoom
    from peers.websocket.http_head import ParsedRequest

    from .front import Front
    from .live_worker import LiveWorker

_log = logging.getLogger("peers.workers.reception")

_REST: Final = 0.1
"""How long nobody is accepted, in seconds, when the system has no descriptor left."""

_LINGER: Final = 1.0
"""How long whoever was turned away has to read why, in seconds."""

_HINT: Final = 0.05
"""How long it may take to tell somebody who has to make room for others."""

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@dataclass(frozen=True, slots=True)
class ToRoom:
    """It goes to a room."""

    room: PlacedRoom
    path: str = ""
    """Another path than it asked for; "" for its own."""
    opened: str = ""
    """The code of the room that was opened for it, if its path does not name it."""
    reservation: str = field(default="", repr=False)
    """The place that is kept for it, if it names one."""
    returns: bool = False
    """It comes back to its seat, so that it is counted among the room's players already."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It goes nowhere, and is told so."""

    code: int
    text: str


class Later:
    """It has to wait until something changes."""


Way = ToRoom | Refused | Later | None
"""Where a connection goes; None for what is answered here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionSettings:
    """How much those who have not got anywhere yet may ask for.

    Attributes:
        limits: of these ``max_header_size`` and ``max_pending_handshakes`` count here.
        handshake_timeout: how long the head of a request may take, TLS included, in seconds.
        hold: how long a connection may wait for its room to be open again, in seconds.
        context: for TLS; None without.
        passes: sockets are passed to workers.
    """

    limits: Limits = field(default_factory=Limits)
    handshake_timeout: float = 3.0
    hold: float = 5.0
    context: ssl.SSLContext | None = None
    passes: bool = True


class _Stay:
    """Somebody who has not got anywhere yet.

    Attributes:
        scope: what is done for it meanwhile.
        crowded_out: it was ended to make room for others.
    """

    __slots__ = ("crowded_out", "scope")

    def __init__(self, scope: trio.CancelScope) -> None:
        self.scope = scope
        self.crowded_out = False


class Reception:
    """The port of a front.

    Args:
        front: the workers and their rooms.
        route: says where a request goes, given the request and the client's address.
        answer: takes what is answered here: a connected socket, its address and what has come; None
            to turn it away.
        settings: bounds, and TLS.
    """

    def __init__(
        self,
        front: Front,
        route: Callable[[ParsedRequest, str], Way],
        settings: ReceptionSettings,
        answer: Callable[[socket.socket, tuple[str, int], bytes], object] | None = None,
    ) -> None:
        self._front = front
        self._route = route
        self._answer = answer
        self._settings = settings
        self._staying: dict[_Stay, None] = {}  # the oldest first
        self._listener: socket.socket | None = None
        self._accepting = trio.CancelScope()

    def listen(self, host: str, port: int) -> None:
        """Take the port.

        Raises:
            OSError: it cannot be had.
        """
        self._listener = open_listener(host, port)
        self._listener.setblocking(False)

    @property
    def local_port(self) -> int:
        """The port; 0 without one."""
        return 0 if self._listener is None else self._listener.getsockname()[1]

    def stop(self) -> None:
        """Accept nobody any more."""
        self._accepting.cancel()
        if self._listener is not None:
            trio.lowlevel.notify_closing(self._listener)
            self._listener.close()
            self._listener = None

    async def run(self) -> None:
        """Accept until :meth:`stop`; then until all have been brought to their workers."""
        listener = self._listener
        if listener is None:
            return
        before = self._front.left_over
        try:
            async with trio.open_nursery() as nursery:

                def bring_again(take: Take, sock: socket.socket) -> None:
                    end = take.received.index(END_OF_HEAD) + len(END_OF_HEAD)
                    received = Received(take.received, end, gone=False)
                    nursery.start_soon(self._receive, sock, (take.address, take.port), received)

                self._front.left_over = bring_again
                with self._accepting:
                    await self._accept_all(listener, nursery)
        finally:
            self._front.left_over = before  # a worker may die later, with sockets on the way

    async def _accept_all(self, listener: socket.socket, nursery: trio.Nursery) -> None:
        resting = False
        while True:
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                await trio.lowlevel.wait_readable(listener)
                continue
            except OSError as error:
                if error.errno in EXHAUSTED:
                    if not resting:
                        _log.warning("no connection can be accepted for now: %s", error)
                    resting = True
                    await trio.sleep(_REST)
                await trio.lowlevel.checkpoint()  # that one has gone again, or the listener
                continue
            resting = False
            host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
            nursery.start_soon(self._receive, sock, (host, address[1]))

    # ---------------------------------------------------------------- one connection

    async def _receive(
        self, sock: socket.socket, address: tuple[str, int], received: Received | None = None
    ) -> None:
        stream: Stream | None = None
        try:
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain = stream_of(sock)
            stream = plain
            context = self._settings.context
            if context is not None and received is None:
                stream = trio.SSLStream(plain, context, server_side=True)
            with contextlib.suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                received = received or await self._head(stream)
                if received is not None:
                    await self._bring(stream, address, received)
        except Exception as error:  # a mistake of ours must not cost the others their connections
            _log.error("a connection is given up: %s", describe_error(error))
        finally:
            with trio.CancelScope(shield=True):
                if stream is not None:
                    await trio.aclose_forcefully(stream)
            sock.close()

    async def _head(self, stream: Stream) -> Received | None:
        """Read the head of a request; None if it has been turned away."""
        limits, timeout = self._settings.limits, self._settings.handshake_timeout
        incoming = Incoming(limits.max_header_size)
        received = Received(b"", 0, gone=True)
        with self._counted(timeout) as stay:
            if isinstance(stream, trio.SSLStream):
                await stream.do_handshake()
            received = await incoming.read(stream)
        if stay.scope.cancelled_caught:
            if stay.crowded_out:
                await self._hint(stream, refusal(503, "too many connections at once; try again"))
            elif incoming.so_far:
                await self._say(stream, refusal(408, f"no whole request within {timeout:g} s"))
            return None
        if received.gone:
            return None
        if not received.end or received.end >= limits.max_header_size:
            limit = limits.max_header_size
            await self._say(stream, refusal(431, f"the HTTP head has {limit} bytes or more"))
            return None
        return received

    @contextmanager
    def _counted(self, seconds: float) -> Generator[_Stay]:
        """Let somebody stay for so many seconds, unless there are too many."""
        most = self._settings.limits.max_pending_handshakes
        while 0 < most <= len(self._staying):
            oldest = next(iter(self._staying))
            del self._staying[oldest]
            oldest.crowded_out = True
            oldest.scope.cancel()
        with trio.move_on_after(seconds) as scope:
            stay = _Stay(scope)
            self._staying[stay] = None
            try:
                yield stay
            finally:
                self._staying.pop(stay, None)

    async def _bring(self, stream: Stream, address: tuple[str, int], received: Received) -> None:
        try:
            request = read_request(received.head)
        except HttpRefusedError as error:
            await self._say(stream, refusal(error.status, error.detail))
            return
        way = self._route(request, address[0])
        if isinstance(way, Later):
            with self._counted(self._settings.hold) as stay:
                while isinstance(way, Later):
                    await self._front.change()
                    way = self._route(request, address[0])
            if isinstance(way, Later):
                words = closing(received.head, CloseCode.TRY_LATER, "not now; try again")
                await (self._hint if stay.crowded_out else self._say)(stream, words)
                return
        if isinstance(way, Refused):
            await self._say(stream, closing(received.head, way.code, way.text))
        elif way is None:
            await self._answer_here(stream, address, received)
        else:
            await self._send(stream, address, received, request, way)

    async def _send(
        self,
        stream: Stream,
        address: tuple[str, int],
        received: Received,
        request: ParsedRequest,
        way: ToRoom,
    ) -> None:
        worker = self._front.worker_of(way.room)
        if worker is None or worker.pipe.full:
            await self._say(stream, closing(received.head, CloseCode.TRY_LATER, "not now"))
            return
        data = asking_for(received, request, way.path) if way.path else received.data
        if not way.returns:
            self._front.placement.sent(way.room, trio.current_time(), way.reservation)
        take = Take(*address, data, way.opened)
        if worker.port:
            await self._splice_to_port(stream, worker, take)
        elif isinstance(stream, trio.SSLStream):
            ours, theirs = socket.socketpair()
            worker.pipe.send(take, theirs)
            await splice(stream, stream_of(ours))
        else:
            worker.pipe.send(take, _detached(stream))

    async def _splice_to_port(self, stream: Stream, worker: LiveWorker, take: Take) -> None:
        other = await dial("127.0.0.1", worker.port)
        await other.send_all(worker.secret + encoded(take))
        await splice(stream, other)

    async def _answer_here(
        self, stream: Stream, address: tuple[str, int], received: Received
    ) -> None:
        if self._answer is None:
            text = "there is nothing at this path"
            await self._say(stream, closing(received.head, CloseCode.NO_SUCH_ROOM, text))
        elif isinstance(stream, trio.SSLStream):
            ours, theirs = socket.socketpair()
            theirs.setblocking(False)
            self._answer(theirs, address, received.data)
            await splice(stream, stream_of(ours))
        else:
            self._answer(_detached(stream), address, received.data)

    async def _hint(self, stream: Stream, words: bytes) -> None:
        """Say something to somebody who has to make room for others, if it can be said at once."""
        with trio.move_on_after(_HINT):
            await stream.send_all(words)

    async def _say(self, stream: Stream, words: bytes) -> None:
        """Say something last, and give the other side time to read it."""
        with (
            self._counted(_LINGER),
            contextlib.suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError),
        ):
            await stream.send_all(words)
            if isinstance(stream, trio.SocketStream):
                await stream.send_eof()
            while await stream.receive_some(4096):  # unread bytes would make it a reset
                pass


def _detached(stream: trio.SocketStream) -> socket.socket:
    """Take the socket out of a stream, which is then closed."""
    sock = stream.socket
    return socket.socket(fileno=sock.detach())
