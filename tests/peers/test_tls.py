"""TLS between our peers: what connects, what fails and in which words, and long packets."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from multiplayer import MultiplayerError
from peers import TLSOptions, WebSocketClient, WebSocketServer, connect
from tests.certificates import alone, anchor, certificate, client_side, self_signed
from tests.driving import Drive, Recorder, everywhere, until
from tests.peers.tls_sessions import echoed, joined, secure_client, secure_server, url_of
from tests.raw import CLOSE, PATIENCE, Raw, RawServer, close_body, frame, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import trustme

LOCAL = ("localhost", "127.0.0.1")
LOGGERS = ("peers.client_role", "peers.server_role")
MEGABYTES_5 = 5 * 1024 * 1024

# ---------------------------------------------------------------- what connects


@pytest.mark.parametrize("host", LOCAL)
@pytest.mark.parametrize("trusted", [anchor(), anchor().decode(), alone(certificate(*LOCAL))])
@everywhere
async def test_a_session(drive: Drive, host: str, trusted: str | bytes) -> None:
    server = drive.add(secure_server())
    signals = Recorder(server)
    client = await joined(drive, server, secure_client(trusted_tls_certificate=trusted), host)
    await echoed(server, client, b"over TLS")
    own = client.get_unique_id()
    heard = Recorder(client)
    client.disconnect_from_host(1000, "done")
    await until(lambda: "connection_closed" in heard)
    assert heard.of("connection_closed") == [(True,)]
    await until(lambda: "client_disconnected" in signals)
    assert signals.of("client_disconnected") == [(own, True)]
    assert client.failure is None
    assert server.statistics.failed_handshakes == 0


async def test_the_systems_trust_store(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store.pem"
    store.write_bytes(anchor())
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    server = drive.add(secure_server())
    client = await joined(drive, server, WebSocketClient())
    await echoed(server, client, b"trusted by the system")


@everywhere
async def test_without_verification_anything_goes(drive: Drive) -> None:
    leaf = certificate("example.org", by="somebody", to_day=0, from_day=-2)
    server = drive.add(secure_server(leaf))
    client = secure_client(verify_tls=False, trusted_tls_certificate=None)
    await joined(drive, server, client)
    await echoed(server, client, b"to whom it may concern")


@everywhere
async def test_the_server_closes(drive: Drive) -> None:
    server = drive.add(secure_server())
    client = await joined(drive, server, secure_client())
    heard = Recorder(client)
    server.disconnect_peer(client.get_unique_id(), 4001, "bye")
    await until(lambda: "connection_closed" in heard)
    assert heard.of("server_close_request") == [(4001, "bye")]
    assert heard.of("connection_closed") == [(True,)]


@everywhere
async def test_a_stop_says_goodbye(drive: Drive) -> None:
    server = drive.add(secure_server())
    client = await joined(drive, server, secure_client())
    heard = Recorder(client)
    server.stop()
    await until(lambda: "connection_closed" in heard)
    assert heard.of("server_close_request") == [(1000, "")]


# ---------------------------------------------------------------- what fails: our client


@dataclass(frozen=True)
class Bad:
    """A server that our client must not connect to, and what the failure says."""

    name: str
    words: str
    leaf: trustme.LeafCert
    host: str = "localhost"
    trusted: bytes | None = field(default_factory=anchor)


BAD_CERTIFICATES = [
    Bad("host name", "for another host name (asked for localhost)", certificate("example.org")),
    Bad("address", "for another address (asked for 127.0.0.1)", certificate("localhost"), LOCAL[1]),
    Bad("expired", "has expired", certificate(*LOCAL, from_day=-9, to_day=-2)),
    Bad("not yet", "is not valid yet", certificate(*LOCAL, from_day=2, to_day=9)),
    Bad("untrusted", "authority that is not trusted", certificate(*LOCAL, by="somebody")),
    Bad("system", "authority that is not trusted", certificate(*LOCAL), trusted=None),
    Bad(
        "another one is pinned",
        "authority that is not trusted",
        certificate(*LOCAL),
        trusted=alone(certificate("localhost", to_day=3)),
    ),
    Bad(
        "pinned, but for another host",
        "for another host name",
        certificate("example.org"),
        trusted=alone(certificate("example.org")),
    ),
]


def patience(words: str) -> float:
    """A ``handshake_timeout``: short only where it is what is waited for."""
    return 0.5 if "not complete within" in words else PATIENCE


async def failed(
    drive: Drive, client: WebSocketClient, url: str, words: str, log: pytest.LogCaptureFixture
) -> None:
    """Connect, and expect what every connection that TLS fails for makes the client tell."""
    log.set_level("INFO")
    heard = Recorder(client)
    client.connect_to_url(url, gd_mp_api=True)
    drive.add(client)
    await until(lambda: "connection_failed" in heard)
    assert heard.log == [("connection_error",), ("connection_failed",)]
    assert client.failure is not None
    assert client.failure.stage == "tls"
    assert words in client.failure.detail
    lines = [line.getMessage() for line in log.records if line.name in LOGGERS]
    assert [line for line in lines if line.startswith("never")] == [
        f"never connected: {client.failure}"
    ]


async def counted(server: WebSocketServer, log: pytest.LogCaptureFixture, words: str) -> None:
    """Expect what the server notices of it."""
    await until(lambda: server.statistics.failed_handshakes)
    assert server.statistics.failed_handshakes == 1
    lines = [line.getMessage() for line in log.records if line.name in LOGGERS]
    (line,) = [line for line in lines if not line.startswith("never")]
    assert f"never connected: tls: {words}" in line


@pytest.mark.parametrize("bad", BAD_CERTIFICATES, ids=lambda bad: bad.name)
@everywhere
async def test_certificates_that_are_refused(
    drive: Drive, bad: Bad, caplog: pytest.LogCaptureFixture
) -> None:
    server = drive.add(secure_server(bad.leaf))
    honest = await joined(drive, server, secure_client(verify_tls=False))
    signals = Recorder(server)
    client = secure_client(trusted_tls_certificate=bad.trusted)
    await failed(drive, client, url_of(server, bad.host), bad.words, caplog)
    await counted(server, caplog, "the client ended the TLS handshake: ")
    assert signals.log == []
    await echoed(server, honest, b"undisturbed")


def self_signed_server() -> WebSocketServer:
    shown, key = self_signed("localhost")
    return secure_server(tls_certificate=shown, private_key=key)


@everywhere
async def test_a_self_signed_certificate(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    server = drive.add(self_signed_server())
    await failed(drive, secure_client(), url_of(server), "is self-signed and not trusted", caplog)
    await counted(server, caplog, "the client ended the TLS handshake: ")
    pinning = secure_client(trusted_tls_certificate=self_signed("localhost")[0])
    await echoed(server, await joined(drive, server, pinning), b"pinned")


@everywhere
async def test_tls_to_our_plain_server(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    await failed(drive, secure_client(), url_of(server), "the server does not speak TLS", caplog)
    await counted(server, caplog, "the client speaks TLS, this server does not")


@everywhere
async def test_plain_to_our_tls_server(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    server = drive.add(secure_server())
    honest = await joined(drive, server, secure_client())
    signals = Recorder(server)
    url = url_of(server, scheme="ws")
    await failed(drive, WebSocketClient(), url, "the server speaks TLS; connect to a wss", caplog)
    await counted(server, caplog, "the client does not speak TLS; it began with 'G")
    assert signals.log == []
    await echoed(server, honest, b"undisturbed")


@dataclass(frozen=True)
class Answer:
    """What a server answers to the first bytes of TLS, and whether it ends the connection then."""

    name: str
    words: str
    data: bytes
    ends: bool


ANSWERS = [
    Answer("silence", "the TLS handshake was not complete within 0.5 s", b"", ends=False),
    Answer("half a record", "not complete within 0.5 s", b"\x16\x03\x03\x40\x00\x02", ends=False),
    Answer("the end", "in the middle of the TLS handshake", b"", ends=True),
    Answer("half a record, the end", "in the middle of", b"\x16\x03\x03\x40\x00\x02", ends=True),
    Answer(
        "HTTP", "does not speak TLS; it answered 'HTTP/1.1 400 No'", b"HTTP/1.1 400 No\r\n", True
    ),
    Answer("an alert", "handshake: handshake failure", b"\x15\x03\x03\x00\x02\x02\x28", True),
    Answer(
        "nonsense",
        "the TLS handshake with the server failed",
        b"\x16\x03\x03\x00\x04\xff\0\0\0",
        False,
    ),
]


@pytest.mark.needs_sockets
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
async def test_answers_that_are_no_handshake(
    drive: Drive, nursery: trio.Nursery, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await RawServer.listen()

    async def serve() -> None:
        raw = await listener.dialled()
        async with raw.stream:
            await raw.stream.receive_some()
            await raw.send(answer.data)
            if not answer.ends:
                async for _ in ends(raw):
                    pass

    nursery.start_soon(serve)
    client = secure_client(handshake_timeout=patience(answer.words))
    await failed(drive, client, f"wss://127.0.0.1:{listener.port}", answer.words, caplog)
    await listener.close()


async def test_connect_raises_with_the_failure(drive: Drive) -> None:
    server = drive.add(secure_server())
    async with connect(url_of(server), peer=secure_client()) as client:
        await echoed(server, client, b"connected")
    with pytest.raises(MultiplayerError, match="tls: the server's certificate comes from"):
        async with connect(url_of(server), peer=WebSocketClient()):
            pytest.fail("connected")


async def test_leaving_in_the_middle_of_the_handshake(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = secure_client()
    client.connect_to_url(f"wss://127.0.0.1:{listener.port}")
    drive.add(client)
    raw = await listener.dialled()
    assert (await raw.stream.receive_some())[0] == 0x16
    client.disconnect_from_host()
    await until(lambda: client.failure)
    assert client.failure is not None
    assert client.failure.stage == "tls"
    await raw.close()
    await listener.close()


# ---------------------------------------------------------------- what fails: our server

HELLO = b"\x16\x03\x01\x40\x00\x01"


@dataclass(frozen=True)
class Caller:
    """What a client sends to our server, whether it ends its side, and what our server logs."""

    name: str
    words: str
    data: bytes
    ends: bool = False


CALLERS = [
    Caller("HTTP", "the client does not speak TLS; it began with 'GET / HTTP/1.1'", request(1)),
    Caller("noise", "the client does not speak TLS; it began with", bytes(range(200, 250))),
    Caller(
        "nonsense", "the TLS handshake with the client failed", b"\x16\x03\x01\x00\x04\xff\0\0\0"
    ),
    Caller("silence", "the TLS handshake was not complete within 0.5 s", b""),
    Caller("half a hello", "the TLS handshake was not complete within 0.5 s", HELLO),
    Caller("the end", "the other side ended the connection, in the middle", b"", ends=True),
    Caller("half a hello, the end", "the other side ended the connection", HELLO, ends=True),
    Caller("an alert", "the TLS handshake with the client failed", b"\x15\x03\x03\x00\x02\x02\x28"),
]


@pytest.mark.needs_sockets
@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
async def test_callers_that_are_no_tls_clients(
    drive: Drive, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server = drive.add(secure_server(handshake_timeout=patience(caller.words)))
    honest = await joined(drive, server, secure_client())
    signals = Recorder(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(caller.data)
    if caller.ends:
        await raw.stream.send_eof()
    with trio.fail_after(PATIENCE):
        answer = b"".join([part async for part in ends(raw)])
    await raw.close()
    assert answer[:1] in (b"", b"\x15")
    await counted(server, caplog, caller.words)
    assert signals.log == []
    await echoed(server, honest, b"undisturbed")


async def ends(raw: Raw) -> AsyncIterator[bytes]:
    """What still comes, until the other side ends the connection."""
    while data := await raw.stream.receive_some():
        yield data


# ---------------------------------------------------------------- a client of another make


async def tls_stream(server: WebSocketServer) -> trio.SSLStream[trio.SocketStream]:
    """Trio's own TLS, after its handshake."""
    stream = (await Raw.dial(server.get_local_port())).stream
    tls = trio.SSLStream(stream, client_side(), server_hostname="localhost")
    with trio.fail_after(PATIENCE):
        await tls.do_handshake()
    return tls


async def upgraded(server: WebSocketServer) -> trio.SSLStream[trio.SocketStream]:
    tls = await tls_stream(server)
    await tls.send_all(request(server.get_local_port()))
    head = b""
    with trio.fail_after(PATIENCE):
        while b"\r\n\r\n" not in head:
            head += await tls.receive_some()
    return tls


@pytest.mark.parametrize("how", ["refused", "stopped", "closed"])
async def test_our_server_ends_tls_properly(drive: Drive, how: str) -> None:
    server = drive.add(secure_server())
    if how == "refused":
        tls = await tls_stream(server)
        await tls.send_all(b"POST / HTTP/1.1\r\n\r\n")
    else:
        tls = await upgraded(server)
    if how == "stopped":
        server.stop()
    elif how == "closed":
        await tls.send_all(frame(close_body(1000), CLOSE, mask=b"abcd"))
    last = b""
    with trio.fail_after(PATIENCE):
        while data := await tls.receive_some():  # raises if there is no close_notify
            last += data
    assert last.startswith(b"HTTP/1.1 400 ") if how == "refused" else last.endswith(b"\x03\xe8")
    await trio.aclose_forcefully(tls)


async def test_a_client_that_reads_too_slowly(drive: Drive) -> None:
    """What waits encrypted does not hide that too much waits."""
    server = drive.add(secure_server(outbound_buffer_size=300_000))
    signals = Recorder(server)
    tls = await upgraded(server)
    await until(lambda: "client_connected" in signals)
    ((id_, _, _),) = signals.of("client_connected")
    assert isinstance(id_, int)
    peer = server.get_peer(id_)

    def put() -> int:
        server.put_packet(bytes(200_000))
        return server.statistics.drops["overflow"]

    await until(put)
    assert peer.get_current_outbound_buffered_amount() > 0
    last = b""
    with trio.fail_after(PATIENCE):
        while b"too slow: more than 300000 bytes waited" not in last:
            last = (last + await tls.receive_some())[-70_000:]
    await trio.aclose_forcefully(tls)
    await until(lambda: "client_disconnected" in signals)


@pytest.mark.parametrize("proper", [True, False])
async def test_a_peer_that_ends_without_a_close_frame(drive: Drive, proper: bool) -> None:
    """``close_notify`` alone is an end as good, or as bad, as that of the TCP connection."""
    server = drive.add(secure_server())
    signals = Recorder(server)
    tls = await upgraded(server)
    await until(lambda: "client_connected" in signals)
    if proper:
        with trio.fail_after(PATIENCE), contextlib.suppress(trio.BrokenResourceError):
            await tls.unwrap()  # which wants an answer to it, and may get none
    await trio.aclose_forcefully(tls)
    await until(lambda: "client_disconnected" in signals)
    ((_, clean),) = signals.of("client_disconnected")
    assert clean is False


async def test_the_request_and_the_end_at_once(nursery: trio.Nursery) -> None:
    """The end comes before the server has decided on the request."""
    server = secure_server()
    signals = Recorder(server)
    streams: list[trio.SSLStream[trio.SocketStream]] = []

    async def dial() -> None:
        streams.append(await tls_stream(server))

    async def leave() -> None:
        await streams[0].send_all(request(server.get_local_port()))
        with contextlib.suppress(trio.BrokenResourceError):
            await streams[0].unwrap()
        await trio.aclose_forcefully(streams[0])
        streams.clear()

    nursery.start_soon(dial)
    await until(lambda: server.poll() or streams)
    nursery.start_soon(leave)
    await trio.testing.wait_all_tasks_blocked()
    await until(lambda: server.poll() or not streams)
    assert signals.names()[0] == "client_connected"
    assert signals.names()[-1] == "client_disconnected"
    assert server.statistics.failed_handshakes == 0
    server.stop()


async def test_a_broken_record_ends_the_connection(drive: Drive) -> None:
    server = drive.add(secure_server())
    signals = Recorder(server)
    tls = await upgraded(server)
    await until(lambda: "client_connected" in signals)
    await tls.transport_stream.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
    await until(lambda: "client_disconnected" in signals)
    await trio.aclose_forcefully(tls)


# ---------------------------------------------------------------- much at once


@pytest.mark.much
async def test_5_megabytes_in_both_directions_at_once(drive: Drive) -> None:
    sizes: dict[str, Any] = {
        "inbound_buffer_size": 2 * MEGABYTES_5,
        "outbound_buffer_size": 4 * MEGABYTES_5,
    }
    server = drive.add(secure_server(**sizes))
    client = await joined(drive, server, secure_client(**sizes))
    there, back = (random.Random(seed).randbytes(MEGABYTES_5) for seed in (1, 2))
    client.set_target_peer(1)
    client.put_packet(there)
    server.put_packet(back)
    await until(lambda: server.get_available_packet_count() and client.get_available_packet_count())
    assert server.get_packet() == there
    assert client.get_packet() == back


@pytest.mark.needs_sockets
async def test_5_megabytes_in_small_packets_with_pauses(drive: Drive) -> None:
    """Both inboxes are full again and again, so that input is left undecoded."""
    settings: dict[str, Any] = {"max_queued_packets": 7, "outbound_buffer_size": 0}
    server = drive.add(secure_server(**settings))
    client = await joined(drive, server, secure_client(**settings))
    packets = [random.Random(n).randbytes(1024) for n in range(5 * 1024)]
    client.set_target_peer(1)
    for packet in packets:
        client.put_packet(packet)
        server.put_packet(packet)
    for peer in (server, client):
        got: list[bytes] = []
        while len(got) < len(packets):
            await until(peer.get_available_packet_count)
            while peer.get_available_packet_count():
                got.append(peer.get_packet())
        assert got == packets


async def test_what_came_before_the_end_is_delivered(drive: Drive) -> None:
    """The end comes with more packets than the inbox takes."""
    server = drive.add(secure_server(max_queued_packets=2))
    signals = Recorder(server)
    client = await joined(drive, server, secure_client())
    client.set_target_peer(1)
    for number in range(20):
        client.put_packet(bytes([number + 1]))
    client.close()
    got: list[bytes] = []
    while len(got) < 20:
        await until(server.get_available_packet_count)
        got.append(server.get_packet())
    assert got == [bytes([number + 1]) for number in range(20)]
    await until(lambda: "client_disconnected" in signals)


@pytest.mark.parametrize("key", ["-----BEGIN PRIVATE KEY-----\nsecret", b"secret"])
def test_nothing_prints_a_private_key(key: str | bytes) -> None:
    options = TLSOptions.server(key, "the certificate")
    assert options.get_private_key() == key
    assert "secret" not in repr(options)
    assert "secret" not in f"{options}"
    assert "the certificate" in repr(options)
    assert options != TLSOptions.server("another", "the certificate")
