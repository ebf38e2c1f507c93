"""What ``@rpc`` says about a method: who may call it, whether it also runs here, how it is sent.

Mirrors the annotation's words in Godot 4, the keywords of Godot 3, and ``Node.rpc_config``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.multiplayer_peer import TransferMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class RPCMode(IntEnum):
    """Godot 4's ``MultiplayerAPI.RPCMode``: who may call a method from elsewhere.

    ``RPC_MODE_MASTER`` is Godot 3's ``master``, which Godot 4 lacks: anybody may call it, but only
    at the node's authority.
    """

    RPC_MODE_DISABLED = 0
    RPC_MODE_ANY_PEER = 1
    RPC_MODE_AUTHORITY = 2
    RPC_MODE_MASTER = 3


class Local(Enum):
    """Whether a call to others (or to the caller itself) also runs on the caller's side."""

    NEVER = 0
    ALWAYS = 1
    WHERE_IT_APPLIES = 2
    """As Godot 3's ``master`` and ``puppet`` do: on the authority, or where it is not."""


@dataclass(frozen=True, slots=True)
class RpcConfig:
    """The configuration of one method or property.

    Attributes:
        mode: who may call it.
        local: whether it also runs on the caller's side.
        transfer_mode: how the call is sent.
        channel: on which channel, 0 to 255.
    """

    mode: RPCMode = RPCMode.RPC_MODE_AUTHORITY
    local: Local = Local.NEVER
    transfer_mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE
    channel: int = 0

    def accepts(self, sender: int, authority: int, own_id: int) -> bool:
        """Return whether ``sender`` may call it at ``own_id``, on a node of ``authority``."""
        if self.mode == RPCMode.RPC_MODE_ANY_PEER:
            return True
        if self.mode == RPCMode.RPC_MODE_AUTHORITY:
            return sender == authority and own_id != authority
        return self.mode == RPCMode.RPC_MODE_MASTER and own_id == authority

    def describe(self, authority: int) -> str:
        """Return in words who may call it, on a node of ``authority``."""
        if self.mode == RPCMode.RPC_MODE_AUTHORITY:
            return f"only the authority may, peer {authority}"
        if self.mode == RPCMode.RPC_MODE_MASTER:
            return f"only the authority takes such calls, peer {authority}"
        return "any peer may" if self.mode == RPCMode.RPC_MODE_ANY_PEER else "nobody may"

    @property
    def depends_on_authority(self) -> bool:
        """Whether what a call does on the caller's side depends on who has the node."""
        return self.local == Local.WHERE_IT_APPLIES or self.mode == RPCMode.RPC_MODE_MASTER

    def runs_here(self, *, is_authority: bool) -> bool:
        """Return whether a call that includes the caller runs on its own side."""
        if self.local == Local.WHERE_IT_APPLIES:
            return is_authority == (self.mode == RPCMode.RPC_MODE_MASTER)
        return self.local == Local.ALWAYS

    def is_sent(self, *, is_authority: bool) -> bool:
        """Return whether a call leaves at all: nobody else is the node's authority."""
        return not (is_authority and self.mode == RPCMode.RPC_MODE_MASTER)


_MODES: Final = {
    "any_peer": RPCMode.RPC_MODE_ANY_PEER,
    "authority": RPCMode.RPC_MODE_AUTHORITY,
}
_LOCALS: Final = {"call_local": Local.ALWAYS, "call_remote": Local.NEVER}
_TRANSFERS: Final = {
    "reliable": TransferMode.TRANSFER_MODE_RELIABLE,
    "unreliable": TransferMode.TRANSFER_MODE_UNRELIABLE,
    "unreliable_ordered": TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
}
_GODOT_3: Final = {
    "remote": (RPCMode.RPC_MODE_ANY_PEER, Local.NEVER),
    "remotesync": (RPCMode.RPC_MODE_ANY_PEER, Local.ALWAYS),
    "master": (RPCMode.RPC_MODE_MASTER, Local.WHERE_IT_APPLIES),
    "mastersync": (RPCMode.RPC_MODE_MASTER, Local.ALWAYS),
    "puppet": (RPCMode.RPC_MODE_AUTHORITY, Local.WHERE_IT_APPLIES),
    "puppetsync": (RPCMode.RPC_MODE_AUTHORITY, Local.ALWAYS),
}


def config_from_words(words: Sequence[str | int]) -> RpcConfig:
    """Return the configuration that the words of ``@rpc`` mean, in any order.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an unknown word, two that exclude each other,
            or a channel that is not 0 to 255.
    """
    said: dict[str, Any] = {}  # by the names of RpcConfig's attributes

    def say(what: str, value: object, word: str | int) -> None:
        if what in said:
            message = f"@rpc sets its {what} twice, the second time with {word!r}; remove one"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        said[what] = value

    for word in words:
        if isinstance(word, int) and not isinstance(word, bool):
            say("channel", _checked_channel(word), word)
        elif not isinstance(word, str):
            raise _unknown(word)
        elif word in _MODES:
            say("mode", _MODES[word], word)
        elif word in _LOCALS:
            say("local", _LOCALS[word], word)
        elif word in _TRANSFERS:
            say("transfer_mode", _TRANSFERS[word], word)
        elif word in _GODOT_3:
            mode, local = _GODOT_3[word]
            say("mode", mode, word)
            say("local", local, word)
        else:
            raise _unknown(word)
    return RpcConfig(**said)


def _unknown(word: object) -> MultiplayerError:
    known = ", ".join((*_MODES, *_LOCALS, *_TRANSFERS, *_GODOT_3))
    message = f"@rpc does not know {word!r}; it knows {known}, and a channel number"
    return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def config_from_dictionary(options: Mapping[str, object]) -> RpcConfig:
    """Return the configuration that Godot 4's ``rpc_config`` dictionary means.

    Args:
        options: any of ``rpc_mode``, ``transfer_mode``, ``call_local``, ``channel``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: another key, or a value that makes no sense.
    """
    unknown = set(options) - {"rpc_mode", "transfer_mode", "call_local", "channel"}
    if unknown:
        message = f"rpc_config does not know {', '.join(sorted(unknown))}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    channel = options.get("channel", 0)
    try:
        mode = RPCMode(options.get("rpc_mode", RPCMode.RPC_MODE_AUTHORITY))
        transfer = TransferMode(options.get("transfer_mode", TransferMode.TRANSFER_MODE_RELIABLE))
    except ValueError as error:
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, f"rpc_config: {error}") from None
    local = Local.ALWAYS if options.get("call_local", False) else Local.NEVER
    return RpcConfig(mode, local, transfer, _checked_channel(channel))


def _checked_channel(channel: object) -> int:
    if isinstance(channel, int) and 0 <= channel <= 255:
        return channel
    message = f"an RPC's channel must be 0 to 255, not {channel!r}"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
