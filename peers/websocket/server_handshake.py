"""How a connection begins on a server: what is asked for, and how the program answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final

from multiplayer.endpoint.failure import Failure

from . import broken_off
from .events import HttpAsked, HttpRequested, Requested
from .handshake import Handshake
from .http_head import HttpRefusedError
from .phases import Action, Input, Phase
from .tls import HANDSHAKE, RECORD_VERSION
from .upgrade import UpgradeRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .handshake import Beginning
    from .http_exchange import HttpExchange, HttpResponse
    from .outgoing import Outgoing
    from .settings import LinkSettings
    from .upgrade import ServerUpgrade

_EMPTY_LINE: Final = b"\r\n"


class ServerHandshake(Handshake):
    """The beginning of a connection, on a server.

    Args:
        link: see ``Handshake``, also for the next two.
        outgoing: see there.
        settings: see there.
        upgrade: what reads the request.
    """

    __slots__ = (
        "_answer",
        "_empty_lines",
        "_exchange",
        "_raw",
        "_refusal",
        "_response",
        "_told",
        "_upgrade",
    )

    def __init__(
        self,
        link: Beginning,
        outgoing: Outgoing,
        settings: LinkSettings,
        upgrade: ServerUpgrade,
    ) -> None:
        super().__init__(link, outgoing, settings)
        self._upgrade: ServerUpgrade | None = upgrade
        self._empty_lines = 0  # how many bytes those had that came before the request
        self._exchange: HttpExchange | None = None
        self._raw = b""  # the head, for whoever else may have to read it
        # What the next action is about.
        self._told: Requested | HttpAsked | HttpRequested | None = None
        self._answer: tuple[str, int, Sequence[tuple[bytes, bytes]]] = "", 0, ()
        self._refusal = 0, ""
        self._response: HttpResponse | None = None

    def forget(self) -> None:
        """Forget what has come, and what was answered."""
        super().forget()
        self._upgrade = self._exchange = self._told = self._response = None
        self._raw = b""
        self._answer = "", 0, ()

    @property
    def received(self) -> bytes:
        """What has come, in the clear, until the program has decided."""
        return self._raw + self._head

    @property
    def _reader(self) -> ServerUpgrade:
        assert self._upgrade is not None
        return self._upgrade

    # ---------------------------------------------------------------- what a server decides

    def accept(
        self,
        protocol: str,
        now: float,
        version: int = 0,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Agree to the upgrade.

        Args:
            protocol: with this sub-protocol, "" for none.
            now: the time.
            version: with this version of ``docs/protocol/gdpeers.md``, 0 for none.
            headers: with these header fields besides.
        """
        self._now = now
        self._answer = protocol, version, headers
        self._step(Input.UPGRADED)
        self._link.heed(now)

    def accept_anyway(self, now: float) -> None:
        """Agree to the upgrade only to close: with what the client offers, whatever that is."""
        told = self._told
        offered = told.request.protocols if isinstance(told, Requested) else ()
        self.accept(offered[0] if offered else "", now)

    def refuse(self, status: int, detail: str, now: float) -> None:
        """Refuse the request with an HTTP status and a line of text, then linger."""
        self._now = now
        self._refuse(status, detail)

    def turn_down(self, refusal: HttpRefusedError, now: float) -> None:
        """Refuse a request that asks for no upgrade: it is one for an upgrade that is wrong."""
        if refusal.status == HTTPStatus.UPGRADE_REQUIRED:
            self._link.count_violation("http_without_upgrade")
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
        """End a handshake for whose end others wait."""
        self._now = now
        self._link.reach("max_pending_handshakes")
        self._failure = Failure(self.stage, "gave way to newer connections")
        if self._link.phase is not Phase.TLS:
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
                self._link.reach("max_body_size")
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
            self._link.count_violation("tls_on_plain_port")
            self._refusal = 400, f"{why}; connect to a ws:// URL"
            self._failure = Failure("tls", why)
            self._step(Input.REFUSED)
        return speaks

    def _take_head(self, head: bytes, rest: bytes) -> None:
        link = self._link
        asked = self._reader.receive(head, link.address, link.port)
        self._raw, self._head = head, bytearray(rest)
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
        has_asked = bool(self._head) or self._link.phase.http
        return broken_off.at_a_server(why, self.stage, has_asked=has_asked)

    # ---------------------------------------------------------------- actions

    def _tell_request(self) -> None:
        if self._told is not None:
            self._link.tell(self._told)

    def _open(self) -> None:
        link, rest = self._link, bytes(self._head)
        protocol, version, headers = self._answer
        self._outgoing.put(self._reader.accept(protocol, version, headers))
        link.ready()
        self.forget()
        link.open(protocol, version, rest, self._now)

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
