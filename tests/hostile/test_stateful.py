"""A server with honest clients and a hostile one, in any order of events that hypothesis thinks of.

The honest peers see exactly what they should: each other's packets, joins and leaves, in order. At
the end nothing is left: connections, peers, queued bytes.
"""

from __future__ import annotations

import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient, WebSocketServer
from tests.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_body, frame, request

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 10.0
MASK: Final = b"abcd"
HONEST: Final = b"honest:"
OPCODES: Final = (CONT, TEXT, BINARY, CLOSE, PING, PONG, 3, 11)


class Honest:
    """An honest client, what it heard, and what it should have."""

    def __init__(self, url: str) -> None:
        self.client = WebSocketClient()
        self.heard: list[tuple[int, bytes]] = []
        self.expected: list[tuple[int, bytes]] = []
        self.here: Counter[int] = Counter()
        self.client.peer_connected.connect(lambda peer: self.here.update([peer]))
        self.client.peer_disconnected.connect(lambda peer: self.here.subtract([peer]))
        self.client.peer_packet.connect(self._hear)
        self.client.connect_to_url(url, gd_mp_api=True)

    def _hear(self, source: int) -> None:
        packet = self.client.get_packet()
        if packet.startswith(HONEST):
            self.heard.append((source, packet))

    @property
    def id(self) -> int:
        return self.client.get_unique_id()


class OneHostileClient(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        self.server.close_timeout = self.server.handshake_timeout = 0.3
        self.server.listen(0, gd_mp_api=True)
        self.at_server: list[tuple[int, bytes]] = []
        self.expected_at_server: list[tuple[int, bytes]] = []
        self.server.peer_packet.connect(self._hear)
        self.count = 0
        self.honest: list[Honest] = []
        self.hostile: socket.socket | None = None
        for _ in range(2):
            self.honest_joins()

    def _hear(self, source: int) -> None:
        packet = self.server.get_packet()
        if packet.startswith(HONEST):
            self.at_server.append((source, packet))

    def _until(self, condition: Callable[[], object]) -> None:
        """Poll everybody until something is true."""
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up, "did not come true"
            self.server.poll()
            for each in self.honest:
                each.client.poll()

    # ------------------------------------------------------------ honest

    @precondition(lambda self: len(self.honest) < 4)
    @rule()
    def honest_joins(self) -> None:
        newcomer = Honest(f"ws://127.0.0.1:{self.server.get_local_port()}")
        self.honest.append(newcomer)
        client = newcomer.client
        self._until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
        self._until(self._all_know_each_other)

    def _all_know_each_other(self) -> bool:
        ids = {each.id for each in self.honest}
        return all(+each.here >= Counter({1} | ids - {each.id}) for each in self.honest)

    @precondition(lambda self: len(self.honest) > 1)
    @rule(which=st.integers(0, 3))
    def honest_leaves(self, which: int) -> None:
        leaver = self.honest[which % len(self.honest)]
        id_ = leaver.id
        leaver.client.disconnect_from_host()
        client = leaver.client
        self._until(lambda: client.get_connection_status() == client.CONNECTION_DISCONNECTED)
        self.honest.remove(leaver)
        self._until(lambda: not any(each.here[id_] for each in self.honest))

    @rule(which=st.integers(0, 3), to=st.integers(0, 4), size=st.sampled_from([0, 50, 3000]))
    def honest_sends(self, which: int, to: int, size: int) -> None:
        sender = self.honest[which % len(self.honest)]
        others = [each for each in self.honest if each is not sender]
        self.count += 1
        packet = HONEST + struct.pack("<i", self.count) + bytes(size)
        said = (sender.id, packet)
        if to < 2 or not others:
            sender.client.set_target_peer(to & 1)
            self.expected_at_server.append(said)
            for each in () if to & 1 else others:
                each.expected.append(said)
        else:
            receiver = others[to % len(others)]
            sender.client.set_target_peer(receiver.id)
            receiver.expected.append(said)
        sender.client.put_packet(packet)

    @rule()
    def everything_has_arrived(self) -> None:
        self._until(
            lambda: (
                len(self.at_server) >= len(self.expected_at_server)
                and all(len(each.heard) >= len(each.expected) for each in self.honest)
            )
        )
        for each in self.honest:
            self._check(each.heard, each.expected)
            assert max(each.here.values()) == 1
            assert min(each.here.values()) >= 0
        self._check(self.at_server, self.expected_at_server)

    @staticmethod
    def _check(heard: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
        """The same packets, those of each sender in the order in which it sent them."""
        for source in {source for source, _ in (*heard, *expected)}:
            assert [each for each in heard if each[0] == source] == [
                each for each in expected if each[0] == source
            ]

    # ------------------------------------------------------------ hostile

    @precondition(lambda self: self.hostile is None)
    @rule(upgrade=st.sampled_from([True, True, True, False]))
    def hostile_connects(self, upgrade: bool) -> None:
        port = self.server.get_local_port()
        self.hostile = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.hostile.setblocking(False)
        self.hostile_id = 0
        if upgrade:
            before = {*self.server._role.envelope.session.peers}
            self._send(request(port))
            self._until(lambda: len(self.server._role.envelope.session.peers) > len(before))
            (self.hostile_id,) = {*self.server._role.envelope.session.peers} - before

    def _send(self, data: bytes) -> None:
        assert self.hostile is not None
        with suppress(OSError):
            self.hostile.send(data)
        self.server.poll()

    @precondition(lambda self: self.hostile is not None)
    @rule(data=st.binary(max_size=60))
    def hostile_sends_any_bytes(self, data: bytes) -> None:
        self._send(data)

    @precondition(lambda self: self.hostile is not None)
    @rule(
        op=st.sampled_from(OPCODES),
        fin=st.booleans(),
        body=st.one_of(st.binary(max_size=130), st.just(close_body(1000)), st.just(b"ab")),
        times=st.sampled_from([1, 1, 1, 3, 100]),
    )
    def hostile_sends_frames_in_any_order(
        self, op: int, fin: bool, body: bytes, times: int
    ) -> None:
        self._send(frame(body, op, fin=fin, mask=MASK) * times)

    @precondition(lambda self: self.hostile is not None)
    @rule(
        to=st.sampled_from([0, 1, -1, 77]),
        at=st.integers(0, 40),
        change=st.integers(0, 255),
        cut=st.integers(0, 40),
    )
    def hostile_sends_a_changed_packet(self, to: int, at: int, change: int, cut: int) -> None:
        packet = bytearray(gd_mp.packet(self.hostile_id, to, b"hostile:" + HONEST))
        if at < len(packet):
            packet[at] ^= change
        self._send(frame(bytes(packet[: max(cut, 9)]), mask=MASK))

    @precondition(lambda self: self.hostile is not None)
    @rule(who=st.integers(0, 3))
    def hostile_speaks_as_somebody_else(self, who: int) -> None:
        victim = self.honest[who % len(self.honest)].id
        forged = gd_mp.packet(victim, 0, HONEST + b"forged")
        announced = gd_mp.system_packet(gd_mp.PacketType.DEL, victim)
        self._send(frame(forged, mask=MASK) + frame(announced, mask=MASK))

    @precondition(lambda self: self.hostile is not None)
    @rule(reset=st.booleans())
    def hostile_goes(self, reset: bool) -> None:
        assert self.hostile is not None
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.hostile.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.hostile.close()
        self.hostile = None
        self._until(lambda: len(self.server.endpoint.links) == len(self.honest))

    # ------------------------------------------------------------ the end

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        try:
            if self.hostile is not None:
                self.hostile_goes(reset=True)
            self.everything_has_arrived()
            while self.honest:
                leaver = self.honest[0]
                leaver.client.close()
                self.honest.remove(leaver)
            self._until(lambda: not self.server.endpoint.links)
            assert self.server._role.envelope.session.peers == []
            assert not self.server._role.clients.members
            assert not self.server._role.clients._addresses
            assert not self.server.endpoint.faults._counts
            assert self.server.statistics.packets_queued == 0
            assert self.server.statistics.bytes_queued == 0
        finally:
            for each in self.honest:
                each.client.close()
            self.server.stop()
        assert not self.server.endpoint.engine._selector.is_open


TestOneHostileClient = OneHostileClient.TestCase
TestOneHostileClient.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, database=None
)
