"""``SimulatedSession``: a session for a test in a network in a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from multiplayer import (
    Dialect,
    Error,
    MultiplayerError,
    MultiplayerPeer,
    Node,
    SceneMultiplayer,
)
from multiplayer.testing import SimulatedServer
from multiplayer.testing.simulation.simulated_peers import SimulatedPeer

from .games import JOINING, GameSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing import SimulatedNetwork

Root = TypeVar("Root", bound=Node)


class SimulatedSession(GameSession[Root]):
    """A session in a network in a box, in whose time nothing happens by itself.

    Args:
        network: the network.
        clients: how many.
        dialect: what they speak.
        root: called once for each API; returns the root of its tree.

    Attributes:
        network: the network: ``advance`` and the like let time pass for all.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense;
            ``ERR_CANT_CONNECT``: a client could not join.
    """

    def __init__(
        self,
        network: SimulatedNetwork,
        clients: int = 2,
        dialect: Dialect = Dialect.NATIVE,
        root: Callable[[], Root] = Node,
    ) -> None:
        self.network = network
        super().__init__(clients, dialect, root)

    def until(self, condition: Callable[[], object], timeout: float = JOINING) -> None:
        """Let time pass until ``condition()`` is true.

        Raises:
            MultiplayerError: as for ``network.run_until``.
        """
        self.network.run_until(condition, timeout)

    def settle(self) -> None:
        """Let what is under way arrive; see ``network.settle``."""
        self.network.settle()

    def restart(self, api: SceneMultiplayer) -> SceneMultiplayer:
        """End the process of one of the APIs, and begin it again, with a tree of its own.

        A schedule's ``restart`` does the same. What was :attr:`server`, or in :attr:`clients`, is
        replaced; clients connect again by themselves if it was one of theirs that ended.

        Returns:
            The new API.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it has no peer of this network.
        """
        peer = api.multiplayer_peer
        if not isinstance(peer, SimulatedPeer) or api not in (self.server, *self.clients):
            message = f"{api!r} is not one of this session; it may have been restarted since"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return self._replace(peer, self.network.restart(peer))

    def _replace(self, old: object, new: SimulatedPeer) -> SceneMultiplayer:
        """Give a peer that has been started again an API, in the place of the one before."""
        api = self._new_api()
        self._give(api, new)
        if isinstance(new, SimulatedServer):
            self.server, self._listening = api, new
        else:
            self.clients = [api if each.multiplayer_peer is old else each for each in self.clients]
            new.connection_succeeded.connect(lambda: self.ids.append(new.get_unique_id()))
        return api

    def _begin_serving(self) -> None:
        self.network.on_restart = self._replace
        envelope = "gd_mp" if self.in_gd_mp else "godot4"
        self._listening = self.network.create_server(envelope=envelope, handshake_timeout=JOINING)
        self._give(self.server, self._listening)

    def _begin_joining(self, api: SceneMultiplayer) -> MultiplayerPeer:
        # On a bad network a handshake may well take longer than the 3 s that there are else.
        peer = self.network.create_client(self._listening, handshake_timeout=JOINING)
        return self._give(api, peer)

    def _give(self, api: SceneMultiplayer, peer: MultiplayerPeer) -> MultiplayerPeer:
        self._peers.append(peer)
        peer.on_error = "raise"
        api.multiplayer_peer = peer
        self.network.attach(api)
        return peer
