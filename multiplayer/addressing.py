"""Where a packet goes and how: ids, targets, transfer modes, channels, and their misuse.

Everything that takes an id from the user checks it here, so that the same mistake gets the same
answer before anything has happened.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from .errors import Error, MultiplayerError
from .support.number_setting import check_number

LARGEST_PEER_ID: Final = 2**31 - 1

SERVER_ID: Final = 1
"""The id of the server in every session (Godot: ``MultiplayerPeer.TARGET_PEER_SERVER``)."""


class TransferMode(IntEnum):
    """Godot's ``MultiplayerPeer.TransferMode``."""

    TRANSFER_MODE_UNRELIABLE = 0
    TRANSFER_MODE_UNRELIABLE_ORDERED = 1
    TRANSFER_MODE_RELIABLE = 2


def check_one(peer: int) -> int:
    """Return the id of one peer.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not one, as 0 and -n are not.
    """
    if check_id(peer) <= 0:
        message = f"{peer} is not the id of one peer; 0 and -n are for rpc_id() and put_packet()"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return peer


def check_id(id: int) -> int:  # noqa: A002 - Godot's name
    """Return a peer's id, or a packet's target: 0 all, n that peer, -n all but that one.

    It does not check whether there is such a peer.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not a 32-bit ``int``. An ``IntEnum`` is one, a
            ``bool`` is not: it is a mistake, not peer 1.
    """
    if type(id) is not int and (not isinstance(id, int) or isinstance(id, bool)):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a peer id must be an int, and come first, before arguments; not {id!r:.100}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not -LARGEST_PEER_ID - 1 <= id <= LARGEST_PEER_ID:
        message = f"peer ids have 32 bits; {_shown(id)} does not fit"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return id


def check_mode(mode: TransferMode | int) -> TransferMode:
    """Return the transfer mode with that number.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is none.
    """
    if type(mode) is TransferMode:
        return mode
    try:
        return TransferMode(mode)
    except ValueError:
        message = f"transfer_mode must be a TransferMode, not {mode!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None


def check_channel(channel: int) -> int:
    """Return ``channel``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not 0 to 255.
    """
    if type(channel) is not int:
        check_number("transfer_channel", channel, whole=True)
    if not 0 <= channel <= 255:
        message = f"transfer_channel must be 0 to 255, not {channel}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return channel


def _shown(number: int) -> str:
    """Return a number at a readable length; Python writes out at most 4300 digits."""
    return f"{number}" if number.bit_length() <= 128 else f"one of {number.bit_length()} bits"
