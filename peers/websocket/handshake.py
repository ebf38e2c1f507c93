"""How a connection begins: TCP, TLS, the HTTP upgrade, requests without one, and refusals.

The table stands in ``phases.py``; this is what its actions do until the upgrade, on both sides.
What only one of them does is in ``client_handshake.py`` and ``server_handshake.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from multiplayer.endpoint.events import Failed
from multiplayer.endpoint.failure import Failure

from .http_head import END_OF_HEAD, HttpRefusedError
from .phases import Action, Input, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.failure import Stage

    from .events import LinkEvent
    from .outgoing import Outgoing
    from .settings import LinkSettings

_NO_FAILURE: Final = Failure("http", "")


class Beginning(Protocol):
    """What the beginning of a connection needs of the connection.

    Attributes:
        address: see ``Link``, also for the others.
        port: see there.
        failure: see there.
        phase: see there.
    """

    address: str
    port: int
    failure: Failure | None
    phase: Phase

    def take(self, what: Input) -> Action:
        """Go on to the next phase; return what is to be done."""
        ...

    def ready(self) -> None:
        """Note that there is something to send."""

    def tell(self, event: LinkEvent) -> None:
        """Queue what happened for the endpoint."""

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""

    def open(self, protocol: str, version: int, rest: bytes, now: float) -> None:
        """Begin with frames; with ``rest``, which has come behind the upgrade."""

    def heed(self, now: float) -> None:
        """Do what the end or the failure of TLS takes, when all that came has had its turn."""

    def end(self, failure: Failure | None) -> None:
        """Tell the endpoint that the connection is over."""

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""

    def count_violation(self, kind: str) -> None:
        """Count a violation, and log nothing."""


class Handshake(ABC):
    """The beginning of one connection, for both sides.

    Args:
        link: the connection.
        outgoing: what it sends.
        settings: limits and timeouts.
    """

    __slots__ = (
        "_failure",
        "_head",
        "_link",
        "_now",
        "_outgoing",
        "_settings",
    )

    def __init__(
        self,
        link: Beginning,
        outgoing: Outgoing,
        settings: LinkSettings,
    ) -> None:
        self._link = link
        self._outgoing = outgoing
        self._settings = settings
        self._head = bytearray()  # what has come and is not read yet
        self._failure = _NO_FAILURE  # what the next action is about
        self._now = 0.0

    def use_settings(self, settings: LinkSettings) -> None:
        """Have other limits and timeouts."""
        self._settings = settings

    def forget(self) -> None:
        """Forget what has come: the beginning is over."""
        self._head = bytearray()

    def _step(self, what: Input) -> None:
        action = self._link.take(what)
        if action is not Action.NOTHING:
            self.DO[action](self)

    @property
    def stage(self) -> Stage:
        """What the connection is busy with."""
        phase = self._link.phase
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
        if self._link.phase is Phase.TLS:
            if not self._outgoing.channel.is_up:
                return
            self._proceed()
        if self._link.phase.keeps:
            self._head += data
        else:
            self._read(data)

    def eof(self, why: str) -> None:
        """Note that nothing more will come; ``why`` in words."""
        self._failure = Failure(self.stage, self._in_words(why))
        self._step(Input.EOF)

    def close(self) -> None:
        """End it, because it is not wanted any more."""
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
            obstacle: what has kept a client from connecting, if it has not connected.
        """
        self._now = now
        self._link.reach("handshake_timeout")
        patience = f"within {self._settings.handshake_timeout:g} s"
        if self._link.phase is Phase.TLS:
            detail = f"the TLS handshake was not complete {patience}"
            self._failure = Failure("tls", detail + self._guess())
        elif self._link.phase is Phase.TCP:
            self._failure = Failure("timeout", f"{obstacle} {patience}")
        else:
            lacks = "no whole request" if self._link.phase.http else obstacle
            self._be_late(f"{lacks} {patience}")
        self._step(Input.TIMEOUT)

    # ---------------------------------------------------------------- heads

    def _read(self, data: bytes) -> None:
        """Read what comes in clear text."""
        self._read_head(data)

    def _read_head(self, data: bytes) -> None:
        self._head += data
        head = bytes(self._head)
        if not self._outgoing.channel.encrypts and self._speaks_tls(head[:2]):
            return
        end = head.find(END_OF_HEAD) + len(END_OF_HEAD)
        complete = end >= len(END_OF_HEAD)
        limit = self._settings.limits.max_header_size
        if self._skipped() + (end if complete else len(head)) >= limit:
            self._link.reach("max_header_size")
            self._refuse(431, f"the HTTP head has {limit} bytes or more")
        elif complete:
            try:
                self._take_head(head[:end], head[end:])
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
        """Tell the endpoint; what waits may still leave."""
        link = self._link
        link.failure = self._failure
        if not self._link.phase.http:
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
