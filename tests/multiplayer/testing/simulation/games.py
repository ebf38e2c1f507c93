"""A game of peers on a simulated network, and what they have heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer import NATIVE, Dialect, Node, SceneMultiplayer, rpc

if TYPE_CHECKING:
    from multiplayer.testing import SimulatedClient, SimulatedNetwork, SimulatedServer


class Arena(Node):
    """Notes what it is called with."""

    def __init__(self, name: str = "Arena") -> None:
        super().__init__(name)
        self.heard: list[tuple[int, object]] = []

    @rpc("any_peer", "reliable")
    def say(self, what: object) -> None:
        self._note(what)

    @rpc("any_peer", "unreliable")
    def move(self, what: object) -> None:
        self._note(what)

    @rpc("any_peer", "unreliable_ordered")
    def aim(self, what: object) -> None:
        self._note(what)

    @rpc("any_peer", "reliable")
    def double(self, number: int) -> int:
        return 2 * number

    def _note(self, what: object) -> None:
        assert self.multiplayer is not None
        self.heard.append((self.multiplayer.get_remote_sender_id(), what))


class Player:
    """One peer with its API and its arena."""

    def __init__(
        self,
        network: SimulatedNetwork,
        peer: SimulatedServer | SimulatedClient,
        dialect: Dialect = NATIVE,
    ) -> None:
        self.peer = peer
        peer.on_error = "raise"
        root = Node("root")
        self.arena = Arena()
        root.add_child(self.arena)
        self.api = SceneMultiplayer(root, dialect)
        self.api.on_error = "raise"
        self.api.multiplayer_peer = peer
        network.attach(self.api)

    @property
    def id(self) -> int:
        return self.api.get_unique_id()


def game(
    network: SimulatedNetwork, clients: int, envelope: str = "gd_mp", dialect: Dialect = NATIVE
) -> list[Player]:
    """A server and clients, all in one session."""
    server = network.create_server(envelope=envelope)
    players = [Player(network, server, dialect)]
    players += [Player(network, network.create_client(server), dialect) for _ in range(clients)]

    def together() -> bool:
        return all(len(each.api.get_peers()) == clients for each in players)

    network.run_until(together, timeout=60)
    return players


def call(player: Player, method: str, target: int, *arguments: Any) -> None:
    getattr(player.arena, method).rpc_id(target, *arguments)
