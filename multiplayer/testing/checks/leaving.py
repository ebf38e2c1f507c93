"""Checks: leaving, throwing out, and using a peer again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error
from multiplayer.testing.session import NOT_CONNECTED, expect, expect_equal, expect_error

from .registry import check, contract, godot, reference

if TYPE_CHECKING:
    from multiplayer.testing.session import Session, Steps

_DOWN: Final = [("peer_disconnected", 1), ("server_disconnected",)]
"""What a client emits when its session ends."""


@check(contract("Ending"))
def client_leaves(session: Session) -> Steps[None]:
    """A client that closes emits nothing itself; its server reports it once."""
    yield from session.join()
    own = session.id
    session.at_client.log.clear()
    session.at_server.log.clear()
    session.client.close()
    yield from session.client_gone()
    yield from session.settle()
    expect_equal(session.at_server.log, [("peer_disconnected", own)], "the server's signals")
    expect_equal(session.at_client.log, [], "the signals of a client that closes")


@check(contract("Ending"))
def server_leaves(session: Session) -> Steps[None]:
    """A server that closes emits nothing itself; its clients report everybody, then the server."""
    yield from session.join()
    session.at_client.log.clear()
    session.at_server.log.clear()
    session.server.close()
    yield from session.client_down()
    expect_equal(session.at_client.log, _DOWN, "the signals of a client whose server closes")
    expect_equal(session.at_server.log, [], "the signals of a server that closes")


@check(contract("Ending"), needs="another")
def server_leaves_several(session: Session) -> Steps[None]:
    """All peers that a client knows leave when its session ends, the server last."""
    yield from session.join()
    other = (yield from session.join_another()).get_unique_id()
    known = [("peer_connected", other)] if session.relays else []
    yield from session.until(
        lambda: len(session.at_client.log) >= 2 + len(known) or not session.relays,
        "a client hears of who joins after it",
    )
    told = session.at_client.of("peer_connected")
    session.at_client.log.clear()
    session.server.close()
    yield from session.client_down()
    gone = session.at_client.of("peer_disconnected")
    expect_equal(
        sorted(gone, key=str), sorted(told, key=str), "who leaves, of those it was told of"
    )
    expect_equal(gone[-1:], [(1,)], "who leaves last")


@check(godot("disconnect_peer"))
def throwing_out(session: Session) -> Steps[None]:
    """Both sides report that a client was disconnected."""
    yield from session.join()
    own = session.id
    session.at_client.log.clear()
    session.at_server.log.clear()
    session.server.disconnect_peer(own)
    yield from session.client_down()
    yield from session.until(
        lambda: session.at_server.log, "the server tells that a client has been disconnected"
    )
    yield from session.settle()
    expect_equal(session.at_server.log, [("peer_disconnected", own)], "the server's signals")
    expect_equal(session.at_client.log, _DOWN, "the signals of who is disconnected")


@check(reference("disconnect_peer"))
def last_words(session: Session) -> Steps[None]:
    """What was put before ``disconnect_peer`` arrives, and can be fetched afterwards."""
    yield from session.join()
    session.to_client(b"the last", b"words")
    session.server.disconnect_peer(session.id)
    yield from session.client_down()
    received = yield from session.receive(session.client, 0)
    expect_equal(received, [b"the last", b"words"], "what a client gets before it is disconnected")


@check(godot("disconnect_peer"))
def throwing_out_by_force(session: Session) -> Steps[None]:
    """With force, a client is gone at once, and no signal of the server reports it."""
    yield from session.join()
    own, server = session.id, session.server
    forced: list[int] = []
    server.on_forced_out = forced.append
    session.at_client.log.clear()
    session.at_server.log.clear()
    server.disconnect_peer(own, force=True)
    expect(own not in server.get_peers(), "it is not in get_peers() any more", server.get_peers())
    expect_equal(forced, [own], "whom on_forced_out is called with")
    yield from session.client_down()
    expect_equal(session.at_server.log, [], "the server's signals")
    expect_equal(session.at_client.log, _DOWN, "the client's signals")
    server.on_forced_out = None


@check(contract("Ending"))
def leaving_properly(session: Session) -> Steps[None]:
    """A client can disconnect from its server, which gets what was put before."""
    yield from session.join()
    own = session.id
    session.at_client.log.clear()
    session.at_server.log.clear()
    session.to_server(b"good", b"bye")
    session.client.disconnect_peer(1)
    yield from session.client_gone()
    yield from session.client_down()
    received = yield from session.receive(session.server, 0)
    expect_equal(received, [b"good", b"bye"], "what a server gets before a client disconnects")
    expect_equal(session.at_server.log, [("peer_disconnected", own)], "the server's signals")
    expect_equal(session.at_client.log, _DOWN, "the client's signals")


@check(reference("expel_peer"))
def expelling(session: Session) -> Steps[None]:
    """A client that broke the rules is thrown out with a reason; both sides report it."""
    yield from session.join()
    own = session.id
    session.at_client.log.clear()
    session.at_server.log.clear()
    session.server.expel_peer(own, "it broke the rules")
    yield from session.client_gone()
    yield from session.client_down()
    expect_equal(session.at_server.log, [("peer_disconnected", own)], "the server's signals")
    expect_equal(session.at_client.log, _DOWN, "the client's signals")


@check(reference("disconnect_peer"))
def throwing_out_nobody(session: Session) -> Steps[None]:
    """A peer that never existed cannot be disconnected; one that has left is left alone."""
    yield from session.join()
    server, own = session.server, session.id
    for stranger in (1_000_000_007, 1_000_000_009):
        if stranger != own:
            what = "disconnect_peer() of an id that never was"
            expect_error(Error.ERR_DOES_NOT_EXIST, what, server.disconnect_peer, stranger)
    for wrong in ("1", True, 2**40):
        what = f"disconnect_peer({wrong!r})"
        expect_error(Error.ERR_INVALID_PARAMETER, what, server.disconnect_peer, wrong)
    session.client.close()
    yield from session.client_gone()
    before = [*session.at_server.log]
    server.disconnect_peer(own)
    server.disconnect_peer(own, force=True)
    server.expel_peer(own, "too late")
    yield from session.settle()
    expect_equal(session.at_server.log, before, "the server's signals, as before all that")


@check(contract("Packets"))
def packets_of_the_departed(session: Session) -> Steps[None]:
    """Packets that have arrived can be fetched after their sender has left."""
    yield from session.join()
    server, own = session.server, session.id
    session.to_server(b"still here")
    yield from session.until(server.get_available_packet_count, "packets arrive")
    session.client.close()
    yield from session.client_gone()
    expect(
        server.get_available_packet_count(),
        "packets stay when their sender leaves",
        server.get_available_packet_count(),
    )
    expect_equal(server.get_packet_peer(), own, "whose they are")
    expect_equal(server.get_packet(), b"still here", "what is fetched")


@check(reference("put_packet"))
def sending_after_leaving(session: Session) -> Steps[None]:
    """A peer that has left cannot send."""
    yield from session.join()
    for peer, who in ((session.client, "client"), (session.server, "server")):
        peer.close()
        what = f"put_packet() of a {who} that has closed"
        expect_error(NOT_CONNECTED, what, peer.put_packet, b"x")


@check(godot("close"))
def closing_twice(session: Session) -> Steps[None]:
    """Closing does nothing if there is nothing to close, before a session and after it."""
    if session.knobs.connect is not None:
        session.client.close()
    yield from session.join()
    for peer in (session.client, session.server):
        peer.close()
        peer.close()
    session.at_client.log.clear()
    session.at_server.log.clear()
    yield from session.settle()
    told = session.at_client.log + session.at_server.log
    expect_equal(told, [], "the signals after both sides have closed")


@check(contract("Ending"), needs="connect")
def using_it_again(session: Session) -> Steps[None]:
    """A client that has left can join again: a new session, with nothing left of the old one."""
    yield from session.join()
    first, before = session.id, session.client.sessions
    joined = [*session.at_client.log]
    session.to_client(b"of the old session")
    yield from session.until(session.client.get_available_packet_count, "packets arrive")
    session.client.close()
    yield from session.client_gone()
    session.at_client.log.clear()
    session.at_server.log.clear()
    yield from session.join()
    expect_equal(session.at_client.log, joined, "the client's signals, as the first time")
    expect_equal(session.at_server.log, [("peer_connected", session.id)], "the server's signals")
    expect(session.id != first, "the new id is not that of who has just left", session.id)
    expect(session.client.sessions > before, "sessions counts on", session.client.sessions)
    session.to_client(b"of the new one")
    received = yield from session.receive(session.client, 1)
    expect_equal(received, [b"of the new one"], "what the client gets")
