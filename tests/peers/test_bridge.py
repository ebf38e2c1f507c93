"""``Bridge`` over the servers of ``peers``: the gate that gives ids, and clients that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import peers
from multiplayer import Dialect, SceneMultiplayer
from multiplayer.game import Bridge
from peers import ConditionedPeer, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer import MultiplayerPeer


class Match:
    """A server of each dialect in memory, and clients that only have their ids."""

    def __init__(self, *, conditioned: bool = False) -> None:
        self.network = MemoryNetwork()
        self.servers: list[WebSocketMultiplayerPeer] = []
        apis: list[SceneMultiplayer] = []
        for number, dialect in enumerate((Dialect.GODOT_3, Dialect.GODOT_4, Dialect.NATIVE)):
            four = dialect == Dialect.GODOT_4
            server = WebSocketMultiplayerPeer() if four else WebSocketServer()
            server.grace = 30.0
            self.network.add(server)
            if isinstance(server, WebSocketServer):
                server.listen(9080 + number, gd_mp_api=True)
            else:
                server.create_server(9080 + number)
            self.servers.append(server)
            peer: MultiplayerPeer = ConditionedPeer(server, "lan") if conditioned else server
            api = SceneMultiplayer(dialect=dialect)
            api.multiplayer_peer = peer
            apis.append(api)
        self.bridge = Bridge(apis)

    def client(self, number: int) -> WebSocketMultiplayerPeer:
        url = f"ws://localhost:{9080 + number}/"
        if number == 1:
            four = WebSocketMultiplayerPeer()
            four.resume = peers.Resume()
            self.network.add(four)
            four.create_client(url)
            return four
        client = WebSocketClient()
        client.resume = peers.Resume()
        self.network.add(client)
        client.connect_to_url(url, gd_mp_api=True)
        return client

    def until_joined(self, clients: Sequence[MultiplayerPeer]) -> None:
        def joined() -> bool:
            self.bridge.poll()
            ids = {client.get_unique_id() for client in clients}
            return 0 not in ids and ids == {*self.bridge.get_peers()}

        self.network.run_until(joined)


@pytest.mark.parametrize("conditioned", [False, True], ids=["bare", "conditioned"])
def test_servers_that_draw_the_same_ids_give_different_ones(
    monkeypatch: pytest.MonkeyPatch, conditioned: bool
) -> None:
    def count(server: WebSocketMultiplayerPeer) -> int:
        drawn = last[id(server)] = last.get(id(server), 1) + 1
        return drawn

    last: dict[int, int] = {}
    monkeypatch.setattr(WebSocketMultiplayerPeer, "generate_unique_id", count)
    match = Match(conditioned=conditioned)
    clients = [match.client(number) for number in (0, 1, 2, 0, 1, 2)]  # all at one moment
    match.until_joined(clients)
    assert sorted(client.get_unique_id() for client in clients) == [2, 3, 4, 5, 6, 7]


def test_a_bridge_hears_who_is_away_and_comes_back() -> None:
    match = Match()
    bridge = match.bridge
    clients = [match.client(number) for number in range(3)]
    match.until_joined(clients)
    heard: list[tuple[object, ...]] = []
    bridge.peer_suspended.connect(lambda peer: heard.append(("away", peer)))
    bridge.peer_resumed.connect(lambda *args: heard.append(("back", *args)))
    bridge.peer_disconnected.connect(lambda peer: heard.append(("left", peer)))
    for client in clients:
        me = client.get_unique_id()
        match.network.reset(client)
        match.network.settle()
        bridge.poll()
        assert heard == [("away", me)]
        assert bridge.get_suspended_peers() == [me]
        assert me in bridge.get_peers()
        match.network.advance(1.0)
        bridge.poll()
        assert heard == [("away", me), ("back", me, True)]
        assert bridge.get_suspended_peers() == []
        heard.clear()


def test_a_server_that_begins_anew_asks_the_others_again(monkeypatch: pytest.MonkeyPatch) -> None:
    match = Match()
    first = match.client(0)
    match.until_joined([first])
    mine = first.get_unique_id()
    ids = iter([mine, 77])
    monkeypatch.setattr(WebSocketMultiplayerPeer, "generate_unique_id", lambda _: next(ids))
    match.servers[2].close()
    fresh = WebSocketServer()
    match.network.add(fresh)
    fresh.listen(9090, gd_mp_api=True)
    match.bridge.apis[2].multiplayer_peer = fresh
    match.bridge.poll()
    second = WebSocketClient()
    match.network.add(second)
    second.connect_to_url("ws://localhost:9090/", gd_mp_api=True)
    match.until_joined([first, second])
    assert match.bridge.get_peers() == [mine, 77]


def test_after_an_interrupt_another_bridge_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    match = Match()
    match.bridge.close()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Bridge, "_listen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Bridge(match.bridge.apis)
    match.bridge = Bridge(match.bridge.apis)
    client = match.client(2)
    match.until_joined([client])
