"""The HTTP upgrade that opens a WebSocket connection, for both sides, on wsproto.

Stricter than RFC 6455 section 4 where Godot is: a client that asked for sub-protocols wants one of
them, one that asked for none wants none, and so does a server. Kinder than Godot where the RFC
says so: ``Connection`` may hold more tokens than ``Upgrade``, and header values may be empty.

A hostile head may make the libraries raise anything; here, and only here, all of it becomes
:class:`UpgradeRefusedError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from wsproto import ConnectionType, WSConnection
from wsproto import events as ws
from wsproto.utilities import RemoteProtocolError

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Sequence

END_OF_HEAD: Final = b"\r\n\r\n"

DIALECT: Final = 1
"""The latest version of ``docs/protocol/gdpeers.md`` that we speak."""

_DIALECT_HEADER: Final = "gdpeers"

# Headers that the upgrade itself writes.
_RESERVED: Final = frozenset(
    {
        "host",
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "sec-websocket-accept",
        "content-length",
        "transfer-encoding",
        _DIALECT_HEADER,
    }
)


class UpgradeRefusedError(Exception):
    """The head that came is no proper upgrade.

    Attributes:
        status: the HTTP status to refuse it with (on a server).
        detail: why, in words.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """What a client asked for.

    Attributes:
        target: path and query as they came, for instance ``/room?token=7``.
        host: the ``Host`` header.
        headers: the other headers, names in lower case, in order; without those of the upgrade.
        protocols: the sub-protocols that the client offers, in its order of preference.
        address: the client's IP address, a reverse proxy's if there is one before the server.
        port: the client's TCP port.
    """

    target: str
    host: str
    headers: tuple[tuple[str, str], ...]
    protocols: tuple[str, ...]
    address: str = ""
    port: int = 0

    @property
    def path(self) -> str:
        """The target up to its question mark, not decoded, for instance ``/room``."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target after its question mark, not decoded, for instance ``token=7``."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever the case of its name; None without it.

        One that stands there several times is a list with commas (RFC 9110 section 5.3).
        """
        values = [value for each, value in self.headers if each == name.lower()]
        return ", ".join(values) if values else None


def header_fields(lines: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Turn Godot's ``"Name: value"`` lines into header fields.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a line is no header, or one of the upgrade's
            own.
    """
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        token = name.strip()
        printable = all(" " <= char <= "~" or char == "\t" or char >= "\x80" for char in value)
        printable = printable and not any("\ud800" <= char <= "\udfff" for char in value)
        if not colon or not _is_token(token) or not printable:
            message = f"{line!r} is no HTTP header; write 'Name: value'"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if token.lower() in _RESERVED:
            message = f"the header {token} is written by the upgrade itself; leave it out"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        fields.append((token.encode(), value.strip().encode()))
    return fields


def check_protocols(protocols: Sequence[str]) -> tuple[str, ...]:
    """Return the sub-protocols without the white space around them.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: one is no token of RFC 7230.
    """
    if isinstance(protocols, str):
        message = f"protocols is a list of names: write [{protocols!r}]"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(protocols, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"protocols is a list of names, not {protocols!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    names = tuple(protocol.strip() for protocol in protocols)
    for name in names:
        if not _is_token(name):
            message = f"{name!r} cannot be the name of a sub-protocol"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return names


def _is_token(name: str) -> bool:
    return (
        name.isascii()
        and bool(name)
        and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in name)
    )


class ClientUpgrade:
    """The client's side.

    Args:
        host: the ``Host`` header, with the port unless it is the scheme's own.
        target: path and query.
        protocols: the sub-protocols to offer.
        headers: further header fields.
        dialect: ask for ``docs/protocol/gdpeers.md``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: host or target cannot stand in a request.

    Attributes:
        request: the bytes to send.
        dialect: the version of that page that the server agreed to; 0 for none.
    """

    def __init__(
        self,
        host: str,
        target: str,
        protocols: Sequence[str],
        headers: Sequence[tuple[bytes, bytes]],
        *,
        dialect: bool = False,
    ) -> None:
        self.dialect = 0
        self._asks = dialect
        self._protocols = tuple(protocols)
        self._connection = WSConnection(ConnectionType.CLIENT)
        request = ws.Request(
            host=host,
            target=target,
            subprotocols=[*protocols],
            extra_headers=[*(_dialect_fields(DIALECT) if dialect else []), *headers],
        )
        try:
            self.request = self._connection.send(request)
        except Exception as error:
            message = f"no upgrade request can be made for {host}{target}: {error}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error

    def receive(self, head: bytes, body: bytes) -> str:
        """Take the answer; return the sub-protocol that the server chose, "" for none.

        Args:
            head: the answer up to its blank line, inclusive.
            body: what has come after it, to quote from if it is a refusal.

        Raises:
            UpgradeRefusedError: it is no, or not a proper, upgrade.
        """
        try:
            self._connection.receive_data(head)
            answers = list(self._connection.events())
        except RemoteProtocolError as error:
            raise UpgradeRefusedError(0, str(error)) from error
        except Exception as error:
            raise UpgradeRefusedError(0, f"not an HTTP answer ({error})") from error
        answer = answers[0] if answers else None
        if isinstance(answer, ws.RejectConnection):
            detail = f"the server answered HTTP {answer.status_code}"
            words = " ".join(body[:200].decode("utf-8", "replace").split())
            raise UpgradeRefusedError(answer.status_code, f"{detail}: {words}" if words else detail)
        if not isinstance(answer, ws.AcceptConnection):
            raise UpgradeRefusedError(0, "not an HTTP answer")
        if not head.startswith(b"HTTP/1.1 "):
            raise UpgradeRefusedError(0, "the upgrade takes HTTP/1.1")
        _refuse_repeated(head, (b"upgrade", b"sec-websocket-accept", b"sec-websocket-protocol"))
        if self._protocols and answer.subprotocol is None:
            wanted = ", ".join(self._protocols)
            raise UpgradeRefusedError(
                0, f"the server agreed to none of our sub-protocols: {wanted}"
            )
        if self._asks:
            self.dialect = agreed_dialect(_text(answer.extra_headers))
        return answer.subprotocol or ""


class ServerUpgrade:
    """The server's side."""

    def __init__(self) -> None:
        self._connection = WSConnection(ConnectionType.SERVER)

    def receive(self, head: bytes) -> UpgradeRequest:
        """Take a request; return what it asks for.

        Args:
            head: the request up to its blank line, inclusive.

        Raises:
            UpgradeRefusedError: it is no, or not a proper, upgrade.
        """
        if not head.partition(b"\r\n")[0].endswith(b" HTTP/1.1"):
            raise UpgradeRefusedError(400, "the upgrade takes HTTP/1.1")
        if not head.startswith(b"GET "):
            raise UpgradeRefusedError(400, "the upgrade takes GET")
        try:
            self._connection.receive_data(head)
            request = next(self._connection.events())
        except RemoteProtocolError as error:
            hint = error.event_hint
            status = hint.status_code if isinstance(hint, ws.RejectConnection) else 400
            if b"\nupgrade:" not in head.lower():
                raise UpgradeRefusedError(
                    426, "this is a WebSocket server, and this request asks for no upgrade"
                ) from error
            raise UpgradeRefusedError(status, str(error)) from error
        except Exception as error:
            raise UpgradeRefusedError(400, f"Bad HTTP message ({error})") from error
        if not isinstance(request, ws.Request):
            raise UpgradeRefusedError(400, "Bad HTTP message")
        _refuse_repeated(head, (b"upgrade", b"sec-websocket-key", b"sec-websocket-version"))
        headers = _text(request.extra_headers)
        return UpgradeRequest(request.target, request.host, headers, tuple(request.subprotocols))

    def accept(
        self, protocol: str, dialect: int = 0, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> bytes:
        """Return the answer that opens the connection.

        Args:
            protocol: the sub-protocol, "" for none.
            dialect: the version of ``docs/protocol/gdpeers.md`` to agree to, 0 for none.
            headers: further header fields.
        """
        fields = [*(_dialect_fields(dialect) if dialect else []), *headers]
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
        return "\r\n".join([*lines, "", ""]).encode() + body


def choose_protocol(offered: Sequence[str], known: Sequence[str]) -> str:
    """Return the first offered sub-protocol that is known, "" if neither side has any.

    Raises:
        UpgradeRefusedError: only one side has sub-protocols, or they have none in common.
    """
    if not offered and not known:
        return ""
    for protocol in offered:
        if protocol in known:
            return protocol
    ours = ", ".join(known) or "none"
    raise UpgradeRefusedError(400, f"no sub-protocol in common (this server's: {ours})")


def agreed_dialect(headers: Sequence[tuple[str, str]]) -> int:
    """Return the version of ``docs/protocol/gdpeers.md`` that both sides speak, 0 for none.

    A header that stands there twice is a list (RFC 7230 section 3.2.2), and so no number.

    Args:
        headers: the other side's, names in lower case.
    """
    values = [value.strip() for name, value in headers if name == _DIALECT_HEADER]
    if len(values) != 1 or not (values[0].isascii() and values[0].isdigit()):
        return 0
    return min(int(values[0]), DIALECT)


def _dialect_fields(version: int) -> list[tuple[bytes, bytes]]:
    return [(_DIALECT_HEADER.title().encode(), b"%d" % version)]


def _text(headers: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers
    )


def _refuse_repeated(head: bytes, names: Sequence[bytes]) -> None:
    lines = [line.partition(b":")[0].strip().lower() for line in head.split(b"\r\n")[1:]]
    for name in names:
        if lines.count(name) > 1:
            raise UpgradeRefusedError(400, f"the header {name.decode()} stands there twice")
