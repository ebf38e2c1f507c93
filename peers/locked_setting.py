"""Settings that cannot change while the peer object that has them is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, overload

from multiplayer import ConnectionStatus, Error, MultiplayerError

if TYPE_CHECKING:
    from typing import Self

    from multiplayer import MultiplayerPeer

Value = TypeVar("Value")


class LockedSetting(Generic[Value]):
    """A data descriptor; setting it raises ``ERR_ALREADY_IN_USE`` unless disconnected.

    Args:
        default: the initial value.
    """

    def __init__(self, default: Value) -> None:
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, peer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, peer: MultiplayerPeer, owner: type) -> Value: ...

    def __get__(self, peer: MultiplayerPeer | None, owner: type) -> Self | Value:
        return self if peer is None else vars(peer).get(self._name, self._default)

    def is_set(self, peer: MultiplayerPeer) -> bool:
        """Return whether somebody has set it."""
        return self._name in vars(peer)

    def __set__(self, peer: MultiplayerPeer, value: Value) -> None:
        if peer.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = f"{self._name} cannot change while this peer is in use; close() it first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        vars(peer)[self._name] = value
