"""A session in memory: a server and clients, each with an object of its own at the same path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from multiplayer import NATIVE, Dialect, SceneMultiplayer

from .loopback import LoopbackPeer, Network

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
MOST_ROUNDS = 100
PATH = "Game"


class Gathering(Generic[T]):
    """A server (1) and clients (2, 3, …) with an object each.

    Attributes:
        network: between them.
        apis: by peer id.
        games: the objects, by peer id.
        rejected: what each peer dropped: the sender, the reason and the detail.
    """

    def __init__(
        self,
        *makers: Callable[[], T],
        relays: bool = True,
        dialect: Dialect = NATIVE,
        **options: Any,
    ) -> None:
        self.network = Network(relays=relays)
        self.apis: dict[int, SceneMultiplayer] = {}
        self.games: dict[int, T] = {}
        self.rejected: dict[int, list[tuple[int, str, str]]] = {}
        for peer_id, make in enumerate(makers, start=1):
            peer = LoopbackPeer(self.network, peer_id)
            api = self.apis[peer_id] = SceneMultiplayer(dialect=dialect, **options)
            game = self.games[peer_id] = make()
            log = self.rejected[peer_id] = []
            api.invalid_packet.connect(lambda *what, log=log: log.append(what))
            api.add(PATH, game)
            api.multiplayer_peer = peer
            if peer_id > 1:
                peer.link()
                self.settle()

    def poll(self) -> None:
        """Poll everybody once."""
        for api in self.apis.values():
            api.poll()

    def settle(self) -> None:
        """Poll until nothing is under way any more."""
        for _ in range(MOST_ROUNDS):
            self.poll()
            if not self.network.waiting:
                return
        raise AssertionError("it does not come to rest")

    def peer(self, peer_id: int) -> LoopbackPeer:
        """The peer below an API."""
        peer = self.apis[peer_id].multiplayer_peer
        assert isinstance(peer, LoopbackPeer)
        return peer

    def reasons(self, peer_id: int) -> list[str]:
        """Why that peer dropped what it dropped."""
        return [reason for _, reason, _ in self.rejected[peer_id]]
