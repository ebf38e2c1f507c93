"""How a connection begins: TCP, TLS, the HTTP upgrade, requests without one, and refusals.

The table stands in ``phases.py``; this is what its actions do until the upgrade.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from multiplayer.endpoint.failure import Failure

from . import broken_off
from .events import Failed, HttpAsked, HttpRequested, Requested
from .http_head import END_OF_HEAD, HttpRefusedError
from .phases import Action, Input, Phase
from .tls import ALERT, HANDSHAKE, RECORD_VERSION
from .upgrade import ClientUpgrade, ServerUpgrade, UpgradeRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.endpoint.failure import Stage

    from .events import LinkEvent
    from .http_exchange import HttpExchange, HttpResponse
    from .ledger import Ledger
    from .outgoing import Outgoing
    from .phases import Life
    from .settings import LinkSettings

_EMPTY_LINE: Final = b"\r\n"

_NO_FAILURE: Final = Failure("http", "")


class Beginning(Protocol):
    """What the beginning of a connection needs of the connection.

    Attributes:
        failure: see ``Link``.
    """

    failure: Failure | None

    def ready(self) -> None:
        """Note that there is something to send."""

    def tell(self, event: LinkEvent) -> None:
        """Queue what happened for the owner."""

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""

    def open(self, protocol: str, dialect: int, rest: bytes, now: float) -> None:
        """Begin with frames; with ``rest``, which has come behind the upgrade."""

    def heed(self, now: float) -> None:
        """Do what the end or the failure of TLS takes, when all that came has had its turn."""

    def end(self, failure: Failure | None) -> None:
        """Tell the owner that the connection is over."""


class Handshake(ABC):
    """The beginning of one connection, for both sides.

    Args:
        link: the connection.
        life: how far it has come.
        outgoing: what it sends.
        ledger: what is counted.
        settings: limits and timeouts.
    """

    __slots__ = (
        "_failure",
        "_head",
        "_ledger",
        "_life",
        "_link",
        "_now",
        "_outgoing",
        "_settings",
    )

    def __init__(
        self,
        link: Beginning,
        life: Life,
        outgoing: Outgoing,
        ledger: Ledger,
        settings: LinkSettings,
    ) -> None:
        self._link = link
        self._life = life
        self._outgoing = outgoing
        self._ledger = ledger
        self._settings = settings
        self._head = bytearray()  # what has come and is not read yet
        self._failure = _NO_FAILURE  # what the next action is about
        self._now = 0.0

    def forget(self) -> None:
        """Forget what has come: the beginning is over."""
        self._head = bytearray()

    def _step(self, what: Input) -> None:
        action = self._life.take(what)
        if action is not Action.NOTHING:
            self.DO[action](self)

    @property
    def stage(self) -> Stage:
        """What the connection is busy with."""
        phase = self._life.phase
        if phase is Phase.TCP:
            return "tcp"
        return "tls" if phase is Phase.TLS else "http"

    # ---------------------------------------------------------------- inputs

    def connected(self, now: float) -> None:
        """Note that the TCP connection is up."""
        self._now = now
        self._step(Input.CONNECTED)

    def receive(self, data: bytes, now: float) -> None:
        """Take plaintext, if any can have come yet."""
        self._now = now
        if self._life.phase is Phase.TLS:
            if not self._outgoing.channel.is_up:
                return
            self._proceed()
        if self._life.phase.keeps:
            self._head += data
        else:
            self._read(data)

    def eof(self, why: str) -> None:
        """Note that nothing more will come; ``why`` in words."""
        self._failure = Failure(self.stage, self._in_words(why))
        self._step(Input.EOF)

    def close(self) -> None:
        """End it, because its owner does not want it any more."""
        self._failure = Failure(self.stage, "closed by ourselves while connecting")
        self._step(Input.CLOSE)

    def fail_tls(self, why: str, now: float) -> None:
        """Note that TLS has failed; ``why`` in words."""
        self._now = now
        self._failure = Failure("tls", why)
        self._step(Input.TLS_FAILED)

    def timeout(self, now: float, obstacle: str) -> None:
        """Note that the deadline has come.

        Args:
            now: the time.
            obstacle: what has kept a client from connecting, if it has not.
        """
        self._now = now
        self._ledger.reach("handshake_timeout")
        patience = f"within {self._settings.handshake_timeout:g} s"
        if self._life.phase is Phase.TLS:
            detail = f"the TLS handshake was not complete {patience}"
            self._failure = Failure("tls", detail + self._guess())
        elif self._life.phase is Phase.TCP:
            self._failure = Failure("timeout", f"{obstacle} {patience}")
        else:
            lacks = "no whole request" if self._life.phase.http else obstacle
            self._be_late(f"{lacks} {patience}")
        self._step(Input.TIMEOUT)

    # ---------------------------------------------------------------- heads

    def _read(self, data: bytes) -> None:
        """Read what comes in clear text."""
        self._read_head(data)

    def _read_head(self, data: bytes) -> None:
        self._head += data
        if not self._outgoing.channel.encrypts and self._speaks_tls(bytes(self._head[:2])):
            return
        end = self._head.find(END_OF_HEAD) + len(END_OF_HEAD)
        complete = end >= len(END_OF_HEAD)
        limit = self._settings.limits.max_header_size
        if self._skipped() + (end if complete else len(self._head)) >= limit:
            self._ledger.reach("max_header_size")
            self._refuse(431, f"the HTTP head has {limit} bytes or more")
        elif complete:
            try:
                self._take_head(bytes(self._head[:end]), bytes(self._head[end:]))
            except HttpRefusedError as error:
                self._refuse(error.status, error.detail)

    @abstractmethod
    def _skipped(self) -> int:
        """Return how many bytes have come before the head that counts."""

    @abstractmethod
    def _speaks_tls(self, first: bytes) -> bool:
        """Note, if it is so, that the other side speaks TLS, and we do not."""

    @abstractmethod
    def _take_head(self, head: bytes, rest: bytes) -> None:
        """Take a head, and what has come behind it."""

    @abstractmethod
    def _refuse(self, status: int, detail: str) -> None:
        """Refuse what came, with an HTTP status where the other side can be told."""

    @abstractmethod
    def _proceed(self) -> None:
        """Go on when plaintext can come and go."""

    @abstractmethod
    def _be_late(self, detail: str) -> None:
        """Prepare for what the deadline takes."""

    @abstractmethod
    def _in_words(self, why: str) -> str:
        """Return how far it had come when it broke off."""

    def _guess(self) -> str:
        """Return what it may mean that nothing came."""
        return ""

    # ---------------------------------------------------------------- actions

    def _start_tls(self) -> None:
        channel = self._outgoing.channel
        channel.start()
        if channel.is_up:
            self._proceed()
        if self._outgoing.waiting:
            self._link.ready()

    def _alert(self) -> None:
        self._outgoing.outbox.clear()  # only an alert can leave
        self._turn_away()

    def _turn_away(self) -> None:
        """Tell the owner; what waits may still leave."""
        link = self._link
        link.failure = self._failure
        if not self._life.phase.http:
            link.tell(Failed(self._failure))
        link.wait_until(self._now + self._settings.close_timeout)
        link.ready()

    def _end(self) -> None:
        self._link.end(self._failure)

    DO: ClassVar[dict[Action, Callable[..., None]]] = {
        Action.START_TLS: _start_tls,
        Action.ALERT: _alert,
        Action.END_UNOPENED: _end,
    }


class ClientHandshake(Handshake):
    """The beginning of a connection, on a client.

    Args:
        link: see ``Handshake``, also for the next four.
        life: see there.
        outgoing: see there.
        ledger: see there.
        settings: see there.
        upgrade: what to ask for.
    """

    __slots__ = ("_protocol", "_upgrade")

    def __init__(
        self,
        link: Beginning,
        life: Life,
        outgoing: Outgoing,
        ledger: Ledger,
        settings: LinkSettings,
        upgrade: ClientUpgrade,
    ) -> None:
        super().__init__(link, life, outgoing, ledger, settings)
        self._upgrade: ClientUpgrade | None = upgrade
        self._protocol = ""

    def forget(self) -> None:
        """Forget what has come, and what was asked for."""
        super().forget()
        self._upgrade = None

    @property
    def _request(self) -> ClientUpgrade:
        assert self._upgrade is not None
        return self._upgrade

    def _proceed(self) -> None:
        self._step(Input.ASK)

    def _skipped(self) -> int:
        return self._request.skipped

    def _speaks_tls(self, first: bytes) -> bool:
        speaks = first in (ALERT + RECORD_VERSION, HANDSHAKE + RECORD_VERSION)
        if speaks:
            self._failure = Failure("tls", "the server speaks TLS; connect to a wss:// URL")
            self._step(Input.REFUSED)
        return speaks

    def _take_head(self, head: bytes, rest: bytes) -> None:
        protocol = self._request.receive(head, rest)
        if protocol is None:
            self._head.clear()
            self._read_head(rest)
            return
        self._protocol = protocol
        self._head = bytearray(rest)
        self._step(Input.UPGRADED)

    def _refuse(self, status: int, detail: str) -> None:
        del status
        self._failure = Failure("http", detail)
        self._step(Input.REFUSED)

    def _be_late(self, detail: str) -> None:
        self._failure = Failure("timeout", detail)

    def _in_words(self, why: str) -> str:
        return broken_off.at_a_client(why, self.stage, *self._grounds())

    def _guess(self) -> str:
        return broken_off.guess("tls", *self._grounds())

    def _grounds(self) -> tuple[bool, bool, Sequence[str]]:
        """Return what is guessed from: see ``broken_off.guess``."""
        channel = self._outgoing.channel
        has_answered = bool(self._head) if channel.is_up else channel.has_heard
        return has_answered, channel.encrypts, self._request.protocols

    def _ask(self) -> None:
        self._outgoing.put(self._request.request)
        self._link.ready()

    def _open(self) -> None:
        rest, dialect = bytes(self._head), self._request.dialect
        self.forget()
        self._link.open(self._protocol, dialect, rest, self._now)

    DO: ClassVar[dict[Action, Callable[..., None]]] = {
        **Handshake.DO,
        Action.ASK: _ask,
        Action.OPEN: _open,
    }


class ServerHandshake(Handshake):
    """The beginning of a connection, on a server.

    Args:
        link: see ``Handshake``, also for the next four.
        life: see there.
        outgoing: see there.
        ledger: see there.
        settings: see there.
        upgrade: what reads the request.
    """

    __slots__ = (
        "_answer",
        "_empty_lines",
        "_exchange",
        "_refusal",
        "_response",
        "_told",
        "_upgrade",
    )

    def __init__(
        self,
        link: Beginning,
        life: Life,
        outgoing: Outgoing,
        ledger: Ledger,
        settings: LinkSettings,
        upgrade: ServerUpgrade,
    ) -> None:
        super().__init__(link, life, outgoing, ledger, settings)
        self._upgrade: ServerUpgrade | None = upgrade
        self._empty_lines = 0  # how many bytes those had that came before the request
        self._exchange: HttpExchange | None = None
        # What the next action is about.
        self._told: Requested | HttpAsked | HttpRequested | None = None
        self._answer: tuple[str, int, Sequence[tuple[bytes, bytes]]] = "", 0, ()
        self._refusal = 0, ""
        self._response: HttpResponse | None = None

    def forget(self) -> None:
        """Forget what has come, and what was answered."""
        super().forget()
        self._upgrade = self._exchange = self._told = self._response = None
        self._answer = "", 0, ()

    @property
    def _reader(self) -> ServerUpgrade:
        assert self._upgrade is not None
        return self._upgrade

    # ---------------------------------------------------------------- what the owner decides

    def accept(
        self,
        protocol: str,
        now: float,
        dialect: int = 0,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Agree to the upgrade.

        Args:
            protocol: with this sub-protocol, "" for none.
            now: the time.
            dialect: with this version of ``docs/protocol/gdpeers.md``, 0 for none.
            headers: with these header fields besides.
        """
        self._now = now
        self._answer = protocol, dialect, headers
        self._step(Input.UPGRADED)
        self._link.heed(now)

    def refuse(self, status: int, detail: str, now: float) -> None:
        """Refuse the request with an HTTP status and a line of text, then linger."""
        self._now = now
        self._refuse(status, detail)

    def turn_down(self, refusal: HttpRefusedError, now: float) -> None:
        """Refuse a request that asks for no upgrade: it is one for an upgrade that is wrong."""
        if refusal.status == HTTPStatus.UPGRADE_REQUIRED:
            self._ledger.statistics.violations["http_without_upgrade"] += 1
        self.refuse(refusal.status, refusal.detail, now)

    def read_body(self, now: float) -> None:
        """Read the rest of a request that asks for no upgrade, then tell of it."""
        self._now = now
        self._step(Input.READ)
        self._link.heed(now)

    def respond(self, response: HttpResponse, now: float) -> None:
        """Answer such a request, then linger, for as long as the request could take."""
        self._now = now
        self._response = response
        self._step(Input.RESPOND)

    def give_way(self, now: float) -> None:
        """End a handshake that others wait for the end of."""
        self._now = now
        self._ledger.reach("max_pending_handshakes")
        self._failure = Failure(self.stage, "gave way to newer connections")
        if self._life.phase is not Phase.TLS:
            self._prepare_refusal(503, "too many connections at once; try again")
        self._step(Input.CROWDED_OUT)

    # ---------------------------------------------------------------- what comes

    def _proceed(self) -> None:
        self._step(Input.LISTEN)

    def _read(self, data: bytes) -> None:
        if self._exchange is not None:
            self._read_body(self._exchange, data)
            return
        self._head += data
        while self._head.startswith(_EMPTY_LINE):  # RFC 9112 section 2.2
            del self._head[: len(_EMPTY_LINE)]
            self._empty_lines += len(_EMPTY_LINE)
        self._read_head(b"")

    def _read_body(self, exchange: HttpExchange, data: bytes) -> None:
        try:
            reply = exchange.receive(data, self._settings.limits.max_body_size)
        except HttpRefusedError as error:
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                self._ledger.reach("max_body_size")
            self._refuse(error.status, error.detail)
            return
        if reply:
            self._outgoing.put(reply)
            self._link.ready()
        if exchange.complete:
            self._told = HttpRequested(exchange.request)
            self._step(Input.BODY)

    def _skipped(self) -> int:
        return self._empty_lines

    def _speaks_tls(self, first: bytes) -> bool:
        speaks = first == HANDSHAKE + RECORD_VERSION
        if speaks:
            why = "the client speaks TLS, this server does not"
            self._ledger.statistics.violations["tls_on_plain_port"] += 1
            self._refusal = 400, f"{why}; connect to a ws:// URL"
            self._failure = Failure("tls", why)
            self._step(Input.REFUSED)
        return speaks

    def _take_head(self, head: bytes, rest: bytes) -> None:
        asked = self._reader.receive(head)
        self._head = bytearray(rest)
        if isinstance(asked, UpgradeRequest):
            self._told = Requested(asked)
            self._step(Input.REQUEST)
        else:
            self._told = HttpAsked(asked)
            self._step(Input.HTTP_REQUEST)

    def _refuse(self, status: int, detail: str) -> None:
        self._prepare_refusal(status, detail)
        self._step(Input.REFUSED)

    def _be_late(self, detail: str) -> None:
        self._prepare_refusal(408, detail)

    def _prepare_refusal(self, status: int, detail: str) -> None:
        self._refusal = status, detail
        self._failure = Failure("http", detail)

    def _in_words(self, why: str) -> str:
        has_asked = bool(self._head) or self._life.phase.http
        return broken_off.at_a_server(why, self.stage, has_asked=has_asked)

    # ---------------------------------------------------------------- actions

    def _tell_request(self) -> None:
        if self._told is not None:
            self._link.tell(self._told)

    def _open(self) -> None:
        link, rest = self._link, bytes(self._head)
        protocol, dialect, headers = self._answer
        self._outgoing.put(self._reader.accept(protocol, dialect, headers))
        link.ready()
        self.forget()
        link.open(protocol, dialect, rest, self._now)

    def _begin_body(self) -> None:
        told, rest = self._told, bytes(self._head)
        self._head = bytearray()
        if isinstance(told, HttpAsked):
            self._exchange = told.exchange
            self._read_body(told.exchange, rest)

    def _say_no(self) -> None:
        self._outgoing.put(self._reader.refuse(*self._refusal))
        self._turn_away()

    def _respond(self) -> None:
        exchange, response = self._exchange, self._response
        if exchange is not None and response is not None:
            for piece in exchange.answer(response):
                self._outgoing.put(piece)
        # It has as long as the request had.
        self._link.wait_until(self._now + self._settings.handshake_timeout)
        self._link.ready()

    DO: ClassVar[dict[Action, Callable[..., None]]] = {
        **Handshake.DO,
        Action.TELL_REQUEST: _tell_request,
        Action.OPEN: _open,
        Action.READ: _begin_body,
        Action.REFUSE: _say_no,
        Action.RESPOND: _respond,
    }
