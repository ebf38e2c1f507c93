"""Streams of frames, right and wrong, for property tests; and what wsproto alone makes of them."""

from __future__ import annotations

import struct
from enum import IntEnum
from functools import cache
from itertools import cycle
from operator import xor
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import strategies as st
from wsproto import events as ws
from wsproto import frame_protocol
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.frame_protocol import CloseReason

from peers.websocket.frames import Broken, CloseReceived, FrameEvent, Message, Ping, Pong
from tests.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST, TWO_BYTES, EIGHT_BYTES = 0, 126, 127
_KEY = b"\x81\x02\xf3\x44"


def wire_frame(
    payload: bytes,
    op: int,
    *,
    masked: bool,
    fin: bool = True,
    rsv: int = 0,
    form: int = SHORTEST,
    length: int | None = None,
) -> bytes:
    """A frame with any header; ``length`` is what it claims, if that is not the truth."""
    size = len(payload) if length is None else length
    if form == SHORTEST:
        form = size if size < 126 else TWO_BYTES if size < 1 << 16 else EIGHT_BYTES
    head = bytes(((fin << 7) | (rsv << 4) | op, (masked << 7) | form))
    if form == TWO_BYTES:
        head += struct.pack("!H", size & 0xFFFF)
    elif form == EIGHT_BYTES:
        head += struct.pack("!Q", size)
    if not masked:
        return head + payload
    return head + _KEY + bytes(map(xor, payload, cycle(_KEY)))


_LONG = {
    masked: [wire_frame(bytes(size), BINARY, masked=masked) for size in (65535, 65536)]
    for masked in (False, True)
}
_texts = st.text(alphabet="aé€😀\0", max_size=40).map(str.encode)
_bodies = st.one_of(
    _texts,
    st.binary(max_size=140),
    st.sampled_from([bytes(125), bytes(126), bytes(127), b"x" * 300, "é".encode()[:1]]),
)
_codes = st.one_of(
    st.sampled_from([0, 999, 1000, 1003, 1004, 1005, 1006, 1011, 1014, 1015, 1016, 2999, 4999]),
    st.integers(0, 65535),
)
_close_bodies = st.one_of(
    st.just(b""),
    st.binary(min_size=1, max_size=1),
    st.builds(lambda code, reason: struct.pack("!H", code) + reason, _codes, _bodies),
)


@st.composite
def _messages(draw: st.DrawFn, masked: bool) -> bytes:
    """A proper message in fragments, cut anywhere, with control frames between."""
    op = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(_texts if op == TEXT else _bodies)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    edges = [0, *cuts, len(payload)]
    frames: list[bytes] = []
    for at in range(len(edges) - 1):
        part, last = payload[edges[at] : edges[at + 1]], at == len(edges) - 2
        frames.append(wire_frame(part, op if at == 0 else CONT, masked=masked, fin=last))
        if draw(st.integers(0, 3)) == 0:
            control = draw(st.sampled_from([PING, PONG]))
            frames.append(wire_frame(draw(st.binary(max_size=125)), control, masked=masked))
    if draw(st.integers(0, 9)) == 0:
        frames.pop()  # never finished: what follows may be a message in a message
    return b"".join(frames)


def _whole(masked: bool) -> st.SearchStrategy[bytes]:
    return st.one_of(
        _texts.map(lambda text: wire_frame(text, TEXT, masked=masked)),
        _bodies.map(lambda data: wire_frame(data, BINARY, masked=masked)),
        st.sampled_from(_LONG[masked]),
    )


def _odd(masked: bool) -> st.SearchStrategy[bytes]:
    """One frame, anything about which may be wrong."""
    mostly = st.integers(0, 9).map(lambda number: number > 0)
    return st.builds(
        lambda payload, op, fin, rsv, right, form, lie: wire_frame(
            payload, op, masked=masked is right, fin=fin, rsv=rsv, form=form, length=lie
        ),
        st.one_of(_bodies, _close_bodies),
        st.one_of(st.sampled_from([CONT, TEXT, BINARY, CLOSE, PING, PONG]), st.integers(0, 15)),
        mostly,
        st.sampled_from([0] * 12 + [1, 2, 4]),
        mostly,
        st.sampled_from([SHORTEST] * 6 + [TWO_BYTES, EIGHT_BYTES]),
        st.sampled_from([None] * 12 + [3, 1 << 20, (1 << 63) - 1, 1 << 63]),
    )


@cache
def _parts(masked: bool) -> st.SearchStrategy[list[bytes]]:
    close = _close_bodies.map(lambda body: wire_frame(body, CLOSE, masked=masked))
    proper = st.one_of(_whole(masked), _messages(masked), _messages(masked))
    return st.lists(st.one_of(proper, proper, _odd(masked), close), max_size=6)


@st.composite
def streams(draw: st.DrawFn, masked: bool) -> bytes:
    """Any stream: mostly proper, then perhaps with bytes changed, perhaps cut off."""
    parts = draw(_parts(masked))
    stream = bytearray(b"".join(parts))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        if stream:
            stream[draw(st.integers(0, len(stream) - 1))] = draw(st.integers(0, 255))
    if draw(st.integers(0, 3)) == 0:
        del stream[draw(st.integers(0, len(stream))) :]
    return bytes(stream)


@st.composite
def cut(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """``stream`` in pieces."""
    if len(stream) < 300 and draw(st.booleans()):
        return [stream[at : at + 1] for at in range(len(stream))]
    inside = st.integers(0, len(stream))
    edges = sorted(draw(st.lists(inside, max_size=8)))
    return [
        stream[begin:end] for begin, end in zip([0, *edges], [*edges, len(stream)], strict=True)
    ]


_REGISTERED = IntEnum(
    "_REGISTERED", {**{reason.name: reason.value for reason in CloseReason}, "BAD_GATEWAY": 1014}
)
"""The close codes of IANA's registry: wsproto lacks one, which our side of it does not."""


@mock.patch.object(frame_protocol, "CloseReason", _REGISTERED)
def wsproto_alone(chunks: Iterable[bytes], *, client: bool, closing: bool) -> list[FrameEvent]:
    """What wsproto by itself makes of a stream, its messages put together.

    But for 1014, which it would not know.
    """
    connection = Connection(ConnectionType.CLIENT if client else ConnectionType.SERVER)
    if closing:
        connection.send(ws.CloseConnection(1000))
    events: list[FrameEvent] = []
    pieces: list[bytes] = []
    for chunk in chunks:
        connection.receive_data(chunk)
        for event in connection.events():
            if isinstance(event, ws.TextMessage | ws.BytesMessage):
                text = isinstance(event, ws.TextMessage)
                pieces.append(event.data.encode() if text else bytes(event.data))
                if event.message_finished:
                    events.append(Message(b"".join(pieces), text))
                    pieces.clear()
            elif isinstance(event, ws.Ping):
                events.append(Ping(bytes(event.payload)))
            elif isinstance(event, ws.Pong):
                events.append(Pong(bytes(event.payload)))
            elif isinstance(event, ws.CloseConnection):
                broken = connection.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING)
                kind = Broken if broken else CloseReceived
                return [*events, kind(int(event.code), event.reason or "")]
    return events
