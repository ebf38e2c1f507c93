"""What is said of a plain request without wsproto is what wsproto says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from peers.websocket import upgrade as module
from peers.websocket.http_exchange import HttpExchange
from peers.websocket.http_head import HttpRefusedError
from peers.websocket.plain_upgrade import read_plain
from peers.websocket.upgrade import ServerUpgrade, agreed_version

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
PLAIN = (
    b"Host: 127.0.0.1:8000",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: " + KEY,
    b"Sec-WebSocket-Version: 13",
)
FURTHER = (
    b"Connection: keep-alive, UPGRADE",
    b"Connection: close, Upgrade",
    b"Connection: Upgrade, ,",
    b"Connection: keep-alive",
    b"Connection:\tUpgrade\t",
    b"Connection: \xffUpgrade",
    b"Upgrade: WebSocket",
    b"Upgrade: websocket, h2c",
    b"Upgrade: h2c",
    b"Upgrade:",
    b"sec-websocket-key: " + KEY,
    b"Sec-WebSocket-Key: x",
    b"Sec-WebSocket-Key: ",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ= ",
    b"SEC-WEBSOCKET-VERSION: 13",
    b"Sec-WebSocket-Version: 8",
    b"Sec-WebSocket-Version: 13, 8",
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    b"Sec-WebSocket-Protocol: chat, binary",
    b"Sec-WebSocket-Protocol: ,",
    b"Content-Length: 0",
    b"Content-Length: 1",
    b"Transfer-Encoding: chunked",
    b"Expect: 100-continue",
    b"Host: other",
    b"Gdpeers: 1",
    b"gdpeers: 7",
    b"Origin: https://example.org",
    b"Cookie: a=1; b=\xe4",
    b"Cookie: a\x01b",
    b"Cookie: a\x7fb",
    b"Empty:",
    b"Bad name: x",
    b": x",
    b" folded",
    b"no colon",
    b"X: a\0b",
    b"X: a\rb",
)
LINES = (
    b"GET / HTTP/1.1",
    b"GET /room?token=7 HTTP/1.1",
    b"GET http://example.org:80/x HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET /# HTTP/1.1",
    b"GET /\xff HTTP/1.1",
    b"GET  / HTTP/1.1",
    b"HEAD / HTTP/1.1",
    b"POST / HTTP/1.1",
    b"GET / HTTP/1.0",
    b"GET / HTTP/2.0",
)


def head_of(line: bytes, fields: Sequence[bytes]) -> bytes:
    return b"\r\n".join([line, *fields, b"", b""])


def outcome(head: bytes, protocol: str, more: Sequence[tuple[bytes, bytes]]) -> tuple[object, ...]:
    """What becomes of a request: what was asked for and the answer, or why it is refused."""
    upgrade = ServerUpgrade()
    try:
        asked = upgrade.receive(head)
    except HttpRefusedError as error:
        return error.status, error.detail
    if isinstance(asked, HttpExchange):
        return ("no upgrade",)
    version = agreed_version(asked.headers)
    try:
        return asked, upgrade.accept(protocol, version, more)
    except Exception as error:
        return asked, repr(error)


def by_wsproto(
    head: bytes, protocol: str, more: Sequence[tuple[bytes, bytes]]
) -> tuple[object, ...]:
    with mock.patch.object(module, "read_plain", return_value=None):
        return outcome(head, protocol, more)


@settings(max_examples=600, deadline=None)
@given(
    line=st.sampled_from(LINES) | st.just(LINES[0]),
    missing=st.sets(st.sampled_from(PLAIN), max_size=1),
    further=st.lists(st.sampled_from(FURTHER), max_size=3),
    order=st.randoms(use_true_random=False),
    protocol=st.sampled_from(("", "chat")),
    more=st.sampled_from(((), ((b"X-Mine", b"7"),), ((b"bad name", b"7"),))),
)
@example(LINES[0], set(), [], mock.Mock(shuffle=list), "", ())
def test_it_is_what_wsproto_says(
    line: bytes,
    missing: set[bytes],
    further: list[bytes],
    order: mock.Mock,
    protocol: str,
    more: tuple[tuple[bytes, bytes], ...],
) -> None:
    fields = [field for field in PLAIN if field not in missing] + further
    order.shuffle(fields)
    head = head_of(line, fields)
    assert outcome(head, protocol, more) == by_wsproto(head, protocol, more)


@pytest.mark.parametrize("further", FURTHER)
@pytest.mark.parametrize("place", range(len(PLAIN) + 1))
def test_one_further_line(further: bytes, place: int) -> None:
    for fields in (
        [*PLAIN[:place], further, *PLAIN[place:]],
        [*PLAIN[:place], further, *PLAIN[place + 1 :]],
    ):
        head = head_of(LINES[0], fields)
        assert outcome(head, "", ()) == by_wsproto(head, "", ())


@pytest.mark.parametrize("place", range(len(head_of(LINES[0], PLAIN)) - 4))
def test_any_byte_may_be_another(place: int) -> None:
    plain = head_of(LINES[0], PLAIN)
    for octet in (0, 9, 10, 13, 32, 58, 127, 128, 255, plain[place] ^ 0x20):
        head = plain[:place] + bytes([octet]) + plain[place + 1 :]
        assert outcome(head, "", ()) == by_wsproto(head, "", ())


def test_engines_and_browsers_are_plain() -> None:
    """Else the rest of this shows nothing."""
    godot = head_of(LINES[0], PLAIN)
    browser = head_of(
        LINES[1],
        (
            *PLAIN[:2],
            b"Connection: keep-alive, Upgrade",
            *PLAIN[3:],
            b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            b"Origin: https://example.org",
            b"Sec-WebSocket-Extensions: permessage-deflate",
            b"Cookie: a=1; b=2",
        ),
    )
    for head in (godot, browser):
        plain = read_plain(head)
        assert plain is not None
        assert plain.key == KEY.decode()
