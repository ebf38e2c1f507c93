"""``peers.websocket.secure_channel``: both kinds have one shape, and what each of them makes."""

from __future__ import annotations

import pytest

from multiplayer.endpoint.outbox import Outbox
from peers.websocket.secure_channel import CLEAR, ClearChannel, SecureChannel
from peers.websocket.tls import TLSLayer
from tests.peers.test_tls_layer import CLIENT, SERVER


class Pair:
    """A client's and a server's channel, over TLS; :meth:`carry` is the network."""

    def __init__(self) -> None:
        self.outboxes = [Outbox(), Outbox()]
        layers = [TLSLayer(CLIENT, "localhost"), TLSLayer(SERVER)]
        self.ends = [SecureChannel(each) for each in layers]
        for end in self.ends:
            end.start()

    def carry(self) -> list[bytes]:
        """Carry everything both ways until nothing is left; return what came to each of them."""
        got = [b"", b""]
        while any(outbox.waiting for outbox in self.outboxes) or any(
            end.waiting for end in self.ends
        ):
            for at, (end, outbox) in enumerate(zip(self.ends, self.outboxes, strict=True)):
                data = b"".join(end.pieces(outbox))
                end.taken(outbox, len(data))
                got[1 - at] += self.ends[1 - at].receive(data)
        return got


def test_both_kinds_have_one_shape() -> None:
    names = [
        {name for name in dir(kind) if not name.startswith("_")}
        for kind in (ClearChannel, SecureChannel)
    ]
    assert names[0] == names[1]


def test_in_the_clear_what_is_queued_is_what_leaves() -> None:
    outbox = Outbox()
    channel = CLEAR
    channel.start()
    assert channel.is_up
    assert not channel.encrypts
    outbox.append(b"one")
    outbox.append(b"two")
    assert b"".join(channel.pieces(outbox)) == b"onetwo"
    channel.taken(outbox, 4)
    assert b"".join(channel.pieces(outbox)) == b"wo"
    channel.taken(outbox, 2)
    assert outbox.waiting == 0
    assert channel.farewell() == []
    assert channel.receive(b"any") == b"any"
    assert (channel.has_news, channel.error, channel.unsendable, channel.waiting) == (
        False,
        "",
        "",
        0,
    )


def test_over_tls_plaintext_waits_in_the_outbox_until_it_is_up() -> None:
    pair = Pair()
    client, server = pair.ends
    assert not client.is_up
    assert not server.has_heard
    pair.carry()
    assert client.is_up
    assert server.is_up
    assert server.has_heard
    pair.outboxes[0].append(b"one")
    pair.outboxes[1].append(b"two")
    assert pair.carry() == [b"two", b"one"]
    assert [outbox.waiting for outbox in pair.outboxes] == [0, 0]


def test_a_farewell_is_told_and_is_news() -> None:
    pair = Pair()
    client, server = pair.ends
    pair.carry()
    assert not server.has_news
    goodbye = b"".join(client.farewell())
    assert client.has_said_goodbye
    assert server.receive(goodbye) == b""
    assert server.ended
    assert server.has_news


def test_what_breaks_when_something_is_to_leave_is_told_apart() -> None:
    pair = Pair()
    client, server = pair.ends
    pair.carry()
    server.receive(b"\x17\x03\x03\x00\x05wrong")
    assert server.error
    assert server.has_news
    assert server.unsendable == ""
    pair.outboxes[1].append(b"too late")
    server.clear()
    server.pieces(pair.outboxes[1])
    assert server.unsendable
    del client


@pytest.mark.parametrize("size", [1, 16_384, 16_385, 100_000])
def test_one_record_is_encrypted_at_a_time(size: int) -> None:
    pair = Pair()
    pair.carry()
    outbox = pair.outboxes[0]
    outbox.append(bytes(size))
    pair.ends[0].pieces(outbox)
    assert outbox.waiting == max(0, size - 16_384)
    assert pair.carry()[1] == bytes(size)
