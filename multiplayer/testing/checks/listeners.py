"""Checks: what listeners do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.limits import Limits
from multiplayer.multiplayer_peer import ConnectionStatus
from multiplayer.testing.session import expect, expect_equal, expect_error

from .registry import check, contract, reference

if TYPE_CHECKING:
    from multiplayer.testing.session import Session, Steps

_INVALID: Final = Error.ERR_INVALID_PARAMETER


class _ListenerError(Exception):
    """What a listener of a check raises."""


@check(reference("on_error"))
def failing_listeners(session: Session) -> Steps[None]:
    """A listener that raises keeps no other from being called, and stops nothing."""
    yield from session.join()
    server, own = session.server, session.id
    before, failure, taken = server.on_error, _ListenerError("of a check"), list[Exception]()
    told: list[tuple[int, str, Exception]] = []
    heard: list[int] = []

    def fail(_: int) -> None:
        raise failure

    server.on_error = taken.append
    server.handler_failed.connect(lambda peer, where, error: told.append((peer, where, error)))
    server.peer_packet.connect(fail)
    server.peer_packet.connect(heard.append)
    server.peer_disconnected.connect(fail)
    session.to_server(b"one", b"two")
    received = yield from session.receive(server, 2)
    expect_equal(received, [b"one", b"two"], "what arrives though a listener raises")
    emitted = len(session.at_server.packets)
    expect_equal(len(heard), emitted, "how often a listener after the one that raises is called")
    expect_equal(taken, [failure] * emitted, "what a function that is on_error gets")
    session.client.close()
    yield from session.client_gone()
    yield from session.settle()
    emitted += len(session.at_server.of("peer_disconnected"))
    expect_equal(taken, [failure] * emitted, "the same, with those of peer_disconnected")
    who = [(peer, error) for peer, _, error in told]
    expect_equal(who, [(own, failure)] * emitted, "whom handler_failed tells of")
    server.on_error = before


@check(contract("Listeners"))
def sending_in_listeners(session: Session) -> Steps[None]:
    """Listeners may send: to a peer that has just joined, and in answer to a packet."""
    server, client = session.server, session.client

    def greet(peer: int) -> None:
        server.send_packet(b"hello", peer)

    def answer(peer: int) -> None:
        server.send_packet(b"re: " + server.get_packet(), peer)

    server.peer_connected.connect(greet)
    server.peer_packet.connect(answer)
    yield from session.join()
    received = yield from session.receive(client, 1)
    expect_equal(received, [b"hello"], "what is sent by a listener of peer_connected")
    session.to_server(b"one", b"two")
    received = yield from session.receive(client, len(session.at_server.packets))
    if session.at_server.packets:
        expect_equal(received, [b"re: one", b"re: two"], "what listeners of peer_packet answer")


@check(reference("poll"))
def polling_in_listeners(session: Session) -> Steps[None]:
    """A listener cannot poll."""
    codes: list[object] = []

    def poll(_: int) -> None:
        try:
            session.server.poll()
        except MultiplayerError as error:
            codes.append(error.code)
        else:
            codes.append("nothing is raised")

    session.server.peer_connected.connect(poll)
    yield from session.join()
    expect(codes in ([], [Error.ERR_BUSY]), "poll() in a listener raises ERR_BUSY", codes)


@check(contract("Listeners"))
def closing_in_listeners(session: Session) -> Steps[None]:
    """A listener can close its peer, which then emits nothing more."""
    yield from session.join()
    server, errors = session.server, list[Exception]()
    server.handler_failed.connect(lambda _, __, error: errors.append(error))
    server.peer_disconnected.connect(lambda _: server.close())
    session.at_server.log.clear()
    own = session.id
    session.client.close()
    yield from session.client_gone()
    yield from session.settle()
    expect_equal(errors, [], "what close() in a listener raises")
    expect_equal(session.at_server.log, [("peer_disconnected", own)], "the server's signals")
    now = server.get_connection_status()
    expect_equal(now, ConnectionStatus.CONNECTION_DISCONNECTED, "its status")


@check(contract("Listeners"))
def throwing_out_in_listeners(session: Session) -> Steps[None]:
    """A listener can throw out a peer that it hears of."""
    server = session.server
    server.peer_connected.connect(server.disconnect_peer)
    session.connect()
    yield from session.until(
        lambda: session.at_server.of("peer_connected"), "the server hears of its client"
    )
    yield from session.client_gone()
    yield from session.client_down()
    joined = {*session.at_server.of("peer_connected")}
    left = {*session.at_server.of("peer_disconnected")}
    expect_equal(left, joined, "who has left, of those who have joined")


@check(contract("Signals"))
def signals_in_polls_only(session: Session) -> Steps[None]:
    """Only ``poll()`` emits signals."""
    yield from session.join()
    told = (session.at_server, session.at_client)
    for what, action in (
        ("put_packet()", lambda: session.to_client(b"x")),
        ("put_packet()", lambda: session.to_server(b"x")),
        ("disconnect_peer()", lambda: session.server.disconnect_peer(session.id)),
        ("close()", session.client.close),
        ("close()", session.server.close),
    ):
        before = [len(each) for each in told]
        action()
        after = [len(each) for each in told]
        expect(before == after, f"{what} emits nothing, on neither side", "signals were emitted")
        if what == "put_packet()":
            yield from session.settle()


@check(contract("What changes when"))
def changes_in_polls_only(session: Session) -> Steps[None]:
    """What others do changes nothing here before the next ``poll()``."""
    yield from session.join()
    server, client, own = session.server, session.client, session.id
    session.to_client(b"x")
    waits = client.get_available_packet_count()
    expect_equal(waits, 0, "packets waiting before the poll that receives them")
    received = yield from session.receive(client, 1)
    expect_equal(received, [b"x"], "packets received by that poll")
    known = server.get_peers()
    client.close()
    expect_equal(server.get_peers(), known, "get_peers() of a server right after its client closed")
    yield from session.client_gone()
    expect(own not in server.get_peers(), "get_peers() no longer lists it after that", own)


@check(reference("limits"))
def settings(session: Session) -> Steps[None]:
    """Settings refuse what makes no sense."""
    for peer in (session.server, session.client):
        what = "on_error = 'ignore'"
        expect_error(_INVALID, what, setattr, peer, "on_error", "ignore")
        expect_error(_INVALID, "limits = None", setattr, peer, "limits", None)
        peer.limits = limits = Limits()
        expect(peer.limits is limits, "limits is what was set", peer.limits)
        with_wrong_size = "encode_buffer_max_size = 1"
        expect_error(_INVALID, with_wrong_size, setattr, peer, "encode_buffer_max_size", 1)
    yield from ()
