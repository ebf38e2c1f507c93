"""``peers.websocket.url``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from multiplayer import Error, MultiplayerError
from multiplayer.testing import SimulatedNetwork
from peers import LobbyClient
from peers.driving.beginnings import simulated_client
from peers.websocket.http_exchange import HttpRequest
from peers.websocket.url import WebSocketURL, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://example.org", WebSocketURL(False, "example.org", 80, "/", "example.org")),
        ("wss://example.org/a", WebSocketURL(True, "example.org", 443, "/a", "example.org")),
        ("ws://h:9080/p/x?y=1", WebSocketURL(False, "h", 9080, "/p/x?y=1", "h:9080")),
        ("wss://h:80", WebSocketURL(True, "h", 80, "/", "h:80")),
        ("ws://h:80", WebSocketURL(False, "h", 80, "/", "h")),
        ("127.0.0.1:9080/x", WebSocketURL(False, "127.0.0.1", 9080, "/x", "127.0.0.1:9080")),
        ("localhost", WebSocketURL(False, "localhost", 80, "/", "localhost")),
        ("ws://[::1]:9080", WebSocketURL(False, "::1", 9080, "/", "[::1]:9080")),
        ("WS://H?q", WebSocketURL(False, "h", 80, "/?q", "h")),
        ("h/x?u=http://y", WebSocketURL(False, "h", 80, "/x?u=http://y", "h")),
        ("h:1/http://y", WebSocketURL(False, "h", 1, "/http://y", "h:1")),
        ("h?u=wss://y", WebSocketURL(False, "h", 80, "/?u=wss://y", "h")),
        ("wss://h/ws://y", WebSocketURL(True, "h", 443, "/ws://y", "h")),
        ("[::1]:9/a://b", WebSocketURL(False, "::1", 9, "/a://b", "[::1]:9")),
        (" ws://h/x\n", WebSocketURL(False, "h", 80, "/x", "h")),
        ("wss://h.org./", WebSocketURL(True, "h.org.", 443, "/", "h.org.")),
        ("ws://[fe80::1%lo]:9", WebSocketURL(False, "fe80::1%lo", 9, "/", "[fe80::1]:9")),
    ],
)
def test_urls_are_read_as_kindly_as_godot_reads_them(url: str, expected: WebSocketURL) -> None:
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ws://",
        "http://example.org",
        "ws://h:port",
        "ws://h:0",
        "ws://h:65536",
        "ws://user@h",
        "ws://h/#top",
        "ws://h/two words",
        "ws://h/two\nlines",
        "ws://h\t.org/",
        "://h",
        "x://y",
        "ws://h/ü",
        "ws://[::1",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(MultiplayerError, match="is not a URL to connect to") as refused:
        parse_url(url)
    assert refused.value.code is Error.ERR_INVALID_PARAMETER


def simulated(url: str) -> object:
    return simulated_client(SimulatedNetwork(), url, None, True)


@pytest.mark.parametrize("take", [parse_url, LobbyClient, simulated])
def test_no_error_about_a_url_holds_what_lets_somebody_in(take: Callable[[str], object]) -> None:
    with pytest.raises(MultiplayerError) as refused:
        take("x://ann:pass@h.org/?token=secret&level=3")
    assert "secret" not in str(refused.value)
    assert "pass" not in str(refused.value)
    assert "level=3" in str(refused.value)


def test_what_is_no_text_is_shown_as_it_is() -> None:
    with pytest.raises(MultiplayerError, match="not None"):
        LobbyClient(cast("str", None))


def test_a_request_shows_neither_its_target_nor_its_headers() -> None:
    request = HttpRequest("/?token=one", "h.org", (("authorization", "two"),), "GET", "::1", 9)
    assert "one" not in repr(request)
    assert "two" not in repr(request)
    assert "h.org" in repr(request)
