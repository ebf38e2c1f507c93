"""Checks: whom packets go to, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import Error
from multiplayer.members import Members
from multiplayer.multiplayer_peer import TransferMode
from multiplayer.testing.session import expect, expect_equal, expect_error

from .registry import check, contract, godot, reference

if TYPE_CHECKING:
    from multiplayer.multiplayer_peer import MultiplayerPeer
    from multiplayer.testing.session import Session, Steps

_UNKNOWN: Final = (Error.FAILED, Error.ERR_INVALID_PARAMETER, Error.ERR_DOES_NOT_EXIST)
"""The errors of sending to nobody: ours and those of Godot's peers."""

_INVALID: Final = Error.ERR_INVALID_PARAMETER
_NO_IDS: Final = (True, 1.0, "1", None, 2**31, -(2**31) - 1)


def _sent_to(session: Session, target: int, *receivers: MultiplayerPeer) -> Steps[list[bool]]:
    """Let the server put a packet to ``target``; return which of ``receivers`` got it.

    A packet for everybody follows, so that it is known when it would have come.
    """
    server = session.server
    server.set_target_peer(target)
    server.put_packet(b"the packet")
    server.set_target_peer(0)
    server.put_packet(b"the end")
    got: list[bool] = []
    for receiver in receivers:
        received: list[bytes] = []
        while b"the end" not in received:
            received += yield from session.receive(receiver, 1)
        got.append(b"the packet" in received)
    return got


@check(godot("set_target_peer"))
def target_everybody(session: Session) -> Steps[None]:
    """0 is everybody, and the default."""
    yield from session.join()
    receivers = [session.client]
    if session.knobs.another is not None:
        receivers.append((yield from session.join_another()))
    session.server.put_packet(b"without a target")
    for receiver in receivers:
        received = yield from session.receive(receiver, 1)
        expect_equal(received, [b"without a target"], "what arrives if no target was set")
    got = yield from _sent_to(session, 0, *receivers)
    expect(all(got), "a packet to 0 reaches all clients", got)


@check(godot("set_target_peer"), needs="another")
def target_one(session: Session) -> Steps[None]:
    """A positive number is only that peer."""
    yield from session.join()
    other = yield from session.join_another()
    got = yield from _sent_to(session, session.id, session.client, other)
    expect_equal(got, [True, False], "which of two clients a packet to the first reaches")


@check(godot("set_target_peer"))
def target_all_but_one(session: Session) -> Steps[None]:
    """A negative number is everybody but that peer."""
    yield from session.join()
    got = yield from _sent_to(session, -session.id, session.client)
    expect_equal(got, [False], "whether a packet to -n reaches n")
    if session.knobs.another is not None:
        other = yield from session.join_another()
        got = yield from _sent_to(session, -session.id, session.client, other)
        expect_equal(
            got, [False, True], "which of two clients a packet to all but the first reaches"
        )


@check(godot("TARGET_PEER_SERVER"))
def target_server(session: Session) -> Steps[None]:
    """1 is the server, for clients; what the server puts for itself goes nowhere."""
    yield from session.join()
    session.to_server(b"to the server")
    received = yield from session.receive(session.server, 1)
    expect_equal(received, [b"to the server"], "what reaches the server")
    got = yield from _sent_to(session, 1, session.client)
    expect_equal(got, [False], "whether a server's packet to itself reaches its client")
    expect_equal(session.server.get_available_packet_count(), 0, "what reaches itself of it")


@check(reference("put_packet"))
def target_unknown(session: Session) -> Steps[None]:
    """A server's packet to an id that never existed is a mistake."""
    yield from session.join()
    server = session.server
    server.set_target_peer(_stranger(session))
    expect_error(_UNKNOWN, "put_packet() to an id that never was", server.put_packet, b"x")
    server.set_target_peer(0)


def _stranger(session: Session) -> int:
    """Return an id that nobody has or had."""
    return 1_000_000_007 if session.id != 1_000_000_007 else 1_000_000_009


@check(reference("Ids that have left"))
def target_departed(session: Session) -> Steps[None]:
    """A packet for a peer that has just left goes nowhere, and is not a mistake."""
    yield from session.join()
    own = session.id
    session.client.close()
    yield from session.client_gone()
    server = session.server
    server.set_target_peer(own)
    server.put_packet(b"too late")
    server.set_target_peer(-own)
    server.put_packet(b"for those who are there: nobody")
    server.set_target_peer(0)
    yield from session.settle()


@check(reference("set_target_peer"), needs="another")
def targets_of_clients(session: Session) -> Steps[None]:
    """A client reaches its target if peers relay, otherwise only the server."""
    yield from session.join()
    other = yield from session.join_another()
    client, server = session.client, session.server
    there = other.get_unique_id()
    for target, for_server, for_other in (
        (0, True, True),
        (1, True, False),
        (there, False, True),
        (-there, True, False),
        (-1, False, True),
    ):
        client.set_target_peer(target)
        client.put_packet(b"the packet")
        client.set_target_peer(1)
        client.put_packet(b"the end")
        received: list[bytes] = []
        while b"the end" not in received:
            received += yield from session.receive(server, 1)
        wanted = for_server or not session.relays
        got = b"the packet" in received
        expect_equal(got, wanted, f"whether a client's packet to {target} reaches the server")
        if session.relays and for_other:
            yield from session.until(other.get_available_packet_count, "clients reach each other")
            source = other.get_packet_peer()
            expect_equal(source, session.id, "who has sent what another client gets")
        payloads = yield from session.receive(other, 0)
        wanted_there = [b"the packet"] if session.relays and for_other else []
        expect_equal(payloads, wanted_there, f"what reaches another client of it, sent to {target}")


@check(reference("peer_connected"), needs="another")
def other_clients(session: Session) -> Steps[None]:
    """Clients hear of each other if peers announce, otherwise only of the server."""
    yield from session.join()
    first = session.id
    session.at_client.log.clear()
    heard: list[int] = []
    other = yield from session.join_another(heard)
    second = other.get_unique_id()
    known = [("peer_connected", second)] if session.relays else []
    yield from session.until(
        lambda: len(session.at_client.log) >= len(known), "a client hears of who joins after it"
    )
    expect_equal(session.at_client.log, known, "what a client hears of who joins after it")
    expect_equal(heard, [1, first] if session.relays else [1], "whom the second client hears of")
    session.at_client.log.clear()
    other.close()
    yield from session.client_gone()
    gone = [("peer_disconnected", second)] if session.relays else []
    yield from session.until(
        lambda: len(session.at_client.log) >= len(gone), "a client hears of others that leave"
    )
    yield from session.settle()
    expect_equal(session.at_client.log, gone, "what a client hears of one that leaves")


@check(reference("send_packet"))
def sending_beside_the_user(session: Session) -> Steps[None]:
    """``send_packet`` leaves alone what the user has set."""
    yield from session.join()
    server = session.server
    unreliable = TransferMode.TRANSFER_MODE_UNRELIABLE
    server.set_target_peer(-session.id)
    server.transfer_mode, server.transfer_channel = unreliable, 3
    server.send_packet(b"sent", session.id)
    received = yield from session.receive(session.client, 1)
    expect_equal(received, [b"sent"], "what send_packet() sends")
    server.put_packet(b"not for it")
    members = Members()
    members.add(session.id)
    server.send_to_members(b"members", members)
    server.send_to_members(b"but you", members, [session.id])
    received = yield from session.receive(session.client, 1)
    expect_equal(received, [b"members"], "what send_to_members() sends, and put_packet() to -n")
    kept = (server.transfer_mode, server.transfer_channel)
    expect_equal(kept, (unreliable, 3), "transfer_mode and transfer_channel after send_packet()")


@check(godot("set_target_peer"))
def target_arguments(session: Session) -> Steps[None]:
    """A target that is not an id is refused, and changes nothing."""
    yield from session.join()
    server = session.server
    server.set_target_peer(session.id)
    for wrong in _NO_IDS:
        expect_error(_INVALID, f"set_target_peer({wrong!r})", server.set_target_peer, wrong)
    server.put_packet(b"to the target before")
    received = yield from session.receive(session.client, 1)
    expect_equal(received, [b"to the target before"], "what arrives after a wrong target")


@check(godot("transfer_mode"))
def transfer_settings(session: Session) -> Steps[None]:
    """Mode and channel have defaults, keep what is set, and refuse what makes no sense."""
    peer = session.server
    at_first = (peer.transfer_mode, peer.transfer_channel)
    wanted = (TransferMode.TRANSFER_MODE_RELIABLE, 0)
    expect_equal(at_first, wanted, "transfer_mode and transfer_channel at first")
    for mode in TransferMode:
        peer.transfer_mode = int(mode)
        expect(peer.transfer_mode is mode, f"transfer_mode is {mode!r} when it is set", mode)
    peer.transfer_channel = 255
    for wrong in (3, -1, "reliable", None):
        expect_error(_INVALID, f"transfer_mode = {wrong!r}", setattr, peer, "transfer_mode", wrong)
    for wrong in (-1, 256, "1", None, 1.5):
        what = f"transfer_channel = {wrong!r}"
        expect_error(_INVALID, what, setattr, peer, "transfer_channel", wrong)
    kept = (peer.transfer_mode, peer.transfer_channel)
    expect_equal(kept, (TransferMode.TRANSFER_MODE_RELIABLE, 255), "both after what was refused")
    other = (session.client.transfer_mode, session.client.transfer_channel)
    expect_equal(other, wanted, "both of another peer")
    yield from ()


@check(contract("Packets"))
def packet_arguments(session: Session) -> Steps[None]:
    """Any bytes-like object is accepted; anything else is refused."""
    yield from session.join()
    server = session.server
    server.set_target_peer(session.id)
    for wrong in ("text", 5, None, [1]):
        expect_error(_INVALID, f"put_packet({wrong!r})", server.put_packet, wrong)
    for buffer in (bytearray(b"bytes"), memoryview(b"bytes")):
        server.put_packet(cast("bytes", buffer))
    received = yield from session.receive(session.client, 2)
    expect_equal(received, [b"bytes", b"bytes"], "what arrives of a bytearray and a memoryview")


@check(reference("get_backlog"))
def backlog(session: Session) -> Steps[None]:
    """What waits for a peer is a number of bytes, and 0 once everything has left."""
    yield from session.join()
    for peer, other in ((session.server, session.id), (session.client, 1)):
        peer.send_packet(b"x", other)
        waits = peer.get_backlog(other)
        expect(type(waits) is int and waits >= 0, "get_backlog() returns a number of bytes", waits)
        yield from session.until(
            lambda peer=peer, other=other: peer.get_backlog(other) == 0,
            "get_backlog() is 0 for who has taken everything",
        )
        expect_error(_INVALID, "get_backlog(True)", peer.get_backlog, True)
