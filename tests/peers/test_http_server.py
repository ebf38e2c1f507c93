"""The HTTP upgrade that our server demands, beside what Godot 3.2.3 demands."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings

from multiplayer.wire.envelopes.godot3 import SERVER_ID
from peers.testing import connected_pair
from tests.driving import Drive, Recorder, until
from tests.gd_mp_rows import ADD, ID, SELF, about, game
from tests.peers.http_heads import KEY, Edit, garbage, read_all, recorded
from tests.peers.sessions import fenced, listening, payloads
from tests.raw import END, PONG, Raw, accept_key, frame, request

RFC = "RFC 6455 section 4.2.1 demands it of any client"


@dataclass(frozen=True)
class Row:
    """A request: whether the engine takes it (None: not tried), and the status that we answer with.

    A refusal is an HTTP status with a line of text here; the engine closes without a word.
    """

    name: str
    edit: Edit
    engine: bool | None
    status: int
    why: str = ""
    protocols: tuple[str, ...] = ()
    chosen: str = ""
    target: str = "/"


def with_field(name: str, value: str | None) -> Edit:
    return Edit(fields=((name, value),))


def asking(protocols: str, *lines: str) -> Edit:
    return Edit(fields=(("Sec-WebSocket-Protocol", protocols),), lines=lines)


def for_target(target: str) -> Edit:
    return Edit(f"GET {target} HTTP/1.1")


BC = ("b", "c")

ROWS = [
    Row("proper", Edit(), True, 101),
    Row("any path", for_target("/any/path?x=1&y"), True, 101, target="/any/path?x=1&y"),
    Row("http target", for_target("http://h/a?b"), None, 101, target="/a?b"),
    Row("https target", for_target("HTTPS://h:1/"), None, 101),
    Row("ws target", for_target("ws://h/admin"), None, 101, target="/admin"),
    Row("wss target", for_target("wss://[::1]:9/x//y"), None, 101, target="/x//y"),
    Row("target without a path", for_target("http://h"), None, 101),
    Row("target with a query alone", for_target("http://h?q=/"), None, 101, target="/?q=/"),
    Row("target with two slashes", for_target("//h/admin"), None, 101, target="//h/admin"),
    Row("target of another scheme", for_target("ftp://h/"), None, 400),
    Row("target with a user", for_target("http://me@h/"), None, 400),
    Row("target without a host", for_target("http:///admin"), None, 400),
    Row("target with a port alone", for_target("http://:80/"), None, 400),
    Row("target with too high a port", for_target("http://h:65536/"), None, 400),
    Row("target with a bad port", for_target("http://h:x/"), None, 400),
    Row("target with half an address", for_target("http://[::1/"), None, 400),
    Row("target with a fragment", for_target("/admin#x"), None, 400),
    Row("target that is no path", for_target("admin"), None, 400),
    Row("target *", for_target("*"), None, 400),
    # RFC 9112 section 2.2: at least one empty line before the request is left out.
    Row("an empty line before it", Edit("\r\nGET / HTTP/1.1"), None, 101),
    Row("two empty lines before it", Edit("\r\n\r\nGET / HTTP/1.1"), None, 101),
    Row("a bare LF before it", Edit("\nGET / HTTP/1.1"), None, 400),
    Row("a space and an empty line before it", Edit(" \r\nGET / HTTP/1.1"), None, 400),
    Row("nothing but empty lines", Edit("\r\n" * 2048), None, 431),
    Row("POST", Edit("POST / HTTP/1.1"), False, 400),
    Row("HEAD", Edit("HEAD / HTTP/1.1"), None, 400),
    Row("OPTIONS", Edit("OPTIONS * HTTP/1.1"), None, 400),
    Row("CONNECT", Edit("CONNECT h:1 HTTP/1.1"), None, 400),
    Row("HTTP/1.0", Edit("GET / HTTP/1.0"), False, 400),
    Row("HTTP/2.0", Edit("GET / HTTP/2.0"), False, 400),
    Row("no Upgrade", with_field("Upgrade", None), False, 426),
    Row("another Upgrade", with_field("Upgrade", "h2c"), False, 400),
    Row("Upgrade in capitals", with_field("Upgrade", "WebSocket"), True, 101),
    Row("Upgrade twice", Edit(lines=("Upgrade: websocket",)), None, 101),
    Row("Upgrade to one of two", with_field("Upgrade", "h2c, websocket"), None, 101),
    Row("Upgrade to another, too", Edit(lines=("Upgrade: h2c",)), None, 101),
    Row("no version", with_field("Sec-WebSocket-Version", None), False, 400),
    Row("version 8", with_field("Sec-WebSocket-Version", "8"), False, 426),
    Row("no key", with_field("Sec-WebSocket-Key", None), False, 400),
    Row("a short key", with_field("Sec-WebSocket-Key", "abc"), True, 101),
    Row("no Connection", with_field("Connection", None), False, 400),
    Row("Connection: keep-alive", with_field("Connection", "keep-alive"), True, 400, RFC),
    Row("Connection of Firefox", with_field("Connection", "keep-alive, Upgrade"), True, 101),
    Row("Connection twice, keep-alive last", Edit(lines=("Connection: keep-alive",)), None, 101),
    Row(
        "Connection twice, keep-alive first",
        Edit(fields=(("Connection", "keep-alive"),), lines=("connection: foo, upgrade,",)),
        None,
        101,
    ),
    Row(
        "Connection twice, Upgrade never",
        Edit(fields=(("Connection", "a"),), lines=("Connection: b",)),
        None,
        400,
    ),
    Row("the key twice", Edit(lines=(f"Sec-WebSocket-Key: {KEY}",)), None, 400),
    Row("the version twice", Edit(lines=("Sec-WebSocket-Version: 13",)), None, 400),
    Row("Host twice", Edit(lines=("Host: 127.0.0.1",)), None, 400),
    Row("a Host that is none", with_field("Host", "a b"), None, 400),
    Row("a Host with a user", with_field("Host", "me@h"), None, 400),
    Row("a Host that is empty", with_field("Host", ""), None, 101),
    Row("a Host with an address", with_field("Host", "[fe80::1%eth0]:9080"), None, 101),
    Row("a folded header", Edit(lines=("X: a", " b")), None, 400),
    Row("a header after a bare LF", Edit(lines=("X: a\nUpgrade: h2c",)), None, 400),
    Row("the end after a bare LF", Edit(lines=("X: a\n\nX: b",)), None, 400),
    Row("a bare CR", Edit(lines=("X: a\rb",)), None, 400),
    Row("a NUL", Edit(lines=("X: a\0b",)), None, 400),
    Row("white space before the colon", Edit(lines=("X : a",)), None, 400),
    Row("Connection with white space before the colon", Edit(lines=("Connection : a",)), None, 400),
    Row("an announced body", Edit(lines=("Content-Length: 5",)), None, 400),
    Row("a chunked body", Edit(lines=("Transfer-Encoding: chunked",)), None, 400),
    Row("an empty body", Edit(lines=("Content-Length: 0",)), None, 101),
    Row("no Host", with_field("Host", None), True, 400, RFC),
    Row("an Origin", with_field("Origin", "https://example.org"), True, 101),
    Row(
        "names in lower case",
        Edit(
            fields=tuple((name, None) for name in ("Upgrade", "Connection")),
            lines=("upgrade: websocket", "connection: upgrade"),
        ),
        True,
        101,
    ),
    Row("a header without a value", Edit(lines=("X-Empty: ",)), True, 101),
    Row("a header without a space", Edit(lines=("X-Empty:",)), None, 101),
    Row("a header without a colon", Edit(lines=("Broken",)), None, 400),
    Row("a header without a name", Edit(lines=(": x",)), None, 400),
    Row(
        "permessage-deflate",
        with_field("Sec-WebSocket-Extensions", "permessage-deflate"),
        True,
        101,
    ),
    Row("asks for a protocol, we have none", asking("a"), False, 400),
    Row("asks for none, we have some", Edit(), False, 400, protocols=BC),
    Row("asks for a, c, b", asking("a, c, b"), True, 101, protocols=BC, chosen="c"),
    Row("asks for b,c", asking("b,c"), True, 101, protocols=BC, chosen="b"),
    Row(
        "asks in two lines",
        asking("a", "Sec-WebSocket-Protocol: ,c"),
        None,
        101,
        protocols=BC,
        chosen="c",
    ),
    Row("asks for none, in so many words", asking(""), None, 101),
    Row("asks for an unknown protocol", asking("z"), False, 400, protocols=BC),
    Row("asks for B", asking("B"), False, 400, protocols=BC),
    Row("4095 bytes", Edit(size=4095), True, 101),
    Row("4096 bytes", Edit(size=4096), False, 431),
    Row("5000 bytes", Edit(size=5000), False, 431),
    Row("garbage", Edit("\x16\x03\x01 garbage"), False, 400),
]


def check_refusal(answer: bytes, status: int, *, head: bool = False) -> None:
    top, end, body = answer.partition(END)
    assert end
    assert top.startswith(b"HTTP/1.1 %d " % status)
    fields = {line.lower() for line in top.split(b"\r\n")[1:]}
    assert b"connection: close" in fields
    if head:  # RFC 9110 section 9.3.2
        assert body == b""
    else:
        assert b"content-length: %d" % len(body) in fields
        assert body.endswith(b"\n")
        assert body.strip()
    assert (b"sec-websocket-version: 13" in fields) is (status == 426)


def test_a_row_says_why_it_differs() -> None:
    for row in ROWS:
        differs = row.engine is not None and row.engine != (row.status == 101)
        assert bool(row.why) is differs, row.name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_what_the_server_answers(drive: Drive, row: Row) -> None:
    server = listening(drive, SELF, gd_mp_api=False, protocols=row.protocols)
    heard = Recorder(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(row.edit.request())
    if row.status == 101:
        lines = (await raw.read_head()).split("\r\n")
        assert lines[:3] == [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
        ]
        assert lines[3].startswith("Sec-WebSocket-Accept: ")
        assert lines[4:] == [f"Sec-WebSocket-Protocol: {row.chosen}"] * bool(row.chosen)
        assert await fenced(raw) == []
        assert heard.log == [
            (
                "client_connected",
                SELF,
                row.chosen,
                row.target,
            )
        ]
        assert server.statistics.failed_handshakes == 0
    else:
        check_refusal(await read_all(raw), row.status, head=row.name == "HEAD")
        assert heard.log == []
        assert server.statistics.failed_handshakes == 1
    await raw.close()


def test_the_answers_of_the_engine_are_among_the_records() -> None:
    """The column of the engine, where a case of that kind was recorded."""
    cases = {
        row["case"]: row["response"][0] for row in recorded("observed_server") if "response" in row
    }
    for case, name in {
        "normal": "proper",
        "lower-case header names": "names in lower case",
        "no Upgrade": "no Upgrade",
        "version 8": "version 8",
        "no key": "no key",
        "key of 3 bytes": "a short key",
        "HTTP/1.0": "HTTP/1.0",
        "POST": "POST",
        "offers permessage-deflate": "permessage-deflate",
        "head of 5000 bytes": "5000 bytes",
        "client asks protocol a, server has none": "asks for a protocol, we have none",
    }.items():
        accepted = cases[f"server handshake: {case}"].startswith("HTTP/1.1 101")
        (row,) = [row for row in ROWS if row.name == name]
        assert accepted == row.engine, case


# ------------------------------------------------------------------ byte for byte

HEADS = recorded("handshake")


@pytest.mark.parametrize("at", range(0, len(HEADS), 2), ids=lambda at: HEADS[at]["name"])
async def test_the_engine_gets_the_engines_answer(drive: Drive, at: int) -> None:
    asked, answered = HEADS[at], HEADS[at + 1]
    assert (asked["dir"], answered["dir"]) == ("c2s", "s2c")
    server = listening(drive, SELF)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(asked["http"].encode() + END)
    assert await raw.read_head() == answered["http"]
    assert await payloads(raw) == [about(ID, SELF), about(ADD, SERVER_ID)]
    await raw.close()


async def test_a_head_may_come_byte_by_byte(drive: Drive) -> None:
    server = listening(drive, SELF)
    raw = await Raw.dial(server.get_local_port())
    raw.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in Edit().request():
        await raw.send(bytes([byte]))
    assert (await raw.read_head()).startswith("HTTP/1.1 101 ")
    assert await payloads(raw) == [about(ID, SELF), about(ADD, 1)]
    await raw.close()


async def test_frames_may_come_with_the_head(drive: Drive) -> None:
    server = listening(drive, SELF)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(Edit().request() + raw.frame(game(SELF, 1)) + raw.frame(b"hi", 9))
    head = await raw.read_head()
    assert head.endswith(accept_key(KEY))
    frames = await fenced(raw)
    assert sorted(received.payload for received in frames if received.op == PONG) == [b"hi"]
    assert [received.payload for received in frames if received.op != PONG] == [
        about(ID, SELF),
        about(ADD, 1),
    ]
    assert server.get_packet() == b"\x04x"
    await raw.close()


# ------------------------------------------------------------------ refusals of other kinds


async def test_a_head_that_never_ends_gets_408(drive: Drive) -> None:
    server = listening(drive)
    server.stop()
    server.handshake_timeout = 0.05
    server.listen(0, gd_mp_api=True)
    silent = await Raw.dial(server.get_local_port())
    halfway = await Raw.dial(server.get_local_port())
    await halfway.send(Edit().request()[:-2])
    for raw in (silent, halfway):
        check_refusal(await read_all(raw), 408)
    assert server.statistics.failed_handshakes == 2
    for raw in (silent, halfway):
        await raw.close()
    await until(lambda: server.endpoint.links == [])


async def test_a_browser_is_told_what_this_is(drive: Drive) -> None:
    server = listening(drive)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n")
    answer = await read_all(raw)
    check_refusal(answer, 426)
    assert b"WebSocket server" in answer
    await raw.close()


async def test_who_is_refused_gets_403(drive: Drive) -> None:
    server = listening(drive)
    server.refuse_new_connections = True
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port()))
    check_refusal(await read_all(raw), 403)
    await raw.close()
    server.refuse_new_connections = False
    await (await Raw.connect(server.get_local_port())).close()


async def test_whoever_leaves_before_the_head_is_complete_is_counted(drive: Drive) -> None:
    server = listening(drive)
    heard = Recorder(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"GET / HT")
    await raw.close()
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert heard.log == []


def test_garbage_harms_nobody() -> None:
    with connected_pair() as pair:
        port = pair.server.get_local_port()

        @settings(
            max_examples=150,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(garbage(Edit().request()))
        def send(head: bytes) -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                sock.sendall(head + frame(b"more", mask=b"1234"))
                sock.shutdown(socket.SHUT_WR)
                pair.until(lambda: len(pair.server.endpoint.links) == 1)
                answer = b""
                while data := sock.recv(65536):
                    answer += data
            assert not answer or answer.startswith(b"HTTP/1.1 4")
            pair.client.put_packet(head or b"x")
            pair.until(pair.server.get_available_packet_count)
            assert pair.server.get_packet() == head

        send()
        # Two bytes of garbage may well be how TLS begins.
        known = {"http_without_upgrade", "tls_on_plain_port"}
        assert {*pair.server.statistics.violations} <= known
        assert pair.server.statistics.failed_handshakes >= 100
