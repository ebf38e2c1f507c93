"""Sessions in memory whose programs all have the same tree, for tests of replication."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, Node, SceneMultiplayer
from tests.multiplayer.scene.loopback import LoopbackPeer, Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import RejectReason

A, B, C = 20, 30, 40


class Kind(NamedTuple):
    """A dialect, and whether peers announce and relay, or the API does."""

    dialect: Dialect
    gd_mp: bool


NATIVE_KINDS = [Kind(NATIVE, True), Kind(NATIVE, False)]
KINDS = [*NATIVE_KINDS, Kind(GODOT_4, False)]


def name_of(kind: Kind) -> str:
    return f"{kind.dialect.name}-{'gd_mp' if kind.gd_mp else 'godot4'}"


each_kind = pytest.mark.parametrize("kind", KINDS, ids=name_of)
each_native = pytest.mark.parametrize("kind", NATIVE_KINDS, ids=name_of)


class Game:
    """A server (1) and clients.

    Attributes:
        apis: by id.
        network: with the log of all packets.
        rejected: what was dropped: at whom, from whom, why, and in which words.
    """

    def __init__(
        self,
        kind: Kind,
        build: Callable[[SceneMultiplayer], object],
        *clients: int,
        validate: bool = False,
    ) -> None:
        self.kind = kind
        self.network = Network(relays=kind.gd_mp)
        self.apis: dict[int, SceneMultiplayer] = {}
        self.peers: dict[int, LoopbackPeer] = {}
        self.rejected: list[tuple[int, int, RejectReason, str]] = []
        self._build = build
        self._validate = validate
        self._add(1)
        for client in clients:
            self.join(client)

    def _add(self, own_id: int) -> SceneMultiplayer:
        api = SceneMultiplayer(Node("root"), self.kind.dialect, validate=self._validate)
        api.on_error = "raise"
        api.invalid_packet.connect(
            lambda peer, reason, words: self.rejected.append((own_id, peer, reason, words))
        )
        self._build(api)
        self.apis[own_id] = api
        self.peers[own_id] = api.multiplayer_peer = LoopbackPeer(self.network, own_id)
        return api

    def join(self, own_id: int) -> SceneMultiplayer:
        api = self._add(own_id)
        self.peers[own_id].link()
        self.tick(4)
        return api

    def leave(self, own_id: int) -> None:
        self.peers[own_id].drop()
        self.tick(3)
        del self.apis[own_id], self.peers[own_id]

    def tick(self, count: int = 3) -> None:
        """Poll all, the server first, so often."""
        for _ in range(count):
            for api in [*self.apis.values()]:
                api.poll()

    def at(self, own_id: int, path: str) -> Node:
        root = self.apis[own_id].root
        assert root is not None
        return root.get_node(path)

    def has(self, own_id: int, path: str) -> bool:
        root = self.apis[own_id].root
        return root is not None and root.has_node(path)

    def packets(self) -> list[bytes]:
        """What was sent since the last time."""
        sent = [each.payload for each in self.network.log]
        self.network.log.clear()
        return sent
