"""Who may connect: ``upgrade_callback`` and ``allowed_origins``."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import (
    Accept,
    HttpResponse,
    Limits,
    Refuse,
    UpgradeRequest,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
)
from tests.driving import Drive, Recorder, until
from tests.peers.sockets import listening, raw_peer
from tests.raw import Raw, request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = "https://example.org"


async def answer(
    server: WebSocketMultiplayerPeer, *, path: str = "/", headers: Sequence[str] = ()
) -> tuple[str, bytes]:
    """Head and body of the answer to a proper request."""
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port(), path=path, headers=headers))
    head = await raw.read_head()
    if head.startswith("HTTP/1.1 101 "):
        await raw.close()
        return head, b""
    body = raw._buffer
    while data := await raw.stream.receive_some():
        body += data
    await raw.close()
    return head, body


async def test_the_callback_sees_what_the_client_asks_for(drive: Drive) -> None:
    seen: list[UpgradeRequest] = []
    server = listening(drive, gd_mp_api=False)
    server.upgrade_callback = seen.append
    headers = ["Origin: https://example.org", "Cookie: a=1", "cookie: b=2"]
    raw = await Raw.connect(server.get_local_port(), path="/room%201?token=7&x", headers=headers)
    (asked,) = seen
    assert (asked.target, asked.path, asked.query) == (
        "/room%201?token=7&x",
        "/room%201",
        "token=7&x",
    )
    assert asked.host == f"127.0.0.1:{server.get_local_port()}"
    assert asked.header("ORIGIN") == PAGE
    assert asked.header("Cookie") == "a=1, b=2"
    assert asked.header("missing") is None
    assert (asked.address, asked.port) == raw.stream.socket.getsockname()[:2]
    assert asked.protocols == ()
    # Nothing of the upgrade itself.
    assert asked.headers == (("origin", PAGE), ("cookie", "a=1"), ("cookie", "b=2"))
    await raw.close()


@pytest.mark.parametrize(
    "target", ["/admin", "http://h/admin?x", "wss://h:1/admin", "HTTP://h/admin"]
)
async def test_a_callback_that_guards_a_path_cannot_be_passed_by(drive: Drive, target: str) -> None:
    server = listening(drive, gd_mp_api=False)
    server.upgrade_callback = lambda asked: Refuse(401) if asked.path == "/admin" else None
    assert (await answer(server, path=target))[0].startswith("HTTP/1.1 401 ")


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_the_callback_may_refuse(drive: Drive, status: int) -> None:
    server = listening(drive)
    at_server = Recorder(server)
    server.upgrade_callback = lambda asked: Refuse(status, f"not you, {asked.query}")
    head, body = await answer(server, path="/?name=eve")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert body == b"not you, name=eve\n"
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert at_server.log == []


async def test_the_callback_may_refuse_by_a_close_code(drive: Drive) -> None:
    server = listening(drive)
    at_server = Recorder(server)
    long = "update your game, " * 10
    server.upgrade_callback = lambda asked: Refuse(4005, long)
    client = WebSocketClient()
    told = Recorder(client)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/", gd_mp_api=True)
    drive.add(client)
    await until(lambda: "connection_failed" in told.names())
    assert "connection_succeeded" not in told.names()
    face = client.get_peer(1)
    assert (face.get_close_code(), face.get_close_reason()) == (4005, long[:123])
    await until(lambda: not server.endpoint.links)
    assert server.statistics.failed_handshakes == 1
    assert (at_server.log, server.get_peers()) == ([], [])


async def test_who_is_refused_by_a_code_gets_the_sub_protocol_that_it_wants(drive: Drive) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.upgrade_callback = lambda asked: Refuse(4999)
    server.listen(0, ["old", "new"])
    drive.add(server)
    port = server.get_local_port()
    raw = await Raw.dial(port)
    await raw.send(request(port, headers=["Sec-WebSocket-Protocol: new, old"]))
    head = await raw.read_head()
    assert head.startswith("HTTP/1.1 101 ")
    assert "sec-websocket-protocol: new" in head.lower().splitlines()
    assert await raw.receive_close() == (4999).to_bytes(2)
    await raw.close()


async def test_those_refused_by_a_code_who_stay_give_way_to_others(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_pending_handshakes=2))
    server.upgrade_callback = lambda asked: Refuse(4005, "no")
    stubborn = [await Raw.connect(server.get_local_port()) for _ in range(6)]
    for raw in stubborn:
        assert (await raw.receive_close())[:2] == (4005).to_bytes(2)
    await until(lambda: len(server.endpoint.links) <= 2)
    for raw in stubborn:
        await raw.close()


async def test_the_callback_may_accept_with_headers(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False)
    server.upgrade_callback = lambda asked: Accept(["X-Room: 7", "Set-Cookie: seen=1"])
    head, _ = await answer(server)
    assert head.startswith("HTTP/1.1 101 ")
    assert {"X-Room: 7", "Set-Cookie: seen=1"} <= {*head.split("\r\n")}


async def test_godot4_servers_ask_too(drive: Drive) -> None:
    server = WebSocketMultiplayerPeer()
    server.handshake_headers = ["X-All: 1"]
    server.upgrade_callback = lambda asked: (
        Accept(["X-Room: 7"]) if asked.query == "please" else Refuse(401)
    )
    server.create_server(0, "127.0.0.1")
    drive.add(server)
    head, body = await answer(server)
    assert (head.partition("\r\n")[0], body) == ("HTTP/1.1 401 Unauthorized", b"\n")
    head, _ = await answer(server, path="/?please")
    assert {"X-All: 1", "X-Room: 7"} <= {*head.split("\r\n")}


@pytest.mark.parametrize(
    ("callback", "error"),
    [
        (lambda asked: 1 / 0, ZeroDivisionError),
        (lambda asked: True, MultiplayerError),
        (lambda asked: Accept(["X: " + "x" * 4000]), MultiplayerError),
        (lambda asked: Refuse(200), MultiplayerError),
    ],
    ids=["raises", "another_type", "too_long", "no_error"],
)
@pytest.mark.handlers_fail
def test_a_callback_that_fails_refuses_with_500_and_its_exception_is_told(
    callback: object, error: type[Exception]
) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    server.upgrade_callback = callback
    told: list[tuple[int, str, type[Exception]]] = []
    server.handler_failed.connect(
        lambda peer, where, error: told.append((peer, where, type(error)))
    )
    with socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=5) as client:
        client.sendall(request(server.get_local_port()))
        poll_until(server, lambda: server.statistics.failed_handshakes)
        assert told == [(0, "upgrade_callback", error)]
        assert server.statistics.handler_errors == 1
        client.settimeout(0)
        received = b""
        for _ in range(10_000):
            server.poll()
            try:
                received += client.recv(1000)
            except BlockingIOError:
                continue
            if received.endswith(b"this server could not decide\n"):
                break
        assert received.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert server.statistics.failed_handshakes == 1
    server.stop()


def poll_until(server: WebSocketServer, condition: Callable[[], object]) -> None:
    for _ in range(100_000):
        server.poll()
        if condition():
            return
    raise AssertionError("did not come true")


@pytest.mark.handlers_fail
@pytest.mark.parametrize("then", ["accepts", "refuses", "raises"])
def test_a_callback_may_stop_the_server(then: str) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)

    def stop(asked: UpgradeRequest) -> Accept | Refuse:
        server.stop()
        if then == "raises":
            raise ZeroDivisionError
        return Accept() if then == "accepts" else Refuse(403)

    server.upgrade_callback = stop
    with socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=5) as client:
        client.sendall(request(server.get_local_port()))
        poll_until(server, lambda: not server.is_listening())
        assert not server._role.clients.members
        server.poll()
        assert server.statistics.failed_handshakes == 0  # nobody's failure but our own end


@pytest.mark.parametrize("godot4", [False, True])
async def test_what_is_attached_is_given_back(drive: Drive, godot4: bool) -> None:
    server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    account = object()
    server.upgrade_callback = lambda asked: Accept(userdata=account) if asked.query else None
    at_once: list[object] = []
    ids: list[int] = []

    @server.peer_connected.connect
    def note(peer: int) -> None:
        ids.append(peer)
        at_once.append(server.get_peer(peer).userdata)

    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
    else:
        server.create_server(0, "127.0.0.1")
    drive.add(server)
    raws = [await Raw.connect(server.get_local_port(), path=path) for path in ("/a?b", "/c")]
    await until(lambda: len(ids) == 2)
    assert at_once == [account, None]
    first, second = (server.get_peer(peer) for peer in ids)
    assert first.request is not None
    assert second.request is not None
    assert (first.request.target, second.request.path) == ("/a?b", "/c")
    assert (first.request.address, first.request.port) == raws[0].stream.socket.getsockname()[:2]
    second.userdata = "mine"
    for raw in raws:
        await raw.close()
    await until(lambda: not server.get_peers())
    assert server.get_peer(ids[0]).userdata is account
    assert server.get_peer(ids[1]).userdata == "mine"
    assert server.get_peer(ids[0]).request is first.request


def test_a_client_has_userdata_of_its_own_and_no_request() -> None:
    client = WebSocketClient()
    server = client.get_peer(1)
    assert (server.userdata, server.request) == (None, None)
    server.userdata = 7
    assert client.get_peer(1).userdata == 7


async def test_the_callback_is_not_asked_about_those_who_are_refused_anyway(drive: Drive) -> None:
    seen: list[UpgradeRequest] = []
    server = listening(drive, refuse_new_connections=True, allowed_origins=[PAGE])
    server.upgrade_callback = seen.append
    assert (await answer(server))[0].startswith("HTTP/1.1 403 ")
    server.refuse_new_connections = False
    assert (await answer(server, headers=["Origin: http://evil.example"]))[0].startswith(
        "HTTP/1.1 403 "
    )
    assert seen == []


@pytest.mark.parametrize(
    ("origins", "status"),
    [
        ([PAGE], 101),
        ([], 101),  # no browser
        (["http://example.org"], 403),
        ([PAGE + ":443"], 403),
        (["null"], 403),
        ([PAGE, PAGE], 403),
    ],
    ids=str,
)
async def test_browsers_with_other_origins_are_refused(
    drive: Drive, origins: list[str], status: int
) -> None:
    server = listening(drive, gd_mp_api=False, allowed_origins={PAGE, "https://other.example"})
    head, _ = await answer(server, headers=[f"Origin: {origin}" for origin in origins])
    assert head.startswith(f"HTTP/1.1 {status} ")


async def test_without_allowed_origins_any_page_may_connect(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False)
    _, raw = await raw_peer(server, headers=["Origin: http://anywhere.example"])
    await raw.close()


def test_settings_that_make_no_sense_are_refused() -> None:
    server = WebSocketServer()
    with pytest.raises(MultiplayerError, match=r"write \['https://example.org'\]") as caught:
        server.allowed_origins = PAGE
    assert server.allowed_origins is None
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    for status in (101, 200, 302, 399, 499, 600, 1000, 3999, 5000):
        with pytest.raises(MultiplayerError, match=f"{status} is not an HTTP error"):
            Refuse(status)
    for line in ("no colon", "X:", "Upgrade: websocket", "X: " + "x" * 4000):
        with pytest.raises(MultiplayerError):
            Accept([line])


async def test_a_refusal_is_always_written(drive: Drive) -> None:
    server = listening(drive, upgrade_callback=lambda asked: Refuse(403, "lone \ud800"))
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port()))
    assert (await raw.read_head()).startswith("HTTP/1.1 403 ")
    await raw.close()


def test_what_no_answer_can_hold_is_refused_when_it_is_made() -> None:
    for text in (None, b"bytes", "x" * 4097):
        with pytest.raises(MultiplayerError, match="text of a refusal"):
            Refuse(403, text)  # pyright: ignore[reportArgumentType]
    with pytest.raises(MultiplayerError, match="no HTTP header"):
        Accept(["X-Name: \ud800"])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Refuse("401"), "'401' is not an HTTP error"),  # type: ignore[arg-type]
        (lambda: Refuse([]), r"\[\] is not an HTTP error"),  # type: ignore[arg-type]
        (lambda: Refuse(True), "True is not an HTTP error"),
        (lambda: Accept(b"X: y"), "a header is a line of text"),  # type: ignore[arg-type]
        (lambda: Accept(7), "headers are a list of lines, not 7"),  # type: ignore[arg-type]
        (lambda: Accept("X: y"), "headers are a list of lines: write"),
        (lambda: Accept([("X", "y")]), "a header is a line of text"),  # type: ignore[list-item]
        (lambda: Accept(["X:"]), "the header X has no value"),
        (lambda: HttpResponse("ok"), "'ok' is not the status of a response"),  # type: ignore[arg-type]
        (lambda: HttpResponse(200, 7), "text or bytes, not int"),  # type: ignore[arg-type]
        (lambda: HttpResponse(200, "x", 7), "content_type must be a str"),  # type: ignore[arg-type]
        (lambda: HttpResponse(200, headers=7), "headers are a list"),  # type: ignore[arg-type]
    ],
)
def test_answers_of_other_types_are_refused_in_a_sentence(
    make: Callable[[], object], said: str
) -> None:
    with pytest.raises(MultiplayerError, match=said) as caught:
        make()
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_headers_may_come_one_by_one() -> None:
    lines = (f"X-{number}: y" for number in range(2))
    assert Accept(lines).fields == ((b"X-0", b"y"), (b"X-1", b"y"))  # type: ignore[arg-type]
