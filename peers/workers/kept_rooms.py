"""Rooms in a file, from the end of one server of rooms to the beginning of the next.

The file holds the secret of the seats' tokens as well, without which nobody could come back, so
only its owner may read it. It is used up: whoever has read it has removed it, lest rooms come back
that have gone on meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from multiplayer import DecodeError, Error, MultiplayerError
from multiplayer.codecs import MsgpackCodec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_log = logging.getLogger("peers.workers.kept_rooms")

_NAME: Final = "gdpeers rooms 1"
_OWNER_ONLY: Final = 0o600
_LEAST_SECRET: Final = 16


class KeptRooms(NamedTuple):
    """What was kept.

    Attributes:
        secret: what tokens of seats are signed with.
        snapshots: the rooms.
    """

    secret: bytes
    snapshots: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"KeptRooms({len(self.snapshots)} rooms)"  # the secret must not get into a log


def write_rooms(path: Path, secret: bytes, snapshots: Iterable[bytes]) -> int:
    """Write a file of rooms, in place of what there was; return how many.

    Raises:
        OSError: it cannot be written; what there was is still there.
    """
    rooms = [*snapshots]
    data = MsgpackCodec().encode([_NAME, secret, *rooms])
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    return len(rooms)


def take_rooms(path: Path) -> KeptRooms | None:
    """Read a file of rooms, and remove it; None if there is none, or it is something else.

    Raises:
        MultiplayerError: ``ERR_FILE_CANT_OPEN``: it is there, and cannot be read or removed.
    """
    try:
        data = path.read_bytes()
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"the rooms in {path} cannot be read and removed: {error.strerror or error}"
        raise MultiplayerError(Error.ERR_FILE_CANT_OPEN, message) from error
    try:
        return _read(data)
    except DecodeError as error:
        _log.warning("%s holds no rooms: %s; the server begins without", path, error.reason)
        return None


def _read(data: bytes) -> KeptRooms:
    value = MsgpackCodec().decode(data)
    name, *rest = cast("list[object]", value) if isinstance(value, list) and value else [None]
    if name == _NAME and rest and all(isinstance(each, bytes) for each in rest):
        secret, *snapshots = cast("list[bytes]", rest)
        if len(secret) >= _LEAST_SECRET:
            return KeptRooms(secret, tuple(snapshots))
    raise DecodeError("it is not written as such a file is")
