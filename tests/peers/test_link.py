"""``peers.websocket.link``: two links, connected by hand, in a time of their own."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from multiplayer.endpoint.channel import Notices
from multiplayer.support.log_once import LogOnce
from peers.websocket.events import Ended, Failed, LinkEvent, Opened, ReadyState, Requested
from peers.websocket.frames import Broken, CloseReceived, Message
from peers.websocket.link import Link
from peers.websocket.settings import LinkSettings
from peers.websocket.upgrade import ClientUpgrade, ServerUpgrade
from tests.raw import CLOSE, PING, close_body, frame
from tests.unrolled import unrolled

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = LinkSettings(
    inbound_buffer_size=1000,
    outbound_buffer_size=1000,
    max_queued_packets=4,
    handshake_timeout=3.0,
    close_timeout=2.0,
    heartbeat_interval=0.0,
    envelope="gd_mp",
)


START = 100.0
"""What time it is at first."""


class Recorder:
    """Keeps what a link tells."""

    def __init__(self) -> None:
        self.entries: deque[tuple[Link, LinkEvent]] = deque()
        self.touched: dict[Link, None] = {}
        self.faults = LogOnce(logging.getLogger(__name__))
        self.notices = Notices(self.entries, self.touched, self.faults)

    def events(self) -> list[LinkEvent]:
        events = unrolled(event for _, event in self.entries)
        self.entries.clear()
        return events


class LinkPair:
    """A client's and a server's link and the time; ``carry`` is the network."""

    def __init__(self, *, chunk: int = 1 << 20, **settings: float) -> None:
        self.settings = replace(SETTINGS, **settings)
        self.chunk = chunk
        self.time = START
        self.at_client, self.at_server = Recorder(), Recorder()
        upgrade = ClientUpgrade("h", "/p?q", (), ())
        self.client = Link(self.settings, self.at_client.notices, upgrade, self.time)
        self.server = Link(self.settings, self.at_server.notices, ServerUpgrade(), self.time)
        self.client.connected("127.0.0.1", 1, 0.0)
        self.server.connected("127.0.0.1", 2, 0.0)

    def carry(self, source: Link, target: Link) -> bytes:
        """Move all bytes from one to the other; return them."""
        moved = take(source, self.time)
        for at in range(0, len(moved), self.chunk):
            target.receive(moved[at : at + self.chunk], self.time)
        return moved

    def open(self) -> LinkPair:
        self.carry(self.client, self.server)
        (requested,) = self.at_server.events()
        assert isinstance(requested, Requested)
        assert requested.request.target == "/p?q"
        self.server.asked.accept("", self.time)
        self.carry(self.server, self.client)
        assert self.at_client.events() == [Opened("")]
        return self

    def wait(self, seconds: float) -> None:
        self.time += seconds
        for link in (self.client, self.server):
            if link.deadline is not None and link.deadline <= self.time:
                link.check(self.time)


def take(link: Link, now: float = START) -> bytes:
    """What the socket takes: everything."""
    taken = b""
    while link.outbox.waiting:
        pieces = b"".join(link.outbox.pieces())
        link.outbox.taken(len(pieces))
        taken += pieces
    link.finish(now)
    return taken


def test_a_ping_right_before_a_close_frame_need_not_be_answered() -> None:
    pair = LinkPair().open()
    mask = bytes(4)
    both = frame(b"p", PING, mask=mask) + frame(close_body(1000), CLOSE, mask=mask)
    pair.server.receive(both, pair.time)
    assert pair.at_server.events() == [CloseReceived(1000, "")]
    pair.server.answer_close(CloseReceived(1000, ""), pair.time)
    assert take(pair.server) == frame(close_body(1000), CLOSE)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_messages_and_the_closing_handshake_in_any_chunking(chunk: int) -> None:
    pair = LinkPair(chunk=chunk).open()
    pair.client.send(b"one", text=False)
    pair.client.send(b"two", text=True)
    pair.carry(pair.client, pair.server)
    assert pair.at_server.events() == [Message(b"one", text=False), Message(b"two", text=True)]
    pair.client.close(4000, "bye", pair.time)
    assert pair.client.state is ReadyState.STATE_CLOSING
    pair.carry(pair.client, pair.server)
    (close,) = pair.at_server.events()
    assert close == CloseReceived(4000, "bye")
    assert pair.server.state is ReadyState.STATE_OPEN
    pair.server.send(b"still allowed", text=False)
    pair.server.answer_close(CloseReceived(4000, "bye"), pair.time)
    pair.server.send(b"not any more", text=False)
    pair.carry(pair.server, pair.client)
    take(pair.client)
    assert pair.at_server.events() == pair.at_client.events() == [Ended(clean=True, failure=None)]
    assert pair.server.statistics.drops == {"closing": 1}
    assert pair.client.statistics.drops == {"closing": 1}
    for link in (pair.client, pair.server):
        assert link.over
        assert link.state is ReadyState.STATE_CLOSED
        assert (link.close_code, link.close_reason, link.deadline) == (4000, "bye", None)


def test_both_sides_may_begin_to_close_at_once() -> None:
    pair = LinkPair().open()
    pair.client.close(4001, "client", pair.time)
    pair.server.close(4002, "server", pair.time)
    to_server, to_client = take(pair.client), take(pair.server)
    pair.server.receive(to_server, pair.time)
    pair.client.receive(to_client, pair.time)
    assert take(pair.client) == take(pair.server) == b""
    assert pair.at_server.events() == pair.at_client.events() == [Ended(clean=True, failure=None)]
    assert (pair.client.close_code, pair.server.close_code) == (4002, 4001)


def test_after_a_close_frame_nothing_is_decoded() -> None:
    pair = LinkPair().open()
    body = close_body(1000)
    pair.client.receive(frame(body, CLOSE) + frame(b"late") + b"garbage", pair.time)
    assert pair.at_client.events() == [CloseReceived(1000, "")]
    pair.client.receive_eof("gone")
    assert pair.at_client.events() == []
    pair.client.answer_close(CloseReceived(1000, ""), pair.time)
    take(pair.client)
    assert pair.at_client.events() == [Ended(clean=True, failure=None)]


def test_a_close_that_cannot_be_answered_is_not_clean() -> None:
    pair = LinkPair().open()
    pair.client.receive(frame(close_body(1000), CLOSE), pair.time)
    pair.client.lose("reset")
    pair.client.answer_close(CloseReceived(1000, ""), pair.time)
    _, ended = pair.at_client.events()
    assert isinstance(ended, Ended)
    assert ended.clean is False
    assert pair.client.close_code == -1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"x", 3), 1002),
        (frame(b"\xff", 1), 1007),
        (frame(bytes(1001)), 1009),
        (frame(bytes(1001))[:4], 1009),
    ],
)
def test_a_violation_is_answered_in_its_turn_and_lingers(data: bytes, code: int) -> None:
    pair = LinkPair().open()
    pair.client.receive(frame(b"before") + data + frame(b"after"), pair.time)
    before, broken = pair.at_client.events()
    assert before == Message(b"before", text=False)
    assert isinstance(broken, Broken)
    assert broken.code == code
    assert take(pair.client) == b""
    pair.client.send(b"a reply to what came before", text=False)
    pair.client.fail(broken, pair.time)
    assert pair.client.state is ReadyState.STATE_CLOSED
    pair.carry(pair.client, pair.server)
    reply, close = pair.at_server.events()
    assert reply == Message(b"a reply to what came before", text=False)
    assert isinstance(close, CloseReceived)
    assert close.code == code
    assert pair.client.lingering
    assert not pair.client.over
    pair.client.receive(b"thrown away", pair.time)
    pair.wait(2.0)
    assert pair.client.over
    assert pair.at_client.events() == []


@pytest.mark.parametrize(
    ("prepare", "seconds", "stage"),
    [
        (lambda pair: pair, 3.0, "timeout"),
        (lambda pair: pair.client.receive(b"HTTP/1.1 101 ", 0), 3.0, "timeout"),
    ],
)
def test_the_upgrade_has_a_deadline(
    prepare: Callable[[LinkPair], object], seconds: float, stage: str
) -> None:
    pair = LinkPair()
    prepare(pair)
    pair.wait(seconds - 0.01)
    assert pair.at_client.events() == pair.at_server.events() == []
    pair.wait(0.01)
    (failed,) = pair.at_client.events()
    assert isinstance(failed, Failed)
    assert failed.failure.stage == stage
    assert take(pair.server).startswith(b"HTTP/1.1 408 ")
    (refused,) = pair.at_server.events()
    assert isinstance(refused, Failed)
    assert pair.server.lingering
    pair.wait(2.0)
    assert pair.server.over


def test_the_peer_id_has_the_same_deadline() -> None:
    pair = LinkPair()
    upgrade = ClientUpgrade("h", "/p?q", (), ())
    pair.client = Link(pair.settings, pair.at_client.notices, upgrade, pair.time, awaits_id=True)
    pair.client.connected("127.0.0.1", 1, 0.0)
    pair.open()
    pair.wait(3.0)
    (failed,) = pair.at_client.events()
    assert isinstance(failed, Failed)
    assert failed.failure.stage == "id"


def test_the_closing_handshake_has_a_deadline() -> None:
    pair = LinkPair().open()
    pair.client.close(1000, "", pair.time)
    pair.wait(1.5)
    take(pair.client, pair.time)  # it counts from here on
    pair.wait(1.99)
    assert pair.at_client.events() == []
    pair.wait(0.01)
    (ended,) = pair.at_client.events()
    assert isinstance(ended, Ended)
    assert ended.failure is not None
    assert (ended.clean, ended.failure.stage) == (False, "timeout")


def test_the_heartbeat_measures_and_ends() -> None:
    pair = LinkPair(heartbeat_interval=1.0).open()
    pair.wait(1.0)
    ping = take(pair.server)
    assert ping[0] & 15 == 9
    pair.time += 0.25
    pair.client.receive(ping, pair.time)
    pair.carry(pair.client, pair.server)
    assert pair.server.round_trip_time == 0.25
    take(pair.server)
    pair.wait(0.75)
    assert take(pair.server) == b""  # the pong is 0.75 s old
    pair.wait(0.25)
    assert take(pair.server) == ping
    pair.wait(1.0)
    assert take(pair.server) == ping
    pair.wait(0.75)
    assert pair.at_server.events() == []
    pair.wait(0.25)
    (ended,) = pair.at_server.events()
    assert isinstance(ended, Ended)
    assert ended.failure is not None
    assert ended.failure.detail == "silent for 3 s, pings were not answered"


def test_whatever_comes_is_a_sign_of_life() -> None:
    pair = LinkPair(heartbeat_interval=1.0, max_queued_packets=100).open()
    for _ in range(10):
        for _ in range(2):
            pair.time += 1.0
            pair.server.check(pair.time)  # a ping leaves, and is not answered
        pair.client.send(b"busy", text=False)
        pair.carry(pair.client, pair.server)
    assert not pair.server.over
    assert take(pair.server)[0] & 15 == 9


def test_who_sends_all_the_time_is_not_pinged() -> None:
    pair = LinkPair(heartbeat_interval=1.0, max_queued_packets=100).open()
    for _ in range(20):
        pair.time += 0.75
        pair.server.check(pair.time)
        pair.client.send(b"busy", text=False)
        pair.carry(pair.client, pair.server)
    assert take(pair.server) == b""


def test_reading_stops_at_max_queued_packets_and_goes_on_when_fetched() -> None:
    pair = LinkPair().open()
    pair.client.receive(b"".join(frame(bytes([number])) for number in range(6)), pair.time)
    assert len(pair.at_client.events()) == 4
    assert pair.client.paused
    pair.at_client.touched.clear()
    pair.client.fetched(1)
    assert pair.client.resumed
    assert pair.client in pair.at_client.touched
    pair.client.receive(b"", pair.time)
    assert not pair.client.resumed
    assert pair.at_client.events() == [Message(b"\4", text=False)]
    assert pair.client.paused


def test_who_decides_about_a_request_says_how_much_may_wait() -> None:
    """A room's settings are others than those of the server that was asked."""
    pair = LinkPair()
    pair.carry(pair.client, pair.server)
    pair.server.use_settings(replace(pair.settings, max_queued_packets=2), pair.time)
    pair.server.asked.accept("", pair.time)
    pair.carry(pair.server, pair.client)
    for number in range(3):
        pair.client.send(bytes([number]), text=False)
    pair.carry(pair.client, pair.server)
    assert pair.server.paused
    assert pair.server.unfetched == pair.server.calm_unfetched == 2  # else nobody calls this:
    pair.server.fetched(1)
    assert pair.server.resumed


def test_what_goes_wrong_after_the_end_is_counted_and_leaves_nothing_behind() -> None:
    pair = LinkPair().open()
    pair.server.drop("closing")
    pair.server.abandon()
    pair.server.drop("closing")
    assert pair.server.statistics.drops == {"closing": 2}
    assert not pair.at_server.faults._counts


def test_what_follows_the_request_waits_for_the_decision() -> None:
    pair = LinkPair()
    request = take(pair.client)
    early = frame(b"early", mask=b"abcd")
    pair.server.receive(request + early[:3], pair.time)
    pair.server.receive(early[3:], pair.time)
    assert len(pair.at_server.events()) == 1
    pair.server.asked.accept("", pair.time)
    assert pair.at_server.events() == [Message(b"early", text=False)]


def test_an_empty_line_before_the_request_is_left_out_in_any_chunking() -> None:
    pair = LinkPair()
    for byte in b"\r\n" + take(pair.client):
        pair.server.receive(bytes([byte]), pair.time)
    (requested,) = pair.at_server.events()
    assert isinstance(requested, Requested)
    assert requested.request.target == "/p?q"


def test_a_client_that_is_gone_before_the_decision_is_a_failed_handshake() -> None:
    pair = LinkPair()
    pair.carry(pair.client, pair.server)
    pair.server.receive_eof("gone")
    requested, failed = pair.at_server.events()
    assert isinstance(requested, Requested)
    assert isinstance(failed, Failed)
    assert pair.server.state is ReadyState.STATE_CLOSED


def test_a_slow_reader_keeps_the_frame_that_has_begun_and_gets_the_reason() -> None:
    pair = LinkPair().open()
    for _ in range(3):
        pair.server.send(bytes(400), text=False)
    pair.server.outbox.taken(1)
    assert not pair.server.overflowing
    pair.server.send(bytes(400), text=False)
    assert pair.server.overflowing
    pair.server.overflow(pair.time)
    rest = b"\x82" + take(pair.server)
    pair.client.receive(rest, pair.time)
    kept, close = pair.at_client.events()
    assert kept == Message(bytes(400), text=False)
    assert close == CloseReceived(4013, "too slow: more than 1000 bytes waited to be sent")
    assert pair.server.statistics.drops == {"overflow": 3}


def test_an_open_connection_keeps_nothing_of_its_handshake() -> None:
    pair = LinkPair().open()
    for link in (pair.client, pair.server):
        assert link._handshake is None
