"""The relay server for Godot 4 games that ``python -m peers serve --godot4`` runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from multiplayer import Dialect, SceneMultiplayer
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from peers.conditioned import ConditionedPeer
from peers.tls_options import TLSOptions
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

from .relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.statistics import Statistics
    from multiplayer.testing.simulation.conditions import Conditions


class Godot4Relay(Relay):
    """The server (1) of a Godot 4 session: it announces the clients and relays between them.

    It has no nodes. What is for the server itself is dropped and counted.

    Args:
        report: see :class:`Relay`.
        quiet: see :class:`Relay`.
        stats: see :class:`Relay`.
        heartbeat: see :class:`Relay`.
        conditions: what the network does to packets, both ways; None for nothing.
    """

    def __init__(
        self,
        report: Callable[[str], object],
        *,
        quiet: bool = False,
        stats: float = 0.0,
        heartbeat: float = SESSION_HEARTBEAT,
        conditions: Conditions | None = None,
    ) -> None:
        self.server = WebSocketMultiplayerPeer()
        self._conditions = conditions
        super().__init__(self.server, report, quiet=quiet, stats=stats, heartbeat=heartbeat)
        self._tls: TLSOptions | None = None
        self._api = SceneMultiplayer(dialect=Dialect.GODOT_4)
        self._api.discard_packets = True
        self._api.peer_connected.connect(self._welcome)
        self._api.peer_disconnected.connect(self._forget)

    def encrypt(self, certificate: str | Path, key: str | Path) -> None:
        """Serve ``wss`` only; see :class:`Relay`."""
        self._tls = TLSOptions.server(Path(key), Path(certificate))
        self._scheme = "wss"

    def listen(self, host: str, port: int) -> None:
        """Begin to accept clients; see :class:`Relay`."""
        self._host = host
        self.server.create_server(port, host, self._tls)
        conditions = self._conditions
        passed = self.server if conditions is None else ConditionedPeer(self.server, conditions)
        self._api.multiplayer_peer = passed

    def _driven(self) -> SceneMultiplayer:
        return self._api

    def _statistics(self) -> Statistics:
        total, counted = super()._statistics(), self._api.statistics
        total.drops["for the relay itself"] = counted.discarded
        total.violations.update(counted.rejected)
        return total

    def _forget(self, peer: int) -> None:
        self._see_off(peer, was_clean_close=self.server.get_peer(peer).failure is None)
