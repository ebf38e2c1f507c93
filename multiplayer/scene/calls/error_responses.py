"""What is told to a peer whose request is not answered: it always gets something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.support.log_error import kind_of, text_of

if TYPE_CHECKING:
    from multiplayer.wire.dialects.api_packets import ApiWire

LONGEST_KIND: Final = 100
LONGEST_TEXT: Final = 1000


def told_of(error: BaseException) -> tuple[str, str]:
    """Return the name of an exception's type, and what it says, whatever its ``__str__`` does."""
    return kind_of(error), text_of(error)


def error_that_fits(wire: ApiWire, request_id: int, kind: str, text: str, room: int) -> bytes:
    """Return an error response of at most ``room`` bytes, or the shortest that there is.

    Args:
        wire: how it is written.
        request_id: the number of the request.
        kind: one word, cut to 100 characters.
        text: cut to 1000 characters, and to what fits.
        room: the longest packet that can be sent, in bytes.
    """
    kind, text = _clean(kind, LONGEST_KIND), _clean(text, LONGEST_TEXT)
    while True:
        packet = wire.error_response(request_id, kind, text)
        if len(packet) <= room or not (kind or text):
            return packet
        if text:
            text = text[: len(text) // 2]
        else:
            kind = kind[: len(kind) // 2]


def _clean(text: str, longest: int) -> str:
    return text[:longest].encode(errors="replace").decode()
