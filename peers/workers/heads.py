"""What the front reads of a connection: the head of its request, and which room it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from peers.websocket.http_head import END_OF_HEAD

if TYPE_CHECKING:
    from peers.websocket.http_head import ParsedRequest

_EMPTY_LINE: Final = b"\r\n"
_READ_SIZE: Final = 4096


class Source(Protocol):
    """What bytes come from."""

    async def receive_some(self, max_bytes: int) -> bytes | bytearray:
        """Return what has come; b"" at the end."""
        ...


class Received(NamedTuple):
    """What has come of a request.

    Attributes:
        data: all of it, without empty lines before (RFC 9112 section 2.2).
        end: where the head ends; 0 if it has not.
        gone: the client has ended it.
    """

    data: bytes
    end: int
    gone: bool

    @property
    def head(self) -> bytes:
        """The head, with its blank line."""
        return self.data[: self.end]


class Incoming:
    """A request that is being read.

    Args:
        most: a head of so many bytes is read no further.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = bytearray()
        self._skipped = 0

    @property
    def so_far(self) -> bytes:
        """What has come until now."""
        return bytes(self._data)

    async def read(self, source: Source) -> Received:
        """Read until the head is whole, too long, or over.

        Raises:
            OSError: the connection is lost.
            trio.BrokenResourceError: the same.
        """
        data = self._data
        while True:
            some = await source.receive_some(_READ_SIZE)
            searched = max(len(data) - len(END_OF_HEAD), 0)
            data += some
            while data.startswith(_EMPTY_LINE):
                del data[: len(_EMPTY_LINE)]
                self._skipped += len(_EMPTY_LINE)
                searched = 0
            at = data.find(END_OF_HEAD, searched)
            if at >= 0:
                return Received(bytes(data), at + len(END_OF_HEAD), gone=False)
            if not some or self._skipped + len(data) >= self._most:
                return Received(bytes(data), 0, gone=not some)


def asking_for(received: Received, request: ParsedRequest, path: str) -> bytes:
    """Return what has come as if it asked for another path; the query stays.

    Args:
        received: what has come.
        request: what that says.
        path: the other path.
    """
    _, mark, query = request.target.partition("?")
    line = f"{request.method} {path}{mark}{query} HTTP/{request.version}".encode("latin-1")
    return line + received.data[received.data.index(_EMPTY_LINE) :]
