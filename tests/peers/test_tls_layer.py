"""``peers.websocket.tls``: two layers, connected by hand."""

from __future__ import annotations

import random
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import MultiplayerError
from peers import TLSOptions
from peers.certificates import client_context, server_context
from peers.websocket.tls import MAX_PLAINTEXT, TLSLayer
from tests.certificates import anchor, certificate, chain_of, key_of

LEAF = certificate("localhost")
SERVER = server_context(key_of(LEAF), chain_of(LEAF), None)
CLIENT = client_context(anchor(), verify=True)


class Pair:
    """Both sides of one connection; :meth:`carry` is the network."""

    def __init__(self, *, host: str = "localhost", chunk: int = 1 << 20) -> None:
        self.client = TLSLayer(CLIENT, host)
        self.server = TLSLayer(SERVER)
        self.chunk = chunk
        self.got = {self.client: b"", self.server: b""}
        self.client.start()
        self.server.start()

    def carry(self) -> None:
        """Carry everything both ways until nothing is left."""
        while self.client.waiting or self.server.waiting:
            for sender, receiver in (
                (self.client, self.server),
                (self.server, self.client),
            ):
                data = b"".join(sender.pieces())[: self.chunk]
                sender.taken(len(data))
                self.got[receiver] += receiver.receive(data)


@pytest.mark.parametrize("chunk", [1, 7, 1000, 1 << 20])
def test_both_ways_in_any_pieces(chunk: int) -> None:
    pair = Pair(chunk=chunk)
    pair.carry()
    assert pair.client.established
    assert pair.server.established
    for sender in (pair.client, pair.server):
        assert sender.encrypt([b"one ", memoryview(b"two "), b"three"]) == 13
    pair.carry()
    assert [*pair.got.values()] == [b"one two three"] * 2
    assert (pair.client.error, pair.server.error) == ("", "")


def test_only_so_much_is_encrypted_at_once() -> None:
    pair = Pair()
    pair.carry()
    data = random.Random(1).randbytes(3 * MAX_PLAINTEXT)
    sent = 0
    while sent < len(data):
        count = pair.client.encrypt([b"", memoryview(data)[sent:]])
        assert 0 < count <= MAX_PLAINTEXT
        sent += count
    pair.carry()
    assert pair.got[pair.server] == data


def test_ciphertext_that_nobody_takes_is_bounded() -> None:
    """As when the other side asks for new keys again and again and reads no answer."""
    pair = Pair()
    pair.carry()
    while not pair.server.error:
        assert pair.server.encrypt([bytes(MAX_PLAINTEXT)])
    assert pair.server.waiting < 18 * MAX_PLAINTEXT
    assert "does not read" in pair.server.error


def test_nothing_stays_behind_in_one_record_or_several() -> None:
    pair = Pair()
    pair.carry()
    for _ in range(3):
        assert pair.server.encrypt([bytes(50_000)]) == MAX_PLAINTEXT
    ciphertext = b"".join(pair.server.pieces())
    assert len(pair.client.receive(ciphertext)) == 3 * MAX_PLAINTEXT


def test_goodbye_is_said_once_and_heard() -> None:
    pair = Pair()
    pair.carry()
    pair.client.encrypt([b"last words"])
    pair.client.say_goodbye()
    waiting = pair.client.waiting
    pair.client.say_goodbye()
    assert pair.client.waiting == waiting
    pair.carry()
    assert pair.got[pair.server] == b"last words"
    assert pair.server.ended
    assert not pair.client.ended
    pair.server.say_goodbye()
    pair.carry()
    assert pair.client.ended


def test_no_goodbye_before_the_handshake() -> None:
    server = TLSLayer(SERVER)
    server.say_goodbye()
    assert server.waiting == 0


def test_what_came_before_a_broken_record_is_delivered() -> None:
    pair = Pair()
    pair.carry()
    pair.client.encrypt([b"whole"])
    broken = b"\x17\x03\x03\x00\x20" + bytes(32)
    assert pair.server.receive(b"".join(pair.client.pieces()) + broken) == b"whole"
    assert pair.server.error.startswith("TLS with the client failed: ")
    assert pair.server.receive(b"more") == b""


def test_the_client_tells_why_it_goes() -> None:
    pair = Pair(host="example.org")
    pair.carry()
    assert "for another host name (asked for example.org)" in pair.client.error
    assert pair.server.error.startswith("the client ended the TLS handshake: ")
    assert not pair.server.established


@pytest.mark.parametrize(
    ("host", "override"), [("localhost.", ""), ("example.org", "localhost."), ("localhost", "")]
)
def test_the_dot_at_the_end_of_a_name_stays_out_of_tls(host: str, override: str) -> None:
    """RFC 6066 section 3: server_name is without it; and no certificate has it."""
    asked: list[str | None] = []
    context = server_context(key_of(LEAF), chain_of(LEAF), None)
    context.sni_callback = lambda connection, name, context: asked.append(name)
    pair = Pair()
    pair.client = TLSOptions.client(anchor(), override).client_layer(host)()
    pair.server = TLSLayer(context)
    pair.got = {pair.client: b"", pair.server: b""}
    pair.client.start()
    pair.carry()
    assert pair.client.established
    assert asked == ["localhost"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_old_versions_are_refused() -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    client, server = TLSLayer(old, "localhost"), TLSLayer(SERVER)
    client.start()
    server.receive(b"".join(client.pieces()))
    assert server.error == "the TLS handshake with the client failed: unsupported protocol"
    client.receive(b"".join(server.pieces()))
    assert "protocol version" in client.error


@pytest.mark.parametrize("host", [".example.org", "x" * 70])
def test_names_that_no_host_has(host: str) -> None:
    with pytest.raises(MultiplayerError, match="cannot be the name of a TLS server"):
        TLSLayer(CLIENT, host)


@settings(deadline=None)
@given(st.binary(min_size=1), st.booleans())
def test_any_bytes_at_first(data: bytes, framed: bool) -> None:
    """No exception, whatever comes; and words if it cannot be TLS."""
    if framed:
        data = b"\x16\x03\x01" + len(data).to_bytes(2, "big") + data
    for layer in (TLSLayer(CLIENT, "localhost"), TLSLayer(SERVER)):
        layer.start()
        assert layer.receive(data) == b""
        assert not layer.established
        if not 0x14 <= data[0] <= 0x18:
            assert "does not speak TLS" in layer.error


@settings(deadline=None)
@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    pair = Pair()
    pair.carry()
    pair.client.encrypt([b"payload"])
    ciphertext = bytearray(b"".join(pair.client.pieces()))
    ciphertext[data.draw(st.integers(5, len(ciphertext) - 1))] ^= data.draw(st.integers(1, 255))
    assert pair.server.receive(bytes(ciphertext)) == b""
    assert pair.server.error
