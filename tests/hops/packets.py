"""One warm packet of each kind, over sockets, between polled peers of this process.

Everything here is public, so that it runs against any version.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import multiplayer
import peers
from multiplayer import ConnectionStatus, Dialect, MultiplayerPeer, Node, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer

from .counting import Hops, folders_of, hops

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import PacketPeer

NAMES = {Dialect.GODOT_3: "Godot 3", Dialect.GODOT_4: "Godot 4", Dialect.NATIVE: "NATIVE"}
PATIENCE = 20.0
WARM = 5
"""So many packets go before those that count."""
COUNTED = 5
"""Of so many the one that did least counts: what a clock sets off now and then is not the way."""

count: Callable[[Callable[[], object]], Hops] = partial(
    hops, folders=folders_of(multiplayer, peers)
)


def poll_until(
    condition: Callable[[], object], *polls: Callable[[], None], counted: bool = False
) -> Hops:
    """Poll in turn until ``condition()``; what the last of these polls did if it is ``counted``."""
    deadline = time.monotonic() + PATIENCE
    last = Hops(0, 0, 0, 0)
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        for poll in polls:
            if counted:
                last = count(poll)
            else:
                poll()
    return last


def least(once: Callable[[], Hops]) -> Hops:
    """Of some packets the one that did least, after some that warm up."""
    for _ in range(WARM):
        once()
    return min(once() for _ in range(COUNTED))


class End(NamedTuple):
    """What packets are put into and taken out of, and the object that is polled for it."""

    packets: PacketPeer
    poll: Callable[[], None]


class Packets:
    """A server and clients of it without an API on top, plain or gd_mp."""

    def __init__(self, clients: int, *, gd_mp: bool) -> None:
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        self.server.listen(0, gd_mp_api=gd_mp)
        self.clients: list[WebSocketClient] = []
        self.ids: list[int] = []
        self.server.peer_connected.connect(self.ids.append)
        self.server.client_connected.connect(lambda id_, *_: self.ids.append(id_))
        self._gd_mp = gd_mp
        polls = [self.server.poll]
        for _ in range(clients):
            client = WebSocketClient()
            client.connect_to_url(f"ws://127.0.0.1:{self.server.get_local_port()}", gd_mp_api=gd_mp)
            self.clients.append(client)
            polls.append(client.poll)
            poll_until(partial(_connected, client), *polls)
        self.settle()

    def ends(self) -> tuple[End, End]:
        """The server's and the first client's, each for packets to the other."""
        server, client = self.server, self.clients[0]
        if not self._gd_mp:
            ours, theirs = server.get_peer(self.ids[0]), client.get_peer(1)
            return End(ours, server.poll), End(theirs, client.poll)
        server.set_target_peer(self.ids[0])
        client.set_target_peer(1)
        return End(server, server.poll), End(client, client.poll)

    def settle(self) -> None:
        """Let everything arrive that is under way, and forget it."""
        for _ in range(5):
            for peer in (self.server, *self.clients):
                peer.poll()
                while self._gd_mp and peer.get_available_packet_count():
                    peer.get_packet()

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.stop()

    def arrives(self, sender: End, receiver: End) -> Hops:
        """A packet comes in: the poll that takes it, and ``get_packet()``."""

        def poll() -> None:
            receiver.poll()
            if receiver.packets.get_available_packet_count():
                taken.append(receiver.packets.get_packet())

        taken: list[bytes] = []
        sender.packets.put_packet(b"packet")
        sender.poll()
        done = poll_until(lambda: taken, poll, counted=True)
        assert taken == [b"packet"]
        return done

    def leaves(self, sender: End, receiver: End, *, polled: bool = False) -> Hops:
        """A packet goes out, with the next poll if it leaves then."""

        def put() -> None:
            sender.packets.put_packet(b"packet")
            if polled:
                sender.poll()

        done = count(put)
        poll_until(receiver.packets.get_available_packet_count, receiver.poll)
        assert receiver.packets.get_packet() == b"packet"
        self.settle()
        return done

    def passes(self) -> Hops:
        """A client's packet for all goes through the server."""
        received = self.server.statistics.packets_received
        self.clients[0].set_target_peer(0)
        self.clients[0].put_packet(b"packet")
        done = poll_until(
            lambda: self.server.statistics.packets_received > received,
            self.server.poll,
            counted=True,
        )
        poll_until(self.clients[1].get_available_packet_count, self.clients[1].poll)
        self.settle()
        return done


class Game(Node):
    """The same on both sides."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.called = 0

    @rpc("any_peer")
    def move(self, step: int) -> None:
        self.called += 1


class Calls:
    """A server and clients of it, each with an API and a node on it."""

    def __init__(self, dialect: Dialect, clients: int = 2) -> None:
        self.games: list[Game] = []
        self.apis: list[SceneMultiplayer] = []
        if dialect is Dialect.GODOT_4:
            self.server: WebSocketServer | WebSocketMultiplayerPeer = WebSocketMultiplayerPeer()
            self.server.create_server(0, "127.0.0.1")
        else:
            self.server = WebSocketServer()
            self.server.bind_ip = "127.0.0.1"
            self.server.listen(0, gd_mp_api=True)
        self._add(self.server, dialect)
        url = f"ws://127.0.0.1:{self.server.get_local_port()}"
        for _ in range(clients):
            if dialect is Dialect.GODOT_4:
                client: WebSocketClient | WebSocketMultiplayerPeer = WebSocketMultiplayerPeer()
                client.create_client(url)
            else:
                client = WebSocketClient()
                client.connect_to_url(url, gd_mp_api=True)
            api = self._add(client, dialect)
            ready = partial(_connected, client)
            poll_until(ready, *(one.poll for one in self.apis))
            here = len(self.apis) - 1
            poll_until(lambda: len(self.apis[0].get_peers()) == here, *(a.poll for a in self.apis))  # noqa: B023
            assert 1 in api.get_peers()
        self.settle()

    def _add(self, peer: MultiplayerPeer, dialect: Dialect) -> SceneMultiplayer:
        root, game = Node("root"), Game()
        root.add_child(game)
        api = SceneMultiplayer(root, dialect)
        api.multiplayer_peer = peer
        self.games.append(game)
        self.apis.append(api)
        return api

    def settle(self) -> None:
        for _ in range(5):
            for api in self.apis:
                api.poll()

    def close(self) -> None:
        for api in reversed(self.apis):
            peer = api.multiplayer_peer
            assert peer is not None
            peer.close()

    def arrives(self) -> Hops:
        """A client's call reaches the server."""
        before = self.games[0].called
        self.games[1].move.rpc_id(1, 7)
        done = poll_until(lambda: self.games[0].called > before, self.apis[0].poll, counted=True)
        self.settle()
        return done

    def leaves(self) -> Hops:
        """A client calls the server."""
        before = self.games[0].called
        done = count(lambda: self.games[1].move.rpc_id(1, 7))
        poll_until(lambda: self.games[0].called > before, self.apis[0].poll)
        self.settle()
        return done

    def passes(self) -> Hops:
        """A client's call of another goes through the server."""
        before = self.games[2].called
        other = self.apis[2].get_unique_id()
        received = self.server.statistics.packets_received
        self.games[1].move.rpc_id(other, 7)
        done = poll_until(
            lambda: self.server.statistics.packets_received > received,
            self.apis[0].poll,
            counted=True,
        )
        poll_until(lambda: self.games[2].called > before, self.apis[2].poll)
        self.settle()
        return done


def _connected(peer: MultiplayerPeer) -> bool:
    return peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED


def every_kind() -> dict[str, Hops]:
    """What each kind of packet, and of idle poll, does."""
    done: dict[str, Hops] = {}
    _without_an_api(done)
    for dialect, name in NAMES.items():
        calls = Calls(dialect)
        done[f"{name} RPC in (server)"] = least(calls.arrives)
        done[f"{name} RPC out (client)"] = least(calls.leaves)
        if dialect is Dialect.GODOT_4:
            done["Godot 4 RPC passed on to one (server)"] = least(calls.passes)
            idle = least(lambda: count(calls.apis[0].poll))  # noqa: B023 - called at once
        calls.close()
    done["idle `poll()` of an API (server)"] = idle
    return done


def _without_an_api(done: dict[str, Hops]) -> None:
    plain = Packets(1, gd_mp=False)
    server, client = plain.ends()
    done["plain in (client)"] = least(lambda: plain.arrives(server, client))
    done["plain out (client)"] = least(lambda: plain.leaves(client, server))
    plain.close()
    gd_mp = Packets(3, gd_mp=True)
    server, client = gd_mp.ends()
    done["gd_mp in (server)"] = least(lambda: gd_mp.arrives(client, server))
    done["gd_mp out (client)"] = least(lambda: gd_mp.leaves(client, server))
    gd_mp.server.set_target_peer(0)
    done["gd_mp to all 3 (server), with `poll()`"] = least(
        lambda: gd_mp.leaves(server, client, polled=True)
    )
    done["gd_mp passed on to 2 (server)"] = least(gd_mp.passes)
    done["idle `poll()` of a server"] = least(lambda: count(gd_mp.server.poll))
    done["idle `poll()` of a client"] = least(lambda: count(gd_mp.clients[0].poll))
    gd_mp.close()
