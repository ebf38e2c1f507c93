"""What a server answers to the request for an upgrade, read on h11."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11

from multiplayer.support.log_text import one_line

from .http_head import HttpRefusedError, joined, merged, repeated, split_head, unfolded

if TYPE_CHECKING:
    from .http_head import Fields

_MOST_INTERIM: Final = 8
"""How many interim answers (HTTP 1xx) may come before the one that counts."""

_QUOTED: Final = 200
"""How many characters of a refusal's body a failure quotes."""

_QUOTED_URL: Final = 150
"""How many of where a redirect points to."""

_LOOKED_AT: Final = 4096
"""How many bytes of a refusal's body are decoded for that."""

# RFC 6455 section 11.3, RFC 9110 section 15.2.2: what an answer says once. Upgrade is among them,
# since a client accepts one protocol only (RFC 6455 section 4.1).
_ONCE: Final = (b"upgrade", b"sec-websocket-accept", b"sec-websocket-protocol")

# h11 reads an answer to something; what is asked for matters, who asks for it does not. Made once,
# because it takes a tenth of what else a handshake does.
_ASKED: Final = h11.Request(
    method=b"GET",
    target=b"/",
    headers=[(b"Host", b""), (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")],
)
_NO_BODY: Final = h11.EndOfMessage()


class AnswerReader:
    """Reads one answer, and the interim ones before it.

    Attributes:
        skipped: how many bytes those had.
    """

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.CLIENT)
        self._connection.send(_ASKED)
        self._connection.send(_NO_BODY)
        self._interim = 0
        self.skipped = 0

    def read(self, head: bytes, body: bytes) -> bytes | None:
        """Return the head with which the server agrees to the upgrade, its lists merged.

        Args:
            head: up to its blank line, inclusive.
            body: what has come after it, to quote from if it is a refusal.

        Returns:
            None for an interim answer (RFC 9110 section 15.2): another head follows.

        Raises:
            HttpRefusedError: the server agrees to nothing.
        """
        first, fields = self._split(head)
        try:
            self._connection.receive_data(joined(first, fields))
            answer = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise HttpRefusedError(0, one_line(f"not an HTTP response ({error})")) from error
        if isinstance(answer, h11.Response):
            raise HttpRefusedError(answer.status_code, self._refusal(answer, body))
        if not isinstance(answer, h11.InformationalResponse):
            raise HttpRefusedError(0, "not an HTTP response")
        if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._interim += 1
            self.skipped += len(head)
            if self._interim > _MOST_INTERIM:
                detail = f"the server sent more than {_MOST_INTERIM} interim responses (HTTP 1xx)"
                raise HttpRefusedError(0, f"{detail} and no final one")
            return None
        if not first.startswith(b"HTTP/1.1 "):
            raise HttpRefusedError(0, "the upgrade needs HTTP/1.1")
        if name := repeated(fields, _ONCE):
            detail = f"the header {name.decode()} appears twice"
            raise HttpRefusedError(0, detail)
        return joined(first, merged(fields))

    @staticmethod
    def _split(head: bytes) -> tuple[bytes, Fields]:
        try:
            return split_head(unfolded(head))
        except HttpRefusedError as error:
            raise HttpRefusedError(0, f"not an HTTP response ({error.detail})") from error

    def _refusal(self, answer: h11.Response, body: bytes) -> str:
        detail = f"the server answered HTTP {answer.status_code}"
        headers = {name: value.decode("latin-1") for name, value in answer.headers}
        where = headers.get(b"location", "")
        if where and 300 <= answer.status_code < 400:
            where = one_line(where, _QUOTED_URL)
            return f"{detail} and points to {where}; connect there if that is right"
        is_text = headers.get(b"content-encoding", "identity").lower() == "identity"
        words = self._words(body) if is_text else ""
        return f"{detail}: {words}" if words else detail

    def _words(self, body: bytes) -> str:
        """Return the beginning of a body without what only carries it."""
        said = b""
        try:
            self._connection.receive_data(body)
            while len(said) < _LOOKED_AT:
                event = self._connection.next_event()
                if not isinstance(event, h11.Data):
                    break
                said += event.data
        except h11.RemoteProtocolError:
            pass  # what came before that is worth quoting all the same
        text = said[:_LOOKED_AT].decode("utf-8", "replace")
        return one_line(" ".join(text.split()), _QUOTED)
