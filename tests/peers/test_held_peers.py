"""A gd_mp server that lets peers in only when it has looked at them: ``holds_new_peers``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError, OfflineMultiplayerPeer
from peers import WebSocketMultiplayerPeer
from tests.driving import Recorder, until
from tests.gd_mp_rows import ADD, DEL, FIRST, ID, LAST, SELF, about, game
from tests.peers.sessions import FixedServer, listening, payloads
from tests.raw import CLOSE, Raw, close_body

if TYPE_CHECKING:
    from tests.driving import Drive


async def newcomer(server: FixedServer, id_: int) -> Raw:
    """A client with that id, whose greeting is still to be read."""
    server.ids.append(id_)
    raw = await Raw.connect(server.get_local_port())
    await until(lambda: server.has_peer(id_))
    return raw


async def test_a_held_peer_is_there_for_the_server_alone(drive: Drive) -> None:
    server = listening(drive)
    heard = Recorder(server, without=("client_connected",))
    first = await newcomer(server, FIRST)
    server.holds_new_peers = True
    held = await newcomer(server, SELF)
    other = await newcomer(server, LAST)
    assert heard.log == [("peer_connected", id_) for id_ in (FIRST, SELF, LAST)]
    assert await payloads(held) == [about(ID, SELF), about(ADD, 1)]
    assert await payloads(other) == [about(ID, LAST), about(ADD, 1)]
    assert await payloads(first) == [about(ID, FIRST), about(ADD, 1)]

    for target in (0, 1, FIRST, LAST, -FIRST, -1):
        await held.send_frame(game(SELF, target, b"%d" % target))
    assert await payloads(held) == []
    assert [server.get_packet() for _ in range(server.get_available_packet_count())] == [
        b"0",
        b"1",
        b"%d" % -FIRST,
    ]
    # The server's copy of what went to all was delivered; what it is without was dropped.
    assert server.get_peer(SELF).statistics.drops == {"not_admitted": 5}
    for target in (0, SELF, -1):
        await first.send_frame(game(FIRST, target))
    assert await payloads(first) == []
    assert server.get_peer(FIRST).statistics.drops == {"not_admitted": 1}

    for target in (0, SELF, -FIRST, -LAST):
        server.set_target_peer(target)
        server.put_packet(b"x")
    server.flush()
    assert await payloads(held) == [game(1, SELF, b"x")]
    assert await payloads(other) == []
    assert await payloads(first) == [game(1, 0, b"x"), game(1, -LAST, b"x")]
    for raw in (first, held, other):
        await raw.close()


async def test_admitting_announces_as_joining_does(drive: Drive) -> None:
    server = listening(drive)
    first = await newcomer(server, FIRST)
    last = await newcomer(server, LAST)
    server.holds_new_peers = True
    held = await newcomer(server, SELF)
    server.holds_new_peers = False  # changes nothing for who is held already
    await payloads(held)
    await payloads(first)
    await payloads(last)
    heard = Recorder(server)
    for _ in range(2):  # the second time nothing happens
        server.admit_peer(SELF)
    server.flush()
    assert await payloads(held) == [about(ADD, FIRST), about(ADD, LAST)]
    assert await payloads(first) == [about(ADD, SELF)]
    assert await payloads(last) == [about(ADD, SELF)]
    await held.send_frame(game(SELF, 0))
    assert await payloads(held) == []
    assert await payloads(first) == [game(SELF, 0)]
    assert heard.log == [("peer_packet", SELF)]
    await held.send_frame(close_body(1000), CLOSE)
    await until(lambda: not server.has_peer(SELF))
    assert await payloads(last) == [game(SELF, 0), about(DEL, SELF)]
    for raw in (first, held, last):
        await raw.close()


@pytest.mark.parametrize("force", [False, True])
async def test_the_others_never_hear_of_one_that_is_not_let_in(drive: Drive, force: bool) -> None:
    server = listening(drive)
    first = await newcomer(server, FIRST)
    assert await payloads(first) == [about(ID, FIRST), about(ADD, 1)]
    server.holds_new_peers = True
    held = await newcomer(server, SELF)
    heard = Recorder(server)
    if force:
        server.disconnect_peer(SELF, force=True)
    else:
        server.expel_peer(SELF, "wrong password")
    server.flush()
    await payloads(first)
    assert await held.receive_message() == about(ID, SELF)
    assert await held.receive_message() == about(ADD, 1)
    assert await held.receive_close() == (
        close_body(1000) if force else close_body(1008, "wrong password")
    )
    await held.send_frame(close_body(1008), CLOSE)
    await until(lambda: not server.has_peer(SELF))
    assert await payloads(first) == []
    if not force:
        await until(lambda: heard.of("peer_disconnected") == [(SELF,)])
    server.admit_peer(SELF)
    assert server.statistics.drops["departed"] == 1
    assert await payloads(first) == []
    for raw in (first, held):
        await raw.close()


async def test_a_session_that_holds_everybody_announces_as_one_that_holds_nobody(
    drive: Drive,
) -> None:
    """Whatever the order: each pair hears of each other once."""
    server = listening(drive)
    server.holds_new_peers = True
    raws = {peer: await newcomer(server, peer) for peer in (FIRST, SELF, LAST)}
    for peer in (LAST, FIRST, SELF):
        server.admit_peer(peer)
    server.flush()
    for peer, raw in raws.items():
        packets = await payloads(raw)
        assert packets[:2] == [about(ID, peer), about(ADD, 1)]
        assert sorted(packets[2:]) == sorted(about(ADD, other) for other in raws if other != peer)
    for raw in raws.values():
        await raw.close()


def test_peers_that_announce_nobody_hold_nobody() -> None:
    for peer in (OfflineMultiplayerPeer(), WebSocketMultiplayerPeer()):
        assert peer.holds_new_peers is False
        peer.admit_peer(2)
        with pytest.raises(MultiplayerError) as raised:
            peer.expel_peer(2, "unknown")
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST


async def test_nothing_follows_the_close_frame_of_one_that_is_admitted_then(drive: Drive) -> None:
    server = listening(drive)
    server.holds_new_peers = True
    held = await newcomer(server, SELF)
    await payloads(held)
    server.disconnect_peer(SELF)
    server.admit_peer(SELF)
    server.set_target_peer(0)
    server.put_packet(b"after close")
    server.flush()
    assert await held.receive_close() == close_body(1000, "")
    await held.send_frame(close_body(1000), CLOSE)
    assert await held.receive_end() == []
    assert server.statistics.drops["closing"] >= 1
    await held.close()
