"""What users give a simulated network: seeds, names and settings of its peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.signals import Signal

_NUMBER: Final = "number"  # an attribute of a peer, but the network's


def check_seed(seed: object) -> int:
    """Return what somebody gives as a seed: any int.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is none.
    """
    if not isinstance(seed, int):
        message = f"seed must be an int, not {seed!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return seed


def check_name(name: object) -> None:
    """Raise unless charts can show a peer's name.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: they cannot.
    """
    if not isinstance(name, str) or not name.isprintable():
        message = f"a peer's name must be a str of one line, not {name!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def give(peer: object, word: str, setting: str, value: object) -> None:
    """Set a peer's attribute, if it is a setting: nothing that can be called, or only read.

    Args:
        peer: the peer.
        word: "server" or "client".
        setting: the attribute.
        value: its value.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is none; others as the setting does.
    """
    there = hasattr(peer, setting) and not setting.startswith("_") and setting != _NUMBER
    if there and not isinstance(getattr(type(peer), setting, None), Callable | Signal):
        try:
            setattr(peer, setting, value)
        except AttributeError:  # it can only be read
            pass
        else:
            return
    message = f"a simulated {word} has no setting {setting!r}"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
