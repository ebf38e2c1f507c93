"""The HTTP answer that our client demands, beside what Godot 3.2.3 demands; and what it asks."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from multiplayer import ConnectionStatus
from peers import WebSocketClient
from tests.driving import Drive, Recorder, until
from tests.gd_mp_rows import ADD, FIRST, ID, JOINED, SELF, about, game
from tests.peers.http_heads import Edit, garbage, recorded
from tests.peers.sessions import fenced
from tests.raw import END, PONG, Raw, RawServer, frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED

TOKENS = "RFC 6455 section 4.1: Connection is a list of tokens"
EMPTY_VALUES = "RFC 7230 section 3.2: a header's value may be empty"
UNASKED = "RFC 6455 section 4.1: an extension that was not asked for fails the connection"


@dataclass(frozen=True)
class Row:
    """An answer: whether the engine takes it (None: not tried), and whether we do."""

    name: str
    edit: Edit
    engine: bool | None
    ours: bool
    why: str = ""
    protocols: tuple[str, ...] = ()
    chosen: str = ""


def with_field(name: str, value: str | None) -> Edit:
    return Edit(fields=((name, value),))


def choosing(protocol: str) -> Edit:
    return with_field("Sec-WebSocket-Protocol", protocol)


AB = ("a", "b")
DEFLATE = with_field("Sec-WebSocket-Extensions", "permessage-deflate")
HIDING = ("Sec-WebSocket-Extensions:",)
AGREES = ("Sec-WebSocket-Protocol: b",)

ROWS = [
    Row("proper", Edit(), True, True),
    Row("another reason phrase", Edit("HTTP/1.1 101 Welcome"), True, True),
    Row("HTTP/1.0", Edit("HTTP/1.0 101 Switching Protocols"), False, False),
    Row("404", Edit("HTTP/1.1 404 Not Found"), False, False),
    Row("200", Edit("HTTP/1.1 200 OK"), False, False),
    Row("not HTTP", Edit("SSH-2.0-OpenSSH_9.2"), False, False),
    Row("Connection in lower case", with_field("Connection", "upgrade"), True, True),
    Row("two tokens", with_field("Connection", "keep-alive, Upgrade"), False, True, TOKENS),
    Row("Connection: close", with_field("Connection", "close"), False, False),
    Row("two lines", Edit(lines=("Connection: keep-alive",)), None, True),
    Row(
        "two lines, the other way round",
        Edit(fields=(("Connection", "keep-alive"),), lines=("connection: upgrade",)),
        None,
        True,
    ),
    Row("no Connection", with_field("Connection", None), False, False),
    Row("Upgrade in capitals", with_field("Upgrade", "WebSocket"), True, True),
    Row("no Upgrade", with_field("Upgrade", None), False, False),
    Row("another Upgrade", with_field("Upgrade", "h2c"), False, False),
    Row("Upgrade twice", Edit(lines=("Upgrade: websocket",)), False, False),
    Row("no Accept", with_field("Sec-WebSocket-Accept", None), False, False),
    Row("Accept twice", Edit(lines=("Sec-WebSocket-Accept: AAAA",)), None, False),
    Row("the wrong Accept", with_field("Sec-WebSocket-Accept", "AAAA"), False, False),
    Row("agrees to b", choosing("b"), True, True, protocols=AB, chosen="b"),
    Row("agrees to b, asked with spaces", choosing("b"), True, True, "", (" a ", " b "), "b"),
    Row("agrees to none of ours", Edit(), False, False, protocols=AB),
    Row("agrees to a stranger", choosing("z"), False, False, protocols=AB),
    Row("agrees to B", choosing("B"), False, False, protocols=AB),
    Row("agrees to both", choosing("a, b"), False, False, protocols=AB),
    Row("agrees unasked", choosing("z"), False, False),
    Row("permessage-deflate", DEFLATE, True, False, UNASKED),
    Row("permessage-deflate, hidden", Edit(DEFLATE.first, DEFLATE.fields, HIDING), None, False),
    Row("no extension", Edit(lines=HIDING), None, True),
    Row("agrees twice", Edit("", choosing("b").fields, AGREES), None, False, protocols=AB),
    Row("a folded header", Edit(lines=("Server: a", "\t b")), None, True),
    Row("a folded Connection", Edit(fields=(("Connection", "a,\r\n upgrade"),)), None, True),
    Row("a bare LF", Edit(lines=("Server: a\nX: b",)), None, False),
    Row("a bare CR", Edit(lines=("Server: a\rb",)), None, False),
    Row("white space before the colon", Edit(lines=("Server : a",)), None, False),
    Row("a value of one space", Edit(lines=("Server: ",)), True, True),
    Row("an empty value", Edit(lines=("Server:",)), False, True, EMPTY_VALUES),
    Row("a header without a colon", Edit(lines=("Broken",)), False, False),
    Row("a header without a name", Edit(lines=(": x",)), False, False),
    Row("4095 bytes", Edit(size=4095), True, True),
    Row("4096 bytes", Edit(size=4096), False, False),
    Row("5000 bytes", Edit(size=5000), False, False),
]


def test_a_row_says_why_it_differs() -> None:
    for row in ROWS:
        assert bool(row.why) is (row.engine not in (row.ours, None)), row.name


@asynccontextmanager
async def dialling(
    drive: Drive, protocols: Sequence[str] = (), *, gd_mp_api: bool = False, patience: float = 3.0
) -> AsyncIterator[tuple[WebSocketClient, Recorder, Raw]]:
    """Our client, what it emits, and the server's end of its TCP connection."""
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.handshake_timeout = patience
    heard = Recorder(client)
    client.connect_to_url(listener.url, protocols, gd_mp_api)
    drive.add(client)
    raw = await listener.dialled()
    try:
        yield client, heard, raw
    finally:
        await raw.close()
        await listener.close()


async def failed(client: WebSocketClient, heard: Recorder) -> str:
    """Wait for the failure; return its stage."""
    await until(lambda: "connection_error" in heard)
    assert client.get_connection_status() == DISCONNECTED
    assert client.failure is not None
    assert client.failure.detail
    return client.failure.stage


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_what_the_client_makes_of_an_answer(drive: Drive, row: Row) -> None:
    async with dialling(drive, row.protocols) as (client, heard, raw):
        await raw.send(row.edit.answer(await raw.read_head()))
        if row.ours:
            assert await fenced(raw) == []
            assert heard.log == [("connection_established", row.chosen)]
            assert client.get_connection_status() == CONNECTED
            assert client.get_peer(1).get_selected_protocol() == row.chosen
        else:
            assert await failed(client, heard) == "http"
            assert heard.log == [("connection_error",)]
            assert await raw.receive_end() == []


CASES = {
    "no protocols, no headers": "proper",
    "protocols 'a, b' (server picks b)": "agrees to b",
    "protocols with spaces ' a , b '": "agrees to b, asked with spaces",
    "client asked a, server answers none": "agrees to none of ours",
    "client asked a, server answers z": "agrees to a stranger",
    "client asked none, server answers z": "agrees unasked",
    "Connection: keep-alive, Upgrade": "two tokens",
    "wrong Sec-WebSocket-Accept": "the wrong Accept",
    "404": "404",
    "HTTP/1.0 101": "HTTP/1.0",
    "Sec-WebSocket-Extensions: permessage-deflate unasked": "permessage-deflate",
    "answer head of 5000 bytes": "5000 bytes",
    "bare header without colon": "a header without a colon",
    "duplicated Upgrade header": "Upgrade twice",
}


@pytest.mark.parametrize(("case", "name"), CASES.items())
def test_the_column_of_the_engine_is_what_was_recorded(case: str, name: str) -> None:
    records = {record["case"]: record["client"] for record in recorded("observed_client")}
    accepted = any("established" in line for line in records[f"handshake: {case}"])
    assert [row.engine for row in ROWS if row.name == name] == [accepted]


# ------------------------------------------------------------------ the request

REQUESTS = {
    "no protocols, no headers": ("/", [], []),
    "protocols 'a, b' (server picks b)": ("/", ["a", "b"], []),
    "protocols with spaces ' a , b '": ("/", [" a ", " b "], []),
    "path and query": ("/path/x?y=1", [], []),
    "custom headers": ("/", [], ["X-Token: abc", "Authorization: Bearer q"]),
}
"""Recorded cases; the engine also sends a second Host line, which is misuse here."""


def normal(lines: Sequence[str], port: int) -> list[str]:
    """A request without what differs by chance (key, port) or by white space in lists."""
    fields: list[str] = []
    for line in lines:
        name, colon, value = line.partition(": ")
        if name == "Sec-WebSocket-Key":
            value = f"{len(value)} characters"
        elif name == "Host":
            assert value == f"127.0.0.1:{port}"
        elif name == "Sec-WebSocket-Protocol":
            value = ",".join(item.strip() for item in value.split(","))
        fields.append(name + colon + value.replace(str(port), "PORT"))
    return fields


@pytest.mark.parametrize("gd_mp_api", [False, True])
@pytest.mark.parametrize("case", REQUESTS)
async def test_the_request_has_the_lines_of_the_engine_in_their_order(
    drive: Drive, case: str, gd_mp_api: bool
) -> None:
    """And one more in gd_mp mode, before the user's own: ``Gdpeers``, which engines ignore."""
    path, protocols, headers = REQUESTS[case]
    (record,) = [one for one in recorded("observed_client") if one["case"] == f"handshake: {case}"]
    expected = [line for line in record["request"] if line != "Host: other"]
    port = int(expected[1].rpartition(":")[2])
    if gd_mp_api:
        expected.insert(len(expected) - len(headers), "Gdpeers: 1")
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.connect_to_url(listener.url + path, protocols, gd_mp_api, headers)
    drive.add(client)
    raw = await listener.dialled()
    asked = await raw.read_head()
    assert normal(asked.split("\r\n"), listener.port) == normal(expected, port)
    await raw.close()
    await listener.close()


# ------------------------------------------------------------------ how the answer comes


async def test_the_answer_may_come_byte_by_byte(drive: Drive) -> None:
    async with dialling(drive, gd_mp_api=True) as (client, heard, raw):
        raw.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in Edit().answer(await raw.read_head()):
            await raw.send(bytes([byte]))
        assert await fenced(raw) == []
        assert heard.log == [("connection_established", "")]
        assert client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTING


async def test_frames_may_come_with_the_answer(drive: Drive) -> None:
    async with dialling(drive, gd_mp_api=True) as (client, heard, raw):
        answer = Edit().answer(await raw.read_head())
        frames = [frame(message) for message in (*JOINED, game(1, 0))]
        await raw.send(answer + b"".join(frames) + frame(b"hi", 9))
        (pong,) = await fenced(raw)
        assert (pong.op, pong.payload) == (PONG, b"hi")
        assert heard.log == [
            ("connection_established", ""),
            ("peer_connected", 1),
            ("connection_succeeded",),
            ("peer_connected", FIRST),
            ("peer_packet", 1),
        ]
        assert client.get_packet() == b"\x04x"


# ------------------------------------------------------------------ stages of failure


@pytest.mark.parametrize("gd_mp_api", [False, True])
async def test_a_refused_connection_is_a_failure_of_tcp(drive: Drive, gd_mp_api: bool) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        client = WebSocketClient()
        heard = Recorder(client)
        client.connect_to_url(f"ws://127.0.0.1:{bound.getsockname()[1]}", gd_mp_api=gd_mp_api)
        drive.add(client)
        assert await failed(client, heard) == "tcp"
    assert heard.names() == ["connection_error", "connection_failed"][: 1 + gd_mp_api]


@pytest.mark.needs_sockets
async def test_an_unknown_name_is_a_failure_of_dns(drive: Drive) -> None:
    client = WebSocketClient()
    client.handshake_timeout = 30.0
    heard = Recorder(client)
    client.connect_to_url("ws://nonexistent.invalid:1", gd_mp_api=True)
    drive.add(client)
    assert await failed(client, heard) == "dns"
    assert heard.log == [("connection_error",), ("connection_failed",)]


async def test_no_answer_is_a_timeout(drive: Drive) -> None:
    async with dialling(drive, gd_mp_api=True, patience=0.05) as (client, heard, raw):
        await raw.read_head()
        await raw.send(b"HTTP/1.1 101 Switching Proto")
        assert await failed(client, heard) == "timeout"
        assert heard.log == [("connection_error",), ("connection_failed",)]
        assert await raw.receive_end() == []


async def test_the_end_before_the_answer_is_a_failure_of_http(drive: Drive) -> None:
    async with dialling(drive, gd_mp_api=True) as (client, heard, raw):
        await raw.read_head()
        await raw.close()
        assert await failed(client, heard) == "http"
        assert heard.log == [("connection_error",), ("connection_failed",)]


@pytest.mark.needs_sockets
async def test_a_refusal_is_quoted(drive: Drive) -> None:
    async with dialling(drive) as (client, heard, raw):
        await raw.read_head()
        await raw.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\ncome back")
        assert await failed(client, heard) == "http"
        assert str(client.failure) == "http: the server answered HTTP 503: come back"


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.needs_sockets
@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            f"HTTP/1.1 403 No\r\n{CHUNKED}\r\n\r\n4;x=y\r\nnot \r\n3\r\nyou\r\n0\r\n\r\n",
            "HTTP 403: not you",
        ),
        (f"HTTP/1.1 403 No\r\n{CHUNKED}\r\n\r\n9\r\nnot", "HTTP 403: not"),
        (f"HTTP/1.1 403 No\r\n{CHUNKED}\r\n\r\nnot chunked", "HTTP 403"),
        ("HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nyou, and more", "HTTP 403: you"),
        ("HTTP/1.0 403 No\r\n\r\nuntil the end", "HTTP 403: until the end"),
        ("HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", "HTTP 403"),
        ("HTTP/1.1 403 No\r\n\r\na\x1b[2J\n\n b", r"HTTP 403: a\x1b[2J b"),
        ("HTTP/1.1 403 No\r\n\r\n" + "x" * 300, f"HTTP 403: {'x' * 100}…{'x' * 99}"),
        (
            "HTTP/1.1 301 Moved\r\nLocation: wss://example.org/x\r\n\r\n<a href",
            "HTTP 301 and points to wss://example.org/x; connect there if that is right",
        ),
        (
            "HTTP/1.1 308 Moved\r\nLocation: /\x1bx\r\n\r\n",
            r"HTTP 308 and points to /\x1bx; connect there if that is right",
        ),
        ("HTTP/1.1 201 Made\r\nLocation: /new\r\n\r\n", "HTTP 201"),
    ],
)
async def test_what_is_quoted_is_what_the_server_said(
    drive: Drive, answer: str, detail: str
) -> None:
    async with dialling(drive) as (client, heard, raw):
        await raw.read_head()
        await raw.send(answer.encode("latin-1"))
        assert await failed(client, heard) == "http"
        assert str(client.failure) == f"http: the server answered {detail}"


INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 102 Processing\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"
)


@pytest.mark.parametrize("bytewise", [False, True], ids=["at_once", "byte_by_byte"])
async def test_interim_answers_are_skipped(drive: Drive, bytewise: bool) -> None:
    """RFC 9110 section 15.2."""
    async with dialling(drive) as (_, heard, raw):
        answer = INTERIM + Edit().answer(await raw.read_head())
        for part in [bytes([byte]) for byte in answer] if bytewise else [answer]:
            await raw.send(part)
        assert await fenced(raw) == []
        assert heard.log == [("connection_established", "")]


async def test_a_refusal_after_interim_answers_is_one(drive: Drive) -> None:
    async with dialling(drive) as (client, heard, raw):
        await raw.read_head()
        await raw.send(INTERIM + b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nlate")
        assert await failed(client, heard) == "http"
        assert str(client.failure) == "http: the server answered HTTP 503: late"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
            "http: the server sent more than 8 interim responses (HTTP 1xx) and no final one",
        ),
        (
            (b"HTTP/1.1 103 Hints\r\nLink: <" + b"x" * 1000 + b">\r\n\r\n") * 4,
            "http: the HTTP head has 4096 bytes or more",
        ),
    ],
    ids=["many", "long"],
)
async def test_interim_answers_are_bounded(drive: Drive, answer: bytes, detail: str) -> None:
    async with dialling(drive) as (client, heard, raw):
        await raw.read_head()
        await raw.send(answer)
        assert await failed(client, heard) == "http"
        assert str(client.failure) == detail


@pytest.mark.parametrize("said", [(), (about(ID, SELF),), (about(ADD, 1),), (b"hello",)])
async def test_a_server_without_ids_is_a_failure_of_id(
    drive: Drive, said: tuple[bytes, ...]
) -> None:
    async with dialling(drive, gd_mp_api=True, patience=0.1) as (client, heard, raw):
        await raw.accept()
        for message in said:
            await raw.send_frame(message)
        assert await failed(client, heard) == "id"
        assert heard.names() == [
            "connection_established",
            "connection_error",
            "connection_failed",
        ]


def test_no_answer_at_all_makes_the_client_raise() -> None:
    proper = Edit().answer("Sec-WebSocket-Key: x")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(garbage(proper))
    def answer(data: bytes) -> None:
        client = WebSocketClient()
        heard = Recorder(client)
        client.connect_to_url(f"ws://127.0.0.1:{listener.getsockname()[1]}")
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(5)
            asked = b""
            while END not in asked:
                client.poll()
                asked += sock.recv(4096)
            sock.sendall(data)
        while client.get_connection_status() != DISCONNECTED:
            client.poll()
        assert heard.log == [("connection_error",)]
        assert client.failure is not None
        looks_like_tls = data[:2] in (b"\x15\x03", b"\x16\x03")
        assert client.failure.stage == ("tls" if looks_like_tls else "http")

    with listener:
        answer()
