"""``Straight``: whether packets may go from the queue to the API without waiting in the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from multiplayer.runs import RelayTaker, RunTaker


class Straight:
    """What the straight way of one peer depends on, other than the connections.

    Attributes:
        taker: the API; None without one, or if there is somebody else who has to see each packet.
        relay: what of the API passes packets on; None if it does not, and as above.
    """

    __slots__ = ("_api", "_discards", "_listeners", "_relay", "relay", "taker")

    def __init__(self) -> None:
        self.taker: RunTaker | None = None
        self.relay: RelayTaker | None = None
        self._api: RunTaker | None = None
        self._relay: RelayTaker | None = None
        self._discards = False
        self._listeners: Mapping[Callable[..., object], Any] = {}

    def lead_to(self, api: RunTaker | None, relay: RelayTaker | None = None) -> None:
        """Let an API take runs, and pass packets on if it does; None for none."""
        self._judge()
        self._api, self._relay = api, relay
        self._judge()

    def note_discards(self, *, discards: bool) -> None:
        """Note whether packets for this program are dropped."""
        self._discards = discards
        self._judge()

    def note_listeners(self, listeners: Mapping[Callable[..., object], Any]) -> None:
        """Note who listens to ``peer_packet``."""
        self._listeners = listeners
        self._judge()

    def note_change(self) -> None:
        """Note that something else has changed: a limit, or the session."""
        self._judge()

    def _judge(self) -> None:
        api = self._api
        self.taker = self.relay = None
        if api is None:
            return
        api.forget()
        listeners = self._listeners
        if not self._discards and len(listeners) == 1 and api.listener in listeners:
            self.taker, self.relay = api, self._relay
