"""An interrupt at any line while a member loses its connection or comes back to its seat.

Afterwards its client comes back all the same: either nothing is missing, or both sides know that
the session has begun anew. Only who is told 1011 meanwhile does not try again.
"""

from __future__ import annotations

import gc
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus
from multiplayer.endpoint.server_role import ServerRole
from peers import Resume, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import Recorder
from tests.hostile.interrupted import Steps
from tests.kept import tables_of_floods, tables_of_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POINTS = 70


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no play before this one end in the midst of a line of ours."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Play:
    """A server, a client that loses its connection, and another one.

    Args:
        kind: the envelope.
        steps: interrupts polls of the server from the loss on.
    """

    def __init__(self, kind: str, steps: Steps) -> None:
        self.network = MemoryNetwork(seed=3)
        self.server: WebSocketMultiplayerPeer
        self.server = WebSocketMultiplayerPeer() if kind == "godot4" else WebSocketServer()
        self.network.add(self.server)
        self.server.grace = 20.0
        self.kind = kind
        if isinstance(self.server, WebSocketServer):
            self.server.listen(9080, gd_mp_api=True)
        else:
            self.server.create_server(9080)
        self.told = Recorder(self.server)
        self.client, self.other = self.join(), self.join()
        self.heard = Recorder(self.client)
        self.id = self.client.get_unique_id()
        self.count = 0
        self.got: dict[str, list[int]] = {"server": [], "client": []}
        self._steps = steps
        self._poll = self.server.poll

    def join(self) -> WebSocketMultiplayerPeer:
        client: WebSocketMultiplayerPeer
        client = WebSocketMultiplayerPeer() if self.kind == "godot4" else WebSocketClient()
        self.network.add(client)
        client.resume = Resume()
        if isinstance(client, WebSocketClient):
            client.connect_to_url("ws://server:9080", gd_mp_api=True)
        else:
            client.create_client("ws://server:9080")
        self.network.run_until(lambda: client.get_unique_id() > 1)
        return client

    def interrupted(self, play: Callable[[], None]) -> None:
        self.server.poll = lambda: self._steps(self._poll)  # type: ignore[method-assign]
        with undisturbed():
            play()
        self.server.poll = self._poll  # type: ignore[method-assign]

    def put(self) -> None:
        self.count += 1
        self.server.set_target_peer(self.id)
        self.server.put_packet(b"%d" % self.count)
        self.client.set_target_peer(1)
        self.client.put_packet(b"%d" % self.count)

    def fetch(self) -> None:
        for name, peer in (("server", self.server), ("client", self.client)):
            while peer.get_available_packet_count():
                sender = peer.get_packet_peer()
                data = peer.get_packet()
                if name == "client" or sender == self.id:
                    self.got[name].append(int(data))

    @property
    def is_over(self) -> bool:
        """Whether the client has given up."""
        return "server_disconnected" in self.heard

    def given_up(self) -> list[str]:
        """What is wrong if the client does not try again."""
        code = f"{self.client.failure} {self.client.get_peer(1).get_close_code()}"
        self.network.advance(30.0)  # longer than the grace
        return ([] if "1011" in code else [code]) + self.left()

    def check(self) -> list[str]:
        """What is wrong at the end."""
        faults: list[str] = []
        begun_anew = False in [args[0] for args in self.heard.of("session_resumed")]
        for name, numbers in self.got.items():
            if numbers != sorted({*numbers}):
                faults.append(f"{name} got {numbers}")
            if not begun_anew and numbers != [*range(1, self.count + 1)]:
                faults.append(f"{name} lacks some: {numbers}, replayed")
            if self.count not in numbers:
                faults.append(f"{name} has not the last one")
        if sorted(self.server.get_peers()) != sorted([self.id, self.other.get_unique_id()]):
            faults.append(f"{self.server.get_peers()} are here")
        if "peer_disconnected" in self.told:
            faults.append("somebody has left")
        suspended = self.told.of("peer_suspended").count((self.id,))
        resumed = [args for args in self.told.of("peer_resumed") if args[0] == self.id]
        if suspended < len(resumed) or not resumed:
            faults.append(f"{suspended} suspended, {len(resumed)} resumed")
        return faults + self.left()

    def left(self) -> list[str]:
        """Which tables are not empty once all have left."""
        for client in (self.client, self.other):
            client.disconnect_peer(1)
        self.network.advance(10.0)
        role = self.server._role
        assert isinstance(role, ServerRole)
        tables = {**tables_of_server(self.server), **tables_of_floods(self.server)}
        return [f"{name}: {[*table]}" for name, table in tables.items() if len(table)]


def played(kind: str, at: int) -> tuple[Steps, list[str]]:
    steps = Steps(at, KeyboardInterrupt)
    play = Play(kind, steps)
    for _ in range(3):
        play.put()
        play.network.settle()
    play.put()

    def lose_and_return() -> None:
        play.network.reset(play.client)
        play.network.settle()
        if not play.is_over:
            play.put()
        play.network.run_until(lambda: play.is_over or "session_resumed" in play.heard)

    play.interrupted(lose_and_return)
    for _ in range(20):
        play.network.advance(0.5)
        play.fetch()
    if not play.is_over:
        play.put()
    play.network.advance(5.0)
    play.fetch()
    return steps, play.given_up() if play.is_over else play.check()


def test_without_an_interrupt_nothing_is_missing() -> None:
    for kind in ("gd_mp", "godot4"):
        steps, faults = played(kind, 0)
        assert faults == []
        assert steps.count > POINTS


@pytest.mark.parametrize("kind", ["gd_mp", "godot4"])
def test_an_interrupt_at_any_line(kind: str) -> None:
    whole, _ = played(kind, 0)
    stride = max(1, whole.count // POINTS)
    places: set[str] = set()
    for at in range(1, whole.count, stride):
        steps, faults = played(kind, at)
        assert steps.where
        places.add(steps.where)
        if "memory/" not in steps.where:  # which is no code of a server with sockets
            assert faults == [], f"interrupted at {steps.where}"
    assert len(places) > POINTS // 2


# ---------------------------------------------------------------- taken over


def dialled(network: MemoryNetwork, query: str) -> tuple[WebSocketClient, list[bytes]]:
    """A plain client that has asked for a seat, and what it was told first."""
    client = network.add(WebSocketClient())
    client.connect_to_url(f"ws://server:9080/?resume=1{query}")
    network.settle()
    peer = client.get_peer(1)
    return client, [peer.get_packet() for _ in range(peer.get_available_packet_count())]


def taken_over(at: int) -> tuple[Steps, list[str]]:
    """Take a seat over that has a connection, interrupt that at one line, and do it again."""
    steps = Steps(at, KeyboardInterrupt)
    network = MemoryNetwork(seed=4)
    server = network.add(WebSocketServer())
    server.grace = 20.0
    server.listen(9080, gd_mp_api=True)
    told = Recorder(server)
    first, heard = dialled(network, "")
    (id_,) = server.get_peers()
    query = f"&seat={json.loads(heard[0])['seat']}&received=2&next=1"
    server.put_packet(b"one")
    network.settle()
    poll = server.poll
    server.poll = lambda: steps(poll)  # type: ignore[method-assign]
    with undisturbed():
        second, _ = dialled(network, query)
    steps.over = True
    server.poll = poll  # type: ignore[method-assign]
    network.settle()
    server.put_packet(b"two")
    network.settle()
    third, heard = dialled(network, query)
    faults: list[str] = []
    network.advance(1.0)
    greeting = json.loads(heard[0])
    packets = [data[9:] for data in heard if data[:1] == b"\0"]
    if greeting["replayed"] and packets != [b"one", b"two"]:
        faults.append(f"it lacks some: {packets}")
    names = [name for name, *args in told.log if str(name).startswith("peer_") and args[0] == id_]
    if names[:1] != ["peer_connected"] or names[-1:] != ["peer_resumed"]:
        faults.append(f"told {names}")
    changes = [name for name in names if name != "peer_connected"]
    if changes != ["peer_suspended", "peer_resumed"] * (len(changes) // 2):
        faults.append(f"told {names}")
    if server.get_peers() != [id_] or server.get_suspended_peers():
        faults.append(f"{server.get_peers()} are here")
    if ConnectionStatus.CONNECTION_CONNECTED in (
        first.get_connection_status(),
        second.get_connection_status(),
    ):
        faults.append("two have the seat")
    server.put_packet(b"three")
    network.settle()
    if third.get_peer(1).get_available_packet_count() != 1:
        faults.append("it hears nothing")
    return steps, faults


def test_an_interrupt_while_a_seat_is_taken_over() -> None:
    whole, faults = taken_over(0)
    assert faults == []
    stride = max(1, whole.count // POINTS)
    for at in range(1, whole.count, stride):
        steps, faults = taken_over(at)
        if "memory/" not in steps.where:  # which is no code of a server with sockets
            assert faults == [], f"interrupted at {steps.where}"
