"""The HTTP upgrade that opens a WebSocket connection, for both sides, on wsproto.

Stricter than RFC 6455 section 4 where Godot is: a client that asked for sub-protocols wants one of
them, one that asked for none wants none, and so does a server. Kinder than Godot where the RFC
says so: ``Connection`` may hold more tokens than ``Upgrade``, and header values may be empty.

A hostile head may make the libraries raise anything; here, and only here, all of it becomes
:class:`HttpRefusedError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from wsproto import ConnectionType, WSConnection
from wsproto import events as ws
from wsproto.utilities import RemoteProtocolError

from multiplayer import Error, MultiplayerError
from multiplayer.support.log_text import one_line

from .http_answer import AnswerReader
from .http_exchange import TAKEN_AWAY, HttpExchange
from .http_head import (
    HttpRefusedError,
    RequestHead,
    as_text,
    elements,
    joined,
    merged,
    read_request,
    repeated,
)
from .plain_upgrade import plain_answer, read_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .http_head import ParsedRequest

GDPEERS_VERSION: Final = 1
"""The latest version of ``docs/protocol/gdpeers.md`` that we speak."""

_VERSION_HEADER: Final = "gdpeers"

_ONCE: Final = (b"sec-websocket-key", b"sec-websocket-version")
"""What a request says once (RFC 6455 section 11.3)."""

_OF_THE_UPGRADE: Final = frozenset(
    {
        b"connection",
        b"upgrade",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
    }
)
"""The headers that are for us, not for who decides about the request."""


@dataclass(frozen=True, slots=True)
class UpgradeRequest(RequestHead):
    """What a client asked for.

    Attributes:
        target: path and query, for instance ``/room?token=7``, as they came; without scheme and
            host, should the client have sent them (RFC 9112 section 3.2.2).
        host: the host, with its port if the client named one, from the target or else the ``Host``
            header.
        headers: the other headers, names in lower case, in order; without those of the upgrade:
            ``Connection``, ``Upgrade`` and ``Sec-WebSocket-…``.
        protocols: the sub-protocols that the client offers, in its order of preference.
        address: the client's IP address, or that of a reverse proxy in front of the server.
        port: the client's TCP port.
    """

    protocols: tuple[str, ...]
    address: str = ""
    port: int = 0


class ClientUpgrade:
    """The client's side.

    Args:
        host: the ``Host`` header, with the port unless it is the scheme's own.
        target: path and query.
        protocols: the sub-protocols to offer.
        headers: further header fields.
        asks: ask for ``docs/protocol/gdpeers.md``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: host or target cannot be part of a request.

    Attributes:
        request: the bytes to send.
        version: the version of that page that the server agreed to; 0 for none.
        protocols: see above.
    """

    def __init__(
        self,
        host: str,
        target: str,
        protocols: Sequence[str],
        headers: Sequence[tuple[bytes, bytes]],
        *,
        asks: bool = False,
    ) -> None:
        self.version = 0
        self._asks = asks
        self.protocols = tuple(protocols)
        self._reader = AnswerReader()
        self._connection = WSConnection(ConnectionType.CLIENT)
        request = ws.Request(
            host=host,
            target=target,
            subprotocols=[*protocols],
            extra_headers=[*(_version_fields(GDPEERS_VERSION) if asks else []), *headers],
        )
        try:
            self.request = self._connection.send(request)
        except Exception as error:
            message = f"no upgrade request can be made for {host}{target}: {error}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error

    @property
    def skipped(self) -> int:
        """How many bytes of interim answers have come."""
        return self._reader.skipped

    def receive(self, head: bytes, body: bytes) -> str | None:
        """Take an answer; return the sub-protocol that the server chose, "" for none.

        Args:
            head: the answer up to its blank line, inclusive.
            body: what has come after it, to quote from if it is a refusal.

        Returns:
            None for an interim answer: another one follows.

        Raises:
            HttpRefusedError: it is no, or not a proper, upgrade.
        """
        agreed = self._reader.read(head, body)
        if agreed is None:
            return None
        try:
            self._connection.receive_data(agreed)
            answer = next(self._connection.events(), None)
        except RemoteProtocolError as error:
            raise HttpRefusedError(0, one_line(str(error))) from error
        except Exception as error:
            raise HttpRefusedError(0, one_line(f"not an HTTP response ({error})")) from error
        if not isinstance(answer, ws.AcceptConnection):
            raise HttpRefusedError(0, "not an HTTP response")
        if self.protocols and answer.subprotocol is None:
            wanted = ", ".join(self.protocols)
            raise HttpRefusedError(0, f"the server agreed to none of our sub-protocols: {wanted}")
        if self._asks:
            self.version = agreed_version(as_text(answer.extra_headers))
        return answer.subprotocol or ""


class ServerUpgrade:
    """The server's side."""

    __slots__ = ("_connection", "_has_no_body", "_plain")

    def __init__(self) -> None:
        self._connection: WSConnection | None = None  # what reads a request that is not plain
        self._has_no_body = False
        self._plain: tuple[str, bytes] | None = None  # the key and the head of one that is

    def receive(
        self, head: bytes, address: str = "", port: int = 0
    ) -> UpgradeRequest | HttpExchange:
        """Take a request; return what it asks for.

        Args:
            head: the request up to its blank line, inclusive.
            address: the client's address.
            port: its port.

        Returns:
            What begins an HTTP exchange, if the request asks for no upgrade to WebSocket.

        Raises:
            HttpRefusedError: it is no, or not a proper, upgrade.
        """
        if plain := read_plain(head):
            key, target, host, headers = plain
            self._plain = key, head
            return UpgradeRequest(target, host, headers, (), address, port)
        self._has_no_body = head.startswith(b"HEAD ")
        request = read_request(head)
        is_http1 = request.version in ("1.0", "1.1")
        if is_http1 and b"websocket" not in elements(request.fields, b"upgrade"):
            return HttpExchange(request, _why_none(request))
        if request.version != "1.1":
            raise HttpRefusedError(400, "the upgrade needs HTTP/1.1")
        if request.method != "GET":
            raise HttpRefusedError(400, "the upgrade needs GET")
        if name := repeated(request.fields, _ONCE):
            raise HttpRefusedError(400, f"the header {name.decode()} appears twice")
        if any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in request.fields
        ):
            raise HttpRefusedError(400, "a request for an upgrade must not have a body")
        protocols = tuple(name for name in self._ask_wsproto(request).subprotocols if name)
        fields = [field for field in request.fields if field[0] not in _OF_THE_UPGRADE]
        target, host, headers = request.target, request.host, as_text(fields)
        return UpgradeRequest(target, host, headers, protocols, address, port)

    def _ask_wsproto(self, request: ParsedRequest) -> ws.Request:
        """Return what wsproto makes of a request whose lists are merged."""
        fields = merged(request.fields)
        if b"websocket" in elements(fields, b"upgrade"):  # which it wants to be the only one
            fields = [field for field in fields if field[0] != b"upgrade"]
            fields.append((b"upgrade", b"websocket"))
        # The host is read already, and wsproto would decode it.
        line = f"GET {request.target} HTTP/1.1\r\nHost: host"
        self._connection = connection = WSConnection(ConnectionType.SERVER)
        try:
            connection.receive_data(joined(line.encode(), fields))
            asked = next(connection.events())
        except RemoteProtocolError as error:
            hint = error.event_hint
            status = hint.status_code if isinstance(hint, ws.RejectConnection) else 400
            raise HttpRefusedError(status, str(error)) from error
        except Exception as error:
            raise HttpRefusedError(400, f"Bad HTTP message ({error})") from error
        if not isinstance(asked, ws.Request):
            raise HttpRefusedError(400, "Bad HTTP message")
        return asked

    def accept(
        self, protocol: str, version: int = 0, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> bytes:
        """Return the answer that opens the connection.

        Args:
            protocol: the sub-protocol, "" for none.
            version: the version of ``docs/protocol/gdpeers.md`` to agree to, 0 for none.
            headers: further header fields.
        """
        fields = _version_fields(version) if version else []
        if self._plain is not None:
            key, head = self._plain
            if not (protocol or headers):
                return plain_answer(key, fields)
            self._ask_wsproto(read_request(head))  # which looks at what is answered
        assert self._connection is not None, "there was no request"
        fields += headers
        answer = ws.AcceptConnection(subprotocol=protocol or None, extra_headers=fields)
        return self._connection.send(answer)

    def refuse(self, status: int, text: str) -> bytes:
        """Return an answer that does not open the connection and says why.

        Written without the help of wsproto, which refuses to answer some requests (HEAD, CONNECT):
        this one must always succeed.
        """
        body = (text + "\n").encode(errors="backslashreplace")
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        if status == HTTPStatus.UPGRADE_REQUIRED:
            lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        # What answers HEAD says how long its body would be (RFC 9110 section 9.3.2).
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if self._has_no_body else body)


def _why_none(request: ParsedRequest) -> HttpRefusedError:
    """Return what is wrong with a request for an upgrade that names no WebSocket."""
    names = {name for name, _ in request.fields}
    why = "this is a WebSocket server, and this request asks for no upgrade"
    if b"sec-websocket-key" in names and b"upgrade" not in names:
        return HttpRefusedError(426, why + TAKEN_AWAY)  # often as HTTP/1.0, as nginx does
    if request.version != "1.1":
        return HttpRefusedError(400, "the upgrade needs HTTP/1.1")
    if request.method != "GET":
        return HttpRefusedError(400, "the upgrade needs GET")
    if b"upgrade" in names:
        return HttpRefusedError(400, "Missing header, 'Upgrade: websocket'")
    return HttpRefusedError(426, why)


def choose_protocol(offered: Sequence[str], known: Sequence[str]) -> str:
    """Return the first offered sub-protocol that is known, "" if neither side has any.

    Raises:
        HttpRefusedError: only one side has sub-protocols, or they have none in common.
    """
    if not offered and not known:
        return ""
    for protocol in offered:
        if protocol in known:
            return protocol
    ours = ", ".join(known) or "none"
    raise HttpRefusedError(400, f"no sub-protocol in common (this server's: {ours})")


def agreed_version(headers: Sequence[tuple[str, str]]) -> int:
    """Return the version of ``docs/protocol/gdpeers.md`` that both sides speak, 0 for none.

    A header that appears twice is a list (RFC 7230 section 3.2.2), and so not a number.

    Args:
        headers: the other side's, names in lower case.
    """
    values = [value.strip() for name, value in headers if name == _VERSION_HEADER]
    if len(values) != 1 or not (values[0].isascii() and values[0].isdigit()):
        return 0
    return min(int(values[0]), GDPEERS_VERSION)


def _version_fields(version: int) -> list[tuple[bytes, bytes]]:
    return [(_VERSION_HEADER.title().encode(), b"%d" % version)]
