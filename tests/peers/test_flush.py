"""``flush()``: what a polled server has put or called leaves without another ``poll()``."""

from __future__ import annotations

import pytest

from multiplayer import OfflineMultiplayerPeer, SceneMultiplayer, rpc
from peers.testing import Pair, connected_pair


class Board:
    def __init__(self) -> None:
        self.shown: list[int] = []

    @rpc
    def show(self, number: int) -> None:
        self.shown.append(number)


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
def test_what_a_server_calls_after_its_poll_leaves_with_flush(godot4: bool) -> None:
    pair_of = connected_pair(godot4=True) if godot4 else connected_pair()
    with pair_of as pair:
        server, client, here, there = SceneMultiplayer(), SceneMultiplayer(), Board(), Board()
        server.add("Board", here)
        client.add("Board", there)
        server.multiplayer_peer, client.multiplayer_peer = pair
        apis = Pair(server, client)  # type: ignore[type-var]
        apis.until(lambda: client.get_peers() and server.get_peers())
        here.show.rpc(1)
        apis.until(lambda: there.shown)
        received = pair.client.statistics.packets_received
        here.show.rpc(2)
        client.poll()
        assert pair.client.statistics.packets_received == received
        server.flush()
        Pair(pair.client, pair.client).until(lambda: len(there.shown) == 2)


def test_what_a_server_puts_for_all_leaves_with_flush() -> None:
    with connected_pair() as pair:
        pair.server.set_target_peer(0)
        pair.server.put_packet(b"tick")
        pair.server.flush()
        Pair(pair.client, pair.client).until(pair.client.get_available_packet_count)
        assert pair.client.get_packet() == b"tick"


def test_without_a_connection_there_is_nothing_to_send() -> None:
    OfflineMultiplayerPeer().flush()
    api = SceneMultiplayer()
    api.flush()
    api.multiplayer_peer = None
    api.flush()
