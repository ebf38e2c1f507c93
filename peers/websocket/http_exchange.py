"""An HTTP request that asks for no upgrade, and its answer: what a server's ``http_callback`` does.

h11 reads the body; an answer is written by hand, since it must always succeed. A connection carries
one request: what comes after it is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11

from multiplayer import Error, MultiplayerError

from .handshake_headers import header_fields
from .http_head import HttpRefusedError, RequestHead, as_text, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .http_head import ParsedRequest

MAX_ANSWER: Final = 1 << 24
"""How many bytes the body of an answer may have: 16 MiB."""

# Each costs some microseconds, however short it is.
_MOST_CHUNKS: Final = 1024

TAKEN_AWAY: Final = "; a proxy on the way may have taken its Upgrade header away"
"""What to add about a request that has all of an upgrade but that."""

_WRITTEN_BY_THE_ANSWER: Final = frozenset(
    {"connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class HttpRequest(RequestHead):
    """An HTTP request that asks for no upgrade.

    Attributes:
        target: path and query, for instance ``/health?full=1``, as they came; without scheme and
            host, should the client have sent them (RFC 9112 section 3.2.2).
        host: the host, with its port if the client named one, from the target or else the ``Host``
            header; "" without either (HTTP/1.0).
        headers: the other headers, names in lower case, in order.
        method: ``GET``, ``HEAD``, ``POST`` or any other.
        body: the body, at most ``limits.max_body_size`` bytes.
        address: the client's IP address, or that of a reverse proxy in front of the server.
        port: the client's TCP port.
    """

    method: str = "GET"
    body: bytes = b""
    address: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response to an HTTP request.

    Attributes:
        status: 200 to 599.
        body: text (sent as UTF-8) or bytes, at most 16 MiB.
        content_type: the type of the body; "" for ``text/plain; charset=utf-8`` if it is text,
            ``application/octet-stream`` if it is bytes.
        headers: additional header lines, as ``"Name: value"``. The length, ``Connection: close``
            and ``Date`` are written automatically.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such status, the body is too long,
            is neither text nor bytes or does not go with the status, or a line is not a header.
    """

    status: int = 200
    body: str | bytes = b""
    content_type: str = ""
    headers: Sequence[str] = ()
    content: bytes = field(init=False, repr=False)
    """The body as bytes."""
    fields: Sequence[tuple[bytes, bytes]] = field(init=False, repr=False)
    """The header fields as bytes, with the type of the content."""

    def __post_init__(self) -> None:
        if not isinstance(self.status, int) or not 200 <= self.status <= 599:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _unfit(f"{self.status!r} is not the status of a response; use 200 to 599")
        body = self.body
        if not isinstance(body, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _unfit(f"the body of a response must be text or bytes, not {type(body).__name__}")
        content = body.encode("utf-8", "backslashreplace") if isinstance(body, str) else body
        if len(content) > MAX_ANSWER:
            raise _unfit(f"a body of {len(content)} bytes is too long; {MAX_ANSWER} can be sent")
        if content and not _may_have_body(self.status):
            raise _unfit(f"a response with status {self.status} has no body; leave it out")
        fields = header_fields(self.headers, _WRITTEN_BY_THE_ANSWER, "the answer itself")
        names = {name.lower() for name, _ in fields}
        kind = self.content_type
        if not isinstance(kind, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _unfit(f"content_type must be a str such as 'text/html', not {kind!r}")
        if kind and b"content-type" in names:
            raise _unfit("content_type and headers both name the type; leave out one of them")
        if not kind and content and b"content-type" not in names:
            is_text = isinstance(body, str)
            kind = "text/plain; charset=utf-8" if is_text else "application/octet-stream"
        if kind:
            fields = [*header_fields([f"Content-Type: {kind}"]), *fields]
        object.__setattr__(self, "content", content)
        object.__setattr__(self, "fields", tuple(fields))


HttpCallback = Callable[[HttpRequest], HttpResponse | None]
"""Answers an HTTP request; None means that there is only WebSocket here."""


class HttpExchange:
    """One request, whose head has come, and its answer.

    Args:
        parsed: the head.
        refusal: what to refuse it with if nobody answers such requests.

    Raises:
        HttpRefusedError: the head does not say how long the body is.

    Attributes:
        complete: the body has come.
    """

    def __init__(self, parsed: ParsedRequest, refusal: HttpRefusedError) -> None:
        self.refusal = refusal
        self.complete = False
        self._parsed = parsed
        self._body = bytearray()
        self._chunks = 0
        self._connection = h11.Connection(h11.SERVER)
        names = {name for name, _ in parsed.fields}
        if b"transfer-encoding" in names and (
            b"content-length" in names or parsed.version == "1.0"
        ):
            # What a proxy on the way may have read otherwise (RFC 9112 section 6.1).
            raise HttpRefusedError(400, "the head states the body's length in two ways")
        line = f"{parsed.method} {parsed.target} HTTP/{parsed.version}\r\nHost: host"
        try:
            self._connection.receive_data(joined(line.encode(), parsed.fields))
            self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise _refused(error) from error

    @property
    def request(self) -> HttpRequest:
        """What was asked for."""
        parsed = self._parsed
        return HttpRequest(
            parsed.target, parsed.host, as_text(parsed.fields), parsed.method, bytes(self._body)
        )

    def receive(self, data: bytes, limit: int) -> bytes:
        """Take what follows the head; return what to send before the answer, if anything.

        Args:
            data: the bytes.
            limit: how many bytes the body may have.

        Raises:
            HttpRefusedError: 413 for a body that is too long, 400 for one that is none.
        """
        self._check(self._announced, limit)
        try:
            if data:
                self._connection.receive_data(data)
            while not self.complete:
                event = self._connection.next_event()
                if isinstance(event, h11.EndOfMessage):
                    self.complete = True
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    self._chunks += event.chunk_start
                    self._check(len(self._body), limit)
                else:
                    break
        except h11.RemoteProtocolError as error:
            raise _refused(error) from error
        if self.complete or not self._connection.they_are_waiting_for_100_continue:
            return b""
        return self._connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b""

    @property
    def _announced(self) -> int:
        lengths = [value for name, value in self._parsed.fields if name == b"content-length"]
        return int(lengths[0].partition(b",")[0]) if lengths else 0

    def _check(self, size: int, limit: int) -> None:
        if size > limit:
            raise HttpRefusedError(413, f"the body has more than {limit} bytes")
        if self._chunks > _MOST_CHUNKS:
            raise HttpRefusedError(400, f"the body has more than {_MOST_CHUNKS} chunks")

    def answer(self, response: HttpResponse) -> list[bytes]:
        """Return the answer in pieces; the body is not copied."""
        fields = [*response.fields]
        if all(name.lower() != b"date" for name, _ in fields):
            # The time of this answer (RFC 9110 section 6.6.1); a response may serve for many.
            fields.append((b"Date", formatdate(usegmt=True).encode()))
        if _may_have_body(response.status):
            fields.append((b"Content-Length", b"%d" % len(response.content)))
        fields.append((b"Connection", b"close"))
        head = joined(_status_line(response.status), fields)
        # What answers HEAD says how long its body would be (RFC 9110 section 9.3.2).
        has_body = response.content and self._parsed.method != "HEAD"
        return [head, response.content] if has_body else [head]


def ask(callback: Callable[[HttpRequest], object], request: HttpRequest) -> HttpResponse | None:
    """Return what a server's ``http_callback`` answers.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: something else.
        Exception: what the callback raised.
    """
    answer = callback(request)
    if answer is None or isinstance(answer, HttpResponse):
        return answer
    message = f"http_callback must return None or HttpResponse(…), not {type(answer).__name__}"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def _may_have_body(status: int) -> bool:
    return status not in (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED)


def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in {*HTTPStatus} else ""
    return f"HTTP/1.1 {status} {phrase}".encode()


def _refused(error: h11.RemoteProtocolError) -> HttpRefusedError:
    return HttpRefusedError(error.error_status_hint, f"Bad HTTP message ({error})")


def _unfit(message: str) -> MultiplayerError:
    return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
