"""Checks: before a client has joined, and joining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.addressing import LARGEST_PEER_ID
from multiplayer.errors import Error
from multiplayer.multiplayer_peer import ConnectionStatus, MultiplayerPeer
from multiplayer.testing.session import NOT_CONNECTED, expect, expect_equal, expect_error

from .registry import check, contract, godot, reference

if TYPE_CHECKING:
    from multiplayer.testing.session import Session, Steps

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


@check(contract("Joining"))
def joining(session: Session) -> Steps[None]:
    """A client can join; otherwise nothing else can be checked."""
    yield from session.join()


@check(godot("get_connection_status"))
def status(session: Session) -> Steps[None]:
    """The status follows the session."""
    client, seen = session.client, list[ConnectionStatus]()
    server_status = session.server.get_connection_status()
    expect_equal(server_status, _CONNECTED, "a server's status, before anybody has joined")
    if session.knobs.connect is not None:
        expect_equal(client.get_connection_status(), _DISCONNECTED, "a client's, at first")
    client.connection_succeeded.connect(lambda: seen.append(client.get_connection_status()))
    session.connect()
    now = client.get_connection_status()
    expect(now != _DISCONNECTED, "a client that is connecting is not CONNECTION_DISCONNECTED", now)
    yield from session.join() if session.knobs.connect is None else _up(session)
    expect(
        all(each == _CONNECTED for each in seen),
        "a client is CONNECTION_CONNECTED when connection_succeeded is emitted",
        seen,
    )
    client.close()
    expect_equal(client.get_connection_status(), _DISCONNECTED, "a client's, after close()")
    session.server.close()
    server_status = session.server.get_connection_status()
    expect_equal(server_status, _DISCONNECTED, "a server's, after close()")


def _up(session: Session) -> Steps[None]:
    yield from session.until(
        lambda: session.client.get_connection_status() == _CONNECTED,
        "a client whose session is up is CONNECTION_CONNECTED",
    )


@check(godot("get_unique_id"))
def ids(session: Session) -> Steps[None]:
    """A server has id 1, a client an id that the server has sent."""
    expect_equal(session.server.get_unique_id(), 1, "a server's id")
    if session.knobs.connect is not None:
        expect_equal(session.id, 0, "a client's id, before it has one")
    in_time: list[int] = []
    session.client.connection_succeeded.connect(lambda: in_time.append(session.id))
    yield from session.join()
    own = session.id
    expect(2 <= own <= LARGEST_PEER_ID, "a client's id is 2 to 2**31 - 1", own)
    told = {peer for (peer,) in session.at_server.of("peer_connected")}
    told |= {*session.server.get_peers()}
    expect(told == {own}, f"the server knows its client as {own}", sorted(told, key=str))
    expect(in_time in ([], [own]), "a client knows its id in connection_succeeded", in_time)
    expect_equal(session.server.get_unique_id(), 1, "a server's id, when clients are there")


@check(contract("Signals"))
def signals_of_joining(session: Session) -> Steps[None]:
    """Each side hears of the other once; the client then hears of its success."""
    yield from session.join()
    expect_equal(
        session.at_client.log,
        [("peer_connected", 1), ("connection_succeeded",)],
        "the signals of a client that joins",
    )
    expect_equal(
        session.at_server.log, [("peer_connected", session.id)], "the signals of its server"
    )


@check(reference("get_peers"))
def peers(session: Session) -> Steps[None]:
    """Peers that can list who is there do so."""
    server, client = session.server, session.client
    yield from session.join()
    for peer, there in ((server, [session.id]), (client, [1])):
        if type(peer).get_peers is not MultiplayerPeer.get_peers:
            expect_equal(peer.get_peers(), there, "get_peers() when one client has joined")
    client.close()
    yield from session.until(
        lambda: not server.get_peers(), "get_peers() lists nobody who has left"
    )
    expect_equal(client.get_peers(), [], "get_peers() of a client that has left")


@check(contract("Joining"), needs="connect")
def before_joining(session: Session) -> Steps[None]:
    """A client that is not connected can be polled and queried, and has nothing."""
    client = session.client
    yield from session.settle()
    expect_equal(client.get_peers(), [], "get_peers() before connecting")
    expect_equal(client.get_available_packet_count(), 0, "the packets that wait then")
    codes = (Error.ERR_UNAVAILABLE, *NOT_CONNECTED)
    expect_error(codes, "get_packet() before connecting", client.get_packet)
    expect_equal(session.at_client.log, [], "the signals of a client that does not connect")
    expect_equal(session.at_server.log, [], "the signals of a server that nobody joins")


@check(reference("put_packet"), needs="connect")
def sending_before_joining(session: Session) -> Steps[None]:
    """A peer without a session cannot send."""
    client = session.client
    expect_error(NOT_CONNECTED, "put_packet() before connecting", client.put_packet, b"x")
    session.connect()
    if client.get_connection_status() != _CONNECTED:
        expect_error(NOT_CONNECTED, "put_packet() while connecting", client.put_packet, b"x")
    yield from _up(session)
    session.to_server(b"at last")
    received = yield from session.receive(session.server, 1)
    expect_equal(received, [b"at last"], "what arrives of it")


@check(godot("refuse_new_connections"), needs="connect")
def refusing(session: Session) -> Steps[None]:
    """A client that a server refuses hears that it failed, and nobody else hears of it."""
    server = session.server
    expect_equal(server.refuse_new_connections, False, "refuse_new_connections at first")
    server.refuse_new_connections = True
    session.connect()
    yield from session.until(
        lambda: session.at_client.log or session.at_server.log,
        "a client that is refused emits connection_failed",
    )
    yield from session.settle()
    expect_equal(session.at_client.log, [("connection_failed",)], "the signals of who is refused")
    expect_equal(session.at_server.log, [], "the signals of a server that refuses")
    now = session.client.get_connection_status()
    expect_equal(now, _DISCONNECTED, "the status of who is refused")
    server.refuse_new_connections = False
    session.at_client.log.clear()
    session.connect()
    yield from _up(session)


@check(godot("generate_unique_id"))
def chance(session: Session) -> Steps[None]:
    """Ids and random numbers are within their bounds."""
    server = session.server
    drawn = [server.generate_unique_id() for _ in range(100)]
    within = all(2 <= each <= LARGEST_PEER_ID for each in drawn)
    expect(within, "generate_unique_id() returns 2 to 2**31 - 1", drawn)
    expect(len({*drawn}) > 90, "generate_unique_id() returns different ids", drawn)
    numbers = [server.randbits(3) for _ in range(100)]
    expect(all(0 <= each < 8 for each in numbers), "randbits(3) returns 0 to 7", numbers)
    yield from ()


@check(contract("Time and chance"))
def clock(session: Session) -> Steps[None]:
    """The clock never goes back."""
    for peer in (session.server, session.client):
        times = [peer.now()]
        for _ in range(5):
            yield 0.001
            times.append(peer.now())
        expect(times == sorted(times), "now() never goes back", times)
