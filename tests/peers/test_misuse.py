"""What is of the wrong type, or could mean nothing: refused at once, and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Error, MultiplayerError, SceneMultiplayer
from peers import Accept, HttpResponse, Refuse, WebSocketClient, WebSocketMultiplayerPeer
from peers import WebSocketServer as Server
from peers.testing import connected_pair

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "ws://127.0.0.1:1"


def created(**settings: Any) -> None:
    """Let a server begin that has these settings."""
    server = WebSocketMultiplayerPeer()
    for name, value in settings.items():
        setattr(server, name, value)
    server.create_server(0, "127.0.0.1")
    server.close()


def listening_at(address: Any, port: Any = 0) -> None:
    server = Server()
    server.bind_ip = address
    server.listen(port)
    server.stop()


async def asynchronous(*args: object) -> None:
    """Nobody would ever await it."""


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(MultiplayerError) as caught:
        action()
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    return caught.value.message


@pytest.mark.parametrize("lines", [None, 5, "X: y", [b"X: y"], [5], [None]], ids=repr)
def test_headers_are_lines_of_text(lines: Any) -> None:
    assert "header" in refusal(lambda: created(handshake_headers=lines))
    assert "header" in refusal(lambda: WebSocketClient().connect_to_url(URL, custom_headers=lines))
    assert "header" in refusal(lambda: Accept(headers=lines))
    assert "header" in refusal(lambda: HttpResponse(200, headers=lines))


@pytest.mark.parametrize("names", [None, 5, "chess", [b"chess"], [5]], ids=repr)
def test_sub_protocols_are_names(names: Any) -> None:
    refusal(lambda: created(supported_protocols=names))
    refusal(lambda: WebSocketClient().connect_to_url(URL, names))


@pytest.mark.parametrize("url", [None, 5, b"ws://127.0.0.1:1"], ids=repr)
def test_a_url_is_text(url: Any) -> None:
    assert "not a URL to connect to" in refusal(lambda: WebSocketClient().connect_to_url(url))
    peer = WebSocketMultiplayerPeer()
    assert "not a URL to connect to" in refusal(lambda: peer.create_client(url))


@pytest.mark.parametrize("address", [None, 5, "", "127.0.0.1\0"], ids=repr)
def test_an_address_to_listen_at_is_named(address: Any) -> None:
    """The empty one means all interfaces to the system; here ``*`` does, so that nobody errs."""
    assert "not an address to listen on" in refusal(lambda: listening_at(address))


@pytest.mark.parametrize("port", [None, "9080", True, 1.0, -1, 65536], ids=repr)
def test_a_port_is_a_number(port: Any) -> None:
    assert "is not a port" in refusal(lambda: listening_at("127.0.0.1", port))


@pytest.mark.parametrize("name", ["upgrade_callback", "http_callback"])
def test_callbacks_can_be_called(name: str) -> None:
    server = Server()
    for wrong in (5, "accept", asynchronous):
        assert refusal(lambda wrong=wrong: setattr(server, name, wrong)).startswith(name)
        assert getattr(server, name) is None


def test_callbacks_of_an_api_can_be_called() -> None:
    api = SceneMultiplayer()
    for wrong in (5, asynchronous):
        said = refusal(lambda wrong=wrong: setattr(api, "auth_callback", wrong))
        assert said.startswith("auth_callback")
        assert refusal(lambda wrong=wrong: setattr(api, "on_error", wrong)).startswith("on_error")
    assert api.auth_callback is api.on_error is None


@pytest.mark.parametrize(
    "origin",
    [
        "example.org",
        "https://example.org/",
        "https://example.org/game",
        "https://Example.org",
        "HTTPS://example.org",
        "https://user@example.org",
        "https://",
        "*",
        "",
        b"https://example.org",
        None,
    ],
    ids=repr,
)
def test_origins_are_as_browsers_write_them(origin: Any) -> None:
    server = Server()
    said = refusal(lambda: setattr(server, "allowed_origins", ["https://a.example", origin]))
    assert said.startswith(f"{origin!r} is not an origin")
    assert server.allowed_origins is None


@pytest.mark.parametrize(
    "origin",
    ["https://example.org", "http://localhost:8000", "http://[::1]:8000", "null", "app://game-1.x"],
)
def test_origins_that_browsers_write_are_taken(origin: str) -> None:
    server = Server()
    for origins in ([origin], {origin}, (origin,), ()):
        server.allowed_origins = origins
        assert server.allowed_origins is origins
    assert "list of origins" in refusal(lambda: setattr(server, "allowed_origins", 5))


@pytest.mark.parametrize("status", [None, "403", 403.5, True], ids=repr)
def test_a_refusal_has_a_status(status: Any) -> None:
    assert "not an HTTP error" in refusal(lambda: Refuse(status))


def test_a_content_type_is_text() -> None:
    said = refusal(lambda: HttpResponse(200, "x", content_type=5))  # pyright: ignore[reportArgumentType]
    assert "content_type" in said


@pytest.mark.parametrize("text", [None, b"bytes", 5], ids=repr)
def test_text_is_text(text: Any) -> None:
    with connected_pair(gd_mp_api=False) as pair:
        peer = pair.client.get_peer(1)
        assert "send_text() takes a str" in refusal(lambda: peer.send_text(text))
