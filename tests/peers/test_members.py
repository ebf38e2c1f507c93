"""A member of a session is not the connection that carries it: it can get another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import TransferMode
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.endpoint.shares import Queued
from multiplayer.wire.envelopes.godot3 import packet
from peers import WebSocketMultiplayerPeer, WebSocketServer
from peers.websocket.frames import message_frame
from tests.driving import Recorder, until
from tests.raw import Raw

if TYPE_CHECKING:
    from multiplayer.endpoint.member import Member
    from tests.driving import Drive

KINDS = ("gd_mp", "godot4", "plain")
GUEST, OTHER, NEW = 5, 6, 7


class Ids(WebSocketServer):
    ids: tuple[int, ...] = (GUEST, OTHER, NEW)

    def generate_unique_id(self) -> int:
        return next(each for each in self.ids if each not in self._role.clients.members)


class Godot4Ids(WebSocketMultiplayerPeer):
    def generate_unique_id(self) -> int:
        return next(each for each in Ids.ids if each not in self._role.clients.members)


class Session:
    """A server and a guest that has lost its connection, and another client."""

    def __init__(self, drive: Drive, kind: str) -> None:
        self.kind = kind
        self.server: WebSocketMultiplayerPeer
        if kind == "godot4":
            self.server = Godot4Ids()
            self.server.create_server(0, "127.0.0.1")
        else:
            self.server = seed = Ids()
            seed.bind_ip = "127.0.0.1"
            seed.listen(0, gd_mp_api=kind == "gd_mp")
        self.told = Recorder(self.server)
        drive.add(self.server)

    @property
    def role(self) -> ServerRole:
        assert isinstance(self.server._role, ServerRole)
        return self.server._role

    async def join(self) -> Raw:
        raw = await Raw.connect(self.server.get_local_port())
        greeting = {"gd_mp": 1 + len(self.role.clients), "godot4": 1, "plain": 0}
        for _ in range(greeting[self.kind]):
            assert await raw.receive_frame() is not None
        return raw

    async def lose(self, raw: Raw) -> Member:
        """Take the guest's connection away."""
        member = self.role.clients.members[GUEST]
        link = member.last
        self.role.lose_channel(member)
        await raw.reset()
        await until(lambda: link.over and link not in self.server.endpoint.links)
        return member

    async def return_(self, member: Member) -> Raw:
        """Let the next connection carry the guest."""
        welcome = self.role.welcome
        self.role.welcome = lambda newcomer, *_: self.role.carry(member, newcomer.last)  # type: ignore[method-assign]
        raw = await Raw.connect(self.server.get_local_port())
        await until(lambda: member.channel is not None)
        self.role.welcome = welcome  # type: ignore[method-assign]
        return raw

    def put(self, payload: bytes, to: int = GUEST, *, reliable: bool = True) -> None:
        server = self.server
        if self.kind == "plain":
            self.role.clients.send((framed(payload, reliable=reliable),), to)
            return
        server.set_target_peer(to)
        modes = TransferMode
        mode = modes.TRANSFER_MODE_RELIABLE if reliable else modes.TRANSFER_MODE_UNRELIABLE
        server.transfer_mode = mode
        server.put_packet(payload)

    async def say(self, raw: Raw, payload: bytes, sender: int = GUEST) -> None:
        await raw.send_frame(packet(sender, 1, payload) if self.kind == "gd_mp" else payload)

    def wrapped(self, payload: bytes, to: int = GUEST) -> bytes:
        return packet(1, to, payload) if self.kind == "gd_mp" else payload

    def waiting(self) -> int:
        server = self.server
        source = server.get_peer(GUEST) if self.kind == "plain" else server
        return source.get_available_packet_count()

    def fetch(self) -> bytes:
        server = self.server
        if self.kind == "plain":
            return server.get_peer(GUEST).get_packet()
        assert server.get_packet_peer() == GUEST
        return server.get_packet()


def framed(payload: bytes, *, reliable: bool) -> Queued:
    modes = TransferMode
    mode = modes.TRANSFER_MODE_RELIABLE if reliable else modes.TRANSFER_MODE_UNRELIABLE
    return Queued(message_frame(payload, text=False), len(payload), mode)


async def heard(raw: Raw) -> bytes:
    received = await raw.receive_frame()
    assert received is not None
    return received.payload


@pytest.mark.parametrize("kind", KINDS)
async def test_a_member_gets_another_connection(drive: Drive, kind: str) -> None:
    session = Session(drive, kind)
    server = session.server
    first = await session.join()
    other = await session.join()
    if kind == "gd_mp":
        assert await heard(first)  # of the other
    face = server.get_peer(GUEST)
    face.userdata = "mine"
    await session.say(first, b"before")
    await until(lambda: session.waiting() == 1)
    told = [*session.told.log]

    member = await session.lose(first)
    assert session.role.clients.members[GUEST] is member
    assert kind == "plain" or server.get_peers() == [GUEST, OTHER]
    session.put(b"one")
    session.put(b"lost", reliable=False)
    if kind != "plain":
        session.put(b"two", 0)
        assert await heard(other) == session.wrapped(b"two", 0)
    assert server.get_backlog(GUEST) > 0

    second = await session.return_(member)
    assert await heard(second) == session.wrapped(b"one")
    if kind != "plain":
        assert await heard(second) == session.wrapped(b"two", 0)
    session.put(b"three")
    assert await heard(second) == session.wrapped(b"three")
    await session.say(second, b"after")
    await until(lambda: session.waiting() == 2)
    assert [session.fetch(), session.fetch()] == [b"before", b"after"]
    assert member.channel is not None
    assert member.channel.unfetched == 0

    assert member.id == member.channel.peer_id == GUEST
    assert server.get_peer(GUEST) is face
    assert face.userdata == "mine"
    assert face.get_connected_port() == member.channel.port
    assert member.counted().packets_received == 2
    assert member.counted().drops["adrift"] == 1
    assert server.statistics.packets_received == 2
    quiet = ("peer_packet", "data_received")  # nobody came or went
    assert [each for each in session.told.log if each[0] not in quiet] == [
        each for each in told if each[0] not in quiet
    ]

    await second.close()
    await until(lambda: GUEST not in session.role.clients.members)
    left = session.told.of("client_disconnected" if kind == "plain" else "peer_disconnected")
    assert [args[0] for args in left] == [GUEST]
    assert server.statistics.packets_received == 2
    await other.close()
    server.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_member_that_is_adrift_can_be_sent_away(drive: Drive, kind: str) -> None:
    session = Session(drive, kind)
    raw = await session.join()
    await session.lose(raw)
    session.put(b"one")
    session.server.disconnect_peer(GUEST)
    await until(lambda: GUEST not in session.role.clients.members)
    left = session.told.of("client_disconnected" if kind == "plain" else "peer_disconnected")
    assert [args[0] for args in left] == [GUEST]
    session.server.close()
