"""``docs/protocol/native.md`` says what ``NativeWire`` does."""

from __future__ import annotations

import struct
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
from multiplayer.wire.dialects.replication_packets import Delta, Despawn, Resend, Spawn, Sync
from tests.multiplayer.wire import native_page, native_replication
from tests.multiplayer.wire.native_page import MALFORMED, UNKNOWN, Packet
from tests.multiplayer.wire.native_replication_page import Elements

WIRE = NativeWire()
EXAMPLES = native_page.examples()
PROPER = [
    (data, text)
    for data, text in EXAMPLES
    if text not in (MALFORMED, UNKNOWN) and "malformed" not in text and "whole=False" not in text
]


def called(call: Call) -> dict[str, Any]:
    arguments = WIRE.read_arguments(call.arguments)
    return {"node": call.node, "method": call.method, "arguments": arguments}


def read(data: bytes) -> Packet | Elements | str:
    """What ``NativeWire`` makes of a packet, in the words of the page."""
    try:
        packet = WIRE.read(data)
        if isinstance(packet, Sync | Delta | Spawn | Despawn | Resend):
            return native_replication.in_words(packet)
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


def written(packet: Packet | Elements) -> bytes:
    if isinstance(packet, Elements) or packet.name in ("SPAWN", "DESPAWN", "RESEND"):
        return native_replication.written(packet)
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
    assert isinstance(packet, Packet | Elements)
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
        "0c 01000000 01000000 ffff ffff ffffffff 02000000",
        "0c 01000000 01000000 0000 0500 00000000 dd7fffffff",
        "0e 02000000 ffffff7f 91 05",
        "0e 02000000 05000000 dd7fffffff",
        "0f 02000000 0100000000000000 07000000 92 dd7fffffff 91",
    ):
        tracemalloc.start()
        try:
            assert MALFORMED in str(read(bytes.fromhex(claims)))
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()


def test_the_page_has_an_example_of_everything() -> None:
    kinds = native_page.kinds()
    assert sorted(kinds) == list(range(17))
    meanings = [native_page.as_written(text, Vector2) for _, text in EXAMPLES]
    found = {each.name for each in meanings if isinstance(each, Packet | Elements)}
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
    assert "64 in each argument, answer or property" in native_page.PAGE


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


HEADS = {
    0: 6,
    1: 4,
    5: 4,
    6: 4,
    7: 4,
    8: 10,
    9: 4,
    10: 4,
    11: 4,
    12: 16,
    13: 4,
    14: 8,
    15: 16,
    16: 4,
}
"""How many bytes of numbers follow the kind."""

heads = st.integers(0, 18).flatmap(
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


places = st.lists(st.integers(-1, 3) | st.booleans(), max_size=3)
counts = st.integers(-1, 40) | st.just(65_537) | st.booleans()
splice = st.tuples(counts, counts, st.lists(plain, max_size=2)).map(list)
changes = st.tuples(counts, st.dictionaries(st.text(max_size=1), plain, max_size=2), st.just([]))
of_elements = st.one_of(plain, st.lists(counts | splice, max_size=3), changes.map(list))
states = st.builds(
    lambda values, more: msgpack.packb([*values, *more]),
    st.lists(of_elements, max_size=3),
    st.lists(places, max_size=1),
)
elements_of_packets = st.builds(
    lambda id_, bits, wrong, state: (id_, bits, max(len(state) + wrong, 0), state),
    st.sampled_from([0, 2, 0x80000007]),
    st.integers(0, 7),
    st.sampled_from([0] * 8 + [-1, 1, 2**31]),
    states,
)


@settings(max_examples=600)
@given(st.sampled_from([14, 15]), st.lists(elements_of_packets, max_size=3), st.binary(max_size=1))
def test_any_states_mean_the_same_by_the_page(kind: int, parts: list[Any], more: bytes) -> None:
    data = bytes([kind])
    for id_, bits, size, state in parts:
        data += id_.to_bytes(4, "little") + (bits.to_bytes(8, "little") if kind == 15 else b"")
        data += size.to_bytes(4, "little") + state
    assert read(data + more) == native_page.decode(data + more)


@settings(max_examples=400)
@given(
    st.lists(st.integers(0, 9), max_size=2),
    st.lists(st.text(max_size=2) | st.none() | st.integers(0, 1), min_size=1, max_size=3),
    st.none() | plain,
    st.lists(st.lists(plain, max_size=2), max_size=2),
    st.lists(st.sampled_from([0, 0, 0, 0, 0, 1, -1]), min_size=3, max_size=3),
    st.binary(max_size=1),
)
def test_any_spawn_means_the_same_by_the_page(
    ids: list[int], names: Any, custom: Any, values: Any, wrong: list[int], more: bytes
) -> None:
    parts = [b"".join(id_.to_bytes(4, "little") for id_ in ids), msgpack.packb(names)]
    parts.append(b"" if custom is None else msgpack.packb([custom]))
    sizes = [len(ids), *map(len, parts[1:])]
    n, of_names, of_data = (max(size + off, 0) for size, off in zip(sizes, wrong, strict=True))
    head = struct.pack("<BIIHHI", 12, 1, 2, n, of_names, of_data)
    data = head + b"".join(parts) + b"".join(map(msgpack.packb, values)) + more
    assert read(data) == native_page.decode(data)
