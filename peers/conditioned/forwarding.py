"""``Forwarding``: a peer that has another one's clock, settings and knowledge of connections."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError, MultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from multiplayer import Limits


class Forwarding(MultiplayerPeer, ABC):
    """What a peer that wraps another one passes on to it.

    Args:
        inner: the other one.

    Attributes:
        inner: the same.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a peer.
    """

    inner: MultiplayerPeer

    def __init__(self, inner: MultiplayerPeer) -> None:
        if not isinstance(inner, MultiplayerPeer):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{inner!r} is not a MultiplayerPeer: wrap the peer, then give it to its API"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self.inner = inner
        super().__init__()
        self.refuse_new_connections = inner.refuse_new_connections
        self.handlers.below = inner.handlers

    # ---------------------------------------------------------------- the computer

    def now(self) -> float:
        """Return the inner peer's time."""
        return self.inner.now()

    def randbits(self, bits: int) -> int:
        """Return a random number of the inner peer's."""
        return self.inner.randbits(bits)

    def generate_unique_id(self) -> int:
        """Return an id of the inner peer's making."""
        return self.inner.generate_unique_id()

    def has_given_id(self, id: int) -> bool:  # noqa: A002 - as elsewhere
        """Return whether a client has an id, here or as the inner peer knows it."""
        return id in self.get_peers() or self.inner.has_given_id(id)

    def may_log(self, id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        """Count a log line about what a peer did; return whether it may be written."""
        return self.inner.may_log(id, level)

    # ---------------------------------------------------------------- settings

    @property
    def limits(self) -> Limits:
        """The inner peer's."""
        return self.inner.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self.inner.limits = limits

    @property
    def server_relay(self) -> bool:
        """The inner peer's."""
        return self.inner.server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        self.inner.server_relay = relay

    @property
    def holds_new_peers(self) -> bool:
        """The inner peer's."""
        return self.inner.holds_new_peers

    @holds_new_peers.setter
    def holds_new_peers(self, hold: bool) -> None:
        self.inner.holds_new_peers = hold

    @property
    def is_id_elsewhere(self) -> Callable[[int], bool] | None:
        """The inner peer's, which draws the ids."""
        return self.inner.is_id_elsewhere

    @is_id_elsewhere.setter
    def is_id_elsewhere(self, is_elsewhere: Callable[[int], bool] | None) -> None:
        self.inner.is_id_elsewhere = is_elsewhere

    # ---------------------------------------------------------------- what it knows

    def is_server_relay_supported(self) -> bool:
        """Return whether the API above has to announce and relay."""
        return self.inner.is_server_relay_supported()

    def is_plain(self) -> bool:
        """Return whether there is no session."""
        return self.inner.is_plain()

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have."""
        return self.inner.get_max_packet_size(channel)

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - as elsewhere
        """Return whether a peer left by itself and without notice."""
        return self.inner.left_silently(id)

    # ---------------------------------------------------------------- what an API tells it

    def note_not_admitted(self, why: str = "") -> None:
        """Note that the API above did not get into the session."""
        self.inner.note_not_admitted(why)

    def tell_renewed(self, id: int) -> Collection[int]:  # noqa: A002 - Godot's name
        """Tell clients that a peer has come back and begins anew; return which were told."""
        return self.inner.tell_renewed(id)

    def get_suspended_peers(self) -> list[int]:
        """Return which peers have lost their connections and may come back."""
        return self.inner.get_suspended_peers()

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Announce a peer that is held to the others, and them to it."""
        self.inner.admit_peer(id)

    def wake(self) -> None:
        """Make whoever waits for this peer poll it at once."""
        self.inner.wake()

    @property
    def api_is_polling(self) -> Callable[[], bool] | None:
        """Tells whether the API is in its own poll, for ours after an interrupt."""
        return self.inner.api_is_polling

    @api_is_polling.setter
    def api_is_polling(self, is_polling: Callable[[], bool] | None) -> None:
        self.inner.api_is_polling = is_polling

    def flush(self) -> None:
        """Send what has been handed over to the inner peer, now instead of at its next poll."""
        self.inner.flush()
