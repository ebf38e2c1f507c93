"""The words with which a session goes on after a lost connection: ``docs/protocol/resume.md``.

Nothing here raises because of what the other side has said.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard, cast
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
"""The version of ``docs/protocol/resume.md``."""

MAX_WORD: Final = 4096
"""How many bytes a word may have."""

MAX_NUMBER: Final = (1 << 53) - 1
"""The largest number of a message: every JSON parser has it exactly."""

_MAX_ID: Final = (1 << 31) - 1
_MAX_GRACE: Final = 1e9  # seconds
_MAX_TOKEN: Final = 512
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.-]{1,512}")
_SEAT_KEY: Final = re.compile(r"[A-Za-z0-9_-]{22,128}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_FIELD: Final = re.compile(r"(?<=[?&;])([^=?&;#]*)=[^&;#]*")
_OURS: Final = frozenset(("seat", "seat_key", "reservation"))
_CREDENTIALS: Final = re.compile(
    r"token|secret|passw|ticket|signature|session|auth|jwt|(?:^|api|access|private|[_-])key$",
    re.IGNORECASE,
)
"""What names of a program's own fields say that hold what somebody logs in with."""
_USER: Final = re.compile(r"(?<=://)[^/?#@]*@")


class Greeting(NamedTuple):
    """The server's first word on a connection.

    Attributes:
        seat: the token to come back with.
        grace: for how many seconds the seat waits after a lost connection.
        received: the number of the last message that the server has.
        next: the number that the server's next message will have.
        replayed: the session goes on where it was; None on a seat's first connection.
    """

    seat: str
    grace: float
    received: int
    next: int
    replayed: bool | None = None


class Ack(NamedTuple):
    """The sender has all messages up to that number."""

    number: int


class Renewed(NamedTuple):
    """That peer has come back and knows nothing any more. It is numbered, as a message is."""

    peer: int


class RosterEnd(NamedTuple):
    """All peers have been announced that are there: the end of what a renewal in gd_mp sends.

    It is numbered, as a message is.
    """


Word = Greeting | Ack | Renewed | RosterEnd


def write_word(word: Word) -> bytes:
    """Return a word as the text of a message."""
    fields: Mapping[str, object]
    if isinstance(word, Greeting):
        fields = {"resume": VERSION, **word._asdict()}
        if word.replayed is None:
            fields = {key: value for key, value in fields.items() if key != "replayed"}
    elif isinstance(word, Ack):
        fields = {"ack": word.number}
    elif isinstance(word, Renewed):
        fields = {"renewed": word.peer}
    else:
        fields = {"roster": True}
    return json.dumps(fields, separators=(",", ":")).encode()


def read_word(text: bytes) -> Word | None:
    """Return what a text message says; None if that is nothing that this version has.

    Args:
        text: valid UTF-8, as RFC 6455 demands of a text message.
    """
    if len(text) > MAX_WORD:
        return None
    try:
        said: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    fields = cast("dict[str, object]", said)
    if "resume" in fields:
        return _read_greeting(fields)
    if fields.keys() == {"ack"}:
        number = fields["ack"]
        return Ack(number) if _is_number(number) else None
    if fields.keys() == {"renewed"}:
        peer = fields["renewed"]
        return Renewed(peer) if _is_number(peer) and 1 < peer <= _MAX_ID else None
    if fields.keys() == {"roster"}:
        return RosterEnd() if fields["roster"] is True else None
    return None


def _refuse(constant: str) -> object:
    raise ValueError(constant)  # NaN and the infinities are no JSON


def _read_greeting(fields: Mapping[str, object]) -> Greeting | None:
    seat, grace, replayed = fields.get("seat"), fields.get("grace"), fields.get("replayed")
    received, number = fields.get("received"), fields.get("next")
    if fields["resume"] != VERSION or isinstance(fields["resume"], bool):
        return None
    if not isinstance(seat, str) or not _TOKEN.fullmatch(seat):
        return None
    if isinstance(grace, bool) or not isinstance(grace, int | float):
        return None
    if not 0 <= grace <= _MAX_GRACE or not (replayed is None or isinstance(replayed, bool)):
        return None
    if not (_is_number(received) and _is_number(number)) or number < 1:
        return None
    return Greeting(seat, float(grace), received, number, replayed)


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MAX_NUMBER


# -------------------------------------------------------------------- what a URL's query asks for


class NewSeat(NamedTuple):
    """A client asks for a seat, to which it can come back: ``resume=1``."""


class Return(NamedTuple):
    """A client comes back: ``resume=1&seat=…``.

    Attributes:
        token: the token of its seat.
        received: the number of the last message that it has.
        next: the number that its next message will have.
        lost: the number of its newest reliable message that it cannot write again; 0 for none;
            ``next`` if that has no number yet.
    """

    token: str
    received: int
    next: int
    lost: int


class KeyedSeat(NamedTuple):
    """A client has chosen the key of its seat: ``seat_key=…``."""

    key: str


class NoSense(NamedTuple):
    """The query asks for a seat in a way that makes no sense; ``why`` says what is wrong.

    Attributes:
        why: what is wrong; "" if it is not to be told apart from a seat that is gone.
    """

    why: str


Wish = NewSeat | Return | KeyedSeat | NoSense

BAD_KEY: Final = "a seat_key has 22 to 128 characters of A-Z a-z 0-9 - _"


def read_wish(target: str) -> Wish | None:
    """Return what the query of a request's target asks for; None if that is no seat.

    Args:
        target: path and query, as in the request line.
    """
    _, mark, query = target.partition("?")
    if not mark or ("resume=" not in query and "seat_key=" not in query):
        return None
    try:
        pairs = parse_qsl(query.partition("#")[0], keep_blank_values=True, max_num_fields=64)
    except ValueError:
        return NoSense("")
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields and name in _NAMES:
            return NoSense("")
        fields[name] = value
    if "seat_key" in fields:
        key = fields["seat_key"]
        return KeyedSeat(key) if _SEAT_KEY.fullmatch(key) else NoSense(BAD_KEY)
    if fields.get("resume") != str(VERSION):
        return None  # another version, which this side does not speak
    if "seat" not in fields:
        return NewSeat()
    numbers = [_number_in(fields.get(name, "0")) for name in ("received", "next", "lost")]
    received, number, lost = numbers
    if not _TOKEN.fullmatch(fields["seat"]) or min(numbers) < 0 or number < 1 or lost > number:
        return NoSense("")
    return Return(fields["seat"], received, number, lost)


_NAMES: Final = frozenset({"resume", "seat", "received", "next", "lost", "seat_key"})


def _number_in(text: str) -> int:
    """Return the number that a text is; -1 if it is none."""
    number = int(text) if _NUMBER.fullmatch(text) else -1
    return number if number <= MAX_NUMBER else -1


def write_wish(wish: NewSeat | Return) -> str:
    """Return what a client adds to the query of its URL."""
    if isinstance(wish, NewSeat):
        return f"resume={VERSION}"
    token = quote(wish.token[:_MAX_TOKEN], safe="")
    return (
        f"resume={VERSION}&seat={token}&received={wish.received}&next={wish.next}&lost={wish.lost}"
    )


def without_secrets(target: str) -> str:
    """Return a URL or a target for logs and messages: without what lets somebody in.

    That is what gives somebody a seat, fields whose names sound like credentials, and what stands
    before the host's ``@``.
    """
    if "@" in target:
        target = _USER.sub("…@", target)
    return _FIELD.sub(_shown, target) if "?" in target else target


def shown_url(url: object) -> str:
    """Return how an error shows what was given as a URL, which may be anything."""
    return repr(without_secrets(url) if isinstance(url, str) else url)


def _shown(field: re.Match[str]) -> str:
    name = field[1]
    hidden = name.lower() in _OURS or _CREDENTIALS.search(name)
    return f"{name}=…" if hidden else field[0]
