"""Splicing: two connections become one, by passing on the bytes of each to the other.

What is passed on is not looked at. Each direction holds at most one read (64 KiB) at a time, so
that a slow reader slows down the sender on the other side, as over one TCP connection.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from trio.abc import Stream

_READ_SIZE: Final = 65536

_WRITE_SIZE: Final = 16384
"""How many bytes have to go within ``stall`` seconds."""

_FAREWELL: Final = 1.0
"""How long the last word of TLS may take, in seconds."""

LINGER: Final = 5.0
STALL: Final = 30.0
DIAL_PATIENCE: Final = 1.0


class Spliced(NamedTuple):
    """How a splice went.

    Attributes:
        forth: how many bytes went from the first connection to the second.
        back: how many went from the second to the first.
        failure: what ended it before both directions had come to their end; None if nothing did.
    """

    forth: int
    back: int
    failure: str | None


class _Way:
    """One direction.

    Args:
        source: where the bytes come from.
        sink: where they go.
    """

    def __init__(self, source: Stream, sink: Stream) -> None:
        self._source = source
        self._sink = sink
        self.passed = 0
        self.failure: str | None = None

    async def carry(self, first: bytes, stall: float) -> bool:
        """Pass bytes on until there are no more; return whether the other direction may go on."""
        try:
            data = first or await self._source.receive_some(_READ_SIZE)
            while data:
                await self._send(data, stall)
                data = await self._source.receive_some(_READ_SIZE)
            if not isinstance(self._sink, trio.abc.HalfCloseableStream):
                return (
                    False  # as with TLS: the end of one direction can only be told by that of both
                )
            await self._sink.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
            self.failure = f"the connection broke: {error.__cause__ or error}"
        except trio.TooSlowError:
            self.failure = f"nothing was read for {stall} seconds"
        return self.failure is None

    async def _send(self, data: bytes | bytearray, stall: float) -> None:
        if len(data) <= _WRITE_SIZE:
            with trio.fail_after(stall):
                await self._sink.send_all(data)
        else:
            view = memoryview(data)
            for start in range(0, len(data), _WRITE_SIZE):
                with trio.fail_after(stall):
                    await self._sink.send_all(view[start : start + _WRITE_SIZE])
        self.passed += len(data)


async def splice(
    one: Stream, other: Stream, *, first: bytes = b"", linger: float = LINGER, stall: float = STALL
) -> Spliced:
    """Pass bytes on between two connections until they end; then close both.

    If one side ends its direction, the other is told, and has ``linger`` seconds to end its own;
    where that cannot be told, as with TLS, both end. If a direction fails, both end at once.
    Cancelling closes both connections, too.

    Args:
        one: a connection, of trio: a ``SocketStream``, an ``SSLStream``.
        other: the other one.
        first: bytes that were read from ``one`` already; they are written to ``other`` first.
        linger: how long one direction may outlast the other, in seconds.
        stall: for how long one write, of at most 16 KiB, may wait for its reader, in seconds.
    """
    forth, back = _Way(one, other), _Way(other, one)
    try:
        async with trio.open_nursery() as nursery:

            async def carry(way: _Way, first: bytes) -> None:
                if await way.carry(first, stall):
                    nursery.cancel_scope.deadline = min(
                        nursery.cancel_scope.deadline, trio.current_time() + linger
                    )
                else:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(carry, forth, first)
            nursery.start_soon(carry, back, b"")
    finally:
        with trio.CancelScope(shield=True):  # closing is a checkpoint, too
            for stream in (one, other):
                await _close(stream)
    return Spliced(forth.passed, back.passed, forth.failure or back.failure)


async def _close(stream: Stream) -> None:
    if not isinstance(stream, trio.abc.HalfCloseableStream):
        with trio.move_on_after(_FAREWELL), suppress(trio.BrokenResourceError):
            await stream.aclose()  # which says that nothing was cut off
            return
    await trio.aclose_forcefully(stream)


def stream_of(sock: socket.socket) -> trio.SocketStream:
    """Make a stream of trio of a connected TCP socket, which is the stream's from then on."""
    sock.setblocking(False)
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


async def dial(host: str, port: int, *, patience: float = DIAL_PATIENCE) -> trio.SocketStream:
    """Connect to another process or machine.

    Args:
        host: its address or name.
        port: its TCP port.
        patience: how long to try, in seconds.

    Raises:
        OSError: there is no connection; a ``TimeoutError`` if none came in time.
    """
    try:
        with trio.fail_after(patience):
            return await trio.open_tcp_stream(host, port)
    except trio.TooSlowError:
        message = f"no connection to {host}:{port} in {patience} seconds"
        raise TimeoutError(message) from None


async def splice_to(
    sock: socket.socket,
    host: str,
    port: int,
    *,
    first: bytes,
    patience: float = DIAL_PATIENCE,
    begun: Callable[[], object] | None = None,
) -> Spliced:
    """Connect to another process, and splice a client's socket to it.

    Args:
        sock: the client's connected socket. It is closed at the end; not if there is no connection
            to the other process, so that the caller can still say why.
        host: the address of the other process.
        port: its TCP port.
        first: what the client has sent so far, perhaps with words of the caller's before it.
        patience: how long to try to connect, in seconds.
        begun: called when the connection has come up.

    Raises:
        OSError: there is no connection to the other process.
    """
    try:
        other = await dial(host, port, patience=patience)
    except trio.Cancelled:
        sock.close()
        raise
    if begun is not None:
        begun()
    return await splice(stream_of(sock), other, first=first)
