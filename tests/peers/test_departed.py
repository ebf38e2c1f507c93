"""Ids that were right a moment ago: what comes too late for a peer is dropped, and never raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import connected_pair
from tests.driving import everywhere, until
from tests.gd_mp_rows import ADD, DEL, JOINED, LAST, about
from tests.peers.joined import joined, serving
from tests.peers.sessions import client_of, fenced
from tests.raw import CLOSE, Raw, close_body, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.driving import Drive

KINDS = ["gd_mp", "godot4", "plain"]
SESSIONS = ["gd_mp", "godot4"]
STRANGER = 12345
"""An id that never was."""

Server = WebSocketMultiplayerPeer


async def visit(drive: Drive, kind: str) -> tuple[Server, int]:
    """A server, and the id of a client that has been there and has left."""
    server = serving(drive, kind)
    client = await joined(drive, server)
    (visitor,) = server._role.clients.members
    client.disconnect_peer(1)
    await until(lambda: not server._role.clients.members)
    return server, visitor


def put_to(server: Server, peer: int) -> None:
    server.set_target_peer(peer)
    server.put_packet(b"late")


def put_var_to(server: Server, peer: int) -> None:
    server.set_target_peer(peer)
    server.put_var({"late": True})


def admit(server: Server, peer: int) -> None:
    if isinstance(server, WebSocketServer):
        server.admit_peer(peer)
    else:  # it holds nobody
        server.disconnect_peer(peer)


def close_with_reason(server: Server, peer: int) -> None:
    if isinstance(server, WebSocketServer):
        server.disconnect_peer(peer, 4001, "enough")
    else:
        server.disconnect_peer(peer)


EVERYWHERE: list[Callable[[Server, int], object]] = [
    lambda server, peer: server.disconnect_peer(peer),
    lambda server, peer: server.disconnect_peer(peer, force=True),
    lambda server, peer: server.expel_peer(peer, "too late"),
    close_with_reason,
    admit,
]
WITH_AN_ENVELOPE: list[Callable[[Server, int], object]] = [put_to, put_var_to]


@everywhere
@pytest.mark.parametrize("kind", KINDS)
async def test_what_comes_too_late_is_dropped_and_counted(drive: Drive, kind: str) -> None:
    server, visitor = await visit(drive, kind)
    attempts = EVERYWHERE + (WITH_AN_ENVELOPE if kind in SESSIONS else [])
    for count, attempt in enumerate(attempts, 1):
        attempt(server, visitor)
        assert server.statistics.drops == {"departed": count}


@everywhere
@pytest.mark.parametrize("kind", KINDS)
async def test_an_id_that_never_was_is_a_mistake(drive: Drive, kind: str) -> None:
    server, _ = await visit(drive, kind)
    for attempt in EVERYWHERE:
        with pytest.raises(MultiplayerError) as raised:
            attempt(server, STRANGER)
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST
    for attempt in WITH_AN_ENVELOPE if kind in SESSIONS else []:
        with pytest.raises(MultiplayerError) as raised:
            attempt(server, STRANGER)
        assert raised.value.code == Error.FAILED
    assert server.statistics.drops == {}


@everywhere
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_wrong_for_anybody_raises_also_for_one_that_has_left(
    drive: Drive, kind: str
) -> None:
    server, visitor = await visit(drive, kind)
    face = server.get_peer(visitor)
    server.set_target_peer(visitor)
    for put in (server.put_packet, face.put_packet) if kind in SESSIONS else (face.put_packet,):
        with pytest.raises(MultiplayerError) as raised:
            put(bytes(65536))
        assert raised.value.code == Error.ERR_OUT_OF_MEMORY
    with pytest.raises(MultiplayerError) as raised:
        face.send(b"\xff", face.WRITE_MODE_TEXT)
    assert raised.value.code == Error.ERR_INVALID_DATA
    if isinstance(server, WebSocketServer):
        with pytest.raises(MultiplayerError) as raised:
            server.disconnect_peer(visitor, 1005)
        assert raised.value.code == Error.ERR_INVALID_PARAMETER
    assert server.statistics.drops == {}


@everywhere
@pytest.mark.parametrize("kind", KINDS)
async def test_the_face_of_one_that_has_left(drive: Drive, kind: str) -> None:
    server, visitor = await visit(drive, kind)
    face = server.get_peer(visitor)
    face.put_packet(b"late")
    face.put_var("late")
    face.send_text("late")
    assert server.statistics.drops == {"departed": 3}
    face.close(4000, "late")
    assert face.get_close_code() == 1000
    for ask in (server.get_peer_address, server.get_peer_port):
        with pytest.raises(MultiplayerError) as raised:
            ask(visitor)
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST


@pytest.mark.parametrize("kind", SESSIONS)
async def test_everybody_but_one_that_has_left_is_everybody(drive: Drive, kind: str) -> None:
    server, visitor = await visit(drive, kind)
    raw = await Raw.connect(server.get_local_port())
    await until(lambda: server._role.clients.members)
    await fenced(raw)  # the greeting
    put_to(server, -visitor)
    server.flush()
    (got,) = await fenced(raw)
    assert got.payload.endswith(b"late")
    assert server.statistics.drops == {}
    await raw.close()


@everywhere
@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_session_has_forgotten_them(drive: Drive, kind: str) -> None:
    server, visitor = await visit(drive, kind)
    server.close()
    server.disconnect_peer(visitor)  # the session is over, and they have left all the same
    if isinstance(server, WebSocketServer):
        server.listen(0, gd_mp_api=kind == "gd_mp")
    else:
        server.create_server(0, "127.0.0.1")
    with pytest.raises(MultiplayerError) as raised:
        server.disconnect_peer(visitor)
    assert raised.value.code == Error.ERR_DOES_NOT_EXIST
    server.close()


@everywhere
@pytest.mark.parametrize("kind", KINDS)
async def test_who_was_there_when_the_server_stopped_has_left_too(drive: Drive, kind: str) -> None:
    server = serving(drive, kind)
    await joined(drive, server)
    (guest,) = server._role.clients.members
    face = server.get_peer(guest)
    server.close()
    server.disconnect_peer(guest)
    face.put_packet(b"late")
    assert server.statistics.drops["departed"] == 1


@everywhere
async def test_no_newcomer_gets_the_id_of_one_that_has_left(drive: Drive) -> None:
    """Or a late answer would reach a stranger."""

    class Repeating(WebSocketServer):
        def generate_unique_id(self) -> int:
            return ids.pop(0)

    ids = [5, 5, 6]
    server = serving(drive, "gd_mp", Repeating())
    for expected in (5, 6):
        client = await joined(drive, server)
        assert list(server._role.clients.members) == [expected]
        client.close()
        await until(lambda: not server._role.clients.members)


# ---------------------------------------------------------------- in a loop, as in the README


@pytest.mark.parametrize("later", [False, True], ids=["same poll", "later poll"])
@pytest.mark.parametrize("kind", SESSIONS)
def test_the_answer_to_one_that_sends_and_leaves(kind: str, later: bool) -> None:
    with connected_pair(godot4=kind == "godot4") as (server, client):
        gone: list[int] = []
        server.peer_disconnected.connect(gone.append)
        client.put_packet(b"hello")
        client.disconnect_peer(1)
        while not gone:
            client.poll()
            server.poll()
        for _ in range(3 if later else 0):
            server.poll()
        assert server.get_available_packet_count() == 1
        sender = server.get_packet_peer()
        assert server.get_packet() == b"hello"
        server.set_target_peer(sender)
        server.put_var({"map": "harbour", "spawn": [3, 4]})
        server.poll()
        assert gone == [sender]
        assert server.statistics.drops == {"departed": 1}


async def test_a_message_and_a_close_frame_in_one_piece(drive: Drive) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    answered: list[int] = []

    def answer(peer: int) -> None:
        face = server.get_peer(peer)
        while face.get_available_packet_count():
            face.put_packet(face.get_packet().upper())
            answered.append(peer)

    # In a listener, when it has just left, and once more when it has been told that it has.
    server.client_disconnected.connect(lambda peer, _: answer(peer))
    drive.add(server)
    raw = await Raw.connect(server.get_local_port())
    mask = b"mask"
    await raw.send(frame(b"a", mask=mask) + frame(close_body(1000), CLOSE, mask=mask))
    await until(lambda: answered)
    assert server.statistics.drops == {"departed": 1}
    await raw.close()


# ---------------------------------------------------------------- on a client


async def test_a_gd_mp_client_drops_what_is_for_another_that_has_left(drive: Drive) -> None:
    async with client_of(drive, (*JOINED, about(ADD, LAST), about(DEL, LAST))) as (client, raw):
        await until(lambda: LAST not in client.get_peers())
        client.set_target_peer(LAST)
        client.put_packet(b"late")
        assert client.statistics.drops == {"departed": 1}
        client.set_target_peer(-LAST)
        client.put_packet(b"to all")
        client.flush()
        (got,) = await fenced(raw)
        assert got.payload.endswith(b"to all")
        await raw.send_frame(about(ADD, LAST))
        await until(lambda: LAST in client.get_peers())
        client.set_target_peer(LAST)
        client.put_packet(b"back again")
        client.flush()
        (got,) = await fenced(raw)
        assert got.payload.endswith(b"back again")
        assert client.statistics.drops == {"departed": 1}


@pytest.mark.parametrize("kind", SESSIONS)
def test_a_client_leaves_a_server_that_has_just_left(kind: str) -> None:
    with connected_pair(godot4=kind == "godot4") as (server, client):
        assert isinstance(client, WebSocketClient) == (kind == "gd_mp")
        server.close()
        while client.get_connection_status() != client.CONNECTION_DISCONNECTED:
            client.poll()
        client.disconnect_peer(1)
        client.disconnect_peer(1, force=True)
        client.expel_peer(1, "too late")
        with pytest.raises(MultiplayerError) as raised:
            client.disconnect_peer(STRANGER)
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST
