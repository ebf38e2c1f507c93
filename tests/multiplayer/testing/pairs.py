"""Pairs of ``LoopbackPeer`` for ``check_multiplayer_peer``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from multiplayer.testing import LoopbackNetwork, LoopbackPeer, check_multiplayer_peer

if TYPE_CHECKING:
    from collections.abc import Callable

Peer = TypeVar("Peer", bound=LoopbackPeer)


class Maker:
    """Makes pairs of a class.

    Args:
        class_: the class.
        network: makes what joins them.
        connects: clients have begun to connect when they are made.
    """

    def __init__(
        self,
        class_: Callable[[LoopbackNetwork], LoopbackPeer] = LoopbackPeer,
        network: Callable[[], LoopbackNetwork] = LoopbackNetwork,
        *,
        connects: bool = False,
    ) -> None:
        self._class = class_
        self._network = network
        self._connects = connects
        self._here: list[LoopbackPeer] = []

    def pair(self) -> tuple[LoopbackPeer, LoopbackPeer, Callable[[float], None]]:
        network = self._network()
        server = self._class(network)
        server.create_server()
        self._here = [server]
        client = self.another(server)
        return server, client, partial(self._advance, network)

    def another(self, server: LoopbackPeer) -> LoopbackPeer:
        client = self._class(server.network)
        if self._connects:
            client.create_client()
        self._here.append(client)
        return client

    def _advance(self, network: LoopbackNetwork, seconds: float) -> None:
        network.time += seconds
        for peer in self._here:
            peer.poll()


def begin(server: LoopbackPeer, client: LoopbackPeer) -> None:
    client.create_client()


def checked(
    class_: Callable[[LoopbackNetwork], LoopbackPeer] = LoopbackPeer, *without: str
) -> tuple[str, ...]:
    """Check a class with everything that there is."""
    maker = Maker(class_)
    return check_multiplayer_peer(maker.pair, connect=begin, another=maker.another, without=without)
