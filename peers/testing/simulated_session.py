"""``SimulatedSession``: a session for a test in a network in a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from multiplayer import Dialect, MultiplayerPeer, Node, SceneMultiplayer

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

    def _begin_serving(self) -> None:
        envelope = "gd_mp" if self.in_gd_mp else "godot4"
        self._listening = self.network.create_server(envelope=envelope)
        self._give(self.server, self._listening)

    def _begin_joining(self, api: SceneMultiplayer) -> MultiplayerPeer:
        return self._give(api, self.network.create_client(self._listening))

    def _give(self, api: SceneMultiplayer, peer: MultiplayerPeer) -> MultiplayerPeer:
        peer.on_error = "raise"
        api.multiplayer_peer = peer
        self.network.attach(api)
        return peer
