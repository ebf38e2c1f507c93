"""gdpeers under ``peers.run``: ``ours.py DIALECT server``, or ``… client PORT SECONDS``."""

from __future__ import annotations

import json
import sys

import trio

from benchmarks.callers.job import ARGUMENTS, WINDOW, WINDOWS_UNDER_WAY, Receiver, Sender
from multiplayer import Dialect, Node, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer, run


class Game(Node):
    """The same on both sides."""

    def __init__(self, sender: Sender | None = None) -> None:
        super().__init__("Game")
        self._receiver = Receiver()
        self._sender = sender

    @rpc("any_peer")
    def move(self, entity: int, x: float, y: float, state: str) -> None:
        del entity, x, y, state
        if self._receiver.handle():
            self.seen.rpc_id(self.multiplayer.get_remote_sender_id())

    @rpc("any_peer")
    def seen(self) -> None:
        assert self._sender is not None
        if self._sender.told():
            self.send_window()
        elif self._sender.calls_a_second:
            self.multiplayer.multiplayer_peer.close()

    def send_window(self) -> None:
        for _ in range(WINDOW):
            self.move.rpc_id(1, *ARGUMENTS)


def api_with(game: Game, dialect: Dialect) -> SceneMultiplayer:
    """Return an API with the game in its tree."""
    root = Node("root")
    root.add_child(game)
    return SceneMultiplayer(root, dialect)


async def serve(dialect: Dialect) -> None:
    api = api_with(Game(), dialect)
    if dialect is Dialect.GODOT_4:
        peer = WebSocketMultiplayerPeer()
        peer.create_server(0, "127.0.0.1")
    else:
        peer = WebSocketServer()
        peer.bind_ip = "127.0.0.1"
        peer.listen(0, gd_mp_api=True)
    print(f"port {peer.get_local_port()}", flush=True)
    api.multiplayer_peer = peer
    await run(api)


async def call(dialect: Dialect, port: int, seconds: float) -> None:
    sender = Sender(seconds)
    game = Game(sender)
    api = api_with(game, dialect)
    url = f"ws://127.0.0.1:{port}"
    if dialect is Dialect.GODOT_4:
        peer = WebSocketMultiplayerPeer()
        peer.create_client(url)
    else:
        peer = WebSocketClient()
        peer.connect_to_url(url, gd_mp_api=True)
    api.multiplayer_peer = peer

    def begin() -> None:
        sender.begin()
        for _ in range(WINDOWS_UNDER_WAY):
            game.send_window()

    api.connected_to_server.connect(begin)
    await run(api)
    print(json.dumps(sender.calls_a_second))


if __name__ == "__main__":
    chosen = Dialect[sys.argv[1]]
    if sys.argv[2] == "server":
        trio.run(serve, chosen)
    else:
        trio.run(call, chosen, int(sys.argv[3]), float(sys.argv[4]))
