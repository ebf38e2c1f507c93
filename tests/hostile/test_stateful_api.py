"""A server with ``SceneMultiplayer``, honest clients and a hostile one, in any order of events.

Every call of the honest peers runs exactly once, where it should, and no other does in their name.
What the server replicates is the same at all honest ones, and nobody else changes it. At the end
nothing is kept of anybody.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from multiplayer import (
    GODOT_4,
    NATIVE,
    Dialect,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    PendingCall,
    SceneMultiplayer,
    SceneReplicationConfig,
    Vector2,
    rpc,
)
from multiplayer.wire.dialects.choice import wire_of
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.kept import peers_kept
from tests.raw import BINARY, frame, request

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 10.0
MASK: Final = b"abcd"
PATH: Final = "Game"
METHODS: Final = ("hear", "only_server", "twice")

SPAWNER, STATE = 3, 4
"""The hostile peer's numbers for the spawner, and for the synchronizer of the flag."""
MOST_THINGS: Final = 6

Call = tuple[int, int, str, int]
"""At whom, from whom, which method, with what number."""


class Game:
    def __init__(self, api: SceneMultiplayer, log: list[Call]) -> None:
        self._api = api
        self._log = log

    def _note(self, method: str, number: int) -> None:
        sender = self._api.get_remote_sender_id()
        self._log.append((self._api.get_unique_id(), sender, method, number))

    @rpc("any_peer")
    def hear(self, number: int) -> None:
        self._note("hear", number)

    @rpc("any_peer")
    def twice(self, number: int) -> int:
        self._note("twice", number)
        return 2 * number

    @rpc("authority")
    def only_server(self, number: int) -> None:
        self._note("only_server", number)

    def undeclared(self, number: int) -> None:
        raise AssertionError(number)


class Thing(Node):
    def __init__(self, name: str = "Thing") -> None:
        super().__init__(name)
        self.position = Vector2(0, 0)
        self.hp = 0
        config = SceneReplicationConfig()
        for path, mode in ((".:position", 1), (".:hp", 2)):
            config.add_property(path)
            config.property_set_replication_mode(path, mode)
        sync = MultiplayerSynchronizer("Sync")
        sync.replication_config = config
        self.add_child(sync)


class World(Node):
    """What the server replicates: things that it spawns, and a flag."""

    def __init__(self) -> None:
        super().__init__("root")
        self.things, self.flag = Node("Things"), Thing("Flag")
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_path = "../Things"
        spawner.add_spawnable_scene("thing", Thing)
        for part in (self.things, self.flag, spawner):
            self.add_child(part)

    def seen(self) -> list[tuple[str, int, Vector2]]:
        things = [self.flag, *self.things.children]
        return [(each.name, each.hp, each.position) for each in things if isinstance(each, Thing)]


def attacks_of(dialect: Dialect) -> list[bytes]:
    """Packets that spawn, end and set what the server has, from somebody who may not."""
    wire = wire_of(dialect).replication
    assert wire is not None
    position, hp = wire.state([Vector2(6, 6)]), wire.delta_state([66])
    both = wire.state([Vector2(6, 6), 66])
    scene = "thing" if wire.names_scenes else 0
    packets = [wire.spawn(scene, SPAWNER, 1, [2], "X", None, both)]
    packets += [wire.spawn(None, SPAWNER, 3, [4], "Y", wire.state(["Y"]), both)]
    packets += [wire.despawn(number) for number in (1, 2, 3)]
    for number in (1, 2, 4, 0x8000_0000 | STATE):
        packets += [wire.sync(7, wire.sync_element(number, position))]
        packets += [wire.delta(wire.delta_element(number, 1, hp))]
    return packets


class HostileAmongCallers(RuleBasedStateMachine):
    dialect: ClassVar[Dialect] = NATIVE
    godot4: ClassVar[bool] = False

    @initialize()
    def begin(self) -> None:
        self.wire = wire_of(self.dialect)
        self.log: list[Call] = []
        self.expected: list[Call] = []
        self.asked: list[tuple[PendingCall[int], int]] = []
        self.games: dict[int, Game] = {}
        self.worlds: dict[int, World] = {}
        self.apis: dict[int, SceneMultiplayer] = {}
        self.ever: set[int] = {1}
        self.number = 0
        self.hostile: socket.socket | None = None
        self.server: WebSocketMultiplayerPeer
        if self.godot4:
            self.server = WebSocketMultiplayerPeer()
            self.server.create_server(0, "127.0.0.1")
        else:
            listening = self.server = WebSocketServer()
            listening.bind_ip = "127.0.0.1"
            listening.listen(0, gd_mp_api=True)
        self.server.close_timeout = self.server.handshake_timeout = 0.3
        self._give_api(self.server)
        for _ in range(2):
            self.honest_joins()

    def _give_api(self, peer: WebSocketMultiplayerPeer) -> SceneMultiplayer:
        world = World()
        api = SceneMultiplayer(world, dialect=self.dialect, validate=True)
        game = Game(api, self.log)
        api.add(PATH, game)
        api.multiplayer_peer = peer
        self.apis[-len(self.apis)] = api  # until it has an id
        self._until(api.get_unique_id)
        own = api.get_unique_id()
        self.apis = {key: value for key, value in self.apis.items() if value is not api}
        self.apis[own], self.games[own], self.worlds[own] = api, game, world
        self.ever.add(own)
        return api

    def _until(self, condition: Callable[[], object]) -> None:
        """Poll everybody until something is true."""
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up, "did not come true"
            for api in list(self.apis.values()):
                api.poll()

    @property
    def clients(self) -> list[int]:
        return sorted(peer for peer in self.apis if peer != 1)

    # ------------------------------------------------------------ honest

    @precondition(lambda self: len(self.clients) < 4)
    @rule()
    def honest_joins(self) -> None:
        port = self.server.get_local_port()
        url = f"ws://127.0.0.1:{port}"
        client: WebSocketMultiplayerPeer
        if self.godot4:
            client = WebSocketMultiplayerPeer()
            client.create_client(url)
        else:
            connecting = client = WebSocketClient()
            connecting.connect_to_url(url, gd_mp_api=True)
        self._give_api(client)
        everybody = {*self.apis}
        self._until(
            lambda: all({*api.get_peers()} >= everybody - {p} for p, api in self.apis.items())
        )

    @precondition(lambda self: len(self.clients) > 1)
    @rule(which=st.integers(0, 3))
    def honest_leaves(self, which: int) -> None:
        self.everything_has_arrived()
        leaver = self.clients[which % len(self.clients)]
        self._leave(leaver)
        self._until(lambda: not any(leaver in api.get_peers() for api in self.apis.values()))

    def _leave(self, leaver: int) -> None:
        api = self.apis[leaver]
        api.multiplayer_peer.close()
        self._until(lambda: not api.get_peers())
        self._until(lambda: not self.worlds[leaver].things.children)
        del self.apis[leaver], self.games[leaver], self.worlds[leaver]
        assert not peers_kept(api)

    @rule(
        which=st.integers(0, 4),
        to=st.integers(0, 5),
        method=st.sampled_from(["hear", "twice", "ask"]),
    )
    def honest_calls(self, which: int, to: int, method: str) -> None:
        everybody = sorted(self.apis)
        caller = everybody[which % len(everybody)]
        others = [peer for peer in everybody if peer != caller]
        self.number += 1
        if to >= len(others) and method != "ask":
            getattr(self.games[caller], method).rpc(self.number)
            receivers = others
        else:
            receivers = [others[to % len(others)]]
            if method == "ask":
                method = "twice"
                if self.dialect is NATIVE:
                    call = self.games[caller].twice.call_id(receivers[0], self.number)
                    self.asked.append((call, 2 * self.number))
                    self.expected.append((receivers[0], caller, method, self.number))
                    return
            getattr(self.games[caller], method).rpc_id(receivers[0], self.number)
        self.expected += [(peer, caller, method, self.number) for peer in receivers]

    @rule()
    def server_calls_everybody(self) -> None:
        self.number += 1
        self.games[1].only_server.rpc(self.number)
        self.expected += [(peer, 1, "only_server", self.number) for peer in self.clients]

    @precondition(lambda self: len(self.worlds[1].things.children) < MOST_THINGS)
    @rule()
    def server_spawns(self) -> None:
        self.number += 1
        self.worlds[1].things.add_child(Thing(f"T{self.number}"))

    @precondition(lambda self: self.worlds[1].things.children)
    @rule(which=st.integers(0, MOST_THINGS), frees=st.booleans())
    def server_changes_or_frees(self, which: int, frees: bool) -> None:
        things = self.worlds[1].things
        thing = things.children[which % len(things.children)]
        assert isinstance(thing, Thing)
        if frees:
            things.remove_child(thing)
        else:
            thing.hp += 1
            thing.position = Vector2(thing.hp, 0)

    @rule()
    def all_see_the_same(self) -> None:
        expected = self.worlds[1].seen()
        self._until(lambda: all(world.seen() == expected for world in self.worlds.values()))

    @rule()
    def everything_has_arrived(self) -> None:
        self._until(lambda: len(self._of_honest()) >= len(self.expected))
        self._until(lambda: all(call.done for call, _ in self.asked))
        assert sorted(self._of_honest()) == sorted(self.expected)
        for route in {(at, sender) for at, sender, _, _ in self.expected}:
            heard = [call for call in self.log if call[:2] == route]
            assert heard == [call for call in self.expected if call[:2] == route]
        assert all(call.result() == value for call, value in self.asked)
        self.log.clear()
        self.expected.clear()
        self.asked.clear()

    def _of_honest(self) -> list[Call]:
        return [call for call in self.log if call[1] in self.ever]

    # ------------------------------------------------------------ hostile

    @precondition(lambda self: self.hostile is None)
    @rule()
    def hostile_connects(self) -> None:
        port = self.server.get_local_port()
        self.hostile = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.hostile.setblocking(False)
        before = {*self.server._role.clients.members}
        self._send(request(port))
        self._until(lambda: len(self.server._role.clients.members) > len(before))
        (self.hostile_id,) = {*self.server._role.clients.members} - before

    def _send(self, data: bytes) -> None:
        assert self.hostile is not None
        with suppress(OSError):
            self.hostile.send(data)
        self.apis[1].poll()

    def _message(self, to: int, packet: bytes) -> bytes:
        if not self.godot4:
            packet = gd_mp.packet(self.hostile_id, to, packet)
        elif to != 1:
            packet = self.wire.relay(to, packet)
        return frame(packet, BINARY, mask=MASK) if packet else b""

    def _valid(self) -> list[bytes]:
        wire, honest = self.wire, self.clients[0]
        packets = [wire.announce(1, PATH, list(METHODS)), wire.announce(2, "Main", ["hear"])]
        for position, name in enumerate(METHODS):
            call = wire.call(name, position, [7])
            packets += [call.by_number(1, shortest=True), call.by_number(2, shortest=False)]
        packets += [wire.raw(b"x"), wire.authenticate(b"secret"), wire.authenticate(b"")]
        packets += [wire.add_peer(77), wire.del_peer(honest), wire.relay(honest, packets[2])]
        if wire.confirms:
            packets += [wire.confirm(1, PATH, agrees=agrees) for agrees in (True, False)]
            packets += [wire.call("hear", 0, [7]).by_path(PATH)]
        if wire.forgets:
            packets += [wire.forget([1]), wire.forget([2, 1, 77])]
        packets += [wire.announce(SPAWNER, "Spawner", []), wire.announce(STATE, "Flag/Sync", [])]
        packets += attacks_of(self.dialect)
        if wire.responds:
            packets += [wire.response(number, 99) for number in (1, 2, self.number)]
            packets += [wire.error_response(1, "KeyError", "no")]
            packets += [wire.request(5, "twice", 2, [7]).by_number(1, shortest=True)]
        return packets

    def _targets(self) -> list[int]:
        return [0, 1, -1, 77, *self.clients, *(-peer for peer in self.clients)]

    @precondition(lambda self: self.hostile is not None)
    @rule(to=st.integers(0, 11), packet=st.binary(max_size=60))
    def hostile_sends_any_packet(self, to: int, packet: bytes) -> None:
        self._send(self._message(self._targets()[to % len(self._targets())], packet))

    @precondition(lambda self: self.hostile is not None)
    @rule(
        to=st.integers(0, 11),
        which=st.lists(st.integers(0, 50), min_size=1, max_size=6),
        times=st.sampled_from([1, 1, 1, 20]),
    )
    def hostile_sends_packets_in_any_order(self, to: int, which: list[int], times: int) -> None:
        valid, target = self._valid(), self._targets()[to % len(self._targets())]
        packets = [self._message(target, valid[index % len(valid)]) for index in which]
        self._send(b"".join(packets) * times)

    @precondition(lambda self: self.hostile is not None)
    @rule(
        to=st.integers(0, 11),
        which=st.integers(0, 50),
        at=st.integers(0, 40),
        change=st.integers(0, 255),
        cut=st.integers(1, 60),
    )
    def hostile_sends_a_changed_packet(
        self, to: int, which: int, at: int, change: int, cut: int
    ) -> None:
        valid = self._valid()
        packet = bytearray(valid[which % len(valid)])
        packet[at % len(packet)] ^= change
        target = self._targets()[to % len(self._targets())]
        self._send(self._message(target, bytes(packet[:cut])))

    @precondition(lambda self: self.hostile is not None)
    @rule(data=st.binary(max_size=40))
    def hostile_sends_any_bytes(self, data: bytes) -> None:
        self._send(data)

    @precondition(lambda self: self.hostile is not None)
    @rule(reset=st.booleans())
    def hostile_goes(self, reset: bool) -> None:
        assert self.hostile is not None
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.hostile.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.hostile.close()
        self.hostile = None
        self._until(lambda: len(self.server.endpoint.links) == len(self.clients))
        self._until(lambda: all({*api.get_peers()} <= {*self.apis} for api in self.apis.values()))
        assert all(self.hostile_id not in peers_kept(api) for api in self.apis.values())

    # ------------------------------------------------------------ the end

    def teardown(self) -> None:
        if 1 not in getattr(self, "worlds", ()):
            return  # it could not begin
        try:
            if self.hostile is not None:
                self.hostile_goes(reset=True)
            self.everything_has_arrived()
            self.all_see_the_same()
            while self.clients:
                self._leave(self.clients[0])
            self._until(lambda: not self.server.endpoint.links)
            server = self.apis[1]
            assert server.get_peers() == []
            assert not peers_kept(server)
            assert self.server.statistics.packets_queued == 0
            assert self.server.statistics.bytes_queued == 0
        finally:
            for api in self.apis.values():
                api.multiplayer_peer.close()
                api.poll()
            self.server.end_at_once(1001)


class HostileAmongGodot4Callers(HostileAmongCallers):
    dialect = GODOT_4
    godot4 = True


_SETTINGS: Final = settings(max_examples=30, stateful_step_count=30, deadline=None, database=None)
TestHostileAmongCallers = HostileAmongCallers.TestCase
TestHostileAmongCallers.settings = _SETTINGS
TestHostileAmongGodot4Callers = HostileAmongGodot4Callers.TestCase
TestHostileAmongGodot4Callers.settings = _SETTINGS
