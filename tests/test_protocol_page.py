"""``docs/protocol/gdpeers.md`` says what the packages do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import TransferMode
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers.websocket.upgrade import agreed_version
from tests import protocol_page
from tests.gd_mp_rows import FIRST, LAST, SELF, message
from tests.protocol_page import Example, Packet, decode

EXAMPLES = protocol_page.examples()
HEADERS = protocol_page.table("headers")
MODES = {
    "reliable": TransferMode.TRANSFER_MODE_RELIABLE,
    "unreliable_ordered": TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
    "unreliable": TransferMode.TRANSFER_MODE_UNRELIABLE,
}


def read(data: bytes, *, agreed: bool) -> Packet | None:
    """What ``multiplayer`` reads in a message from the client SELF; None for a violation."""
    session = gd_mp.ServerSession()
    for peer in (FIRST, SELF, LAST):
        session.join(peer)
        session.admit(peer)
    verdict = session.receive(SELF, data, agreed=agreed)
    if isinstance(verdict, gd_mp.Violation):
        return None
    header = gd_mp.read_header(data)
    assert isinstance(header, gd_mp.Header)
    if isinstance(verdict, gd_mp.Route):
        assert (verdict.mode, verdict.channel) == (header.mode, header.channel)
    (mode,) = [name for name, value in MODES.items() if value is header.mode]
    payload = gd_mp.payload_of(data)
    return Packet(header.source, header.target, mode, header.channel, payload, gd_mp.plain(data))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.message.hex())
def test_an_example_means_what_the_page_says_by_its_rules(example: Example) -> None:
    assert decode(example.message, agreed=example.agreed) == example.meaning
    assert read(example.message, agreed=example.agreed) == example.meaning


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.meaning], ids=lambda example: example.message.hex()
)
def test_an_example_is_what_is_sent(example: Example) -> None:
    meaning = example.meaning
    assert meaning is not None
    made = gd_mp.packet(
        meaning.source, meaning.target, meaning.payload, MODES[meaning.mode], meaning.channel
    )
    needless_channel = example.message[0] & 0x40 and meaning.channel == 0
    assert (made == example.message) is not bool(needless_channel)
    assert decode(made, agreed=True) == meaning
    assert decode(meaning.rewritten, agreed=False) == Packet(
        meaning.source, meaning.target, "reliable", 0, meaning.payload, meaning.rewritten
    )


@settings(max_examples=500)
@given(
    st.integers(0, 255), st.binary(max_size=4), st.integers(0, 9), st.booleans(), st.integers(-9, 9)
)
def test_any_message_means_the_same_by_the_page(
    first: int, rest: bytes, cut: int, agreed: bool, target: int
) -> None:
    data = message(first, SELF, target, rest)
    data = data[: len(data) - cut]
    assert read(data, agreed=agreed) == decode(data, agreed=agreed)


def header(line: str) -> list[tuple[str, str]]:
    name, _, value = line.partition(":")
    return [(name.lower(), value)] if line else []


@pytest.mark.parametrize(("asked", "answered", "version"), HEADERS)
def test_who_agrees(asked: str, answered: str, version: str) -> None:
    assert protocol_page.agreed_version([asked]) == agreed_version(header(asked)) == int(version)
    assert protocol_page.agreed_version([answered]) == agreed_version(header(answered))
    assert answered == ("" if version == "0" else f"Gdpeers: {version}")


def test_the_page_has_an_example_of_everything() -> None:
    meanings = [example.meaning for example in EXAMPLES if example.meaning]
    assert len(meanings) >= 8
    assert {meaning.mode for meaning in meanings} == set(MODES)
    assert {0, 255} < {meaning.channel for meaning in meanings}
    assert sum(example.meaning is None for example in EXAMPLES) >= 8
    assert {example.agreed for example in EXAMPLES} == {True, False}
    assert len(HEADERS) >= 5
