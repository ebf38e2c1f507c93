"""Simulated peers beside those over WebSockets: the same plays, the same signals and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Limits, MultiplayerError, TransferMode
from multiplayer.testing import SimulatedNetwork
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PORT = 9080
SECOND = 1.0


class World:
    """Peers of a kind, and what they emit, with names instead of ids."""

    def __init__(self, envelope: str) -> None:
        self.envelope = envelope
        self.said: list[str] = []
        self.made: list[tuple[str, Any, Recorder]] = []

    def note(self, name: str, peer: Any) -> Any:
        self.made.append((name, peer, Recorder(peer, without=("peer_packet", "peer_drained"))))
        return peer

    def pass_time(self, seconds: float = SECOND) -> None:
        """Let time pass; note afterwards what each has emitted meanwhile, in the order of peers."""
        self.network.advance(seconds)
        names = {peer.get_unique_id(): name for name, peer, _ in self.made}
        self.names.update({peer: name for peer, name in names.items() if peer})
        for name, _, heard in self.made:
            for signal, *rest in heard.log:
                words = [self._word(each) for each in rest]
                self.said.append(" ".join([name, str(signal), *words]))
            heard.log.clear()

    names: dict[object, str]
    network: Any

    def _word(self, word: object) -> str:
        if isinstance(word, int) and word >= 1 << 16:  # in plain mode clients know no ids
            return self.names.setdefault(word, f"peer {len(self.names)}")
        return str(self.names.get(word, word))

    def counts(self) -> Iterator[str]:
        """What is counted, without what a byte more or less changes."""
        for name, peer, _ in self.made:
            found = peer.statistics
            yield f"{name}: {found.packets_received} came"
            for what in (found.drops, found.violations, found.limits_reached):
                yield f"{name}: {sorted((+what).items())}"


class Bytes(World):
    def __init__(self, envelope: str) -> None:
        super().__init__(envelope)
        self.network, self.names = MemoryNetwork(seed=1), {}

    def server(self, **settings: Any) -> Any:
        godot4 = self.envelope == "godot4"
        made = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
        server = self.network.add(made)
        for name, value in settings.items():
            setattr(server, name, value)
        if isinstance(server, WebSocketServer):
            server.listen(PORT, gd_mp_api=self.envelope == "gd_mp")
        else:
            server.create_server(PORT)
        return self.note("server", server)

    def client(self, name: str, **settings: Any) -> Any:
        made = WebSocketMultiplayerPeer() if self.envelope == "godot4" else WebSocketClient()
        client = self.network.add(made)
        for setting, value in settings.items():
            setattr(client, setting, value)
        url = f"ws://127.0.0.1:{PORT}"
        if isinstance(client, WebSocketClient):
            client.connect_to_url(url, gd_mp_api=self.envelope == "gd_mp")
        else:
            client.create_client(url)
        return self.note(name, client)


class Box(World):
    def __init__(self, envelope: str) -> None:
        super().__init__(envelope)
        self.network, self.names = SimulatedNetwork(seed=1), {}

    def server(self, **settings: Any) -> Any:
        made = self.network.create_server(PORT, envelope=self.envelope, **settings)
        return self.note("server", made)

    def client(self, name: str, **settings: Any) -> Any:
        made = self.network.create_client(PORT, envelope=self.envelope, name=name, **settings)
        return self.note(name, made)


# ---------------------------------------------------------------- the plays


def three(world: World, **settings: Any) -> tuple[Any, Any, Any]:
    server = world.server(**settings)
    one = world.client("one")
    world.pass_time()
    other = world.client("other")
    world.pass_time()
    return server, one, other


def comes_and_goes(world: World) -> None:
    _, one, other = three(world)
    one.close()
    world.pass_time()
    other.begin_leaving(4001)
    world.pass_time()


def sends_in_all_modes(world: World) -> None:
    server, one, other = three(world)
    for mode in TransferMode:
        server.send_packet(b"down", 0, mode)
        one.send_packet(b"up", 1, mode)
        if world.envelope == "gd_mp":
            other.send_packet(b"across", one.get_unique_id(), mode, 3)
    world.pass_time()
    while one.get_available_packet_count():
        how = one.get_packet_peer(), one.get_packet_mode().name, one.get_packet_channel()
        world.said.append(f"{world.names.get(how[0], how[0])} {how[1:]} {one.get_packet()!r}")


def server_leaves(world: World) -> None:
    server, _, _ = three(world)
    server.begin_leaving(4012)
    world.pass_time(10)


def server_is_closed(world: World) -> None:
    server, _, _ = three(world)
    server.close()
    world.pass_time(10)


def is_sent_away(world: World) -> None:
    server, one, other = three(world)
    server.expel_peer(one.get_unique_id(), "enough")
    world.pass_time(10)
    world.said.append(f"{one.get_peer(1).get_close_code()} {one.get_peer(1).get_close_reason()}")
    server.disconnect_peer(other.get_unique_id(), force=True)
    world.pass_time(10)
    world.said.append(f"{other.get_peer(1).get_close_code()}")


def is_refused(world: World) -> None:
    server, _, _ = three(world, limits=Limits(max_peers=2))
    refused = world.client("refused")
    world.pass_time()
    world.said.append(f"{refused.failure.stage} {'503' in refused.failure.detail}")
    server.refuse_new_connections = True
    refused = world.client("late")
    world.pass_time()
    world.said.append(f"{refused.failure.stage} {'403' in refused.failure.detail}")


def stands_still(world: World) -> None:
    _, one, _ = three(world, heartbeat_interval=1.0)
    world.pass_time(20)
    world.network.pause(one)
    world.pass_time(20)
    world.network.resume(one)
    world.pass_time(20)
    world.said.append(str(one.failure is not None))


def sends_too_much(world: World) -> None:
    limits = Limits(packets_per_second=5, max_violations=2)
    server, one, _ = three(world, limits=limits)
    for _ in range(100):
        try:
            one.send_packet(b"x", 1)
        except MultiplayerError:
            break
        world.pass_time(0.01)
    world.pass_time(10)
    world.said.append(f"{one.get_peer(1).get_close_code()} {server.get_peers() != []}")


def sends_too_long(world: World) -> None:
    _, one, _ = three(world, inbound_buffer_size=1000)
    one.send_packet(bytes(2000), 1)
    world.pass_time(10)
    world.said.append(f"{one.get_peer(1).get_close_code()} {one.failure is None}")


def does_not_fetch(world: World) -> None:
    server, one, _ = three(world, max_queued_packets=5)
    for number in range(12):
        one.send_packet(b"%d" % number, 1)
    world.pass_time()
    while server.get_available_packet_count():
        world.said.append(f"{server.get_available_packet_count()} {server.get_packet()!r}")
        world.pass_time()


def is_late(world: World) -> None:
    server, one, other = three(world)
    peer = one.get_unique_id()
    one.close()
    world.pass_time()
    server.send_packet(b"late", peer)
    if world.envelope == "gd_mp":
        other.send_packet(b"late", peer)
    world.pass_time()


def holds_newcomers(world: World) -> None:
    server = world.server(holds_new_peers=world.envelope == "gd_mp")
    one = world.client("one")
    world.pass_time()
    world.client("other")
    world.pass_time()
    if world.envelope == "gd_mp":
        for peer in sorted(server.get_peers(), key=lambda peer: world.names[peer]):
            server.admit_peer(peer)
            world.pass_time()
    one.close()
    world.pass_time()


def does_not_relay(world: World) -> None:
    server, one, other = three(world, server_relay=world.envelope != "gd_mp")
    one.send_packet(b"to all", 0)
    if world.envelope == "gd_mp":
        one.send_packet(b"to the other", other.get_unique_id())
    world.pass_time()
    world.said.append(f"{server.get_available_packet_count()}")


def again(world: World) -> None:
    server, one, _ = three(world)
    server.close()
    world.pass_time()
    world.said.append(str(one.get_connection_status().name))
    server = world.client("nobody")
    world.pass_time(10)


PLAYS: list[Callable[[World], None]] = [
    comes_and_goes,
    sends_in_all_modes,
    server_leaves,
    server_is_closed,
    is_sent_away,
    is_refused,
    stands_still,
    sends_too_much,
    sends_too_long,
    does_not_fetch,
    is_late,
    holds_newcomers,
    does_not_relay,
    again,
]

PLAIN: list[Callable[[World], None]] = [
    comes_and_goes,
    server_leaves,
    server_is_closed,
    is_refused,
    again,
]


CASES = [(play, envelope) for play in PLAYS for envelope in ("gd_mp", "godot4")]
CASES += [(play, "plain") for play in PLAIN]


@pytest.mark.parametrize(
    ("play", "envelope"), CASES, ids=[f"{play.__name__}-{envelope}" for play, envelope in CASES]
)
def test_both_say_and_count_the_same(play: Callable[[World], None], envelope: str) -> None:
    worlds = Bytes(envelope), Box(envelope)
    for world in worlds:
        play(world)
    over_bytes, in_a_box = worlds
    assert len(over_bytes.said) > 4
    assert in_a_box.said == over_bytes.said
    assert [*in_a_box.counts()] == [*over_bytes.counts()]
