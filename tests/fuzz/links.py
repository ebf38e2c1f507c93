"""Targets: what comes over one connection, cut anywhere, to a server and to a client."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from multiplayer.endpoint.channel import Notices
from multiplayer.endpoint.events import messages_of
from multiplayer.runs import Run
from multiplayer.support.log_once import LogOnce
from peers.websocket.events import (
    Ended,
    Failed,
    HttpAsked,
    HttpEnded,
    HttpRequested,
    LinkEvent,
    Requested,
)
from peers.websocket.frames import Broken, CloseReceived, FrameEvent, Message
from peers.websocket.http_exchange import HttpResponse
from peers.websocket.http_head import HttpRefusedError
from peers.websocket.link import Link
from peers.websocket.settings import LinkSettings
from peers.websocket.upgrade import ClientUpgrade, ServerUpgrade, choose_protocol
from tests.peers.streams import wire_frame, wsproto_alone
from tests.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_body, request, upgrade_headers
from tests.unrolled import Frames

_MANY: Final = 1 << 30
_LONGEST: Final = 1000

_SETTINGS: Final = LinkSettings(
    inbound_buffer_size=_LONGEST,
    outbound_buffer_size=_LONGEST,
    max_queued_packets=4,
    handshake_timeout=3.0,
    close_timeout=2.0,
    heartbeat_interval=1.0,
)


class _Owner:
    """Does with a link what a peer does, and checks that it keeps to its rules."""

    def __init__(self) -> None:
        self.entries: deque[tuple[Link, LinkEvent]] = deque()
        self.faults = LogOnce(logging.getLogger(__name__))
        self.notices = Notices(self.entries, {}, self.faults)
        self.ended = False

    def answer(self, link: Link, now: float) -> None:
        """Take all entries, as ``poll()`` does."""
        while self.entries:
            event = self.entries.popleft()[1]
            assert not self.ended, event
            if isinstance(event, Run | bytes):
                self.entries.extendleft((link, each) for each in reversed(messages_of(event)))
                continue
            if isinstance(event, Requested):
                self._decide(link, event, now)
            elif isinstance(event, HttpAsked | HttpRequested | HttpEnded):
                self._answer_http(link, event, now)
            elif isinstance(event, Message):
                assert len(event.data) <= _LONGEST
                link.send(event.data, text=event.text)
                link.fetched(len(event.data))
            elif isinstance(event, CloseReceived):
                link.answer_close(event, now)
            elif isinstance(event, Broken):
                link.fail(event, now)
                self.ended = True
            elif isinstance(event, Failed | Ended):
                self.ended = True

    def _answer_http(
        self, link: Link, event: HttpAsked | HttpRequested | HttpEnded, now: float
    ) -> None:
        if isinstance(event, HttpEnded):
            self.ended = True
        elif link.state != link.state.STATE_CONNECTING:
            return
        elif isinstance(event, HttpRequested):
            assert len(event.request.body) <= _SETTINGS.limits.max_body_size
            link.asked.respond(HttpResponse(200, event.request.body), now)
        elif len(event.exchange.request.target) % 5 == 4:
            link.asked.turn_down(event.exchange.refusal, now)
        else:
            link.asked.read_body(now)

    def _decide(self, link: Link, event: Requested, now: float) -> None:
        if len(event.request.target) % 5 == 4:
            link.asked.refuse(403, "no", now)
            return
        try:
            link.asked.accept(choose_protocol(event.request.protocols, ()), now)
        except HttpRefusedError as error:
            link.asked.refuse(error.status, error.detail, now)


def server_link(data: bytes) -> None:
    """A server's connection: first byte how it is cut, then the bytes."""
    owner = _Owner()
    _hear(owner, Link(_SETTINGS, owner.notices, ServerUpgrade(), 0.0), data)


def client_link(data: bytes) -> None:
    """A client's connection, after the proper upgrade if the first byte is odd."""
    upgrade = ClientUpgrade("h", "/", (), ())
    owner = _Owner()
    link = Link(_SETTINGS, owner.notices, upgrade, 0.0)
    proper = b""
    if data[:1] and data[0] & 1:
        lines = ["HTTP/1.1 101 Switching Protocols", *upgrade_headers(upgrade.request.decode())]
        proper = "\r\n".join([*lines, "", ""]).encode()
    _hear(owner, link, data, proper)


def _hear(owner: _Owner, link: Link, data: bytes, before: bytes = b"") -> None:
    link.connected("127.0.0.1", 1, 0.0)
    size = (data[0] >> 1 if data else 0) or _MANY
    stream, now = before + data[1:], 0.0
    for at in range(0, len(stream), size):
        now += 0.01
        if link.over:
            return
        link.receive(stream[at : at + size], now)
        owner.answer(link, now)
        sent = sum(map(len, link.to_send()))
        link.sent(sent)
        link.finish(now)
        owner.answer(link, now)
    if not link.over:
        link.lose("the end")
        owner.answer(link, now)
    assert link.over or link.lingering or link.state == link.state.STATE_CLOSED or owner.ended
    assert link.unfetched == 0


def frames_of_a_server(data: bytes) -> None:
    """Our frames against wsproto alone, which has no limits and no fast path."""
    _compare(data, client=False)


def frames_of_a_client(data: bytes) -> None:
    """The same, of the other side."""
    _compare(data, client=True)


def _compare(data: bytes, *, client: bool) -> None:
    size = (data[0] if data else 0) or _MANY
    chunks = [data[at : at + size] for at in range(1, len(data), size)]
    frames = Frames(client=client, max_message=1 << 64)
    ours = [event for chunk in chunks for event in frames.receive(chunk, _MANY)]
    theirs = wsproto_alone(chunks, client=client, closing=False)
    assert [_unworded(event) for event in ours] == [_unworded(event) for event in theirs]


def _unworded(event: FrameEvent) -> FrameEvent:
    """How an error is worded depends on the chunks."""
    return Broken(event.code, "") if isinstance(event, Broken) else event


def _stream(*, masked: bool) -> list[bytes]:
    frames = [
        wire_frame(b"hello", TEXT, masked=masked),
        wire_frame(b"\x00" * 126, BINARY, masked=masked),
        wire_frame("ü".encode()[:1], TEXT, masked=masked, fin=False),
        wire_frame(b"p", PING, masked=masked),
        wire_frame("ü".encode()[1:], CONT, masked=masked),
        wire_frame(b"p", PONG, masked=masked),
        wire_frame(close_body(1000, "bye"), CLOSE, masked=masked),
    ]
    return [*frames, b"".join(frames)]


def server_seeds() -> list[bytes]:
    heads = [
        request(80, path="/room?token=7"),
        request(80, protocol="chat, other", headers=("Origin: https://example.org",)),
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST / HTTP/1.0\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\n\r\n",
        b"GET http://h/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nConnection: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ]
    return [
        bytes([cut]) + head + frames
        for cut in (0, 3, 90)
        for head in heads
        for frames in (b"", *_stream(masked=True))
    ]


def client_seeds() -> list[bytes]:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n"
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    chunked = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
    streams = [(1, frames) for frames in _stream(masked=False)] + [(0, refusal)]
    streams += [(0, hint * 2 + refusal), (0, chunked)]
    return [bytes([cut << 1 | proper]) + stream for cut in (0, 1, 40) for proper, stream in streams]


def frame_seeds(*, masked: bool) -> list[bytes]:
    return [bytes([cut]) + stream for cut in (0, 1, 7) for stream in _stream(masked=masked)]
