"""``multiplayer.endpoint.fanout``: each gets what is for it, in the order it was queued in."""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from multiplayer import TransferMode
from multiplayer.endpoint import fanout
from multiplayer.endpoint.roster import Roster
from multiplayer.endpoint.shares import Queued, Share
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers.sockets.endpoint_sockets import EndpointSockets
from peers.sockets.tcp import Connection
from peers.websocket.endpoint import endpoint_over
from peers.websocket.frames import message_frame
from peers.websocket.link import Link
from peers.websocket.settings import LinkSettings
from peers.websocket.upgrade import ServerUpgrade
from tests.driving import Drive, until
from tests.gd_mp_rows import ADD, FIRST, LAST, SELF, about, game
from tests.hostile.interrupted import Steps
from tests.peers.sessions import fenced, listening, payloads, three_clients
from tests.peers.sockets import AGREED
from tests.peers.sockets import listening as any_server
from tests.raw import Raw, request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.endpoint.peer_channel import PeerEndpoint


RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED

EVERYTHING = 1 << 40


class FakeSocket:
    """Takes so many bytes, and blocks then."""

    def __init__(self) -> None:
        self.room = EVERYTHING
        self.taken = bytearray()
        self.writes = 0

    def send(self, data: bytes | memoryview) -> int:
        if not self.room:
            raise BlockingIOError
        piece = bytes(data)[: self.room]
        self.taken += piece
        self.room -= len(piece)
        self.writes += 1
        return len(piece)

    def fileno(self) -> int:
        return -1  # so that nobody shows it to a selector

    def close(self) -> None:
        pass

    def recv(self, size: int) -> bytes:
        raise BlockingIOError

    def setsockopt(self, *arguments: int) -> None:
        pass


class FakeSocketWithSendmsg(FakeSocket):
    def sendmsg(self, pieces: Sequence[bytes | memoryview]) -> int:
        return self.send(b"".join(pieces))


class Receiver:
    """An open connection of a server, and what it should have got."""

    def __init__(
        self, endpoint: PeerEndpoint, sock: FakeSocket, lane: int, limits: LinkSettings
    ) -> None:
        self.lane = lane
        self.sock = sock
        self.link = Link(limits, endpoint.notices, ServerUpgrade(), 0.0)
        connection = Connection(self.link, cast("Any", sock))
        cast("EndpointSockets[Link]", endpoint.engine).connections[self.link] = connection
        endpoint.deadlines.note(self.link)
        self.link.connected("127.0.0.1", 1, 0.0)
        self.link.receive(request(1), 0.0)
        self.link.asked.accept("", 0.0)
        endpoint.entries.clear()
        endpoint.flush()
        sock.taken.clear()
        self.expected: list[tuple[bytes, TransferMode]] = []

    def got(self) -> list[bytes]:
        """The whole frames that have left, each of at most 125 bytes."""
        frames: list[bytes] = []
        at = 0
        while at + 2 <= len(self.sock.taken):
            end = at + 2 + self.sock.taken[at + 1]
            if end > len(self.sock.taken):
                break
            frames.append(bytes(self.sock.taken[at:end]))
            at = end
        return frames


def made(**more: Any) -> LinkSettings:
    sizes: dict[str, Any] = {
        "inbound_buffer_size": 65535,
        "outbound_buffer_size": 65535,
        "max_queued_packets": 4096,
        "handshake_timeout": 3.0,
        "close_timeout": 3.0,
        "heartbeat_interval": 0.0,
    }
    return LinkSettings(**(sizes | more))


class AnyMix(RuleBasedStateMachine):
    """Packets for all, for all but some and for one, while sockets block and clients come and go.

    What is reliable arrives, all of it; nothing arrives out of order or twice; and what is not
    reliable is missing only where it was counted as dropped.
    """

    socket_class: type[FakeSocket] = FakeSocketWithSendmsg

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = endpoint_over(EndpointSockets[Link](), lambda: 0.0, eager=False)
        self.endpoint.most_shared = 40  # so that some of it leaves before a flush
        self.receivers: list[Receiver] = []
        self.number = 0

    def queued(self, size: int, mode: TransferMode, lane: int) -> Queued:
        payload = self.number.to_bytes(4) + bytes([lane]) * size
        return Queued(message_frame(payload, text=False), len(payload), mode)

    @precondition(lambda self: len(self.receivers) < 5)
    @rule(lane=st.integers(0, 1))
    def join(self, lane: int) -> None:
        settings = made(outbound_buffer_size=0, max_unreliable_ordered=2)
        receiver = Receiver(self.endpoint, self.socket_class(), lane, settings)
        self.receivers.append(receiver)
        self.endpoint.fanout.join(receiver.link, lane)

    @precondition(lambda self: self.receivers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        receiver = data.draw(st.sampled_from(self.receivers))
        self.endpoint.fanout.leave(receiver.link)
        self.drain(receiver)
        self.receivers.remove(receiver)

    @precondition(lambda self: self.receivers)
    @rule(data=st.data(), size=st.integers(0, 30), mode=st.sampled_from(TransferMode))
    def broadcast(self, data: st.DataObject, size: int, mode: TransferMode) -> None:
        excluded = data.draw(st.lists(st.sampled_from(self.receivers), max_size=2, unique=True))
        self.number += 1
        encodings = [self.queued(size, mode, lane) for lane in (0, 1)]
        self.endpoint.fanout.broadcast(encodings, [each.link for each in excluded])
        for receiver in self.receivers:
            if receiver not in excluded:
                receiver.expected.append((encodings[receiver.lane].frame, mode))

    @precondition(lambda self: self.receivers)
    @rule(data=st.data(), size=st.integers(0, 30), mode=st.sampled_from(TransferMode))
    def target(self, data: st.DataObject, size: int, mode: TransferMode) -> None:
        receiver = data.draw(st.sampled_from(self.receivers))
        self.number += 1
        queued = self.queued(size, mode, receiver.lane)
        self.endpoint.fanout.send(receiver.link, queued)
        receiver.expected.append((queued.frame, mode))

    @precondition(lambda self: self.receivers)
    @rule(data=st.data(), size=st.integers(0, 30), mode=st.sampled_from(TransferMode))
    def target_several(self, data: st.DataObject, size: int, mode: TransferMode) -> None:
        several: list[tuple[Any, Queued]] = []
        for receiver in data.draw(st.lists(st.sampled_from(self.receivers), max_size=6)):
            self.number += 1
            queued = self.queued(size, mode, receiver.lane)
            several.append((receiver.link, queued))
            receiver.expected.append((queued.frame, mode))
        self.endpoint.fanout.send_each(several)

    @precondition(lambda self: self.receivers)
    @rule(data=st.data())
    def send_on_the_connection(self, data: st.DataObject) -> None:
        receiver = data.draw(st.sampled_from(self.receivers))
        self.number += 1
        payload = self.number.to_bytes(4)
        receiver.link.send(payload, text=False)
        receiver.expected.append((message_frame(payload, text=False), RELIABLE))

    @precondition(lambda self: self.receivers)
    @rule(data=st.data(), room=st.one_of(st.integers(0, 60), st.just(EVERYTHING)))
    def make_room(self, data: st.DataObject, room: int) -> None:
        receiver = data.draw(st.sampled_from(self.receivers))
        receiver.sock.room = room
        if room and receiver.link.waiting:  # its selector would tell
            self.endpoint.write(receiver.link)

    @rule()
    def flush(self) -> None:
        for receiver in self.receivers:
            receiver.sock.writes = 0
        self.endpoint.flush()
        for receiver in self.receivers:
            waiting = receiver.link.buffered
            assert waiting == 0 or receiver.sock.room == 0
            assert receiver.sock.writes <= 1 or receiver.sock.room < EVERYTHING

    @invariant()
    def nothing_is_lost_or_out_of_order(self) -> None:
        for receiver in self.receivers:
            missing = self.missing(receiver, receiver.got())
            statistics = receiver.link.snapshot()
            dropped_before = statistics.drops["unreliable"]  # never counted as sent
            assert statistics.packets_sent == len(receiver.expected) - dropped_before
            assert statistics.bytes_queued == receiver.link.buffered
            if receiver.link.buffered == 0:
                assert missing == statistics.drops.total()

    def missing(self, receiver: Receiver, got: list[bytes]) -> int:
        """How many of those expected before the last that came did not come."""
        rest = iter(receiver.expected)
        missing = 0
        for frame in got:
            for expected, mode in rest:
                if expected == frame:
                    break
                assert mode is not RELIABLE, "a reliable packet was lost"
                missing += 1
            else:
                raise AssertionError("a packet came twice or out of order")
        left = list(rest)
        if receiver.link.buffered == 0:
            assert all(mode is not RELIABLE for _, mode in left)
            missing += len(left)
        return missing

    def drain(self, receiver: Receiver) -> None:
        receiver.sock.room = EVERYTHING
        self.endpoint.write(receiver.link)
        assert receiver.link.buffered == 0
        self.missing(receiver, receiver.got())

    def teardown(self) -> None:
        self.endpoint.flush()
        for receiver in self.receivers:
            self.drain(receiver)
        self.nothing_is_lost_or_out_of_order()


AnyMix.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyMix = AnyMix.TestCase


class AnyMixWithoutSendmsg(AnyMix):
    socket_class = FakeSocket


AnyMixWithoutSendmsg.TestCase.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None
)
TestAnyMixWithoutSendmsg = AnyMixWithoutSendmsg.TestCase


# ------------------------------------------------------------------ one write


def crowd(count: int, **more: Any) -> tuple[PeerEndpoint, list[Receiver]]:
    endpoint = endpoint_over(EndpointSockets[Link](), lambda: 0.0, eager=False)
    receivers = [Receiver(endpoint, FakeSocketWithSendmsg(), 0, made(**more)) for _ in range(count)]
    for receiver in receivers:
        endpoint.fanout.join(receiver.link)
        receiver.sock.writes = 0
    return endpoint, receivers


def packet(text: bytes) -> Queued:
    return Queued(message_frame(text, text=False), len(text), RELIABLE)


def test_however_many_packets_are_for_all_each_peer_is_written_to_once() -> None:
    endpoint, receivers = crowd(10)
    for number in range(400):
        sender = receivers[number % 10]
        endpoint.fanout.broadcast((packet(b"%d" % number),), (sender.link,))
        endpoint.fanout.send(receivers[3].link, packet(b"for one"))
    assert [receiver.sock.writes for receiver in receivers] == [0] * 10
    endpoint.flush()
    assert [receiver.sock.writes for receiver in receivers] == [1] * 10
    for place, receiver in enumerate(receivers):
        got = [frame[2:] for frame in receiver.got()]
        numbers = [int(text) for text in got if text != b"for one"]
        assert numbers == [number for number in range(400) if number % 10 != place]
        assert got.count(b"for one") == (400 if place == 3 else 0)


def test_a_packet_for_one_is_written_to_that_one_only() -> None:
    endpoint, receivers = crowd(10)
    endpoint.fanout.send(receivers[4].link, packet(b"x"))
    assert endpoint.fanout.pending
    shares = deque[Share]()
    endpoint.fanout.unload(shares)
    assert [share.channel for share in shares] == [receivers[4].link]
    assert not endpoint.fanout.pending


def play_on_after_an_interrupt(act: str, at: int, most: float) -> Steps:
    """Interrupt a flush, or the queueing of a packet; look at what comes of the packets around it.

    Whom the interrupt has found being written to is closed by the next poll: anything may lack.
    """
    endpoint, receivers = crowd(4)
    first, second, third, last = receivers
    fanout, steps = endpoint.fanout, Steps(at, KeyboardInterrupt)
    fanout.broadcast((packet(b"1"),), (first.link,))
    fanout.send(second.link, packet(b"2"))
    fanout.broadcast((packet(b"3"),))
    endpoint.most_shared = most
    if act == "flush":
        steps(endpoint.flush)
    elif act == "broadcast":
        steps(lambda: fanout.broadcast((packet(b"?"),), (first.link, third.link)))
    elif act == "send":
        steps(lambda: fanout.send(third.link, packet(b"?")))
    else:  # not by the fan-out, behind what waits there
        steps(lambda: endpoint.send(third.link, b"?", text=False))
    fanout.broadcast((packet(b"4"),), (third.link,))
    fanout.send_each([(last.link, packet(b"5")), (first.link, packet(b"6"))])
    endpoint.send(second.link, b"7", text=False)
    fanout.broadcast((packet(b"8"),), (first.link,))
    endpoint.flush()
    wanted = [b"3", b"4", b"6"], [b"1", b"2", b"3", b"4", b"7", b"8"], [b"1", b"3", b"8"]
    for receiver, those in zip(receivers, (*wanted, [b"1", b"3", b"4", b"5", b"8"]), strict=True):
        if receiver.link in endpoint.writing:
            continue
        got = [frame[2:] for frame in receiver.got()]
        if b"?" in got:
            assert act != "flush"
            assert receiver in ((second, last) if act == "broadcast" else (third,))
            those.insert(those.index(b"3") + 1, b"?")
        assert got == those, steps.where
    assert not fanout.pending
    return steps


@pytest.mark.parametrize("most", [math.inf, 3])
@pytest.mark.parametrize("act", ["flush", "broadcast", "send", "alone"])
def test_an_interrupt_costs_and_doubles_nothing_that_is_queued_before_or_after(
    act: str, most: float
) -> None:
    """No poll comes between: it would repair what is left."""
    at = 1
    while play_on_after_an_interrupt(act, at, most).where:
        at += 1
    assert at > 10


def test_whose_plan_an_interrupt_has_cost_is_not_written_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint, receivers = crowd(2)
    with monkeypatch.context() as patched:
        patched.setattr(fanout, "Plan", interrupt)
        with pytest.raises(KeyboardInterrupt):
            endpoint.fanout.send(receivers[0].link, packet(b"lost"))
    before = [each.sock.writes for each in receivers]
    endpoint.fanout.send(receivers[1].link, packet(b"sent"))
    endpoint.flush()
    assert [each.sock.writes for each in receivers] == [before[0], before[1] + 1]


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


def test_more_than_the_outbound_buffer_holds_does_not_pile_up_before_a_flush() -> None:
    server_limit = 1000
    endpoint, receivers = crowd(2, outbound_buffer_size=server_limit)
    endpoint.most_shared = server_limit
    for number in range(100):
        endpoint.fanout.broadcast((packet(bytes([number]) * 50),))
        for receiver in receivers:
            assert receiver.link.buffered <= server_limit
    endpoint.flush()
    assert all(len(receiver.got()) == 100 for receiver in receivers)


def test_a_packet_that_makes_the_buffer_leave_comes_once_to_who_is_blocked_by_it() -> None:
    endpoint, (quick, slow) = crowd(2)
    endpoint.most_shared = 10
    slow.sock.room = 3
    for number in range(4):
        endpoint.fanout.broadcast((packet(bytes([number]) * 20),))
    slow.sock.room = EVERYTHING
    endpoint.flush()
    endpoint.write(slow.link)
    for receiver in (quick, slow):
        assert [frame[2] for frame in receiver.got()] == [0, 1, 2, 3]


def test_who_does_not_read_what_is_for_all_is_closed_and_others_are_not_delayed() -> None:
    endpoint, (quick, slow) = crowd(2, outbound_buffer_size=1000)
    slow.sock.room = 10
    for number in range(30):
        endpoint.fanout.broadcast((packet(bytes([number]) * 50),))
        endpoint.flush()
    assert len(quick.got()) == 30
    drops = slow.link.snapshot().drops
    assert set(drops) == {"overflow", "closing"}
    assert slow.link.snapshot().packets_sent + drops["closing"] == 30
    slow.sock.room = EVERYTHING
    endpoint.write(slow.link)
    *whole, last = slow.got()
    assert [frame[2] for frame in whole] == list(range(len(whole)))
    assert last[0] == 0x88
    assert int.from_bytes(last[2:4]) == 4013
    assert len(whole) + drops.total() == 30


# ------------------------------------------------------------------ over sockets


async def test_a_packet_for_one_keeps_its_place_among_those_for_all(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        mixed = [game(SELF, target, bytes([n])) for n, target in enumerate([0, LAST, -FIRST] * 20)]
        mixed += [game(SELF, LAST, b"end"), game(SELF, FIRST, b"end")]
        await sender.send(b"".join(sender.frame(message) for message in mixed))
        assert await fenced(sender) == []
        assert await payloads(last) == [m for m in mixed if m[5:9] != FIRST.to_bytes(4, "little")]
        to_last = LAST.to_bytes(4, "little")
        to_all_but_first = (-FIRST).to_bytes(4, "little", signed=True)
        expected = [m for m in mixed if m[5:9] not in (to_last, to_all_but_first)]
        assert await payloads(first) == expected


async def test_a_pong_waits_for_nobody_and_breaks_no_order(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        for number in range(20):
            await sender.send_frame(game(SELF, 0, bytes([number])))
            await last.send_frame(game(LAST, 0, bytes([number])))
        assert await fenced(sender) is not None
        await fenced(last)
        got = await payloads(first)
        for source in (SELF, LAST):
            mine = [m[9] for m in got if m[1:5] == source.to_bytes(4, "little")]
            assert mine == list(range(20))


async def greeted(port: int, *, agreed: bool) -> tuple[Raw, int]:
    raw = await Raw.connect(port, headers=AGREED if agreed else ())
    message = await raw.receive_message()
    return raw, int.from_bytes(message[9:13], "little")


async def test_who_agreed_on_modes_and_who_did_not_get_the_same_order(drive: Drive) -> None:
    server = any_server(drive)
    port = server.get_local_port()
    members = [await greeted(port, agreed=number % 2 == 0) for number in range(4)]
    (sender, own), *others = members
    await until(lambda: len(server._role.envelope.session.peers) == 4)
    for raw, _ in members:
        await fenced(raw)
    expected: dict[int, list[bytes]] = {peer: [] for _, peer in others}
    stream = b""
    for number in range(60):
        target = [0, others[0][1], -others[1][1], others[2][1]][number % 4]
        mode = list(TransferMode)[number % 3]
        message = gd_mp.packet(own, target, bytes([number]), mode, number % 2)
        stream += sender.frame(message)
        for place, (_, peer) in enumerate(others):
            if target in (0, peer) or (target < 0 and target != -peer):
                expected[peer].append(message if place == 1 else gd_mp.plain(message))
    await sender.send(stream)
    assert await fenced(sender) == []
    for raw, peer in others:
        assert await payloads(raw) == expected[peer]
    for raw, _ in members:
        await raw.close()


async def test_a_packet_that_is_put_between_two_polls_waits_for_the_next(drive: Drive) -> None:
    server = listening(drive, SELF)
    raw = await Raw.connect(server.get_local_port())
    await until(lambda: server.has_peer(SELF))
    await fenced(raw)
    connection = server.get_peer(SELF)
    before = connection.statistics.packets_sent
    server.put_packet(b"one")
    assert connection.get_current_outbound_buffered_amount() == len(game(1, 0, b"one")) + 2
    assert connection.statistics.packets_sent == before + 1
    assert connection.statistics.bytes_queued == len(game(1, 0, b"one")) + 2
    server.flush()
    assert connection.get_current_outbound_buffered_amount() == 0
    assert await payloads(raw) == [game(1, 0, b"one")]
    await raw.close()


# ------------------------------------------------------------------ the roster


@given(st.lists(st.integers(2, 60), max_size=40))
def test_a_roster_holds_an_announcement_of_everybody_ascending(flips: list[int]) -> None:
    roster, here = Roster(partial(message_frame, text=False)), set[int]()
    for peer in flips:  # each is there or not, by turns
        (roster.remove if peer in here else roster.add)(peer)
        here ^= {peer}
        packets = [about(ADD, each) for each in sorted(here)]
        assert roster.frames == b"".join(message_frame(each, text=False) for each in packets)
        assert (len(roster), roster.size) == (len(packets), sum(map(len, packets)))
    roster.clear()
    assert (roster.frames, len(roster), roster.size) == (b"", 0, 0)


# ---------------------------------------------------------------- to some


async def test_what_is_for_some_keeps_its_place_among_the_rest(drive: Drive) -> None:
    """Also where some have agreed on modes and some have not; the target on the wire is all."""
    server = listening(drive)
    async with three_clients(server, (), AGREED, ()) as clients:
        ids = (FIRST, SELF, LAST)
        wanted: dict[int, list[bytes]] = {id_: [] for id_ in ids}
        rounds = ((FIRST,), (FIRST, LAST), (SELF, LAST), ids, (SELF,))
        for number, some in enumerate(rounds * 3):
            server.send_to_peers(bytes([number]), some, ORDERED, 7)
            server.send_packet(b"all", 0)
            for id_ in ids:
                if id_ in some:
                    mode, channel = (ORDERED, 7) if id_ == SELF else (RELIABLE, 0)
                    wanted[id_].append(gd_mp.packet(1, 0, bytes([number]), mode, channel))
                wanted[id_].append(game(1, 0, b"all"))
        for id_, raw in zip(ids, clients, strict=True):
            assert await payloads(raw) == wanted[id_]


async def test_who_has_left_is_left_out_of_some_and_counted(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, _, last):
        server.disconnect_peer(FIRST, force=True)
        server.send_to_peers(b"x", (FIRST, LAST))
        assert (await payloads(last))[-1] == game(1, 0, b"x")
        assert server.statistics.drops["departed"] == 1
        assert game(1, 0, b"x") not in [sent.payload for sent in await first.receive_end()]
