"""The fuzz targets as tests: their seeds, what hypothesis makes of them, and that they can fail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer.variant.decoder import VariantDecoder
from peers.websocket.frames import Frames
from tests.fuzz.targets import HARMFUL, TARGETS, seeds_of
from tests.peers.streams import wire_frame
from tests.raw import TEXT

targets = pytest.mark.parametrize("name", TARGETS)


@targets
def test_the_seeds_do_no_harm(name: str) -> None:
    seeds = seeds_of(name)
    assert len(seeds) > 10
    for seed in (b"", *seeds):
        TARGETS[name].run(seed)


@targets
def test_changed_seeds_and_any_bytes_do_no_harm(name: str) -> None:
    seeds = seeds_of(name)

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.sampled_from(seeds), st.data(), st.binary(max_size=40))
    def check(seed: bytes, data: st.DataObject, other: bytes) -> None:
        begin = data.draw(st.integers(0, len(seed)))
        end = data.draw(st.integers(begin, len(seed)))
        TARGETS[name].run(seed[:begin] + other + seed[end:])

    check()


def test_what_once_did_harm_belongs_to_a_target() -> None:
    names = {path.name for path in HARMFUL.iterdir()} if HARMFUL.is_dir() else set()
    assert names <= {*TARGETS}


def test_a_decoder_that_raises_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode_from(self: VariantDecoder, data: bytes, offset: int, depth: int) -> object:
        raise IndexError

    monkeypatch.setattr(VariantDecoder, "decode_from", decode_from)
    with pytest.raises(IndexError):
        TARGETS["variant4"].run(b"\0\0\0\0")


def test_frames_that_read_otherwise_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = b"\x00" + wire_frame(b"hello", TEXT, masked=True)
    TARGETS["frames_of_a_server"].run(seed)
    monkeypatch.setattr(Frames, "receive", lambda self, data, room: [])
    with pytest.raises(AssertionError):
        TARGETS["frames_of_a_server"].run(seed)
