"""Keys that are chosen to have the same hash, so that each is compared with all before it."""

from __future__ import annotations

import struct

import msgpack
import pytest

from multiplayer import (
    Codec,
    DecodeError,
    MsgpackCodec,
    VariantCodec,
    Vector2,
    Vector2i,
    decode_variant,
    encode_variant,
)

_P1, _P2, _P5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
_WORD = 2**64 - 1


def _after(state: int, lane: int) -> int:
    """Return the next state of Python's hash of tuples."""
    state = (state + lane * _P2) & _WORD
    return ((state << 31 | state >> 33) & _WORD) * _P1 & _WORD


def colliding(count: int) -> list[tuple[int, int]]:
    """Return different pairs of ints of 64 bits that all have the same hash."""
    inverse = pow(_P2, -1, 2**64)
    target = (_after(_P5, 1) + 1 * _P2) & _WORD
    pairs: list[tuple[int, int]] = []
    first = 1
    while len(pairs) < count:
        second = (target - _after(_P5, first)) * inverse & _WORD
        second -= second >> 63 << 64
        if abs(second) < 2**61 - 1 and second != -1:
            pairs.append((first, second))
        first += 1
    return pairs


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        (VariantCodec(4), encode_variant(dict.fromkeys(colliding(100)))),
        (VariantCodec(3), encode_variant(dict.fromkeys(colliding(100)), 3)),
        (MsgpackCodec(), msgpack.packb(dict.fromkeys(colliding(100)))),
    ],
    ids=["4", "3", "msgpack"],
)
def test_arrays_that_collide_are_refused(codec: Codec, data: bytes) -> None:
    assert len(set(map(hash, colliding(100)))) == 1
    with pytest.raises(DecodeError, match="the same hash"):
        codec.decode(data)


@pytest.mark.parametrize("codec", [VariantCodec(4), MsgpackCodec()], ids=["4", "msgpack"])
def test_many_honest_arrays_are_taken(codec: Codec) -> None:
    grid = {(x, y): x for x in range(-30, 30) for y in range(-30, 30)}
    assert codec.decode(codec.encode(grid)) == grid


def test_the_same_key_again_and_again_is_no_collision() -> None:
    pair = encode_variant((1, 2)) + encode_variant(7)
    data = struct.pack("<II", 27, 50) + pair * 50
    assert decode_variant(data) == {(1, 2): 7}


def test_vectors_have_hashes_that_nobody_can_choose() -> None:
    vectors = [Vector2i(*pair) for pair in colliding(100)]
    assert len(set(map(hash, vectors))) > 90
    assert hash(Vector2(0.0, 1)) == hash(Vector2(-0.0, 1))
    assert hash(Vector2i(2**2000, 1)) == hash(Vector2i(2**2000, 1))
