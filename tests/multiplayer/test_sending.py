"""``send_packet`` and ``send_to_members``: what an API sends, between what the user sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from multiplayer import (
    GODOT_4,
    NATIVE,
    Error,
    MultiplayerError,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
    TransferMode,
)
from multiplayer.members import Members
from peers import WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import connected_pair

if TYPE_CHECKING:
    from collections.abc import Callable

RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED


class Put(NamedTuple):
    packet: bytes
    target: int
    mode: TransferMode
    channel: int


class OwnPeer(OfflineMultiplayerPeer):
    """A peer of somebody else's, which knows ``put_packet`` only."""

    def __init__(self, *, unreachable: int = 0) -> None:
        super().__init__()
        self.unreachable = unreachable
        self.put: list[Put] = []

    def put_packet(self, buffer: bytes) -> None:
        if self._target_peer == self.unreachable != 0:
            raise MultiplayerError(Error.FAILED, "cannot be reached")
        self.put.append(Put(buffer, self._target_peer, self.transfer_mode, self.transfer_channel))


def members(*ids: int) -> Members:
    made = Members()
    for id_ in ids:
        made.add(id_)
    return made


@pytest.fixture
def peer() -> OwnPeer:
    own = OwnPeer()
    own.set_target_peer(5)
    own.transfer_mode = ORDERED
    own.transfer_channel = 9
    return own


def test_a_packet_goes_as_it_is_told_and_what_was_set_stays(peer: OwnPeer) -> None:
    peer.send_packet(b"ours", -3, UNRELIABLE, 2)
    peer.send_packet(b"plain", 0)
    peer.put_packet(b"theirs")
    assert peer.put == [
        Put(b"ours", -3, UNRELIABLE, 2),
        Put(b"plain", 0, RELIABLE, 0),
        Put(b"theirs", 5, ORDERED, 9),
    ]


@pytest.mark.parametrize(
    ("target", "mode", "channel"), [(1 << 40, RELIABLE, 0), (1, 7, 0), (1, RELIABLE, 256)]
)
def test_what_is_refused_changes_nothing(
    peer: OwnPeer, target: int, mode: TransferMode, channel: int
) -> None:
    with pytest.raises(MultiplayerError) as caught:
        peer.send_packet(b"x", target, mode, channel)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    peer.put_packet(b"theirs")
    assert peer.put == [Put(b"theirs", 5, ORDERED, 9)]


def test_all_members_but_some_get_it_in_order_of_joining(peer: OwnPeer) -> None:
    peer.send_to_members(b"x", members(8, 3, 6, 4), (6, 99), UNRELIABLE, 1)
    assert peer.put == [Put(b"x", target, UNRELIABLE, 1) for target in (8, 3, 4)]


def test_who_cannot_be_reached_does_not_keep_the_others_from_it() -> None:
    peer = OwnPeer(unreachable=3)
    with pytest.raises(MultiplayerError, match="cannot be reached"):
        peer.send_to_members(b"x", members(8, 3, 6))
    assert [put.target for put in peer.put] == [8, 6]


def test_each_gets_its_own() -> None:
    peer = OwnPeer(unreachable=3)
    with pytest.raises(MultiplayerError, match="cannot be reached"):
        peer.send_each([(8, b"x"), (3, b"y"), (8, b"z"), (6, b"x")], UNRELIABLE)
    assert peer.put == [
        Put(b"x", 8, UNRELIABLE, 0),
        Put(b"z", 8, UNRELIABLE, 0),
        Put(b"x", 6, UNRELIABLE, 0),
    ]


@pytest.mark.parametrize("godot4", [False, True])
def test_a_server_sends_each_its_own_though_somebody_was_never_there(godot4: bool) -> None:
    server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    with connected_pair(godot4=godot4, server=server) as pair:
        (client,) = server.get_peers()
        with pytest.raises(MultiplayerError, match="there is no peer"):
            server.send_each([(client, b"one"), (client + 1, b"nobody"), (client, b"two")])
        pair.until(lambda: pair.client.get_available_packet_count() == 2)
        assert [pair.client.get_packet() for _ in range(2)] == [b"one", b"two"]


def test_members_change_their_version_with_each_change() -> None:
    here = members(4, 2)
    versions = [here.version]
    for change in (lambda: here.remove(4), lambda: here.add(7), here.clear):
        change()
        versions.append(here.version)
    assert len({*versions}) == 4
    assert (len(here), [*members(4, 2)], 4 in members(4)) == (0, [4, 2], True)


class Counting(WebSocketMultiplayerPeer):
    """Notes what is put, and sends it as the class above does."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []

    def put_packet(self, buffer: bytes) -> None:
        self.seen.append(buffer)
        super().put_packet(buffer)


class CountingServer(Counting, WebSocketServer):
    """The same for Godot 3's envelope."""


@pytest.mark.parametrize("godot4", [False, True])
def test_who_overrides_put_packet_gets_what_the_api_sends(godot4: bool) -> None:
    server = Counting() if godot4 else CountingServer()
    with connected_pair(godot4=godot4, server=server) as pair:
        api = SceneMultiplayer(dialect=GODOT_4 if godot4 else NATIVE)
        api.multiplayer_peer = server
        (client,) = server.get_peers()
        api.send_bytes(b"to all")
        api.send_bytes(b"to one", client)
        assert [packet[1:] for packet in server.seen] == [b"to all", b"to one"]
        pair.until(lambda: pair.client.get_available_packet_count() == 2)


class Shouting:
    """Knows nothing of peers but what it overrides."""

    seen: list[bytes]

    def put_packet(self, buffer: bytes) -> None:
        self.seen.append(buffer)
        super().put_packet(buffer.upper())  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue, reportUnknownVariableType]

    def _take_packet(self) -> bytes:
        return super()._take_packet().lower()  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue, reportUnknownVariableType]


class ShoutingPeer(Shouting, WebSocketMultiplayerPeer):
    def __init__(self) -> None:
        super().__init__()
        self.seen = []


class ShoutingServer(Shouting, WebSocketServer):
    def __init__(self) -> None:
        super().__init__()
        self.seen = []


@pytest.mark.parametrize("godot4", [False, True])
def test_what_a_mixin_overrides_is_done_to_what_the_api_sends_and_takes(godot4: bool) -> None:
    server = ShoutingPeer() if godot4 else ShoutingServer()
    with connected_pair(godot4=godot4, server=server) as pair:
        api = SceneMultiplayer(dialect=GODOT_4 if godot4 else NATIVE)
        api.multiplayer_peer = server
        got: list[tuple[int, bytes]] = []
        api.peer_packet.connect(lambda *packet: got.append(packet))
        (client,) = server.get_peers()
        api.send_bytes(b"hello", client)
        (said,) = server.seen
        pair.until(pair.client.get_available_packet_count)
        assert pair.client.get_packet() == said.upper()
        pair.client.put_packet(said.upper())
        pair.until(lambda: api.poll() or got)
        assert got == [(client, b"hello")]


@pytest.mark.parametrize("godot4", [False, True])
def test_who_overrides_put_packet_gets_what_is_for_members(godot4: bool) -> None:
    server = Counting() if godot4 else CountingServer()
    with connected_pair(godot4=godot4, server=server) as pair:
        (client,) = server.get_peers()
        server.send_to_members(b"x", members(client))
        server.send_to_members(b"y", members(client), (client,))
        assert server.seen == [b"x"]
        pair.until(lambda: pair.client.get_available_packet_count() == 1)


def every_way(api: SceneMultiplayer, client: int) -> list[Callable[[], object]]:
    return [
        lambda: api.send_bytes(b"x"),
        lambda: api.send_bytes(b"x", client, UNRELIABLE),
        lambda: api.send_bytes(b"x", -client),
    ]


@pytest.mark.parametrize("godot4", [False, True])
def test_an_api_leaves_what_the_user_has_set(godot4: bool) -> None:
    server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    with connected_pair(godot4=godot4, server=server):
        api = SceneMultiplayer()
        api.multiplayer_peer = server
        (client,) = server.get_peers()
        server.set_target_peer(client)
        server.transfer_mode = ORDERED
        server.transfer_channel = 3
        for send in every_way(api, client):
            send()
            assert server._target_peer == client
            assert (server.transfer_mode, server.transfer_channel) == (ORDERED, 3)


# ---------------------------------------------------------------- to some


def test_some_get_it_in_the_order_given(peer: OwnPeer) -> None:
    peer.send_to_peers(b"x", [8, 3, 6], UNRELIABLE, 1)
    assert peer.put == [Put(b"x", target, UNRELIABLE, 1) for target in (8, 3, 6)]


def test_who_cannot_be_reached_does_not_keep_the_rest_from_it() -> None:
    peer = OwnPeer(unreachable=3)
    with pytest.raises(MultiplayerError, match="cannot be reached"):
        peer.send_to_peers(b"x", [8, 3, 6])
    assert [put.target for put in peer.put] == [8, 6]


@pytest.mark.parametrize("godot4", [False, True])
def test_who_overrides_put_packet_gets_what_is_for_some(godot4: bool) -> None:
    server = Counting() if godot4 else CountingServer()
    with connected_pair(godot4=godot4, server=server) as pair:
        (client,) = server.get_peers()
        server.send_to_peers(b"x", [client])
        assert server.seen == [b"x"]
        pair.until(lambda: pair.client.get_available_packet_count() == 1)


@pytest.mark.parametrize("godot4", [False, True])
def test_what_a_server_refuses_to_send_to_some(godot4: bool) -> None:
    server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    with connected_pair(godot4=godot4, server=server) as pair:
        (client,) = server.get_peers()
        with pytest.raises(MultiplayerError, match="no peer 77"):
            server.send_to_peers(b"x", [77, client])
        for target in (0, -client, 1 << 40):
            with pytest.raises(MultiplayerError):
                server.send_to_peers(b"y", [target])
        with pytest.raises(MultiplayerError, match="longer"):
            server.send_to_peers(b"z" * 70_000, [client])
        server.send_to_peers(b"", [client])
        server.send_to_peers(b"end", [client])
        pair.until(lambda: pair.client.get_available_packet_count() == 2)
        assert [pair.client.get_packet() for _ in range(2)] == [b"x", b"end"]
