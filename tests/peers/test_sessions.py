"""Sessions of our own peers, however they are driven: joining, packets, leaving, RPCs, logging in.

``tests/peers/test_conformance.py`` has what is so of any peer; here is what takes an API, and what
is about the three of a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import (
    GODOT_4,
    NATIVE,
    Dialect,
    Limits,
    SceneMultiplayer,
    TransferMode,
    rpc,
)
from tests.driving import Recorder, in_boxes_too, until
from tests.peers.joined import ENVELOPES, connecting, joined, new_server, serving

if TYPE_CHECKING:
    from peers import WebSocketMultiplayerPeer
    from tests.driving import Drive
    from tests.peers.joined import Session

each_envelope = pytest.mark.parametrize("envelope", ENVELOPES)


def packets_of(peer: WebSocketMultiplayerPeer) -> list[tuple[int, bytes]]:
    """What waits to be fetched, and who has sent it."""
    found: list[tuple[int, bytes]] = []
    while peer.get_available_packet_count():
        found.append((peer.get_packet_peer(), peer.get_packet()))
    return found


@in_boxes_too
async def test_packets_reach_whom_they_are_for_in_order(session: Session) -> None:
    server, (first, second) = session.server, session.clients
    one, other = session.ids
    for target, payload in ((0, b"all"), (one, b"one"), (-one, b"but one"), (other, b"other")):
        server.send_packet(payload, target)
    server.send_packet(b"end", 0)
    await until(lambda: first.get_available_packet_count() >= 3)
    await until(lambda: second.get_available_packet_count() >= 4)
    assert packets_of(first) == [(1, b"all"), (1, b"one"), (1, b"end")]
    assert packets_of(second) == [(1, b"all"), (1, b"but one"), (1, b"other"), (1, b"end")]
    for client in session.clients:
        for number in range(100):
            client.send_packet(b"%d" % number, 1)
    await until(lambda: server.get_available_packet_count() == 200)
    received = packets_of(server)
    for peer in session.ids:
        assert [int(data) for source, data in received if source == peer] == [*range(100)]


@in_boxes_too
async def test_who_leaves_is_missed_once_and_the_others_stay(session: Session) -> None:
    server, (first, second) = session.server, session.clients
    one, other = session.ids
    at_server, at_second = Recorder(server), Recorder(second)
    first.close()
    await until(lambda: at_server.of("peer_disconnected"))
    server.send_packet(b"still here", 0)
    await until(second.get_available_packet_count)
    assert at_server.of("peer_disconnected") == [(one,)]
    assert server.get_peers() == [other]
    told = [] if server.is_server_relay_supported() else [(one,)]
    assert at_second.of("peer_disconnected") == told
    assert packets_of(second) == [(1, b"still here")]


@in_boxes_too
async def test_a_server_that_leaves_takes_all_with_it(session: Session) -> None:
    records = [Recorder(client) for client in session.clients]
    session.server.begin_leaving()
    for record in records:
        await until(lambda record=record: "server_disconnected" in record)
        assert record.of("peer_disconnected")[-1] == (1,)
        assert record.of("server_disconnected") == [()]
    server = session.server
    await until(lambda: server.get_connection_status() == server.CONNECTION_DISCONNECTED)


@in_boxes_too
@each_envelope
async def test_a_server_that_is_full_refuses_and_has_room_again(
    drive: Drive, envelope: str
) -> None:
    server = new_server(drive, envelope)
    server.limits = Limits(max_peers=1)
    serving(drive, envelope, server)
    first = await joined(drive, server)
    refused = connecting(drive, server)
    heard = Recorder(refused)
    await until(lambda: "connection_failed" in heard)
    assert refused.failure is not None
    assert "503" in str(refused.failure)
    assert server.statistics.limits_reached["max_peers"] == 1
    first.close()
    await until(lambda: not server.get_peers())
    await joined(drive, server)


@in_boxes_too
@each_envelope
async def test_modes_and_channels_arrive_where_there_is_room_for_them(
    drive: Drive, envelope: str
) -> None:
    server = serving(drive, envelope)
    client = await joined(drive, server)
    for mode in TransferMode:
        client.send_packet(b"x", 1, mode, 3)
    await until(lambda: server.get_available_packet_count() == 3)
    found: list[tuple[TransferMode, int]] = []
    for _ in TransferMode:
        found.append((server.get_packet_mode(), server.get_packet_channel()))
        server.get_packet()
    as_put = [(mode, 3) for mode in TransferMode]
    not_told = [(TransferMode.TRANSFER_MODE_RELIABLE, 0)] * 3
    if drive.box is not None:
        found.sort()  # those that are not reliable do not wait for each other
    assert found == (as_put if envelope == "gd_mp" else not_told)


class Game:
    """Says what was called, and answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []
        self.api: SceneMultiplayer | None = None

    @rpc("any_peer")
    def say(self, text: str) -> str:
        assert self.api is not None
        self.heard.append((self.api.get_remote_sender_id(), text))
        return text.upper()


def with_api(peer: WebSocketMultiplayerPeer, dialect: Dialect) -> tuple[SceneMultiplayer, Game]:
    """An API over a peer that somebody drives: it hears what the peer tells, and polls nothing."""
    api, game = SceneMultiplayer(dialect=dialect), Game()
    api.add("Game", game)
    game.api = api
    api.multiplayer_peer = peer
    return api, game


DIALECTS = pytest.mark.parametrize(
    ("envelope", "dialect"),
    [("gd_mp", NATIVE), ("godot4", NATIVE), ("godot4", GODOT_4)],
    ids=["native-gd_mp", "native-godot4", "godot4"],
)


@in_boxes_too
@DIALECTS
async def test_everybody_can_call_everybody(drive: Drive, envelope: str, dialect: Dialect) -> None:
    server = serving(drive, envelope)
    apis = [with_api(server, dialect)]
    for _ in range(2):
        client = connecting(drive, server)
        apis.append(with_api(client, dialect))
    ids = lambda: {api.get_unique_id() for api, _ in apis}  # noqa: E731
    await until(lambda: all({*api.get_peers(), api.get_unique_id()} == ids() for api, _ in apis))
    for api, game in apis:
        api.rpc(0, game, "say", [f"from {api.get_unique_id()}"])
    for api, game in apis:
        others = sorted(ids() - {api.get_unique_id()})
        await until(lambda game=game: len(game.heard) == 2)
        assert sorted(game.heard) == [(peer, f"from {peer}") for peer in others]


@in_boxes_too
@each_envelope
async def test_an_answer_comes_back(drive: Drive, envelope: str) -> None:
    server = serving(drive, envelope)
    _, at_server = with_api(server, NATIVE)
    api, game = with_api(connecting(drive, server), NATIVE)
    await until(lambda: api.get_peers() == [1])
    call = api.call_id(1, game, "say", ["hello"])
    await until(lambda: call.done)
    assert call.result() == "HELLO"
    assert at_server.heard == [(api.get_unique_id(), "hello")]


@in_boxes_too
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@DIALECTS
async def test_who_knows_the_password_gets_in_and_nobody_else(
    drive: Drive, envelope: str, dialect: Dialect, right: bool
) -> None:
    server = serving(drive, envelope)
    at_server, _ = with_api(server, dialect)

    def check(peer: int, password: bytes) -> None:
        if password == b"secret":
            at_server.complete_auth(peer)
        else:
            at_server.disconnect_peer(peer)

    at_server.auth_callback = check
    at_server.auth_timeout = 30.0  # under the worst conditions a login takes its time
    client = connecting(drive, server)
    api, _ = with_api(client, dialect)
    told = Recorder(api)
    api.auth_timeout = 30.0
    api.auth_callback = lambda peer, _: None
    api.peer_authenticating.connect(lambda peer: api.send_auth(peer, b"secret" if right else b"no"))
    api.peer_authenticating.connect(api.complete_auth)
    if right:
        await until(lambda: api.get_peers() == [1])
        assert at_server.get_peers() == [api.get_unique_id()]
        assert ("connected_to_server",) in told.log
    else:
        await until(lambda: client.get_connection_status() == client.CONNECTION_DISCONNECTED)
        assert at_server.get_peers() == []
        assert ("connected_to_server",) not in told.log
