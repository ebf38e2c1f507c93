"""What a call to a group costs a server: ``python -m benchmarks.group_work``.

Arguments: gd_mp or godot4, how many are in the group, how many join. Raw clients join and read. The
server calls a method at some of them by ``rpc_to`` a group, by ``rpc_to`` a list and by a loop of
``rpc_id``, and at all clients by ``rpc``, in turns. Only the processor time of calls and flushes
counts, writing included. Prints JSON: microseconds a call.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from multiplayer import Node, SceneMultiplayer, rpc
from peers import WebSocketMultiplayerPeer, WebSocketServer

from .handshake import request

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20
ROUNDS = 15
PATIENCE = 30.0


class Chat(Node):
    """The node whose method is called."""

    @rpc
    def say(self, text: str, number: int) -> None: ...


class Serving:
    """A server with an API, and raw clients that have joined."""

    def __init__(self, envelope: str, clients: int) -> None:
        self.chat = Chat("Chat")
        root = Node("root")
        root.add_child(self.chat)
        self.api = SceneMultiplayer(root)
        server = WebSocketMultiplayerPeer() if envelope == "godot4" else WebSocketServer()
        server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
        if isinstance(server, WebSocketServer):
            server.bind_ip = "127.0.0.1"
            server.listen(0, gd_mp_api=True)
        else:
            server.create_server(0, "127.0.0.1")
        self.server = server
        self.api.multiplayer_peer = server
        self.socks = [self._join(number) for number in range(clients)]

    def _join(self, before: int) -> socket.socket:
        port = self.server.get_local_port()
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        sock.sendall(request(port))
        deadline = time.monotonic() + PATIENCE
        while len(self.api.get_peers()) == before:
            self.api.poll()
            assert time.monotonic() < deadline, "a client could not join"
        return sock

    def drain(self) -> None:
        """Read and forget what the clients have been sent."""
        for sock in self.socks:
            while select.select([sock], [], [], 0)[0]:
                assert sock.recv(1 << 20), "the server has ended a connection"

    def cost(self, call: Callable[[int], object]) -> float:
        """Call often, and flush; the microseconds that a call took."""
        self.api.poll()
        self.drain()
        begun = time.process_time()
        for number in range(CALLS):
            call(number)
        self.api.flush()
        return (time.process_time() - begun) / CALLS * 1e6


def main() -> None:
    envelope, members, clients = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    serving = Serving(envelope, clients)
    say = serving.chat.say
    group = serving.api.group("some")
    group.add(*serving.api.get_peers()[:members])
    some = [*group]

    def one_by_one(number: int) -> None:
        for peer in some:
            say.rpc_id(peer, "hello", number)

    ways: dict[str, Callable[[int], object]] = {
        "group": lambda number: say.rpc_to(group, "hello", number),
        "list": lambda number: say.rpc_to(some, "hello", number),
        "loop": one_by_one,
        "all": lambda number: say.rpc("hello", number),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(serving.cost(way))
    serving.server.close()
    print(json.dumps({name: median(each[1:]) for name, each in times.items()}))


if __name__ == "__main__":
    main()
