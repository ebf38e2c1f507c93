"""``http_callback``: what a server answers to requests that ask for no upgrade."""

from __future__ import annotations

import http.client
import json
import socket
from email.utils import formatdate
from typing import TYPE_CHECKING

import h11
import pytest
import trio

from multiplayer import Error, Limits, MultiplayerError
from peers import (
    HttpRequest,
    HttpResponse,
    TLSOptions,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
)
from peers.websocket import http_exchange
from tests.certificates import certificate, chain_of, client_side, key_of
from tests.driving import Drive, Recorder, until
from tests.peers.http_heads import read_all
from tests.peers.sessions import FixedServer
from tests.peers.sockets import listening
from tests.raw import END, PATIENCE, Raw, request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


class Seen:
    """A callback that notes what it was asked, and answers the same to all."""

    def __init__(self, answer: HttpResponse | None = None) -> None:
        self.requests: list[HttpRequest] = []
        self.answer = answer or HttpResponse()

    def __call__(self, asked: HttpRequest) -> HttpResponse | None:
        self.requests.append(asked)
        return self.answer


def nothing(asked: HttpRequest) -> None:
    return None


class Answer:
    """Status, headers (in lower case) and body."""

    def __init__(self, data: bytes) -> None:
        head, end, self.body = data.partition(END)
        assert end, data
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        self.status = int(status)
        pairs = [line.split(": ", 1) for line in lines]
        self.headers = {name.lower(): value for name, value in pairs}
        assert len(self.headers) == len(pairs)
        assert self.headers["connection"] == "close"


async def asked(server: WebSocketMultiplayerPeer, data: bytes) -> Answer:
    """What comes back for these bytes, until the server ends the connection."""
    raw = await Raw.dial(server.get_local_port())
    await raw.send(data)
    answer = Answer(await read_all(raw))
    await raw.close()
    return answer


def uncounted(server: WebSocketMultiplayerPeer) -> bool:
    """Whether nothing counts as a fault."""
    counted = server.statistics
    return not (counted.failed_handshakes or counted.violations)


def later(server: FixedServer) -> FixedServer:
    """Put the clock of ``server`` forward; in small steps, lest it thinks that it slept."""
    server.ahead += 0.1
    server.wake()
    return server


# ------------------------------------------------------------------ what is asked


async def test_the_callback_sees_the_request_and_answers_it(drive: Drive) -> None:
    seen = Seen(HttpResponse(200, "fine"))
    server = listening(drive, http_callback=seen)
    heard = Recorder(server)
    raw = await Raw.dial(server.get_local_port())
    name = raw.stream.socket.getsockname()[:2]
    await raw.send(
        b"GET /health%20x?full=1 HTTP/1.1\r\nHost: example.org:1\r\nX-A: 1\r\nx-a: 2\r\n"
        b"Connection: keep-alive\r\n\r\n"
    )
    answer = Answer(await read_all(raw))
    await raw.close()
    assert (answer.status, answer.body) == (200, b"fine")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-length"] == "4"
    assert answer.headers["date"].endswith(" GMT")
    assert seen.requests == [
        HttpRequest(
            target="/health%20x?full=1",
            host="example.org:1",
            headers=(("x-a", "1"), ("x-a", "2"), ("connection", "keep-alive")),
            method="GET",
            body=b"",
            address=name[0],
            port=name[1],
        )
    ]
    (one,) = seen.requests
    assert (one.path, one.query, one.header("X-A")) == ("/health%20x", "full=1", "1, 2")
    assert heard.log == []
    assert server.statistics.http_requests == 1
    assert uncounted(server)
    await until(lambda: server.endpoint.links == [])


BODIES = {
    "length": (b"Content-Length: 11\r\n\r\nhello world", b"hello world"),
    "chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n6;a=b\r\nhello \r\n5\r\nworld\r\n0\r\nX: y\r\n\r\n",
        b"hello world",
    ),
    "none": (b"\r\n", b""),
    "length 0": (b"Content-Length: 0\r\n\r\n", b""),
}


@pytest.mark.parametrize("bytewise", [False, True], ids=["at_once", "byte_by_byte"])
@pytest.mark.parametrize("kind", BODIES)
async def test_bodies_are_read(drive: Drive, kind: str, bytewise: bool) -> None:
    seen = Seen(HttpResponse(201, b"\0made"))
    server = listening(drive, http_callback=seen)
    rest, body = BODIES[kind]
    data = b"POST /lobby HTTP/1.1\r\nHost: h\r\n" + rest
    raw = await Raw.dial(server.get_local_port())
    for part in [bytes([byte]) for byte in data] if bytewise else [data]:
        await raw.send(part)
    answer = Answer(await read_all(raw))
    await raw.close()
    assert (answer.status, answer.body) == (201, b"\0made")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert [(one.method, one.body) for one in seen.requests] == [("POST", body)]


async def test_who_waits_to_be_told_to_go_on_is(drive: Drive) -> None:
    """RFC 9110 section 10.1.1."""
    seen = Seen()
    server = listening(drive, http_callback=seen, limits=Limits(max_body_size=5))
    head = b"PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    raw = await Raw.dial(server.get_local_port())
    await raw.send(head % 5)
    assert await raw.read_head() == "HTTP/1.1 100 "
    await raw.send(b"12345")
    assert Answer(await read_all(raw)).status == 200
    await raw.close()
    assert [one.body for one in seen.requests] == [b"12345"]
    assert (await asked(server, head % 6)).status == 413
    assert len(seen.requests) == 1


@pytest.mark.parametrize(
    ("head", "method", "target", "host"),
    [
        (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS", "*", "h"),
        (b"GET /old HTTP/1.0\r\n\r\n", "GET", "/old", ""),
        (b"GET http://other/x?y HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/x?y", "other"),
        (
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            "GET",
            "/",
            "h",
        ),
        (b"PURGE / HTTP/1.1\r\nHost: h\r\n\r\n", "PURGE", "/", "h"),
    ],
    ids=["asterisk", "http_1_0", "absolute", "h2c", "any_method"],
)
async def test_requests_of_any_kind(
    drive: Drive, head: bytes, method: str, target: str, host: str
) -> None:
    seen = Seen()
    server = listening(drive, http_callback=seen)
    assert (await asked(server, head)).status == 200
    assert [(one.method, one.target, one.host) for one in seen.requests] == [(method, target, host)]


async def test_a_second_request_is_not_read(drive: Drive) -> None:
    seen = Seen(HttpResponse(200, "one"))
    server = listening(drive, http_callback=seen)
    answer = await asked(server, HEALTH + HEALTH)
    assert answer.body == b"one"
    assert len(seen.requests) == server.statistics.http_requests == 1


async def test_upgrades_are_not_asked_about(drive: Drive) -> None:
    seen = Seen()
    server = listening(drive, http_callback=seen, gd_mp_api=False)
    await (await Raw.connect(server.get_local_port())).close()
    answer = await asked(server, request(1).replace(b"GET", b"POST", 1))
    assert (answer.status, answer.body) == (400, b"the upgrade needs GET\n")
    assert seen.requests == []
    assert server.statistics.http_requests == 0


# ------------------------------------------------------------------ what is answered


async def test_head_is_answered_without_the_body(drive: Drive) -> None:
    server = listening(drive, http_callback=Seen(HttpResponse(200, "fine")))
    answer = await asked(server, HEALTH.replace(b"GET", b"HEAD"))
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "4", b"")
    server.http_callback = nothing
    answer = await asked(server, HEALTH.replace(b"GET", b"HEAD"))
    assert (answer.status, answer.body) == (426, b"")


async def test_none_means_426(drive: Drive) -> None:
    server = listening(drive, http_callback=nothing)
    answer = await asked(server, HEALTH)
    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
    assert b"proxy" not in answer.body
    stripped = request(1).replace(b"Upgrade: websocket\r\n", b"").replace(b"Upgrade", b"close")
    assert (
        b"proxy on the way may have taken its Upgrade header"
        in (await asked(server, stripped)).body
    )
    assert server.statistics.http_requests == 2
    assert uncounted(server)


async def test_without_a_callback_it_is_a_violation(drive: Drive) -> None:
    server = listening(drive)
    assert (await asked(server, HEALTH)).status == 426
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert server.statistics.http_requests == 0
    assert server.statistics.violations == {"http_without_upgrade": 1}


async def test_headers_are_the_users_own(drive: Drive) -> None:
    answer = HttpResponse(
        200,
        json.dumps({"rooms": 2}),
        "application/json",
        ["Access-Control-Allow-Origin: *", "Date: Thu, 01 Jan 1970 00:00:00 GMT"],
    )
    server = listening(drive, http_callback=Seen(answer), allowed_origins=["https://example.org"])
    got = await asked(server, HEALTH.replace(b"\r\n\r\n", b"\r\nOrigin: http://evil\r\n\r\n"))
    assert got.headers["access-control-allow-origin"] == "*"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert json.loads(got.body) == {"rooms": 2}


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_answers_without_a_body_have_no_length(drive: Drive, status: int) -> None:
    server = listening(drive, http_callback=Seen(HttpResponse(status)))
    answer = await asked(server, HEALTH)
    assert (answer.status, answer.body) == (status, b"")
    assert "content-length" not in answer.headers
    assert "content-type" not in answer.headers


async def test_each_answer_has_the_time_at_which_it_is_given(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, when = HttpResponse(200, "ok"), [0.0]
    monkeypatch.setattr(
        http_exchange, "formatdate", lambda *, usegmt: formatdate(when[0], usegmt=usegmt)
    )
    server = listening(drive, http_callback=Seen(answer))
    for hour in (1, 2):
        when[0] = 3600.0 * hour
        got = await asked(server, HEALTH)
        assert got.headers["date"] == f"Thu, 01 Jan 1970 0{hour}:00:00 GMT"
    assert answer == HttpResponse(200, "ok")


async def test_a_full_server_and_one_that_refuses_answer(drive: Drive) -> None:
    server = listening(
        drive, http_callback=Seen(), refuse_new_connections=True, limits=Limits(max_peers=1)
    )
    assert (await asked(server, HEALTH)).status == 200


async def test_a_server_of_godot_4_answers_too(drive: Drive) -> None:
    server = WebSocketMultiplayerPeer()
    server.http_callback = Seen(HttpResponse(200, "four"))
    server.create_server(0, "127.0.0.1")
    drive.add(server)
    assert (await asked(server, HEALTH)).body == b"four"


@pytest.mark.much
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
async def test_over_tls(drive: Drive, version: str) -> None:
    seen = Seen(HttpResponse(200, b"x" * 300_000))
    leaf = certificate("localhost")
    server = WebSocketMultiplayerPeer()
    server.http_callback = seen
    server.create_server(0, "127.0.0.1", TLSOptions.server(key_of(leaf), chain_of(leaf)))
    drive.add(server)
    stream = (await Raw.dial(server.get_local_port())).stream
    tls = trio.SSLStream(stream, client_side(), server_hostname="localhost")
    with trio.fail_after(PATIENCE):
        body = b"POST / %s\r\nHost: h\r\nContent-Length: 4\r\n\r\n" % version.encode()
        await tls.send_all(body)
        await tls.send_all(b"body")
        data = b"".join([part async for part in tls])  # ends with close_notify
        await tls.aclose()
    answer = Answer(data)
    assert (answer.status, len(answer.body)) == (200, 300_000)
    assert [one.body for one in seen.requests] == [b"body"]


@pytest.mark.needs_sockets
async def test_the_standard_library_understands_it(drive: Drive) -> None:
    server = listening(drive, http_callback=lambda asked: HttpResponse(200, asked.body[::-1]))
    port = server.get_local_port()

    def post() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request(
            "POST",
            "/x",
            iter([b"one", b"two"]),
            encode_chunked=True,
            headers={"Transfer-Encoding": "chunked"},
        )
        answer = connection.getresponse()
        try:
            return answer.status, answer.read()
        finally:
            connection.close()

    assert await trio.to_thread.run_sync(post) == (200, b"owteno")


async def test_h11_understands_it(drive: Drive) -> None:
    """As a client that takes the rules of HTTP literally."""
    answers = {
        "/page": HttpResponse(200, "page"),
        "/nothing": HttpResponse(204),
        "/same": HttpResponse(304),
        "/odd": HttpResponse(599, b"odd"),
    }
    server = listening(drive, http_callback=lambda asked: answers[asked.path])
    for method, path, status, body in (
        ("GET", "/page", 200, b"page"),
        ("HEAD", "/page", 200, b""),
        ("POST", "/page", 200, b"page"),
        ("GET", "/nothing", 204, b""),
        ("GET", "/same", 304, b""),
        ("DELETE", "/odd", 599, b"odd"),
    ):
        client = h11.Connection(h11.CLIENT)
        chunked = [("Transfer-Encoding", "chunked")] if method == "POST" else []
        request = h11.Request(method=method, target=path, headers=[("Host", "h"), *chunked])
        sent = client.send(request) or b""
        if chunked:
            sent += client.send(h11.Data(data=b"some")) or b""
        raw = await Raw.dial(server.get_local_port())
        await raw.send(sent + (client.send(h11.EndOfMessage()) or b""))
        client.receive_data(await read_all(raw))
        client.receive_data(b"")
        await raw.close()
        events: list[object] = []
        while client.their_state is not h11.CLOSED:
            events.append(client.next_event())
        response, *data, end, closed = events
        assert isinstance(response, h11.Response)
        assert response.status_code == status
        assert b"".join(each.data for each in data if isinstance(each, h11.Data)) == body
        assert isinstance(end, h11.EndOfMessage)
        assert isinstance(closed, h11.ConnectionClosed)


# ------------------------------------------------------------------ bounds


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 101\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101,
    ],
    ids=["announced", "enormous", "chunked"],
)
async def test_a_body_that_is_too_long_gets_413(drive: Drive, rest: bytes) -> None:
    seen = Seen()
    server = listening(drive, http_callback=seen, limits=Limits(max_body_size=100))
    answer = await asked(server, b"POST / HTTP/1.1\r\nHost: h\r\n" + rest)
    assert (answer.status, answer.body) == (413, b"the body has more than 100 bytes\n")
    await until(lambda: server.statistics.limits_reached == {"max_body_size": 1})
    assert seen.requests == []
    assert server.statistics.http_requests == 1
    assert uncounted(server)


async def test_a_body_of_the_longest_is_taken(drive: Drive) -> None:
    seen = Seen()
    server = listening(drive, http_callback=seen, limits=Limits(max_body_size=100))
    for rest in (
        b"Content-Length: 100\r\n\r\n" + b"x" * 100,
        b"Transfer-Encoding: chunked\r\n\r\n64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n",
    ):
        assert (await asked(server, b"POST / HTTP/1.1\r\nHost: h\r\n" + rest)).status == 200
    assert [len(one.body) for one in seen.requests] == [100, 100]


@pytest.mark.much
@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1025, 400),
        (b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 20_000, 431),
    ],
    ids=[
        "no_chunk",
        "many_chunks",
        "gzip",
        "negative",
        "two_lengths",
        "length_and_chunks",
        "chunks_and_length",
        "long_extension",
    ],
)
async def test_bodies_that_are_none(drive: Drive, rest: bytes, status: int) -> None:
    seen = Seen()
    server = listening(drive, http_callback=seen)
    answer = await asked(server, b"POST / HTTP/1.1\r\nHost: h\r\n" + rest)
    assert answer.status == status
    assert seen.requests == []
    assert (await asked(server, HEALTH)).status == 200


async def test_a_client_of_http_1_0_sends_no_chunks(drive: Drive) -> None:
    server = listening(drive, http_callback=(seen := Seen()))
    head = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await asked(server, head + b"1\r\nx\r\n0\r\n\r\n")).status == 400
    assert seen.requests == []


async def test_a_head_that_is_too_long_gets_431(drive: Drive) -> None:
    server = listening(drive, http_callback=Seen())
    assert (await asked(server, HEALTH[:-2] + b"X: " + b"x" * 5000 + END)).status == 431


async def test_a_request_that_never_ends_gets_408(drive: Drive) -> None:
    server = FixedServer()
    server.bind_ip, server.http_callback = "127.0.0.1", Seen()
    server.listen(0)
    drive.add(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")
    await until(lambda: server.statistics.http_requests == 1)
    await until(lambda: later(server).endpoint.links[0].lingering)
    answer = Answer(await read_all(raw))
    assert (answer.status, answer.body) == (408, b"no whole request within 3 s\n")
    await raw.close()
    await until(lambda: server.statistics.limits_reached == {"handshake_timeout": 1})
    assert uncounted(server)


async def test_who_leaves_in_the_middle_of_a_body_is_forgotten(drive: Drive) -> None:
    seen = Seen()
    server = listening(drive, http_callback=seen)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")
    await until(lambda: server.statistics.http_requests == 1)
    await raw.close()
    await until(lambda: server.endpoint.links == [])
    assert seen.requests == []
    assert uncounted(server)


@pytest.mark.needs_sockets
async def test_who_says_no_more_is_answered(drive: Drive) -> None:
    """Half-closed, as ``nc -N`` does; the answer is longer than what the socket takes at once."""
    body = b"x" * 5_000_000
    server = listening(drive, http_callback=Seen(HttpResponse(200, body)))
    raw = await Raw.dial(server.get_local_port(), receive_buffer=4096)
    await raw.send(HEALTH)
    await raw.stream.send_eof()
    await until(lambda: server.statistics.http_requests == 1)
    assert Answer(await read_all(raw)).body == body
    await raw.close()
    await until(lambda: server.endpoint.links == [])


@pytest.mark.needs_sockets
async def test_the_longest_answer_arrives(drive: Drive) -> None:
    body = b"0123456789abcdef" * (1 << 20)
    server = listening(drive, http_callback=Seen(HttpResponse(200, body)), outbound_buffer_size=10)
    assert (await asked(server, HEALTH)).body == body
    assert server.statistics.limits_reached == {}


@pytest.mark.needs_sockets
async def test_an_answer_on_its_way_arrives_although_the_server_leaves(drive: Drive) -> None:
    body = b"x" * (1 << 24)
    server = listening(drive, http_callback=Seen(HttpResponse(200, body)))
    raw = await Raw.dial(server.get_local_port())
    await raw.send(HEALTH)
    await until(lambda: [link for link in server.endpoint.links if link.lingering and link.waiting])
    server.begin_leaving()
    assert Answer(await read_all(raw)).body == body
    await raw.close()
    await until(lambda: not server.is_listening())


async def test_who_does_not_read_its_answer_keeps_no_server_from_leaving(drive: Drive) -> None:
    server = listening(
        drive,
        http_callback=Seen(HttpResponse(200, b"x" * (1 << 24))),
        close_timeout=0.1,
        handshake_timeout=float(PATIENCE),
    )
    raw = await Raw.dial(server.get_local_port(), receive_buffer=4096)
    await raw.send(HEALTH)
    await until(lambda: [link for link in server.endpoint.links if link.lingering and link.waiting])
    server.begin_leaving()
    await until(lambda: not server.is_listening())
    await raw.close()


async def test_who_does_not_read_is_left(drive: Drive) -> None:
    server = FixedServer()
    server.bind_ip, server.http_callback = "127.0.0.1", Seen(HttpResponse(200, b"x" * (1 << 24)))
    server.listen(0)
    drive.add(server)
    raw = await Raw.dial(server.get_local_port(), receive_buffer=4096)
    await raw.send(HEALTH)
    await until(lambda: [link for link in server.endpoint.links if link.lingering])
    await until(lambda: later(server).endpoint.links == [])
    await until(lambda: server.statistics.limits_reached == {"handshake_timeout": 1})
    assert uncounted(server)
    await raw.close()


async def test_of_too_many_the_oldest_gives_way(drive: Drive) -> None:
    server = listening(drive, http_callback=Seen(), limits=Limits(max_pending_handshakes=2))
    raws: list[Raw] = []
    for _ in range(3):
        raws.append(await Raw.dial(server.get_local_port()))
        await raws[-1].send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")
        await until(lambda: server.statistics.http_requests == len(raws))
    assert Answer(await read_all(raws[0])).status == 503
    await until(lambda: server.statistics.limits_reached == {"max_pending_handshakes": 1})
    assert uncounted(server)
    for raw in raws:
        await raw.close()


# ------------------------------------------------------------------ misuse


def fails(asked: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def polled_until(server: WebSocketServer, condition: Callable[[], object]) -> None:
    for _ in range(100_000):
        server.poll()
        if condition():
            return
    raise AssertionError("did not come true")


@pytest.mark.parametrize(
    ("callback", "error"),
    [
        (fails, ZeroDivisionError),
        (lambda asked: "text", MultiplayerError),
        (lambda asked: HttpResponse(99), MultiplayerError),
    ],
    ids=["raises", "another_type", "no_status"],
)
@pytest.mark.handlers_fail
async def test_a_callback_that_fails_answers_500_and_its_exception_is_told(
    drive: Drive, callback: Callable[[HttpRequest], HttpResponse], error: type[Exception]
) -> None:
    server = listening(drive, http_callback=callback)
    told: list[tuple[int, str, type[Exception]]] = []
    server.handler_failed.connect(
        lambda peer, where, error: told.append((peer, where, type(error)))
    )
    answer = await asked(server, HEALTH)
    assert (answer.status, answer.body) == (500, b"this server could not answer\n")
    assert told == [(0, "http_callback", error)]
    assert server.statistics.handler_errors == 1
    server.http_callback = Seen()
    assert (await asked(server, HEALTH)).status == 200
    assert uncounted(server)


@pytest.mark.handlers_fail
def test_with_on_error_raise_the_exception_leaves_poll() -> None:
    server = WebSocketServer()
    server.bind_ip, server.http_callback, server.on_error = "127.0.0.1", fails, "raise"
    server.listen(0)
    with socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=5) as client:
        client.sendall(HEALTH)
        with pytest.raises(ZeroDivisionError):
            polled_until(server, lambda: False)
        assert client.recv(9) == b"HTTP/1.1 "
    polled_until(server, lambda: not server.endpoint.links)
    server.stop()


@pytest.mark.handlers_fail
@pytest.mark.parametrize("then", ["answers", "has nothing", "raises"])
def test_a_callback_may_stop_the_server(then: str) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)

    def stop(asked: HttpRequest) -> HttpResponse | None:
        server.stop()
        if then == "raises":
            raise ZeroDivisionError
        return HttpResponse(200, "too late") if then == "answers" else None

    server.http_callback = stop
    with socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=5) as client:
        client.sendall(HEALTH)
        polled_until(server, lambda: not server.is_listening())
    server.poll()
    assert server.endpoint.links == []
    assert server.statistics.failed_handshakes == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((101,), "not the status of a response"),
        ((600,), "not the status of a response"),
        (("200",), "not the status of a response"),
        ((200, 7), "text or bytes, not int"),
        ((200, b"x" * ((1 << 24) + 1)), "too long"),
        ((204, "x"), "has no body"),
        ((200, "x", "text/plain\r\nX: y"), "no HTTP header"),
        ((200, "x", "text/html", ["Content-Type: text/plain"]), "both name the type"),
        ((200, "", "", "X: y"), "list of lines"),
        ((200, "", "", ["X"]), "no HTTP header"),
        ((200, "", "", ["X: a\nb"]), "no HTTP header"),
        ((200, "", "", ["Content-Length: 3"]), "written by the answer itself"),
        ((200, "", "", ["connection: keep-alive"]), "written by the answer itself"),
    ],
)
def test_answers_that_make_no_sense(arguments: Sequence[object], words: str) -> None:
    with pytest.raises(MultiplayerError, match=words) as raised:
        HttpResponse(*arguments)  # pyright: ignore[reportArgumentType]
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


def test_a_client_has_no_use_for_one() -> None:
    with pytest.raises(MultiplayerError, match="http_callback is for servers") as raised:
        WebSocketClient().http_callback = Seen()
    assert raised.value.code == Error.ERR_UNAVAILABLE
    client = WebSocketMultiplayerPeer()  # which may become a server
    client.http_callback = Seen()
    with pytest.raises(MultiplayerError, match="http_callback is for servers") as raised:
        client.create_client("ws://127.0.0.1:1")
    assert raised.value.code == Error.ERR_UNAVAILABLE
    assert client.get_connection_status() == client.CONNECTION_DISCONNECTED
