"""``python -m tests.peers.forks HOW KIND…``: a program that forks; it prints ``fine`` at its end.

With a ``HOW`` of :data:`CHILDREN` the child does that with what it inherited, and ends; the parent
then looks whether everything is as it was. With ``daemon`` and ``daemon_client`` the child goes on
instead of the parent. Everything is bounded: who hangs is ended by an alarm.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import trio

from peers import (
    SocketEngine,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
    connect,
    emissions,
    run,
    serve,
)
from peers.testing import Pair
from tests.driving import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0
KINDS = ("gd_mp", "godot4", "plain", "tls", "one engine")
LEFT = {"peer_disconnected", "client_disconnected", "client_close_request"}


class World:
    """A server, and a client of it, polled."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.engine = SocketEngine()
        self.server = self._serve()
        self.at_server = Recorder(self.server)
        self.client = self._connect()
        self.at_client = Recorder(self.client)
        self.wait(lambda: self.client in self)

    def _serve(self) -> WebSocketMultiplayerPeer:
        if self.kind == "tls":
            from tests.peers.tls_sessions import secure_server  # noqa: PLC0415 - half a second

            return secure_server()
        if self.kind == "godot4":
            peer = WebSocketMultiplayerPeer()
            peer.create_server(0, "127.0.0.1")
            return peer
        server = WebSocketServer()
        if self.kind == "one engine":
            server.use_engine(self.engine)
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=self.kind != "plain")
        return server

    def _connect(self) -> WebSocketMultiplayerPeer:
        port = self.server.get_local_port()
        if self.kind == "godot4":
            peer = WebSocketMultiplayerPeer()
            peer.create_client(f"ws://127.0.0.1:{port}")
            return peer
        client, scheme = WebSocketClient(), "ws"
        if self.kind == "tls":
            from tests.peers.tls_sessions import secure_client  # noqa: PLC0415 - half a second

            client, scheme = secure_client(), "wss"
        if self.kind == "one engine":
            client.use_engine(self.engine)
        client.connect_to_url(f"{scheme}://127.0.0.1:{port}", gd_mp_api=self.kind != "plain")
        return client

    def __contains__(self, client: WebSocketMultiplayerPeer) -> bool:
        return client.get_connection_status() == client.CONNECTION_CONNECTED and (
            self.kind == "plain" or self.server.get_peers() != []
        )

    def wait(self, condition: Callable[[], object], *others: WebSocketMultiplayerPeer) -> None:
        Pair(self.server, self.client).until(
            lambda: ([each.poll() for each in others], condition())[1], PATIENCE
        )

    def poll(self) -> None:
        self.server.poll()
        self.client.poll()

    def ask(self, client: WebSocketMultiplayerPeer) -> None:
        """Send a packet to the server, and one back."""
        if self.kind == "plain":
            self._ask_in_plain_mode(client)
            return
        client.set_target_peer(1)
        client.put_packet(b"there")
        self.wait(self.server.get_available_packet_count, client)
        self.server.set_target_peer(self.server.get_packet_peer())
        assert self.server.get_packet() == b"there"
        self.server.put_packet(b"and back")
        self.wait(client.get_available_packet_count, client)
        assert client.get_packet() == b"and back"

    def _ask_in_plain_mode(self, client: WebSocketMultiplayerPeer) -> None:
        senders: list[int] = []
        assert isinstance(self.server, WebSocketServer)
        self.server.data_received.connect(senders.append, one_shot=True)
        client.get_peer(1).put_packet(b"there")
        self.wait(lambda: senders, client)
        connection = self.server.get_peer(senders[0])
        assert connection.get_packet() == b"there"
        connection.put_packet(b"and back")
        self.wait(client.get_peer(1).get_available_packet_count, client)
        assert client.get_peer(1).get_packet() == b"and back"

    def check(self) -> None:
        """Everything is as it was: who is there stays, and newcomers are let in."""
        self.ask(self.client)
        newcomer = self._connect()
        self.wait(
            lambda: newcomer.get_connection_status() == newcomer.CONNECTION_CONNECTED, newcomer
        )
        self.ask(newcomer)
        self.ask(self.client)
        assert not LEFT.intersection(map(str, self.at_server.names()))
        assert self.client.get_connection_status() == self.client.CONNECTION_CONNECTED
        newcomer.close()
        self.client.close()
        self.server.close()


# ---------------------------------------------------------------- what children do


def exit_at_once(world: World) -> NoReturn:
    del world
    os._exit(0)


def exit_normally(world: World) -> NoReturn:
    del world
    sys.exit(0)  # whatever is to be done at exit is done


def stop(world: World) -> NoReturn:
    world.server.close()  # what a WebSocketServer calls stop(), too
    assert world.server.get_local_port() == 0
    os._exit(0)


def close(world: World) -> NoReturn:
    world.client.close()
    os._exit(0)


def leave(world: World) -> NoReturn:
    """Everything that sends or closes, without polling."""
    world.client.disconnect_peer(1)
    world.server.set_target_peer(0)
    if world.kind != "plain":
        world.server.put_packet(b"from the child")
        world.client.set_target_peer(1)
    world.server.flush()
    world.client.flush()
    for peer in world.server.get_peers():
        world.server.disconnect_peer(peer, force=True)
    os._exit(0)


def serve_again(world: World) -> NoReturn:
    """A server and a client of its own, with the objects that it inherited."""
    world.client.close()
    world.server.close()
    World(world.kind).check()
    world.__init__(world.kind)
    world.check()
    os._exit(0)


CHILDREN: dict[str, Callable[[World], NoReturn]] = {
    child.__name__: child
    for child in (exit_at_once, exit_normally, stop, close, leave, serve_again)
}


def fork_and_look(how: str, kind: str) -> None:
    world = World(kind)
    world.ask(world.client)
    child = os.fork()
    if not child:
        signal.alarm(int(PATIENCE))
        CHILDREN[how](world)
    await_child(child, world.poll)
    world.check()


def forget(how: str, kind: str) -> None:
    """The child drops everything, and collects the garbage."""
    del how
    worlds = [World(kind)]
    child = os.fork()
    if not child:
        signal.alarm(int(PATIENCE))
        worlds.clear()
        gc.collect()
        os._exit(0)
    await_child(child, worlds[0].poll)
    worlds[0].check()


def await_child(child: int, poll: Callable[[], object] = lambda: None) -> None:
    """Poll until the child has ended, well."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        assert time.monotonic() < deadline, "the child does not end"
        poll()
        time.sleep(0.001)


# ---------------------------------------------------------------- in other places


def in_a_listener(how: str, kind: str) -> None:
    """The child leaves the poll in which it was made, when there is something to be sent."""
    del how
    world = World(kind)
    children: list[int] = []

    def answer(sender: int) -> None:
        world.server.set_target_peer(sender)
        world.server.put_packet(world.server.get_packet())
        child = os.fork()
        if not child:
            signal.alarm(int(PATIENCE))
            sys.exit(0)
        children.append(child)
        await_child(child)

    world.server.peer_packet.connect(answer, one_shot=True)
    world.client.set_target_peer(1)
    world.client.put_packet(b"once")
    world.wait(world.client.get_available_packet_count)
    assert len(children) == 1
    assert world.client.get_packet() == b"once"
    world.check()
    assert world.client.get_peer(1).statistics.violations.total() == 0


def under_trio(how: str, kind: str) -> None:
    """The child closes what trio runs in its parent."""
    del how, kind

    async def main() -> None:
        async with serve(0) as server, emissions(server.peer_packet) as packets:
            url = f"ws://127.0.0.1:{server.get_local_port()}"
            async with connect(url) as client:
                child = os.fork()
                if not child:
                    signal.alarm(int(PATIENCE))
                    server.stop()
                    client.close()
                    os._exit(0)
                with trio.fail_after(PATIENCE):
                    await trio.to_thread.run_sync(await_child, child)
                    client.set_target_peer(1)
                    client.put_packet(b"there")
                    await anext(packets)
                    assert server.get_packet() == b"there"
                    async with connect(url) as newcomer:
                        assert newcomer.get_unique_id() in server.get_peers()

    trio.run(main)


def look_up(how: str, kind: str) -> None:
    """The parent's look-up ends although the child has all descriptors; the child's begins anew."""
    del how, kind
    world = World("gd_mp")
    address = ("127.0.0.1", world.server.get_local_port())
    may_go_on = threading.Event()

    def slowly(host: str, port: int, **_: object) -> object:
        del host, port
        may_go_on.wait(PATIENCE)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address)]

    socket.getaddrinfo = slowly  # type: ignore[assignment]
    client = WebSocketClient()
    client.connect_to_url("ws://a.name:1", gd_mp_api=True)
    client.poll()
    child_may_end, end_child = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(int(PATIENCE))
        os.close(end_child)
        may_go_on.set()
        world.client.close()
        world.server.close()  # its port stays: the parent listens
        while client.get_connection_status() != client.CONNECTION_CONNECTED:
            client.poll()
        os.read(child_may_end, 1)
        os._exit(0)
    may_go_on.set()
    world.wait(lambda: len(world.server.get_peers()) == 3, client)
    assert client.get_connection_status() == client.CONNECTION_CONNECTED
    os.write(end_child, b"x")
    await_child(child, world.poll)
    world.ask(world.client)
    for peer in (client, world.client, world.server):
        peer.close()


# ---------------------------------------------------------------- children that go on


def daemon(how: str, kind: str) -> None:
    """The parent leaves a server with a client to the child, which polls it, or runs it."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    print("port", server.get_local_port(), flush=True)
    deadline = time.monotonic() + PATIENCE
    while not server.get_peers():
        server.poll()
        assert time.monotonic() < deadline
    if os.fork():
        os._exit(0)
    signal.alarm(int(PATIENCE))

    def answer(sender: int) -> None:
        packet = server.get_packet()
        server.set_target_peer(sender)
        server.put_packet(packet)
        if packet == b"stop":
            server.disconnect_peer(sender)

    server.peer_packet.connect(answer)
    left: list[int] = []
    server.peer_disconnected.connect(left.append)
    if how == "daemon_run":
        server.peer_disconnected.connect(lambda _: server.stop())
        trio.run(run, server)
    else:
        while not left:
            server.poll()
            time.sleep(0.001)
        server.stop()
    assert len(left) == 1
    del kind


def daemon_client(how: str, url: str) -> None:
    """The parent leaves a connected client to the child."""
    del how
    client = WebSocketClient()
    client.connect_to_url(url, gd_mp_api=True)
    deadline = time.monotonic() + PATIENCE
    while client.get_connection_status() != client.CONNECTION_CONNECTED:
        client.poll()
        assert time.monotonic() < deadline
    if os.fork():
        os._exit(0)
    signal.alarm(int(PATIENCE))
    client.poll()
    client.set_target_peer(1)
    client.put_packet(b"from the child")
    while client.get_connection_status() == client.CONNECTION_CONNECTED:
        client.poll()
        time.sleep(0.001)
    assert client.get_peer(1).get_close_code() == 1000


OTHERS: dict[str, Callable[[str, str], None]] = {
    "forget": forget,
    "in_a_listener": in_a_listener,
    "under_trio": under_trio,
    "look_up": look_up,
    "daemon": daemon,
    "daemon_run": daemon,
    "daemon_client": daemon_client,
}


def main() -> None:
    _, how, *kinds = sys.argv
    for kind in kinds:
        OTHERS.get(how, fork_and_look)(how, kind)
    print("fine", flush=True)


if __name__ == "__main__":
    main()
