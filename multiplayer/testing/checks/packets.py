"""Checks: packets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import Error
from multiplayer.multiplayer_peer import TransferMode
from multiplayer.testing.session import UnmetError, expect, expect_equal, expect_error

from .registry import check, contract, godot, reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.multiplayer_peer import MultiplayerPeer
    from multiplayer.testing.session import Session, Steps

_MANY: Final = 200
_LARGE: Final = 60_000
_LARGEST_TRIED: Final = 1 << 24
"""The largest limit, in bytes, for which one byte more is tried."""

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


@check(godot("TRANSFER_MODE_RELIABLE"))
def order(session: Session) -> Steps[None]:
    """Reliable packets all arrive: once, whole, in order."""
    yield from session.join()
    sent = [b"packet %d" % number for number in range(_MANY)]
    session.to_server(*sent)
    session.to_client(*sent)
    for peer, who in ((session.server, "the server"), (session.client, "the client")):
        received = yield from session.receive(peer, _MANY)
        if received != sent:
            at = next(at for at, pair in enumerate(_pairs(sent, received)) if pair[0] != pair[1])
            raise UnmetError(
                f"{who} receives all {_MANY} packets in the order in which they were put",
                f"{len(received)} arrived; number {at} is {received[at : at + 1]}",
            )


def _pairs(sent: list[bytes], received: list[bytes]) -> list[tuple[bytes | None, bytes | None]]:
    size = max(len(sent), len(received))
    pad: list[None] = [None]
    padded = [*sent, *pad * (size - len(sent))], [*received, *pad * (size - len(received))]
    return [*zip(*padded, strict=True)]


@check(godot("get_packet_peer"))
def senders(session: Session) -> Steps[None]:
    """``get_packet_peer()`` returns whose packet comes next."""
    yield from session.join()
    session.to_server(b"one", b"two")
    session.to_client(b"three")
    for peer, count, source in ((session.server, 2, session.id), (session.client, 1, 1)):
        for _ in range(count):
            yield from session.until(peer.get_available_packet_count, "packets arrive")
            expect_equal(peer.get_packet_peer(), source, "get_packet_peer() before get_packet()")
            peer.get_packet()


def _told(
    session: Session, put: Callable[[MultiplayerPeer], None], ask: Callable[[MultiplayerPeer], int]
) -> Steps[list[int]]:
    """Let both sides put packets to the other; return what each asks of the packets it gets."""
    found: list[int] = []
    session.client.set_target_peer(1)
    session.server.set_target_peer(session.id)
    for sender, receiver in (
        (session.client, session.server),
        (session.server, session.client),
    ):
        put(sender)
        for _ in range(3):
            yield from session.until(receiver.get_available_packet_count, "packets arrive")
            found.append(ask(receiver))
            receiver.get_packet()
    return found


@check(godot("get_packet_mode"))
def modes(session: Session) -> Steps[None]:
    """A packet has the mode that was set when it was put."""

    def put(peer: MultiplayerPeer) -> None:
        for mode in TransferMode:
            peer.transfer_mode = mode
            peer.put_packet(b"%d" % mode)

    yield from session.join()
    found = yield from _told(session, put, lambda peer: peer.get_packet_mode())
    wanted = [*TransferMode] if session.knobs.modes else [_RELIABLE] * 3
    expect_equal(found, wanted * 2, "get_packet_mode() of packets in each mode, both ways")


@check(godot("get_packet_channel"))
def channels(session: Session) -> Steps[None]:
    """A packet has the channel that was set when it was put."""

    def put(peer: MultiplayerPeer) -> None:
        for channel in (0, 7, 255):
            peer.transfer_channel = channel
            peer.put_packet(b"%d" % channel)

    yield from session.join()
    found = yield from _told(session, put, lambda peer: peer.get_packet_channel())
    wanted = [0, 7, 255] if session.knobs.channels else [0] * 3
    expect_equal(found, wanted * 2, "get_packet_channel() of packets on 0, 7 and 255, both ways")


@check(contract("Signals"))
def signals_of_packets(session: Session) -> Steps[None]:
    """``peer_packet`` is emitted for each packet, which can then be fetched."""
    yield from session.join()
    fetched: list[bytes] = []
    server = session.server
    server.peer_packet.connect(lambda _: fetched.append(server.get_packet()))
    session.to_server(b"one", b"two", b"three")
    yield from session.until(
        lambda: len(session.at_server.packets) >= 3 or server.get_available_packet_count() >= 3,
        "packets arrive",
    )
    yield from session.settle()
    expect_equal(session.at_server.packets, [session.id] * 3, "peer_packet of three packets")
    expect_equal(fetched, [b"one", b"two", b"three"], "what its listeners can fetch")


@check(godot("get_available_packet_count").replace("MultiplayerPeer", "PacketPeer"))
def counting(session: Session) -> Steps[None]:
    """``get_available_packet_count()`` returns how many packets wait."""
    server, counts = session.server, list[int]()
    yield from session.join()
    session.to_server(b"one", b"two", b"three")
    yield from session.until(server.get_available_packet_count, "packets arrive")
    yield from session.settle()
    for _ in range(3):
        counts.append(server.get_available_packet_count())
        server.get_packet()
    counts.append(server.get_available_packet_count())
    expect_equal(counts, [3, 2, 1, 0], "get_available_packet_count(), one packet after the other")


@check(reference("get_packet"))
def no_packet(session: Session) -> Steps[None]:
    """Without a packet there is nothing to fetch, and nothing to know about it."""
    yield from session.join()
    for peer in (session.server, session.client):
        for name in ("get_packet", "get_packet_peer", "get_packet_mode", "get_packet_channel"):
            what = f"{name}() without a packet"
            expect_error(Error.ERR_UNAVAILABLE, what, getattr(peer, name))


@check(godot("get_packet_error").replace("MultiplayerPeer", "PacketPeer"))
def packet_errors(session: Session) -> Steps[None]:
    """``get_packet_error()`` returns how fetching the last packet went."""
    server = session.server
    yield from session.join()
    session.to_server(b"one")
    received = yield from session.receive(server, 1)
    expect_equal(server.get_packet_error(), Error.OK, f"get_packet_error() after {received}")
    try:
        server.get_packet()
    except Exception:  # which it should be is checked elsewhere
        wanted = Error.ERR_UNAVAILABLE
        expect_equal(server.get_packet_error(), wanted, "get_packet_error() without a packet")


@check(godot("put_var").replace("MultiplayerPeer", "PacketPeer"))
def values(session: Session) -> Steps[None]:
    """Values travel in packets."""
    value = {"name": "Ada", "scores": [1, 2.5, None, True]}
    yield from session.join()
    session.client.set_target_peer(1)
    session.client.put_var(value)
    yield from session.until(session.server.get_available_packet_count, "packets arrive")
    expect_equal(session.server.get_var(), value, "get_var() of what put_var() has sent")


@check(reference("put_packet"))
def empty_packets(session: Session) -> Steps[None]:
    """An empty packet goes nowhere, and does no harm."""
    yield from session.join()
    session.to_server(b"before", b"", b"after")
    session.to_client(b"before", b"", b"after")
    for peer in (session.server, session.client):
        received = yield from session.receive(peer, 2)
        expect_equal(
            received, [b"before", b"after"], "what arrives of an empty packet's neighbours"
        )


@check(reference("get_max_packet_size"))
def large_packets(session: Session) -> Steps[None]:
    """A packet of the largest size arrives; a longer one raises."""
    yield from session.join()
    for peer, other in ((session.client, session.server), (session.server, session.client)):
        most = peer.get_max_packet_size()
        large = bytes(range(256)) * (min(most, _LARGE) // 256)
        peer.send_packet(large, other.get_unique_id())
        received = yield from session.receive(other, 1)
        whole = f"a packet of {len(large)} bytes arrives whole"
        expect(received == [large], whole, [len(each) for each in received])
        if most <= _LARGEST_TRIED:
            longer = bytes(most + 1)
            what = f"a packet of one byte more than get_max_packet_size(), {most},"
            expect_error(Error.ERR_OUT_OF_MEMORY, what, peer.send_packet, longer, 0)
    expect(
        session.server.get_max_packet_size(3) <= sys.maxsize,
        "get_max_packet_size() takes a channel",
        session.server.get_max_packet_size(3),
    )


@check(contract("Packets"))
def own_copies(session: Session) -> Steps[None]:
    """Changing the buffer afterwards does not change a packet that was put."""
    yield from session.join()
    for peer, other in ((session.client, session.server), (session.server, session.client)):
        buffer = bytearray(b"as it was")
        peer.send_packet(cast("bytes", buffer), other.get_unique_id())
        buffer[:] = b"changed!!"
        received = yield from session.receive(other, 1)
        expect_equal(received, [b"as it was"], "a packet whose buffer is changed after it was put")
        expect(type(received[0]) is bytes, "packets that are fetched are bytes", received[0])
