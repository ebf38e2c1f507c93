"""How a connection begins on a client: it asks for the upgrade, and reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from multiplayer.endpoint.failure import Failure

from . import broken_off
from .handshake import Handshake
from .phases import Action, Input
from .tls import ALERT, HANDSHAKE, RECORD_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .handshake import Beginning
    from .outgoing import Outgoing
    from .settings import LinkSettings
    from .upgrade import ClientUpgrade


class ClientHandshake(Handshake):
    """The beginning of a connection, on a client.

    Args:
        link: see ``Handshake``, also for the next two.
        outgoing: see there.
        settings: see there.
        upgrade: what to ask for.
    """

    __slots__ = ("_protocol", "_upgrade")

    def __init__(
        self,
        link: Beginning,
        outgoing: Outgoing,
        settings: LinkSettings,
        upgrade: ClientUpgrade,
    ) -> None:
        super().__init__(link, outgoing, settings)
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
        if not self._grounds()[0]:  # the connection is up, and nothing has come
            detail += ": the server says nothing; does anybody poll it, or run it?"
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
        rest, version = bytes(self._head), self._request.version
        self.forget()
        self._link.open(self._protocol, version, rest, self._now)

    DO: ClassVar[dict[Action, Callable[..., None]]] = {
        **Handshake.DO,
        Action.ASK: _ask,
        Action.OPEN: _open,
    }
