"""What a Redis has answered, looked at as closely as what a stranger has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, cast

from multiplayer.codecs import MsgpackCodec
from multiplayer.errors import DecodeError
from multiplayer.rooms.directory_entries import (
    MOST_METADATA,
    MOST_PER_PAGE,
    Found,
    NodeEntry,
    Orphan,
    Page,
    RoomEntry,
    RoomState,
    Taken,
)

from .directory import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODEC: Final = MsgpackCodec()
_LONGEST_NAME: Final = 256
_LARGEST: Final = 1 << 53  # beyond it, Lua cannot count


def bad(what: str) -> NoReturn:
    """Raise because of an answer.

    Raises:
        DirectoryError: always.
    """
    message = f"the directory answered nonsense: {what}"
    raise DirectoryError(message)


def flag(answer: object) -> bool:
    """Return the truth that 1 or 0 stands for."""
    if answer is True or answer is False or answer not in (0, 1):
        bad("neither 1 nor 0")
    return answer == 1


def number(answer: object) -> int:
    """Return a number that was kept as text."""
    if not isinstance(answer, bytes) or not answer.isdigit() or len(answer) > 16:
        bad("not a number")
    value = int(answer)
    if value > _LARGEST:
        bad("a number that is too large")
    return value


def secret(answer: object) -> bytes:
    """Return what ``SHARE`` answers."""
    if not isinstance(answer, bytes) or not 16 <= len(answer) <= 4096:
        bad("not a secret")
    return answer


def _text(answer: object, most: int = _LONGEST_NAME) -> str:
    if not isinstance(answer, bytes) or len(answer) > 4 * most:
        bad("not a text of reasonable length")
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        bad("a text that is not UTF-8")
    if len(text) > most:
        bad("not a text of reasonable length")
    return text


def _bit(answer: object) -> bool:
    value = number(answer)
    if value > 1:
        bad("neither 1 nor 0")
    return value == 1


def _fields(answer: object, count: int) -> Sequence[object]:
    if not isinstance(answer, list | tuple):
        bad("not a list")
    fields = cast("Sequence[object]", answer)
    if len(fields) != count:
        bad(f"a list of {len(fields)} instead of {count}")
    return fields


def node_text(node: NodeEntry) -> bytes:
    """Return a node as Redis keeps it."""
    return _CODEC.encode([*node])


def _node(answer: object) -> NodeEntry:
    if not isinstance(answer, bytes) or len(answer) > 4096:
        bad("not a node")
    try:
        value = _CODEC.decode(answer)
    except DecodeError as error:
        bad(f"a node that cannot be read: {error.reason}")
    match value:
        case [str() as incarnation, str() as host, int() as port, str() as url] if (
            incarnation and host and 0 < port < 65536 and port is not True
        ):
            return NodeEntry(incarnation, host, port, url)
        case _:
            bad("not a node")


def _room(fields: Sequence[object]) -> RoomEntry:
    code, kind, epoch, players, capacity, private, locked, metadata, base = fields
    state = RoomState(
        number(players),
        number(capacity),
        _bit(private),
        _bit(locked),
        _text(metadata, MOST_METADATA),
        _text(base),
    )
    return RoomEntry(_text(code), _text(kind), number(epoch), state)


def found(answer: object) -> Found | None:
    """Return what ``FIND`` answers."""
    if answer is None:
        return None
    *room, owner = _fields(answer, 10)
    return Found(_room(room), None if owner == b"" else _node(owner))


def taken(answer: object, most: int) -> Taken | None:
    """Return what ``TAKE`` answers.

    Args:
        answer: the answer.
        most: how many bytes a snapshot may have. A larger one counts as none: the room opens fresh.
    """
    if answer is None:
        return None
    kind, epoch, snapshot = _fields(answer, 3)
    if not isinstance(snapshot, bytes):
        bad("a snapshot that is not bytes")
    return Taken(_text(kind), number(epoch), snapshot if len(snapshot) <= most else b"")


def orphans(answer: object) -> list[Orphan]:
    """Return what ``ORPHANS`` answers."""
    if not isinstance(answer, list | tuple):
        bad("not a list")
    fields = cast("Sequence[object]", answer)
    if len(fields) % 2:
        bad("a code without a kind")
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return [Orphan(_text(code), _text(kind)) for code, kind in pairs]


def page(answer: object) -> Page:
    """Return what ``PAGE`` answers."""
    cursor, rooms = _fields(answer, 2)
    if not isinstance(rooms, list | tuple):
        bad("not a list")
    entries = cast("Sequence[object]", rooms)
    if len(entries) > MOST_PER_PAGE:
        bad("more rooms than a page has")
    return Page(tuple(_room(_fields(each, 10)[:9]) for each in entries), _text(cursor))
