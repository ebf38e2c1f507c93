"""``docs/protocol/native.md`` says what ``NativeWire`` does."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import DecodeError, Error, MultiplayerError, StringName, Vector2
from multiplayer.wire.dialects.api_packets import (
    MOST_ARGUMENTS,
    AddPeer,
    Announce,
    Authenticate,
    Call,
    DelPeer,
    ErrorResponse,
    Forget,
    Raw,
    Relay,
    Request,
    Response,
    Unsupported,
)
from multiplayer.wire.dialects.native import NativeWire
from tests.multiplayer.wire import native_page
from tests.multiplayer.wire.native_page import MALFORMED, UNKNOWN, Packet

WIRE = NativeWire()
EXAMPLES = native_page.examples()
PROPER = [(data, text) for data, text in EXAMPLES if text not in (MALFORMED, UNKNOWN)]


def called(call: Call) -> dict[str, Any]:
    arguments = WIRE.read_arguments(call.arguments)
    return {"node": call.node, "method": call.method, "arguments": arguments}


def read(data: bytes) -> Packet | str:
    """What ``NativeWire`` makes of a packet, in the words of the page."""
    try:
        packet = WIRE.read(data)
        if isinstance(packet, Unsupported):
            return UNKNOWN
        if isinstance(packet, Call):
            return Packet("CALL", called(packet))
        if isinstance(packet, Request):
            return Packet("REQUEST", {"request_id": packet.request_id, **called(packet.call)})
        if isinstance(packet, Response):
            answer = WIRE.read_value(packet.value)
            return Packet("RESPONSE", {"request_id": packet.request_id, "value": answer})
    except DecodeError:
        return MALFORMED
    if isinstance(packet, Announce):
        assert isinstance(packet.methods, tuple)
        return Packet("ANNOUNCE", {**packet._asdict(), "methods": list(packet.methods)})
    if isinstance(packet, Forget):
        return Packet("FORGET", {"nodes": list(packet.nodes)})
    if isinstance(packet, Authenticate):
        return Packet("AUTH", packet._asdict()) if packet.data else Packet("AUTH_COMPLETE", {})
    names = {
        Raw: "RAW",
        AddPeer: "ADD_PEER",
        DelPeer: "DEL_PEER",
        Relay: "RELAY",
        ErrorResponse: "ERROR",
    }
    return Packet(names[type(packet)], packet._asdict())


def written(packet: Packet) -> bytes:
    fields = packet.fields
    if packet.name in ("CALL", "REQUEST"):
        method, arguments = fields["method"], fields["arguments"]
        if packet.name == "CALL":
            call = WIRE.call("", method, arguments)
        else:
            call = WIRE.request(fields["request_id"], "", method, arguments)
        assert call.by_number(fields["node"], shortest=False) == call.by_number(
            fields["node"], shortest=True
        )
        return call.by_number(fields["node"], shortest=True)
    if packet.name == "AUTH_COMPLETE":
        return WIRE.authenticate(b"")
    write: dict[str, Any] = {
        "ANNOUNCE": WIRE.announce,
        "RAW": WIRE.raw,
        "AUTH": WIRE.authenticate,
        "ADD_PEER": WIRE.add_peer,
        "DEL_PEER": WIRE.del_peer,
        "RELAY": WIRE.relay,
        "RESPONSE": WIRE.response,
        "ERROR": WIRE.error_response,
        "FORGET": WIRE.forget,
    }
    return write[packet.name](**fields)


@pytest.mark.parametrize(("data", "text"), EXAMPLES, ids=[data.hex() for data, _ in EXAMPLES])
def test_an_example_means_what_the_page_says_by_its_rules(data: bytes, text: str) -> None:
    assert native_page.decode(data) == native_page.as_written(text, native_page.vector2)
    assert read(data) == native_page.as_written(text, Vector2)


@pytest.mark.parametrize(("data", "text"), PROPER, ids=[data.hex() for data, _ in PROPER])
def test_an_example_is_what_is_written(data: bytes, text: str) -> None:
    packet = native_page.as_written(text, Vector2)
    assert isinstance(packet, Packet)
    assert written(packet) == data


@pytest.mark.parametrize(("data", "text"), EXAMPLES, ids=[data.hex() for data, _ in EXAMPLES])
def test_any_beginning_of_an_example_means_the_same_by_the_page(data: bytes, text: str) -> None:
    for length in range(len(data)):
        assert read(data[:length]) == native_page.decode(data[:length])


def test_text_of_any_kind_is_text() -> None:
    announcement = WIRE.announce(1, StringName("Main"), [StringName("chat")])
    assert read(announcement) == Packet(
        "ANNOUNCE", {"node": 1, "path": "Main", "methods": ["chat"]}
    )
    refusal = WIRE.error_response(1, StringName("a"), StringName("b"))
    assert read(refusal) == Packet("ERROR", {"request_id": 1, "kind": "a", "text": "b"})


def test_what_cannot_be_written() -> None:
    for write in (
        lambda: WIRE.call("", 0, [None] * 256),
        lambda: WIRE.request(1, "", 0, [2**64]),
        lambda: WIRE.response(1, {1, 2}),
        lambda: WIRE.announce(1, "\ud800", []),
        lambda: WIRE.error_response(1, "a", "\ud800"),
    ):
        with pytest.raises(MultiplayerError) as caught:
            write()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_no_room_is_made_for_what_is_only_claimed() -> None:
    for claims in (
        "00 01000000 0000 dd7fffffff",
        "01 01000000 92 a161 dd7fffffff",
        "09 01000000 df7fffffff",
    ):
        tracemalloc.start()
        try:
            assert read(bytes.fromhex(claims)) == MALFORMED
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()


def test_the_page_has_an_example_of_everything() -> None:
    kinds = native_page.kinds()
    assert sorted(kinds) == list(range(12))
    meanings = [native_page.as_written(text, Vector2) for _, text in EXAMPLES]
    found = {packet.name for packet in meanings if isinstance(packet, Packet)}
    assert found == set(kinds.values())
    assert meanings.count(UNKNOWN) >= 2
    assert {data[0] for data, text in EXAMPLES if text == MALFORMED and data} == set(kinds)


def test_the_limits_of_the_page() -> None:
    head = bytes.fromhex("00 01000000 0000")
    for count in (MOST_ARGUMENTS, MOST_ARGUMENTS + 1):
        data = head + msgpack.packb([None] * count)
        assert read(data) == native_page.decode(data)
        assert (read(data) == MALFORMED) is (count > 255)
    assert "| arguments | 255 |" in native_page.PAGE
    deep: Any = 0
    for _ in range(64):
        deep = [deep]
    deep_call = WIRE.call("", 0, [deep]).by_number(1, shortest=True)
    assert read(deep_call) == Packet("CALL", {"node": 1, "method": 0, "arguments": [deep]})
    assert read(head + msgpack.packb([[deep]])) == MALFORMED
    assert read(WIRE.response(1, deep)) == Packet("RESPONSE", {"request_id": 1, "value": deep})
    assert read(bytes.fromhex("09 01000000") + msgpack.packb([deep])) == MALFORMED
    assert "64 in each argument or answer" in native_page.PAGE


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=6,
)
bodies = st.one_of(
    plain.map(msgpack.packb),
    st.lists(plain, max_size=3).map(msgpack.packb),
    st.tuples(st.text(max_size=2), st.lists(st.text(max_size=2), max_size=2)).map(msgpack.packb),
    st.tuples(st.text(max_size=2), st.text(max_size=2)).map(msgpack.packb),
    st.just(b""),
)


HEADS = {0: 6, 1: 4, 5: 4, 6: 4, 7: 4, 8: 10, 9: 4, 10: 4, 11: 4}
"""How many bytes of numbers follow the kind."""

heads = st.integers(0, 13).flatmap(
    lambda kind: st.binary(min_size=HEADS.get(kind, 0), max_size=HEADS.get(kind, 0)).map(
        lambda numbers: bytes([kind]) + numbers
    )
)


@settings(max_examples=1000)
@given(heads, bodies, st.integers(0, 3), st.binary(max_size=1))
def test_any_packet_means_the_same_by_the_page(
    head: bytes, body: bytes, cut: int, more: bytes
) -> None:
    data = head + body
    data = data[: len(data) - cut] + more
    assert read(data) == native_page.decode(data)
