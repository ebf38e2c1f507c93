"""What ``rpc_id`` costs a client: ``python -m benchmarks.send_work DIALECT``.

From the call to the outbox; nothing is written meanwhile, since the calls are made while the client
polls. Prints JSON: microseconds of processor
time a call, of each burst.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Final

from multiplayer import Dialect, Node, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer

from .receiving import UNIFORM, Game

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 20.0
CALLS: Final = 250
BURSTS: Final = 60


def pair(dialect: Dialect) -> tuple[WebSocketMultiplayerPeer, WebSocketMultiplayerPeer]:
    """Return a server that listens and a client of it."""
    if dialect is Dialect.GODOT_4:
        server, client = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
        server.create_server(0, "127.0.0.1")
        client.create_client(f"ws://127.0.0.1:{server.get_local_port()}")
        return server, client
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
    return server, client


class Caller(Game):
    """Calls as often as it is measured, when it is called.

    Attributes:
        taken: how many seconds of processor time the last burst took.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0.0

    @rpc("any_peer")
    def seen(self) -> None:
        move, (_, arguments) = self.move, UNIFORM[0]
        begun = time.process_time()
        for _ in range(CALLS):
            move.rpc_id(1, *arguments)
        self.taken = time.process_time() - begun


class Sending:
    """A client that calls a server, both in this process.

    Attributes:
        api: the client's.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.server, self.client = pair(dialect)
        self._apis: list[SceneMultiplayer] = []
        self._games: list[Game] = []
        for peer, game in ((self.server, Game()), (self.client, Caller())):
            root = Node("root")
            root.add_child(game)
            api = SceneMultiplayer(root, dialect)
            api.multiplayer_peer = peer
            self._apis.append(api)
            self._games.append(game)
        self.api = self._apis[1]
        self._poll_until(lambda: bool(self._apis[1].get_peers()))
        self.once()  # which gives the path its number

    def _poll_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            for api in self._apis:
                api.poll()
            assert time.monotonic() < deadline, "not all has arrived"

    def once(self) -> float:
        """Return the microseconds that a call took, in one burst."""
        api, game = self._apis[0], self._games[1]
        assert isinstance(game, Caller)
        expected = api.statistics.calls_received + CALLS
        self._games[0].seen.rpc_id(self.client.get_unique_id())  # has the client begin
        self._poll_until(lambda: api.statistics.calls_received >= expected)
        return game.taken / CALLS * 1e6

    def close(self) -> None:
        """End the connection."""
        self.client.close()
        self.server.close()


def main() -> None:
    sending = Sending(Dialect[sys.argv[1]])
    for _ in range(3):
        sending.once()  # it warms up
    times = [sending.once() for _ in range(BURSTS)]
    sending.close()
    print(json.dumps({"times": times}))


if __name__ == "__main__":
    main()
