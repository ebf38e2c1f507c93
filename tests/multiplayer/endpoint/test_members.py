"""What becomes of a member without a connection: the rules of ``multiplayer/endpoint/adrift.py``.

The server is a real one in a network in memory. Guests are plain WebSocket clients, which see the
messages of any envelope as they are.
"""

from __future__ import annotations

import gc
from collections import deque
from typing import TYPE_CHECKING, Final

import pytest

from multiplayer import Error, Limits, MultiplayerError, TransferMode
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.members import Members
from multiplayer.wire.envelopes import godot3
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import Recorder
from tests.hostile.interrupted import Steps
from tests.kept import tables_of_floods, tables_of_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from multiplayer.endpoint.member import Member
    from tests.hostile.interrupted import Trace

KINDS: Final = ("gd_mp", "godot4", "plain")
OF_SESSIONS: Final = ("gd_mp", "godot4")
GUEST, OTHER = 5, 6
RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED

kinds = pytest.mark.parametrize("kind", KINDS)
of_sessions = pytest.mark.parametrize("kind", OF_SESSIONS)


class Server:
    """A server whose first client is GUEST and whose second one OTHER, and their network."""

    def __init__(self, kind: str, **settings: object) -> None:
        self.kind = kind
        self.network = MemoryNetwork(seed=1)
        ids = iter((GUEST, OTHER, *range(7, 99)))
        owner = WebSocketMultiplayerPeer if kind == "godot4" else WebSocketServer
        made = type("Choosing", (owner,), {"generate_unique_id": lambda _: next(ids)})()
        self.peer: WebSocketMultiplayerPeer = self.network.add(made)
        self.peer.on_error = "raise"
        for name, value in settings.items():
            setattr(self.peer, name, value)
        if isinstance(made, WebSocketServer):
            made.listen(9080, gd_mp_api=kind == "gd_mp")
        else:
            made.create_server(9080)
        self.told = Recorder(self.peer)

    @property
    def role(self) -> ServerRole:
        assert isinstance(self.peer._role, ServerRole)
        return self.peer._role

    @property
    def member(self) -> Member:
        return self.role.clients.members[GUEST]

    def join(self, address: str = "10.0.0.1") -> Guest:
        return Guest(self, address)

    def lose(self, guest: Guest) -> Member:
        """Take the guest's connection away, as if its computer had vanished."""
        member = self.role.clients.members[guest.id]
        self.role.lose_channel(member)
        guest.client.close()
        self.network.settle()
        return member

    def carry(self, address: str = "10.0.0.2") -> Guest:
        """Let the next connection carry GUEST."""
        welcome, member = self.role.welcome, self.member
        self.role.welcome = lambda new, *_: self.role.carry(member, new.last)  # type: ignore[method-assign]
        try:
            return Guest(self, address)
        finally:
            self.role.welcome = welcome  # type: ignore[method-assign]

    def put(self, data: bytes, target: int = GUEST, mode: TransferMode = RELIABLE) -> None:
        self.peer.send_packet(data, target, mode)

    def wrapped(self, data: bytes, target: int = GUEST) -> bytes:
        return godot3.packet(1, target, data) if self.kind == "gd_mp" else data

    def leaving(self) -> list[object]:
        """Who was reported to have left."""
        name = "client_disconnected" if self.kind == "plain" else "peer_disconnected"
        return [args[0] for args in self.told.of(name)]

    def fetched(self) -> list[bytes]:
        """The packets for the server itself."""
        return [self.peer.get_packet() for _ in range(self.peer.get_available_packet_count())]

    def drops(self) -> dict[str, int]:
        return dict(self.peer.statistics.drops)


class Guest:
    """A client, in the server's words."""

    def __init__(self, server: Server, address: str) -> None:
        self.server = server
        self.client = server.network.add(WebSocketClient(), address=address)
        self.client.connect_to_url("ws://server:9080")
        server.network.settle()
        self.id = [*server.role.clients.members][-1]
        self.greeting = self.heard()

    def heard(self) -> list[bytes]:
        """What has come since the last time."""
        self.server.network.settle()
        connection = self.client.get_peer(1)
        return [connection.get_packet() for _ in range(connection.get_available_packet_count())]

    def say(self, data: bytes, *, settle: bool = True) -> None:
        wire = godot3.packet(self.id, 1, data) if self.server.kind == "gd_mp" else data
        self.client.get_peer(1).put_packet(wire)
        if settle:
            self.server.network.settle()
        else:
            self.client.flush()


def adrift(kind: str, **settings: object) -> tuple[Server, Member]:
    server = Server(kind, **settings)
    return server, server.lose(server.join())


# ---------------------------------------------------------------- of the session as before


@kinds
def test_nobody_is_told(kind: str) -> None:
    server = Server(kind)
    guest, other = server.join(), server.join()
    server.peer.get_peer(GUEST).userdata = "mine"
    other.heard()
    before = [*server.told.log]
    server.lose(guest)
    assert server.told.log == before
    assert other.heard() == []
    assert server.peer.get_peer(GUEST).userdata == "mine"
    assert server.peer.get_peers() == ([] if kind == "plain" else [GUEST, OTHER])


@kinds
def test_it_counts_for_max_peers_and_its_address_for_nobody(kind: str) -> None:
    limits = Limits(max_peers=2, max_peers_per_address=1)
    server, _ = adrift(kind, limits=limits)
    other = server.join()  # from the same address
    assert [*server.role.clients.members] == [GUEST, OTHER]
    turned_away = server.network.add(WebSocketClient(), address="10.0.0.9")
    turned_away.connect_to_url("ws://server:9080")
    server.network.settle()
    assert turned_away.failure is not None
    assert "this server is full" in turned_away.failure.detail
    other.client.close()


@kinds
def test_it_has_no_address_meanwhile(kind: str) -> None:
    server, _ = adrift(kind)
    with pytest.raises(MultiplayerError, match="has lost its connection") as caught:
        server.peer.get_peer_address(GUEST)
    assert caught.value.code == Error.ERR_DOES_NOT_EXIST
    server.carry("10.0.0.7")
    assert server.peer.get_peer_address(GUEST) == "10.0.0.7"


@kinds
def test_what_it_had_sent_is_handled_in_its_turn(kind: str) -> None:
    server = Server(kind)
    guest = server.join()
    guest.say(b"handled")
    guest.say(b"in the queue", settle=False)
    server.peer.endpoint.service(server.network.now)  # read, and not handled
    server.lose(guest)
    source = server.peer.get_peer(GUEST) if kind == "plain" else server.peer
    assert source.get_available_packet_count() == 2
    assert [source.get_packet(), source.get_packet()] == [b"handled", b"in the queue"]


@kinds
def test_what_it_had_sent_is_handled_by_whatever_carries_it(kind: str) -> None:
    """Its second connection does not read on while too much of that waits."""
    server = Server(kind, max_queued_packets=3)
    guest = server.join()
    guest.say(b"1")
    guest.say(b"2", settle=False)
    server.peer.endpoint.service(server.network.now)
    server.role.lose_channel(server.member)
    member, role = server.member, server.role
    # A connection that was there before the message was handled.
    second = server.network.add(WebSocketClient(), address="10.0.0.2")
    second.connect_to_url("ws://server:9080")
    role.welcome = lambda new, *_: role.carry(member, new.last)  # type: ignore[method-assign]
    server.network.settle()
    assert member.channel is not None
    assert member.channel.unfetched == 2
    source = server.peer.get_peer(GUEST) if kind == "plain" else server.peer
    for _ in range(3):
        wire = godot3.packet(GUEST, 1, b"more") if kind == "gd_mp" else b"more"
        second.get_peer(1).put_packet(wire)
    server.network.settle()
    assert source.get_available_packet_count() == 3
    assert member.channel.unfetched == 3
    heard: list[bytes] = []
    while source.get_available_packet_count():
        heard.append(source.get_packet())
        server.network.settle()
    assert heard == [b"1", b"2", b"more", b"more", b"more"]


# ---------------------------------------------------------------- what is put for it


@of_sessions
def test_packets_wait_by_their_modes(kind: str) -> None:
    server, _ = adrift(kind, max_unreliable_ordered=2)
    before = server.peer.statistics.packets_sent
    server.put(b"one")
    server.put(b"lost", mode=UNRELIABLE)
    for number in range(4):
        server.put(b"%d" % number, mode=ORDERED)
    server.put(b"two", 0)
    server.put(b"not this", -GUEST)
    assert server.drops() == {"adrift": 3}
    second = server.carry()
    targets = [(b"one", GUEST), (b"2", GUEST), (b"3", GUEST), (b"two", 0)]
    assert second.greeting == [server.wrapped(*each) for each in targets]
    server.put(b"three")
    assert second.heard() == [server.wrapped(b"three")]
    assert server.peer.statistics.packets_sent == before + 7  # all but the one that was lost


@kinds
def test_its_face_drops_what_is_put_there(kind: str) -> None:
    server, _ = adrift(kind)
    face = server.peer.get_peer(GUEST)
    face.put_packet(b"lost")
    assert server.drops() == {"adrift": 1}
    second = server.carry()
    face.put_packet(b"found")
    assert second.heard() == [b"found"]


@of_sessions
def test_the_backlog_is_what_waits(kind: str) -> None:
    server, member = adrift(kind)
    assert server.peer.get_backlog(GUEST) == 0
    server.put(b"x" * 100)
    waits = 2 + len(server.wrapped(b"x" * 100))
    assert server.peer.get_backlog(GUEST) == waits
    assert member.snapshot().bytes_queued == server.peer.statistics.bytes_queued == waits
    server.carry()
    assert server.peer.get_backlog(GUEST) == 0
    assert server.told.of("peer_drained") == []


@of_sessions
def test_it_is_drained_once_what_waited_has_left(kind: str) -> None:
    server, _ = adrift(kind)
    server.put(b"x" * 40_000)
    second = server.carry()
    assert second.greeting == [server.wrapped(b"x" * 40_000)]
    assert server.told.of("peer_drained") == [(GUEST,)]


@of_sessions
@pytest.mark.parametrize("limit", ["outbound_buffer_size", "max_outbox_packets"])
def test_it_leaves_if_too_much_waits(kind: str, limit: str) -> None:
    if limit == "outbound_buffer_size":
        server, size, most = Server(kind, outbound_buffer_size=1000), 400, 4
    else:
        server, size, most = Server(kind, limits=Limits(max_outbox_packets=5)), 1, 7
    guest, other = server.join(), server.join()
    guest.heard()
    server.lose(guest)
    for sent in range(1, 100):
        server.put(b"x" * size)
        if server.peer.get_backlog(GUEST) == 0:
            assert sent == most
            break
    server.put(b"y", 0)
    server.network.settle()
    assert server.leaving() == [GUEST]
    assert server.peer.statistics.limits_reached == {limit: 1}
    assert server.drops() == {"overflow": most, "closing": 1}
    assert server.wrapped(b"y", 0) in other.heard()
    server.put(b"too late")
    assert server.drops() == {"overflow": most, "closing": 1, "departed": 1}


def test_nobody_is_held_for_it() -> None:
    server = Server("gd_mp", outbound_buffer_size=10_000)
    guest, other = server.join(), server.join()
    server.lose(guest)
    for _ in range(8):
        wire = godot3.packet(OTHER, GUEST, b"x" * 1000)
        other.client.get_peer(1).put_packet(wire)
        server.network.settle()
    assert server.peer.get_backlog(GUEST) > 8000
    assert server.peer.statistics.times_held == 0


def test_a_packet_to_the_members_of_an_api_waits_too() -> None:
    server, _ = adrift("godot4")
    other = server.join()
    members = Members()
    members.add(GUEST)
    server.peer.send_to_members(b"to members", members)
    server.peer.send_to_members(b"to others", members, (GUEST,))
    assert server.carry().greeting == [b"to members"]
    assert other.heard() == []


@of_sessions
def test_a_packet_to_some_waits_too(kind: str) -> None:
    server, _ = adrift(kind)
    other = server.join()
    for some in ((GUEST,), (GUEST, OTHER), (OTHER,)):
        server.peer.send_to_peers(b"to some", some)
    back = server.carry()
    waited = [each for each in back.greeting if b"some" in each]
    assert waited == [server.wrapped(b"to some", 0)] * 2
    assert other.heard() == [server.wrapped(b"to some", 0)] * 2


# ---------------------------------------------------------------- leaving


@kinds
def test_it_can_be_sent_away(kind: str) -> None:
    server, _ = adrift(kind)
    for _ in range(3):
        server.peer.disconnect_peer(GUEST)
    assert server.leaving() == []
    if kind != "plain":
        server.put(b"dropped")
        assert server.drops() == {"closing": 1}
    assert server.peer.endpoint.next_deadline() < server.network.now
    server.network.settle()
    assert server.leaving() == [GUEST]
    assert GUEST not in server.role.clients.members


@kinds
def test_it_can_be_sent_away_at_once(kind: str) -> None:
    server, _ = adrift(kind)
    other = server.join()
    other.heard()
    server.peer.disconnect_peer(GUEST, force=True)
    assert GUEST not in server.role.clients.members
    server.network.settle()
    assert server.leaving() == []
    assert other.heard() == (
        [godot3.system_packet(godot3.PacketType.DEL, GUEST)] * (kind == "gd_mp")
    )


@kinds
def test_a_server_that_leaves_does_not_wait_for_it(kind: str) -> None:
    server, _ = adrift(kind)
    server.peer.begin_leaving()
    server.network.settle()
    assert server.leaving() == [GUEST]
    assert server.peer.get_connection_status() == 0


@kinds
def test_a_server_that_closes_forgets_it(kind: str) -> None:
    server, _ = adrift(kind)
    server.peer.close()
    server.network.settle()
    assert server.leaving() == []
    assert not server.role.clients.members
    assert not server.role.clients.drifting.members


@kinds
def test_who_is_about_to_leave_is_not_carried(kind: str) -> None:
    server, member = adrift(kind)
    server.peer.disconnect_peer(GUEST)
    with pytest.raises(MultiplayerError, match="waits for no connection") as caught:
        server.role.carry(member, member.last)
    assert caught.value.code == Error.ERR_DOES_NOT_EXIST


@kinds
def test_who_is_here_is_not_carried(kind: str) -> None:
    server = Server(kind)
    server.join()
    with pytest.raises(MultiplayerError, match="waits for no connection"):
        server.role.carry(server.member, server.member.last)


def test_who_sends_too_much_leaves_all_the_same() -> None:
    """What it had sent counts, and nobody is there to be closed."""
    server = Server("gd_mp", limits=Limits(max_violations=2))
    guest = server.join()
    for _ in range(2):
        guest.client.get_peer(1).put_packet(b"nonsense")
    guest.client.flush()
    server.peer.endpoint.service(server.network.now)
    server.lose(guest)
    assert server.leaving() == [GUEST]
    assert server.peer.statistics.limits_reached["max_violations"] == 1


# ---------------------------------------------------------------- getting another


def test_what_waits_in_our_own_words_needs_who_knows_them() -> None:
    server = Server("gd_mp")
    client = server.network.add(WebSocketClient())
    client.connect_to_url("ws://server:9080", gd_mp_api=True)
    server.network.settle()
    assert server.member.last.gdpeers_version
    server.role.lose_channel(server.member)
    client.close()
    server.put(b"waits")
    stranger = server.join()
    link = server.role.clients.members[stranger.id].last
    with pytest.raises(MultiplayerError, match=r"gdpeers\.md") as caught:
        server.role.carry(server.member, link)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert server.member.channel is None
    assert server.peer.get_backlog(GUEST) > 0


@kinds
def test_it_can_lose_one_after_another(kind: str) -> None:
    server = Server(kind)
    guest = server.join()
    for turn in range(4):
        guest.say(b"%d" % turn)
        server.lose(guest)
        if kind != "plain":
            server.put(b"%d" % turn)
        guest = server.carry()
        guest.id = GUEST
        if kind != "plain":
            assert guest.greeting == [server.wrapped(b"%d" % turn)]
    source = server.peer.get_peer(GUEST) if kind == "plain" else server.peer
    assert [source.get_packet() for _ in range(4)] == [b"0", b"1", b"2", b"3"]
    assert server.peer.statistics.packets_received == 4
    assert server.member.counted().packets_received == 4
    guest.client.close()
    server.network.settle()
    assert server.leaving() == [GUEST]
    assert server.peer.statistics.packets_received == 4


def test_a_newcomer_that_is_held_can_be_admitted_meanwhile() -> None:
    server = Server("gd_mp", holds_new_peers=True)
    guest, other = server.join(), server.join()
    peer = server.peer
    assert isinstance(peer, WebSocketServer)
    peer.admit_peer(OTHER)
    server.lose(guest)
    other.heard()
    peer.admit_peer(GUEST)
    add = godot3.PacketType.ADD
    assert other.heard() == [godot3.system_packet(add, GUEST)]
    assert server.carry().greeting == [godot3.system_packet(add, OTHER)]


def test_who_is_held_goes_on_by_the_next_connection() -> None:
    """What it has sent to somebody who does not read waits, and is charged to it all the time."""
    server = Server("gd_mp", outbound_buffer_size=20_000)
    guest, other = server.join(), server.join()
    guest.heard()
    server.network.pause(other.client)
    sent, bursts = 0, 0
    while not server.member.last.held and bursts < 100:
        for _ in range(30):  # what one read brings
            wire = godot3.packet(GUEST, OTHER, b"%5d" % sent + b"x" * 1000)
            guest.client.get_peer(1).put_packet(wire)
            sent += 1
        guest.client.get_peer(1).put_packet(godot3.packet(GUEST, 1, b"%d" % bursts))
        bursts += 1
        server.network.settle()
    assert server.peer.endpoint.holding.kept
    server.lose(guest)
    second = server.carry()
    assert server.member.last.held
    assert [*server.peer.endpoint.pressing] == [server.member.channel]
    server.network.resume(other.client)
    heard = [godot3.payload_of(data) for data in other.heard()]
    server.network.settle()
    assert [int(data[:5]) for data in heard if len(data) > 1000] == [*range(sent)]
    assert not server.member.last.held
    assert {name: len(each) for name, each in tables_of_floods(server.peer).items() if each} == {}
    assert server.fetched() == [b"%d" % number for number in range(bursts)]
    second.client.close()


# ---------------------------------------------------------------- interrupted


class Within(Steps):
    """Interrupts only while a function of its runs."""

    inside = False

    def of(self, function: Callable[[], object]) -> None:
        self.inside = True
        try:
            function()
        finally:
            self.inside = False

    def _line(self, frame: FrameType, event: str, arg: object) -> Trace:
        return super()._line(frame, event, arg) if self.inside else self._line


def played(kind: str, part: str, at: int) -> tuple[Within, list[str]]:
    """Lose and carry a member, and interrupt one part of that at one line; return what is wrong.

    Args:
        kind: the envelope.
        part: "lose", "carry" or "relay".
        at: at which line, from 1.
    """
    steps = Within(at, KeyboardInterrupt)
    server = Server(kind)
    guest, other = server.join(), server.join()
    member, poll = server.member, server.peer.poll
    server.put(b"one")

    def lose() -> None:
        server.role.lose_channel(member)

    if part == "lose":
        steps(lambda: steps.of(lose))
    else:
        lose()
    guest.client.close()
    server.network.settle()
    if part == "relay":
        send = server.role.clients.send
        server.role.clients.send = lambda *args: steps.of(lambda: send(*args))  # type: ignore[method-assign]
        server.peer.poll = lambda: steps(poll)  # type: ignore[method-assign]
        other.client.get_peer(1).put_packet(godot3.packet(OTHER, GUEST, b"two"))
        server.network.settle()
    second: Guest | None = None
    if GUEST in server.role.clients.members:
        if part == "carry":
            carry = server.role.carry
            server.role.carry = lambda *args: steps.of(lambda: carry(*args))  # type: ignore[method-assign]
            server.peer.poll = lambda: steps(poll)  # type: ignore[method-assign]
        second = server.carry()
    steps.over = True
    server.network.settle()
    faults: list[str] = []
    if GUEST in server.role.clients.members:
        third = second
        if member.channel is None:
            third = server.carry()
        assert third is not None
        if third.greeting[:1] != [server.wrapped(b"one")]:
            faults.append(f"still here, and got {third.greeting}")
        server.peer.disconnect_peer(GUEST, force=True)
    elif server.leaving().count(GUEST) != 1:
        faults.append(f"has left, and those were told: {server.leaving()}")
    other.client.close()
    server.network.advance(10.0)
    for each in server.peer.get_peers():
        server.peer.disconnect_peer(each)
    server.network.advance(10.0)
    kept = {name: len(table) for name, table in tables_of_server(server.peer).items() if table}
    if kept:
        faults.append(f"left: {kept}")
    server.peer.close()
    return steps, faults


@pytest.mark.parametrize(
    ("kind", "part"),
    [(kind, part) for kind in OF_SESSIONS for part in ("lose", "carry")] + [("gd_mp", "relay")],
)
@pytest.mark.handlers_fail
def test_an_interrupt_at_any_line_leaves_nothing_half_done(kind: str, part: str) -> None:
    wrong: list[str] = []
    at = 0
    gc.disable()  # it would end other servers at a line that is interrupted
    try:
        while True:
            at += 1
            steps, faults = played(kind, part, at)
            wrong += [f"{steps.where}: {fault}" for fault in faults]
            if not steps.where:
                break
            gc.collect(0)
    finally:
        gc.enable()
    assert at > 20
    assert wrong == []


@of_sessions
def test_an_interrupt_leaves_it_or_lets_it_leave(kind: str) -> None:
    """Whatever is interrupted while a packet is queued for it, nothing is half there."""
    server, member = adrift(kind)
    adrift_ = member.adrift
    assert adrift_ is not None
    # As interrupts in the midst of append leave it.
    adrift_.outbox._modes = deque([RELIABLE, RELIABLE])
    server.peer._polling._whole = False
    server.network.settle()
    server.peer.poll()
    assert server.leaving() == [GUEST]
