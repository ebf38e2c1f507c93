"""A session in one thread, with a clock that stands still between polls, in which all happens.

Whoever injects something into it replaces how polls are called; see :class:`World`.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer import ConnectionStatus, MultiplayerError, SceneMultiplayer, rpc
from peers import (
    HttpResponse,
    Refuse,
    SocketEngine,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
)
from tests.driving import Recorder
from tests.hostile.grounds import Ground, MemoryGround
from tests.raw import PING, frame, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peers import HttpRequest, UpgradeRequest
    from tests.hostile.grounds import RawGuest

TICK: Final = 0.05
"""How much time goes by from one poll to the next, in seconds of the session's clock."""
PATIENCE: Final = 600
"""How many polls anything may take."""
AFTERWARDS: Final = 70
"""How many polls take longer than ``close_timeout``: whom nothing reaches is given up by then."""
PASSWORD: Final = b"let me in"
CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED
SERVER: Final = 1


class Injector(Protocol):
    """What calls the polls of one object.

    Attributes:
        over: the session has been played; what comes is to show how it is.
    """

    over: bool

    def __call__(self, poll: Callable[[], None]) -> None: ...


class Clock:
    """The time of a session."""

    def __init__(self) -> None:
        self.now = 1000.0


def ground_of(clock: Clock, *, memory: bool, secure: bool) -> Ground:
    """Return what a session lives on whose time ``clock`` gives."""
    if memory:
        return MemoryGround(lambda: clock.now, secure=secure)
    return Ground(secure=secure)


class Game:
    """The object that both sides call."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    @rpc("any_peer")
    def say(self, number: int) -> int:
        """Asked at the server."""
        return number + 1

    @rpc("any_peer")
    def shout(self, number: int) -> None:
        """At the server: tell everybody."""
        self.hear.rpc(number)

    @rpc("any_peer")
    def hear(self, number: int) -> None:
        """At a client."""
        self.heard.append(number)


class Server(WebSocketServer):
    """With fixed ids, and a clock that stands still."""

    clock = Clock()

    def now(self) -> float:
        return self.clock.now

    def generate_unique_id(self) -> int:
        return next(self.ids)

    ids: Iterator[int] = iter(())


class Client(WebSocketClient):
    clock = Clock()

    def now(self) -> float:
        return self.clock.now


class Peer4(WebSocketMultiplayerPeer):
    """Server or client with Godot 4's envelope."""

    clock = Clock()
    ids: Iterator[int] = iter(())

    def now(self) -> float:
        return self.clock.now

    def generate_unique_id(self) -> int:
        return next(self.ids)


class Guest:
    """An honest client with an API."""

    def __init__(self, world: World) -> None:
        self.peer = world.make_client()
        self.told = Recorder(self.peer)
        self.api = SceneMultiplayer()
        self.game = Game()
        self.api.add("Game", self.game)
        self.packets: list[tuple[int, bytes]] = []
        self.reads = True
        if world.authenticates:
            self.api.auth_callback = lambda peer, data: None
            self.api.peer_authenticating.connect(self._log_in)
        self.api.peer_packet.connect(lambda peer, packet: self.packets.append((peer, packet)))
        self.api.multiplayer_peer = self.peer
        self.api_told = Recorder(self.api)

    def _log_in(self, peer: int) -> None:
        self.api.send_auth(peer, PASSWORD)
        self.api.complete_auth(peer)

    @property
    def is_in(self) -> bool:
        return self.peer.get_connection_status() == CONNECTED and SERVER in self.api.get_peers()

    @property
    def is_out(self) -> bool:
        return self.peer.get_connection_status() == DISCONNECTED

    @property
    def id(self) -> int:
        return self.peer.get_unique_id()

    def poll(self) -> None:
        if self.reads:
            self.api.poll()


class World:
    """A server with an API, its guests, and the time, all in one thread.

    Args:
        inject: calls the polls of ``subject``.
        subject: "server", or "client" for its first guest.
        godot4: with Godot 4's envelope instead of gd_mp.
        authenticates: there is a password.
        one_engine: all peers share one.
        memory: in a network in memory, not on sockets.
        secure: over TLS.
    """

    def __init__(
        self,
        inject: Injector,
        subject: str,
        *,
        godot4: bool = False,
        authenticates: bool = True,
        one_engine: bool = False,
        memory: bool = False,
        secure: bool = False,
    ) -> None:
        self.inject = inject
        self.subject = subject
        self.godot4 = godot4
        self.authenticates = authenticates
        self.engine = SocketEngine() if one_engine else None
        self.clock = Clock()
        self.ground = ground_of(self.clock, memory=memory, secure=secure)
        self.guests: list[Guest] = []
        self.raw: list[RawGuest] = []
        self.escaped: list[BaseException] = []
        self.server = self._make_server()
        self.told = Recorder(self.server)
        self.api = SceneMultiplayer()
        self.game = Game()
        self.api.add("Game", self.game)
        if authenticates:
            self.api.auth_callback = self._check
        self.api.peer_packet.connect(self._echo)
        self.api.multiplayer_peer = self.server
        self.api_told = Recorder(self.api)
        self._numbers = iter(range(1, 10**6))

    def _make_server(self) -> Server | Peer4:
        server = self.ground.add(Peer4() if self.godot4 else Server())
        self._share(server)
        server.clock = self.clock
        server.ids = iter(range(100, 10**6, 10))
        server.heartbeat_interval = 1.0
        server.upgrade_callback = self._decide
        server.http_callback = self._serve
        self.ground.listen(server)
        return server

    def make_client(self) -> Client | Peer4:
        client = self.ground.add(Peer4() if self.godot4 else Client())
        self._share(client)
        client.clock = self.clock
        self.ground.connect(client, self.server.get_local_port())
        return client

    def _share(self, peer: WebSocketMultiplayerPeer) -> None:
        if self.engine is not None:
            peer.use_engine(self.engine)

    @staticmethod
    def _decide(request: UpgradeRequest) -> Refuse | None:
        return Refuse(403, "not you") if request.path == "/no" else None

    @staticmethod
    def _serve(request: HttpRequest) -> HttpResponse | None:
        return HttpResponse(200, b"well") if request.path == "/health" else None

    def _check(self, peer: int, data: bytes) -> None:
        if data == PASSWORD:
            self.api.complete_auth(peer)

    def _echo(self, peer: int, packet: bytes) -> None:
        if peer in self.api.get_peers():
            self.api.send_bytes(b"re: " + packet, peer)

    # ---- driving

    def close(self) -> None:
        """Close everything, whatever state it is in."""
        for each in (self.server, *(guest.peer for guest in self.guests)):
            with suppress(Exception):
                each.close()
        for raw in self.raw:
            raw.sock.close()

    def join(self) -> Guest:
        guest = Guest(self)
        self.guests.append(guest)
        self.pump(6)
        return guest

    def dial(self, data: bytes) -> RawGuest:
        raw = self.ground.dial(self.server.get_local_port())
        self.raw.append(raw)
        raw.send(data)
        self.pump(2)
        return raw

    def pump(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            self.clock.now += TICK
            if self.subject == "server":
                self.inject(self.api.poll)
            else:
                self.api.poll()
            for index, guest in enumerate(self.guests):
                if self.subject == "client" and index == 0:
                    self.inject(guest.poll)
                else:
                    guest.poll()
            for raw in self.raw:
                raw.poll()

    def until(self, condition: Callable[[], object]) -> bool:
        for turn in range(PATIENCE):
            if condition():
                return True
            self.pump(1)
            if turn > PATIENCE // 4:  # what is left is the system's to deliver
                select.select([], [], [], 0.001)
        return bool(condition())

    # ---- what happens

    def play(self) -> None:
        """Let everything happen that can; whoever is gone is left alone."""
        port = self.server.get_local_port()
        first, second = self.join(), self.join()
        self.say(first, 1)
        self.dial(request(port, path="/no"))
        self.dial(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        third = self.join()
        self.say(third, 2)
        self.say(second, 3)
        resets = self.dial(request(port))
        if self.server.get_connection_status() == CONNECTED:
            self.send_all(b"to all")
        resets.reset()
        self.pump(2)
        wrong = self.dial(request(port))
        wrong.send(frame(b"x", PING, mask=b"1234") + b"\xff\xff\xff")
        self.pump(2)
        self.flood(third)
        fourth = self.join()
        if fourth.is_in:
            with suppress(MultiplayerError):
                self.api.disconnect_peer(fourth.id)
        self.pump(3)
        if second.is_in:
            second.api.disconnect_peer(SERVER)
        self.pump(4)
        for _ in range(30):
            self.pump(1)  # heartbeats, timeouts
        self.say(first, 4)

    def say(self, guest: Guest, number: int) -> None:
        if not guest.is_in:
            return
        with suppress(MultiplayerError):  # of a server that is there and cannot be spoken to
            guest.api.send_bytes(b"%d" % number, SERVER)
            guest.game.say.call_id(SERVER, number)
            guest.game.shout.rpc_id(SERVER, number)
            guest.api.send_bytes(b"everybody", 0)
            others = [each for each in guest.api.get_peers() if each != SERVER]
            if others:
                guest.api.send_bytes(b"only you", others[0])
                guest.api.send_bytes(b"not you", -others[0])
        self.pump(3)

    def send_all(self, packet: bytes) -> None:
        self.api.send_bytes(packet, 0)
        self.pump(2)

    def flood(self, reader: Guest) -> None:
        """Send to all, more than one of them reads."""
        for link, connection in [*self.server.endpoint.engine.connections.items()]:
            if link.peer_id == reader.id and connection.sock is not None:
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        _give_room(reader, 4096)
        reader.reads = False
        for number in range(24):
            if reader.id in self.api.get_peers():
                with suppress(MultiplayerError):
                    self.api.send_bytes(bytes(15000), 0)
                    self.api.send_bytes(b"you", reader.id)
                    self.game.hear.rpc(1000 + number)
                self.pump(1)
        _give_room(reader, 1 << 20)
        reader.reads = True
        self.pump(3)


def _give_room(reader: Guest, size: int) -> None:
    """Let the system hold so many bytes that a client has not read."""
    for connection in reader.peer.endpoint.engine.connections.values():
        if connection.sock is not None:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
