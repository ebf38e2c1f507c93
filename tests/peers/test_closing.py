"""``closing``: what each input does in each phase, and when what is due, on a real link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peers.websocket.closing import LAST_WORD
from peers.websocket.events import Ended, Failed, ReadyState
from peers.websocket.frames import Broken, CloseReceived, Message
from peers.websocket.phases import Input, Phase
from tests.peers.test_link import LinkPair, take
from tests.raw import CLOSE, PING, PONG, close_body, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers.websocket.link import Link

HEARD = CloseReceived(4000, "theirs")
BROKEN = Broken(1002, "wrong")
THEIR_CLOSE = frame(close_body(4000, "theirs"), CLOSE)
THEIR_PONG = frame(LAST_WORD, PONG)
NO_FRAME = frame(b"", 3)  # an opcode that does not exist


def opened(envelope: str = "plain") -> LinkPair:
    """A client that has sent a message, which has left."""
    pair = LinkPair(envelope=envelope).open()
    pair.client.send(b"word", text=False)
    take(pair.client)
    return pair


def last_word(pair: LinkPair) -> None:
    pair.client.close(4001, "ours", pair.time)
    take(pair.client, pair.time)


def answered(pair: LinkPair) -> None:
    last_word(pair)
    pair.client.receive(THEIR_PONG, pair.time)


def gone(pair: LinkPair) -> None:
    answered(pair)
    take(pair.client, pair.time)


def heard(pair: LinkPair) -> None:
    pair.client.receive(THEIR_CLOSE, pair.time)


def heard_mute(pair: LinkPair) -> None:
    heard(pair)
    pair.client.lose_output("reset")


def both(pair: LinkPair) -> None:
    heard(pair)
    pair.client.answer_close(HEARD, pair.time)


def lingering(pair: LinkPair) -> None:
    pair.client.receive(NO_FRAME, pair.time)
    pair.client.fail(BROKEN, pair.time)
    take(pair.client, pair.time)


ROUTES: dict[Phase, Callable[[LinkPair], object]] = {
    Phase.OPEN: lambda pair: None,
    Phase.MUTE: lambda pair: pair.client.lose_output("reset"),
    Phase.HEARD: heard,
    Phase.HEARD_MUTE: heard_mute,
    Phase.LAST_WORD: last_word,
    Phase.CLOSING: answered,
    Phase.AWAITING: gone,
    Phase.CLOSED_BY_BOTH: both,
    Phase.LINGERING: lingering,
    Phase.OVER: lambda pair: pair.client.abandon(),
}
"""How a client that is open and has sent something gets into each phase."""

PHASES = (Phase.ASKING, *ROUTES)

INPUTS: dict[Input, Callable[[Link, float], object]] = {
    Input.CLOSE: lambda link, now: link.close(4002, "", now, at_once=True),
    Input.CLOSE_BEHIND_DATA: lambda link, now: link.close(4002, "", now),
    Input.PONG: lambda link, now: link.receive(THEIR_PONG, now),
    Input.CLOSE_CAME: lambda link, now: link.receive(THEIR_CLOSE, now),
    Input.VIOLATION_CAME: lambda link, now: link.receive(NO_FRAME, now),
    Input.ANSWER: lambda link, now: link.answer_close(HEARD, now),
    Input.FAIL: lambda link, now: link.fail(BROKEN, now),
    Input.SENT: lambda link, now: link.finish(now),
    Input.EOF: lambda link, now: link.receive_eof("gone"),
    Input.LOST: lambda link, now: link.lose_output("reset"),
    Input.TIMEOUT: lambda link, now: link.check(now + 100),
}

TABLE = """
phase          | input             | sent       | told          | next
ASKING         | CLOSE             |            | http          | OVER
ASKING         | CLOSE_BEHIND_DATA |            | http          | OVER
ASKING         | EOF               |            | http          | OVER
ASKING         | TIMEOUT           |            | timeout       | OVER
OPEN           | CLOSE             | close 4002 |               | CLOSING
OPEN           | CLOSE_BEHIND_DATA | ping       |               | LAST_WORD
OPEN           | CLOSE_CAME        |            | CloseReceived | HEARD
OPEN           | VIOLATION_CAME    |            | Broken        | HEARD
OPEN           | EOF               |            | tcp           | OVER
OPEN           | LOST              |            |               | MUTE
MUTE           | CLOSE             |            |               | AWAITING
MUTE           | CLOSE_BEHIND_DATA |            |               | AWAITING
MUTE           | CLOSE_CAME        |            | CloseReceived | HEARD_MUTE
MUTE           | VIOLATION_CAME    |            | Broken        | HEARD_MUTE
MUTE           | EOF               |            | tcp           | OVER
HEARD          | ANSWER            | close 4000 |               | CLOSED_BY_BOTH
HEARD          | FAIL              | close 1002 |               | LINGERING
HEARD          | LOST              |            |               | HEARD_MUTE
HEARD_MUTE     | ANSWER            |            | tcp           | OVER
HEARD_MUTE     | FAIL              |            |               | OVER
LAST_WORD      | CLOSE             | close 4001 |               | CLOSING
LAST_WORD      | PONG              | close 4001 |               | CLOSING
LAST_WORD      | CLOSE_CAME        | close 4000 |               | CLOSED_BY_BOTH
LAST_WORD      | VIOLATION_CAME    | close 1002 | protocol      | LINGERING
LAST_WORD      | EOF               |            | protocol      | OVER
LAST_WORD      | LOST              |            |               | AWAITING
LAST_WORD      | TIMEOUT           | close 4001 |               | CLOSING
CLOSING        | CLOSE_CAME        |            |               | CLOSED_BY_BOTH
CLOSING        | VIOLATION_CAME    |            | protocol      | OVER
CLOSING        | SENT              |            |               | AWAITING
CLOSING        | EOF               |            | protocol      | OVER
CLOSING        | LOST              |            |               | AWAITING
CLOSING        | TIMEOUT           |            | timeout       | OVER
AWAITING       | CLOSE_CAME        |            |               | CLOSED_BY_BOTH
AWAITING       | VIOLATION_CAME    |            | protocol      | OVER
AWAITING       | EOF               |            | protocol      | OVER
AWAITING       | TIMEOUT           |            | timeout       | OVER
CLOSED_BY_BOTH | SENT              |            | clean         | OVER
CLOSED_BY_BOTH | LOST              |            | tcp           | OVER
CLOSED_BY_BOTH | TIMEOUT           |            | timeout       | OVER
LINGERING      | EOF               |            |               | OVER
LINGERING      | LOST              |            |               | OVER
LINGERING      | TIMEOUT           |            |               | OVER
"""


def rows() -> dict[tuple[Phase, Input], tuple[str, str, Phase]]:
    """What is expected in every cell; where the table has no row, nothing happens.

    What leads to the upgrade is in ``test_phases.py``.
    """
    expected = {(phase, what): ("", "", phase) for phase in PHASES for what in INPUTS}
    for line in TABLE.strip().splitlines()[1:]:
        phase, what, sent, told, following = (cell.strip() for cell in line.split("|"))
        expected[Phase[phase], Input[what]] = sent, told, Phase[following]
    return expected


def frames_in(data: bytes) -> str:
    """What a client puts: at most one frame, masked with a key that it drew."""
    if not data:
        return ""
    key, payload = data[2:6], data[6:]
    assert data[1] == 0x80 | len(payload)
    payload = bytes(byte ^ key[at & 3] for at, byte in enumerate(payload))
    if data[0] & 15 == PING:
        assert payload == LAST_WORD
        return "ping"
    assert data[0] & 15 == CLOSE
    return f"close {int.from_bytes(payload[:2])}"


@pytest.mark.parametrize("what", INPUTS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_cell(phase: Phase, what: Input) -> None:
    pair = opened() if phase is not Phase.ASKING else LinkPair(envelope="plain")
    link = pair.client
    if phase is Phase.ASKING:
        take(link)
    else:
        ROUTES[phase](pair)
    assert link.phase is phase
    pair.at_client.events()
    before = b"".join(link.outbox.pieces())
    sent, told, following = rows()[phase, what]
    INPUTS[what](link, pair.time)
    assert link.phase is following
    assert link.state is following.state
    assert link.over is (following is Phase.OVER)
    assert link.lingering is (following is Phase.LINGERING)
    after = b"".join(link.outbox.pieces())
    if following in (Phase.OVER, Phase.MUTE, Phase.HEARD_MUTE) or what is Input.LOST:
        assert after == (before if phase is Phase.ASKING else b"")
    else:
        assert after.startswith(before)
        assert frames_in(after[len(before) :]) == sent
    names: list[str] = []
    for event in pair.at_client.events():
        if isinstance(event, Ended | Failed):
            names.append(event.failure.stage if event.failure is not None else "clean")
        else:
            names.append(type(event).__name__)
    assert ",".join(names) == told


def test_messages_may_be_sent_while_open_and_until_an_answer_only() -> None:
    for phase, route in ROUTES.items():
        pair = opened()
        route(pair)
        before = pair.client.outbox.waiting
        pair.client.send(b"more", text=False)
        may = phase in (Phase.OPEN, Phase.HEARD)
        assert (pair.client.outbox.waiting > before) is may, phase
        assert pair.client.statistics.drops["closing"] == (0 if may else 1), phase


def test_pings_are_answered_behind_the_last_word_too() -> None:
    pair = opened()
    last_word(pair)
    pair.client.receive(frame(b"you there?", PING), pair.time)
    assert take(pair.client, pair.time)[0] & 15 == PONG
    assert pair.client.phase is Phase.LAST_WORD


# ------------------------------------------------------------------ the last word


@pytest.mark.parametrize(
    ("envelope", "pings"), [("plain", True), ("godot4", True), ("gd_mp", False)]
)
def test_a_ping_goes_before_the_close_frame_where_an_engine_may_lose_messages(
    envelope: str, pings: bool
) -> None:
    for link_of in (lambda pair: pair.client, lambda pair: pair.server):
        pair = LinkPair(envelope=envelope).open()
        link: Link = link_of(pair)
        link.send(b"the last word", text=False)
        link.close(4001, "bye", pair.time)
        sent = take(link, pair.time)
        assert sent
        assert link.state is ReadyState.STATE_CLOSING
        assert (link.phase is Phase.LAST_WORD) is pings


def test_where_nothing_was_sent_nothing_can_be_lost() -> None:
    pair = LinkPair(envelope="godot4").open()
    pair.client.close(4001, "bye", pair.time)
    assert frames_in(take(pair.client)) == "close 4001"


def test_who_reads_at_the_close_frame_only_has_read_the_last_word_before() -> None:
    pair = LinkPair(envelope="godot4").open()
    pair.server.send(b"one", text=False)
    pair.server.send(b"two", text=False)
    pair.server.close(4001, "bye", pair.time)
    pair.server.send(b"too late", text=False)
    pair.carry(pair.server, pair.client)
    assert pair.at_client.events() == [Message(b"one", text=False), Message(b"two", text=False)]
    pair.carry(pair.client, pair.server)
    pair.carry(pair.server, pair.client)
    assert pair.at_client.events() == [CloseReceived(4001, "bye")]
    pair.client.answer_close(CloseReceived(4001, "bye"), pair.time)
    pair.carry(pair.client, pair.server)
    assert take(pair.server, pair.time) == b""
    assert pair.at_server.events() == [Ended(clean=True, failure=None)]
    assert pair.server.statistics.drops == {"closing": 1}
    assert pair.server.close_code == 4001


def test_a_heartbeats_pong_does_not_count() -> None:
    pair = LinkPair(envelope="godot4", heartbeat_interval=1.0).open()
    pair.server.send(b"one", text=False)
    pair.time += 1.0
    pair.server.check(pair.time)
    heartbeat = take(pair.server, pair.time)
    pair.server.close(4001, "bye", pair.time)
    pair.client.receive(heartbeat, pair.time)
    pair.server.receive(take(pair.client, pair.time), pair.time)
    assert pair.server.round_trip_time is not None
    assert pair.server.phase is Phase.LAST_WORD


def test_behind_unread_messages_the_pong_is_found() -> None:
    pair = opened()
    for number in range(6):
        pair.client.receive(frame(bytes([number])), pair.time)
    assert pair.client.paused
    last_word(pair)
    assert pair.client.resumed
    pair.client.receive(THEIR_PONG, pair.time)
    assert pair.client.phase is Phase.CLOSING


# ------------------------------------------------------------------ time


def ended(pair: LinkPair) -> str:
    """Why the client's link has ended; "" if it has not."""
    events = [event for event in pair.at_client.events() if isinstance(event, Ended)]
    return str(events[0].failure) if events else ""


def test_without_a_pong_the_close_frame_goes_and_the_answer_has_as_long_again() -> None:
    pair = opened()
    last_word(pair)
    pair.wait(1.99)
    assert take(pair.client, pair.time) == b""
    pair.wait(0.01)
    assert frames_in(take(pair.client, pair.time)) == "close 4001"
    pair.wait(1.99)
    assert ended(pair) == ""
    pair.wait(0.01)
    assert ended(pair) == "timeout: no answer to our close within 2 s"
    assert pair.client.statistics.limits_reached == {"close_timeout": 1}


def test_a_pong_in_time_leaves_the_answer_all_its_time() -> None:
    pair = opened()
    last_word(pair)
    pair.wait(1.5)
    pair.client.receive(THEIR_PONG, pair.time)
    assert frames_in(take(pair.client, pair.time)) == "close 4001"
    pair.wait(1.99)
    assert ended(pair) == ""
    pair.wait(0.01)
    assert ended(pair) == "timeout: no answer to our close within 2 s"


@pytest.mark.parametrize("envelope", ["plain", "gd_mp"])
def test_a_socket_that_takes_nothing_ends_it_after_twice_the_time(envelope: str) -> None:
    pair = opened(envelope)
    pair.client.send(bytes(1000), text=False)
    pair.client.close(4001, "ours", pair.time)
    pair.wait(2.0)
    pair.wait(1.99)
    assert ended(pair) == ""
    pair.wait(0.01)
    assert ended(pair) == "timeout: our close frame could not be sent within 4 s"


def test_a_close_frame_that_leaves_late_has_what_is_left_for_its_answer() -> None:
    pair = opened("gd_mp")
    pair.client.close(4001, "ours", pair.time)
    pair.wait(3.0)
    take(pair.client, pair.time)
    pair.wait(0.99)
    assert ended(pair) == ""
    pair.wait(0.01)
    assert ended(pair) == "timeout: no answer to our close within 2 s"


def test_who_did_not_look_for_long_still_sends_the_close_frame_and_waits() -> None:
    pair = opened()
    last_word(pair)
    pair.wait(60.0)
    assert frames_in(take(pair.client, pair.time)) == "close 4001"
    pair.wait(1.99)
    assert ended(pair) == ""
    pair.client.receive(THEIR_CLOSE, pair.time)
    take(pair.client, pair.time)
    assert pair.at_client.events() == [Ended(clean=True, failure=None)]


# ------------------------------------------------------------------ at once


@pytest.mark.parametrize(
    ("route", "code"),
    [(ROUTES[Phase.OPEN], 1001), (last_word, 4001), (heard, 4000), (answered, 4001)],
)
def test_who_ends_at_once_says_what_is_due(route: Callable[[LinkPair], object], code: int) -> None:
    pair = opened()
    route(pair)
    pair.client.close_at_once(1001)
    assert frames_in(take(pair.client, pair.time)) == f"close {code}"


# ------------------------------------------------------------------ engines leave without a word


@pytest.mark.parametrize("route", [ROUTES[Phase.OPEN], last_word, gone])
@pytest.mark.parametrize("how", ["eof", "reset"])
def test_on_godot_4s_envelope_the_end_of_the_stream_is_an_ordinary_leave(
    route: Callable[[LinkPair], object], how: str
) -> None:
    pair = opened("godot4")
    route(pair)
    if how == "eof":
        pair.client.receive_eof("gone")
    else:
        pair.client.lose("reset", gone=True)
    assert ended(pair) == "left: without a close frame, as Godot 4 does"
    assert pair.client.close_code == -1
    assert not pair.client.statistics.violations
    assert not pair.client.statistics.limits_reached


def test_but_not_in_the_midst_of_a_message_or_where_the_network_failed() -> None:
    for piece in (frame(b"whole")[:3], frame(b"text", 1)[:4], frame(b"a part", fin=False)):
        pair = opened("godot4")
        pair.client.receive(piece, pair.time)
        pair.client.receive_eof("gone")
        assert ended(pair) == "tcp: gone"
    pair = opened("godot4")
    pair.client.lose("no route")
    assert ended(pair) == "tcp: no route"
    pair = opened("plain")
    pair.client.receive_eof("gone")
    assert ended(pair) == "tcp: gone"
