"""Any bytes at all, and what is written and read again, in every dialect."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import DecodeError
from multiplayer.wire.dialects.api_packets import (
    AddPeer,
    Announce,
    ApiWire,
    Assign,
    Authenticate,
    Call,
    Confirm,
    DelPeer,
    ErrorResponse,
    Forget,
    Raw,
    Relay,
    Request,
    Response,
    Unsupported,
)
from multiplayer.wire.dialects.choice import Dialect, wire_of
from multiplayer.wire.dialects.encoded import Encoded
from multiplayer.wire.dialects.godot3 import Godot3Wire
from multiplayer.wire.dialects.godot4 import Godot4Wire
from multiplayer.wire.dialects.godot4_beta import Godot4BetaWire
from multiplayer.wire.dialects.native import NativeWire
from tests.multiplayer.variant.strategies import GODOT3_VALUES, GODOT4_VALUES, LEAVES, kinds, nested

OLD = Godot4Wire(confirm_with_path=True)
WIRES: dict[str, ApiWire] = {
    **{dialect.value: wire_of(dialect) for dialect in Dialect},
    "godot-4.0": OLD,
}
BY_PATH = [name for name, wire in WIRES.items() if wire.confirms]
UNTYPED = nested(LEAVES.values())
VALUES = {
    "native": GODOT4_VALUES,
    "godot-3": GODOT3_VALUES,
    "godot-4": GODOT4_VALUES,
    "godot-4-beta": UNTYPED.filter(lambda value: "PackedVector4Array" not in str(kinds(value))),
    "godot-4.0": UNTYPED.filter(lambda value: "PackedVector4Array" not in str(kinds(value))),
}
every_wire = pytest.mark.parametrize("name", WIRES)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
paths = words.filter(bool)
nodes = st.one_of(st.integers(0, 300), st.integers(0, 2**31 - 1))
peers = st.integers(-(2**31), 2**31 - 1)


def sent(value: Any) -> Any:
    """What arrives of ``value``: lists for tuples, but not for those that are keys."""
    if type(value) in (list, tuple):
        return [sent(item) for item in value]
    if type(value) is dict:
        return {key: sent(item) for key, item in value.items()}
    return value


def values_of(wire: ApiWire, packet: Any) -> list[Any]:
    """Decode all that is still encoded in a packet."""
    if isinstance(packet, Call):
        return wire.read_arguments(packet.arguments)
    if isinstance(packet, Request):
        return values_of(wire, packet.call)
    if isinstance(packet, (Assign, Response)):
        return [wire.read_value(packet.value)]
    return []


# ------------------------------------------------------------------ any bytes


@every_wire
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_packet_or_an_error(name: str, data: st.DataObject) -> None:
    wire = WIRES[name]
    packet = bytes([data.draw(st.integers(0, 255))]) + data.draw(st.binary(max_size=60))
    try:
        read = wire.read(packet)
    except DecodeError as error:
        offset = error.offset
    else:
        offset = 0
        try:
            values_of(wire, read)
        except DecodeError as error:
            offset = error.offset
    assert 0 <= offset <= len(packet)


@every_wire
def test_every_first_byte_alone_is_a_packet_or_an_error(name: str) -> None:
    taken = 0
    for first in range(256):
        try:
            WIRES[name].read(bytes([first]))
        except DecodeError:
            continue
        taken += 1
    assert 0 < taken < 256


# ------------------------------------------------------------------ written and read


@every_wire
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_call_is_read_as_it_is_written(name: str, data: st.DataObject) -> None:
    wire = WIRES[name]
    arguments = data.draw(st.lists(VALUES[name], max_size=4))
    method, number, node = data.draw(words), data.draw(st.integers(0, 0xFFFF)), data.draw(nodes)
    call = wire.call(method, number, arguments)
    expected_method = method if wire.methods_by == "name" else number
    for shortest in (True, False):
        packet = call.by_number(node, shortest=shortest)
        check_call(wire, packet, node, expected_method, arguments)
    if wire.confirms:
        path = data.draw(paths)
        check_call(wire, call.by_path(path), path, expected_method, arguments)
    else:
        with pytest.raises(NotImplementedError):
            call.by_path("Main")


def check_call(
    wire: ApiWire, packet: bytes, node: int | str, method: int | str, arguments: list[Any]
) -> None:
    read = wire.read(packet)
    assert isinstance(read, Call)
    assert (read.node, read.method) == (node, method)
    expected = sent(arguments)
    found = wire.read_arguments(read.arguments)
    assert found == expected
    assert kinds(found) == kinds(expected)
    assert read.arguments.how_many in (len(expected), -1)


@every_wire
@given(node=nodes, path=paths, methods=st.lists(words, max_size=4))
def test_an_announcement_is_read_as_it_is_written(
    name: str, node: int, path: str, methods: list[str]
) -> None:
    read = WIRES[name].read(WIRES[name].announce(node, path, methods))
    assert isinstance(read, Announce)
    assert (read.node, read.path) == (node, path)
    if name == "native":
        assert read.methods == tuple(methods)
    elif name == "godot-3":
        assert read.methods is None
    else:
        assert isinstance(read.methods, str)
        assert len(read.methods) == 32


@pytest.mark.parametrize("name", BY_PATH)
@given(node=st.integers(1, 2**20), path=paths, agrees=st.booleans())
def test_a_confirmation_is_read_as_it_is_written(
    name: str, node: int, path: str, agrees: bool
) -> None:
    read = WIRES[name].read(WIRES[name].confirm(node, path, agrees=agrees))
    if name == "godot-3":
        assert read == Confirm(path, agrees=True)
    elif name == "godot-4":
        assert read == Confirm(node, agrees)
    elif name == "godot-4-beta" or len(path.encode()) != 3 or path.isprintable():
        assert read == Confirm(path, agrees)
    else:
        assert isinstance(read, Confirm)  # no name in Godot has such characters


@every_wire
@given(payload=st.binary(min_size=1, max_size=20), peer=peers)
def test_bytes_and_peers_are_read_as_they_are_written(name: str, payload: bytes, peer: int) -> None:
    wire = WIRES[name]
    assert wire.read(wire.raw(payload)) == Raw(payload)
    if wire.authenticates:
        assert wire.read(wire.authenticate(payload)) == Authenticate(payload)
        assert wire.read(wire.authenticate(b"")) == Authenticate(b"")
        assert wire.read(wire.add_peer(peer)) == AddPeer(peer)
        assert wire.read(wire.del_peer(peer)) == DelPeer(peer)
        assert wire.read(wire.relay(peer, payload)) == Relay(peer, payload)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_questions_are_read_as_they_are_written(data: st.DataObject) -> None:
    wire = wire_of(Dialect.NATIVE)
    question, node = data.draw(st.integers(0, 2**32 - 1)), data.draw(nodes)
    arguments = data.draw(st.lists(GODOT4_VALUES, max_size=3))
    ask = wire.request(question, "", 7, arguments)
    read = wire.read(ask.by_number(node, shortest=True))
    assert isinstance(read, Request)
    assert (read.request_id, read.call.node, read.call.method) == (question, node, 7)
    assert values_of(wire, read) == sent(arguments)
    answered = wire.read(wire.response(question, arguments))
    assert isinstance(answered, Response)
    assert (answered.request_id, values_of(wire, answered)) == (question, [sent(arguments)])
    kind, text = data.draw(words), data.draw(words)
    assert wire.read(wire.error_response(question, kind, text)) == ErrorResponse(
        question, kind, text
    )


@given(numbers=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=9))
def test_numbers_are_taken_back_as_they_are_written(numbers: list[int]) -> None:
    wire = wire_of(Dialect.NATIVE)
    assert wire.read(wire.forget(numbers)) == Forget(tuple(numbers))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_an_assignment_is_read_as_it_is_written(data: st.DataObject) -> None:
    wire = wire_of(Dialect.GODOT_3)
    name, node, path = data.draw(words), data.draw(nodes), data.draw(paths)
    value = data.draw(GODOT3_VALUES)
    call = wire.assign(name, value)
    for packet, expected in (
        (call.by_number(node, shortest=True), node),
        (call.by_path(path), path),
    ):
        read = wire.read(packet)
        assert isinstance(read, Assign)
        assert (read.node, read.property) == (expected, name)
        assert values_of(wire, read) == [sent(value)]


# ------------------------------------------------------------------ what the dialects are


def test_the_wires_of_the_dialects() -> None:
    types = {dialect: type(wire_of(dialect)) for dialect in Dialect}
    assert types == {
        Dialect.NATIVE: NativeWire,
        Dialect.GODOT_3: Godot3Wire,
        Dialect.GODOT_4: Godot4Wire,
        Dialect.GODOT_4_BETA: Godot4BetaWire,
    }


def test_what_a_dialect_lacks_is_not_written() -> None:
    lacking = {
        "assigns": lambda wire: wire.assign("a", 1),
        "responds": lambda wire: wire.response(1, 1),
        "confirms": lambda wire: wire.confirm(1, "Main", agrees=True),
        "authenticates": lambda wire: wire.authenticate(b""),
        "forgets": lambda wire: wire.forget([1]),
    }
    for wire in WIRES.values():
        for flag, make in lacking.items():
            if not getattr(wire, flag):
                with pytest.raises(NotImplementedError):
                    make(wire)
            else:
                make(wire)
        if not wire.responds:
            for make in (
                lambda wire: wire.request(1, "a", 1, []),
                lambda wire: wire.error_response(1, "a", "b"),
            ):
                with pytest.raises(NotImplementedError):
                    make(wire)
        if not wire.assigns and not wire.responds:
            with pytest.raises(NotImplementedError):
                wire.read_value(Encoded(b"", 0, 0, 1))
        if not wire.authenticates:
            with pytest.raises(NotImplementedError):
                wire.relay(1, b"x")


def test_unknown_kinds() -> None:
    assert wire_of(Dialect.GODOT_3).read(b"\x05") == Unsupported("kind 5")
    assert wire_of(Dialect.NATIVE).read(b"\xff") == Unsupported("kind 255")
    assert wire_of(Dialect.GODOT_4_BETA).read(b"\x07") == Unsupported("kind 7")
