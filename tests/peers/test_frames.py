"""``websocket.frames``: beside wsproto alone on any stream, and the limits that wsproto has not."""

from __future__ import annotations

import struct
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wsproto import events as ws
from wsproto.connection import Connection, ConnectionType

from peers.websocket import frames as module
from peers.websocket.frames import (
    Broken,
    CloseReceived,
    FrameEvent,
    Message,
    Ping,
    Pong,
    message_frame,
)
from tests.peers.streams import EIGHT_BYTES, TWO_BYTES, cut, streams, wire_frame, wsproto_alone
from tests.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_body, frame
from tests.unrolled import Frames

if TYPE_CHECKING:
    from collections.abc import Sequence

MANY = 1 << 30
NO_LIMIT = 1 << 64


def server(max_message: int = 1000) -> Frames:
    return Frames(client=False, max_message=max_message)


def client_frame(payload: bytes, op: int = BINARY, *, fin: bool = True) -> bytes:
    return wire_frame(payload, op, masked=True, fin=fin)


def without_wording(events: Sequence[FrameEvent]) -> list[FrameEvent]:
    """The same, but for how an error is worded: it quotes offsets that depend on the chunks."""
    return [Broken(event.code, "") if isinstance(event, Broken) else event for event in events]


@settings(
    max_examples=1000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.data(), st.booleans(), st.booleans(), st.integers(1, 4))
def test_any_stream_in_any_chunks_means_what_it_means_to_wsproto(
    data: st.DataObject, client: bool, closing: bool, room: int
) -> None:
    stream = data.draw(streams(masked=not client))
    chunks = data.draw(cut(stream))
    frames = Frames(client=client, max_message=NO_LIMIT)
    if closing:
        frames.close(1000, "")
    events: list[FrameEvent] = []
    for chunk in chunks:
        step = frames.receive(chunk, room)
        assert sum(isinstance(event, Message) for event in step) <= room
        events += step
    while step := frames.receive(b"", room):
        assert sum(isinstance(event, Message) for event in step) <= room
        events += step
    expected = wsproto_alone(chunks, client=client, closing=closing)
    assert without_wording(events) == without_wording(expected)


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize("op", [TEXT, BINARY])
@pytest.mark.parametrize("claimed", [1001, 65535, 65536, (1 << 63) - 1])
def test_a_message_that_announces_too_much_fails_before_its_payload_comes(
    op: int, claimed: int
) -> None:
    header = wire_frame(b"", op, masked=True, length=claimed)
    frames = server(1000)
    (event,) = frames.receive(header, MANY)
    assert event == Broken(1009, "message too big: more than 1000 bytes", "inbound_buffer_size")
    assert frames.receive(b"x" * 5000, MANY) == []
    assert not frames.pending


@pytest.mark.parametrize("op", [TEXT, BINARY])
def test_the_limit_counts_all_fragments_of_a_message_and_each_message_anew(op: int) -> None:
    frames = server(10)
    whole = [client_frame(b"x" * 10, op)] * 3
    assert frames.receive(b"".join(whole), MANY) == [Message(b"x" * 10, op == TEXT)] * 3
    parts = client_frame(b"x" * 6, op, fin=False) + client_frame(b"x" * 4, CONT)
    assert frames.receive(parts, MANY) == [Message(b"x" * 10, op == TEXT)]
    begun = client_frame(b"x" * 6, op, fin=False) + client_frame(b"x" * 4, CONT, fin=False)
    assert frames.receive(begun + client_frame(b"p", PING), MANY) == [Ping(b"p")]
    (event,) = frames.receive(wire_frame(b"", CONT, masked=True, length=1), MANY)
    assert isinstance(event, Broken)
    assert event.code == 1009


@pytest.mark.parametrize(
    "size", [0, 1, 3, 4, 124, 125, 126, 4095, 4096, 4097, 65535, 65536, 70_003]
)
def test_masks_come_off_and_go_on_at_any_length(size: int) -> None:
    payload = bytes(number * 7 % 256 for number in range(size))
    assert server(size).receive(client_frame(payload), MANY) == [Message(payload, False)]
    sent = Frames(client=True, max_message=0).message(payload, text=False)
    other_side = Connection(ConnectionType.SERVER)
    other_side.receive_data(sent)
    got = [event for event in other_side.events() if isinstance(event, ws.BytesMessage)]
    assert b"".join(bytes(event.data) for event in got) == payload


@pytest.mark.parametrize("client", [False, True], ids=["masked", "unmasked"])
@pytest.mark.parametrize(
    ("size", "cuts"),
    [
        (70_003, (1, 2, 9, 13)),
        (70_003, (13, 3, 4096, 5000, 1, 30_000)),
        (70_003, (20, 70_014)),
        (70_003, (70_000,)),
        (4095, (1, 2, 1, 4000)),
        (4096, (7, 4, 4000)),
        (65_535, (4099, 3, 60_000)),
    ],
)
def test_a_long_frame_is_read_as_it_comes(client: bool, size: int, cuts: tuple[int, ...]) -> None:
    payload = bytes(number * 7 % 256 for number in range(size))
    stream = wire_frame(payload, BINARY, masked=not client) + wire_frame(
        b"next", BINARY, masked=not client
    )
    frames = Frames(client=client, max_message=70_003)
    events: list[FrameEvent] = []
    at = 0
    for count in (*cuts, len(stream)):
        events += frames.receive(stream[at : at + count], MANY)
        at += count
        assert frames.incomplete is (at < len(stream))
        assert frames.missing == 0 or at < len(stream)
    assert events == [Message(payload, False), Message(b"next", False)]


def test_of_a_long_frame_it_is_known_how_much_is_missing() -> None:
    frames = server(100_000)
    stream = client_frame(b"x" * 90_000)
    frames.receive(stream[: 14 + 20_001], MANY)
    assert frames.missing == 69_999
    frames.receive(stream[14 + 20_001 :], MANY)
    assert not frames.missing
    frames.receive(client_frame(b"x" * 80_000, TEXT)[: 14 + 5], MANY)
    assert frames.missing == 79_995
    frames.discard()
    assert not frames.receive(b"x", MANY)


def test_a_long_frame_in_single_bytes_takes_no_more_memory_than_it_has() -> None:
    frames = server(100_000)
    stream = client_frame(b"x" * 70_000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for byte in stream[:30_000]:
            frames.receive(bytes((byte,)), MANY)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 60_000
    assert frames.receive(stream[30_000:], MANY) == [Message(b"x" * 70_000, False)]


MASKS_BY_NUMPY = """
import sys
from multiplayer.accelerator import pure
from peers.websocket import masking

masked, key = pure["masked"], bytes((1, 32, 255, 0))
payloads = [bytes(n * 7 % 256 for n in range(size)) for size in (4095, 4096, 4097, 4099, 100_000)]
assert "numpy" not in sys.modules
before = [masked(bytearray(payload), key) for payload in payloads]
import numpy
calls = []
by_numpy = masking._masked_by_numpy
masking._masked_by_numpy = lambda *given: calls.append(1) or by_numpy(*given)
assert [masked(payload, key) for payload in payloads] == before
assert [masked(bytearray(payload), key) for payload in payloads] == before
print(len(calls))
"""


def test_once_the_program_has_numpy_that_masks_as_we_do() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MASKS_BY_NUMPY],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["8"]


def test_a_fragment_counts_once_however_its_header_is_cut() -> None:
    frames = server(10)
    stream = client_frame(b"x" * 5, fin=False) + client_frame(b"x" * 5, CONT)
    events = [event for byte in stream for event in frames.receive(bytes([byte]), MANY)]
    assert events == [Message(b"x" * 10, False)]


def test_a_message_of_too_many_fragments_fails_with_the_first_that_is_too_many() -> None:
    frames = Frames(client=False, max_message=1000, max_fragments=3)
    three = client_frame(b"", fin=False) + client_frame(b"", CONT, fin=False)
    for _ in range(2):  # each message is counted anew
        assert frames.receive(three + client_frame(b"x", CONT), MANY) == [Message(b"x", False)]
    ping = client_frame(b"p", PING)  # is no fragment
    assert frames.receive(three + ping + client_frame(b"", CONT, fin=False), MANY) == [Ping(b"p")]
    assert frames.receive(client_frame(b"", CONT), MANY) == [
        Broken(1009, "message in more than 3 fragments", "max_fragments")
    ]


@pytest.mark.parametrize("op", [PING, PONG])
def test_no_more_pings_and_pongs_are_read_than_there_is_room_for(op: int) -> None:
    frames = server()
    frames.control_room = 2
    one = client_frame(b"", op)
    events = frames.receive(one * 2 + client_frame(b"x") + one * 100_000, MANY)
    assert len(events) == 4
    assert events[2:] == [
        Message(b"x", False),
        Broken(1008, "too many pings and pongs", "max_control_frames"),
    ]
    assert frames.control_room == -1


def test_a_close_frame_is_not_one_too_many() -> None:
    frames = server()
    frames.control_room = 0
    assert frames.receive(client_frame(close_body(1000), CLOSE), MANY) == [CloseReceived(1000, "")]


def test_a_message_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert server(65535).receive(client_frame(bytes(65535)), MANY) == [Message(bytes(65535), False)]
    (event,) = server(65535).receive(client_frame(bytes(65536)), MANY)
    assert isinstance(event, Broken)
    assert event.code == 1009


@pytest.mark.parametrize(
    "header",
    [
        wire_frame(b"", BINARY, masked=True, form=TWO_BYTES, length=125),
        wire_frame(b"", BINARY, masked=True, form=EIGHT_BYTES, length=65535),
        wire_frame(b"", BINARY, masked=True, form=EIGHT_BYTES, length=1 << 63),
        wire_frame(b"", PING, masked=True, length=126),
        wire_frame(b"", PING, masked=True, fin=False),
        wire_frame(b"", BINARY, masked=True, rsv=4),
        wire_frame(b"", 3, masked=True),
        wire_frame(b"", 11, masked=True),
        wire_frame(b"", CONT, masked=True),
        wire_frame(b"", BINARY, masked=False),
    ],
)
def test_a_wrong_header_fails_by_itself(header: bytes) -> None:
    (event,) = server().receive(header, MANY)
    assert isinstance(event, Broken)
    assert event.code == 1002
    assert event.reason


# ------------------------------------------------------------------ room


def test_no_more_messages_are_taken_than_there_is_room_and_none_is_lost() -> None:
    frames = server()
    sent = [b"%d" % number for number in range(7)]
    stream = b"".join(client_frame(payload) for payload in sent)
    got = [frames.receive(stream, 3)]
    while frames.pending:
        got.append(frames.receive(b"", 3))
    assert [len(step) for step in got] == [3, 3, 1]
    assert [event.data for step in got for event in step if isinstance(event, Message)] == sent


def test_without_room_nothing_is_decoded_and_what_comes_is_kept() -> None:
    frames = server()
    fragments = client_frame(b"a", fin=False) + client_frame(b"b", CONT)
    assert frames.receive(client_frame(b"p", PING), 0) == []
    assert frames.receive(fragments + client_frame(close_body(1000), CLOSE), 0) == []
    assert frames.pending
    assert frames.receive(b"", 1) == [Ping(b"p"), Message(b"ab", False)]
    assert frames.receive(b"", 1) == [CloseReceived(1000, "")]
    assert not frames.pending


# ------------------------------------------------------------------ text


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"a\xc3"]
)
def test_text_that_is_not_utf8_is_1007(bad: bytes) -> None:
    (event,) = server().receive(client_frame(bad, TEXT), MANY)
    assert isinstance(event, Broken)
    assert event.code == 1007


def test_wrong_text_fails_before_its_frame_is_complete() -> None:
    begun = wire_frame(b"ok\xff", TEXT, masked=True, length=500)
    (event,) = server().receive(begun, MANY)
    assert isinstance(event, Broken)
    assert event.code == 1007


def test_a_character_may_be_cut_between_fragments_and_chunks() -> None:
    euro = "€".encode()
    stream = client_frame(euro[:1], TEXT, fin=False) + client_frame(euro[1:], CONT)
    frames = server()
    events = [event for byte in stream for event in frames.receive(bytes([byte]), MANY)]
    assert events == [Message(euro, True)]


# ------------------------------------------------------------------ out


@pytest.mark.parametrize("client", [False, True])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_what_is_sent_is_what_wsproto_reads(client: bool, text: bool, size: int) -> None:
    data = b"x" * size
    sent = Frames(client=client, max_message=0).message(data, text=text)
    assert bool(sent[1] & 0x80) is client
    assert len(sent) == size + (2 if size < 126 else 4 if size < 65536 else 10) + 4 * client
    assert wsproto_alone([sent], client=not client, closing=False) == [Message(data, text)]
    if not client:
        assert sent == message_frame(data, text=text)


def test_each_frame_of_a_client_has_a_mask_of_its_own() -> None:
    frames = Frames(client=True, max_message=0)
    masks = {frames.message(b"x", text=False)[2:6] for _ in range(20)}
    assert len(masks) > 15


@pytest.mark.parametrize("client", [False, True])
def test_pings_and_pongs_are_read_by_wsproto(client: bool) -> None:
    frames = Frames(client=client, max_message=0)
    sent = [frames.ping(b"p" * 125), frames.pong(b"")]
    assert wsproto_alone(sent, client=not client, closing=False) == [Ping(b"p" * 125), Pong(b"")]


def test_what_came_before_the_other_sides_close_can_still_be_answered() -> None:
    frames = server()
    frames.receive(client_frame(close_body(1000), CLOSE), MANY)
    assert frames.message(b"m", text=False) == b"\x82\x01m"
    assert frames.close(1000, "") == b"\x88\x02\x03\xe8"  # the answer is due still


def test_what_breaks_the_rules_can_still_be_answered_with_a_close() -> None:
    frames = server()
    (event,) = frames.receive(wire_frame(b"", 3, masked=True), MANY)
    assert isinstance(event, Broken)
    assert frames.close(event.code, "")[2:] == struct.pack("!H", 1002)


@pytest.mark.parametrize(
    ("code", "reason", "body"),
    [
        (1005, "", b""),
        (1000, "", close_body(1000)),
        (4001, "bye é", close_body(4001, "bye é")),
        (4001, "é" * 80, close_body(4001, "é" * 61)),
    ],
)
def test_close_frames(code: int, reason: str, body: bytes) -> None:
    sent = server().close(code, reason)
    assert (sent[0], sent[1], sent[2:]) == (0x88, len(body), body)
    reader = Connection(ConnectionType.CLIENT)
    reader.receive_data(sent)
    (event,) = reader.events()
    assert isinstance(event, ws.CloseConnection)
    assert event.code == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_close_codes_that_may_not_travel_are_1002(code: int) -> None:
    (event,) = server().receive(client_frame(close_body(code), CLOSE), MANY)
    assert isinstance(event, Broken)
    assert event.code == 1002


@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
@pytest.mark.parametrize("code", [1000, 1012, 1013, 1014, 3000])
def test_a_registered_close_code_is_reported_and_repeated(code: int, chunk: int) -> None:
    """IANA's registry has 1012 to 1014, too; wsproto does not know 1014."""
    body = close_body(code, "sent é on")
    for frames, stream in (
        (server(), client_frame(body, CLOSE)),
        (Frames(client=True, max_message=1000), frame(body, CLOSE)),
    ):
        events = [
            event
            for at in range(0, len(stream), chunk)
            for event in frames.receive(stream[at : at + chunk], MANY)
        ]
        assert events == [CloseReceived(code, "sent é on")]
        assert not frames.can_pong
        answer = frames.close(code, "sent é on")
        key = answer[2:6] if answer[1] & 0x80 else None
        assert answer == frame(body, CLOSE, mask=key)


def test_a_1014_keeps_to_the_other_rules() -> None:
    for stream, code in (
        (client_frame(close_body(1014) + b"\xff", CLOSE), 1007),
        (client_frame(close_body(1014) + bytes(124), CLOSE), 1002),
        (client_frame(close_body(1014), CLOSE, fin=False), 1002),
        (frame(close_body(1014), CLOSE), 1002),
    ):
        (event,) = server().receive(stream, MANY)
        assert isinstance(event, Broken)
        assert event.code == code


def test_after_the_close_frame_nothing_is_read() -> None:
    frames = server()
    stream = client_frame(close_body(4000, "x"), CLOSE) + client_frame(b"late")
    assert frames.receive(stream, MANY) == [CloseReceived(4000, "x")]
    assert frames.receive(client_frame(b"later") + client_frame(b"p", PONG), MANY) == []


class Taken(list[int]):
    """Spare keys of which another thread takes the last one, once we have seen it."""

    def __bool__(self) -> bool:
        return True


def test_another_thread_may_take_the_last_spare_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "spare_keys", Taken())
    masked = Frames(client=True, max_message=1000).message(b"packet", text=False)
    (message,) = server().receive(masked, MANY)
    assert message == Message(b"packet", text=False)
