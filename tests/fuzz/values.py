"""Targets: bytes as values. They are one or a ``DecodeError``; what is read can be written."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from multiplayer import (
    DecodeError,
    MsgpackCodec,
    MultiplayerError,
    VariantCodec,
    decode_compact_from,
    encode_compact,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import Codec

_VECTORS: Final = Path(__file__).parents[1] / "vectors"


def variant3(data: bytes) -> None:
    """Godot 3's Variants."""
    _decode(VariantCodec(3), data)


def variant4(data: bytes) -> None:
    """Godot 4's Variants."""
    _decode(VariantCodec(4, level=(4, 4)), data)


def msgpack(data: bytes) -> None:
    """Values as msgpack."""
    _decode(MsgpackCodec(), data)


def compact(data: bytes) -> None:
    """The compact form of RPC arguments."""

    def encode(value: object) -> bytes:
        return encode_compact(value, level=(4, 4))

    def decode(data: bytes) -> object:
        value, end = decode_compact_from(data)
        assert 0 < end <= len(data)
        return value

    _check(data, decode, encode)


def _decode(codec: Codec, data: bytes) -> None:
    _check(data, codec.decode, codec.encode)


def _check(
    data: bytes, decode: Callable[[bytes], object], encode: Callable[[object], bytes]
) -> None:
    try:
        value = decode(data)
    except DecodeError as error:
        where = error.offset
    else:
        where = 0
        with suppress(MultiplayerError):  # not everything that can be read can be written
            # The second, because keys that differ as doubles may be one as floats.
            written = encode(decode(encode(value)))
            assert encode(decode(written)) == written, "is written otherwise the second time"
    assert 0 <= where <= len(data)


def variant3_seeds() -> list[bytes]:
    names = ("variant.jsonl", "variant_decode.jsonl")
    texts = [(_VECTORS / "godot3" / name).read_text(encoding="utf-8") for name in names]
    return [bytes.fromhex(json.loads(line)["hex"]) for text in texts for line in text.splitlines()]


def _godot4() -> dict[str, list[dict[str, Any]]]:
    return json.loads((_VECTORS / "godot4" / "variants.json").read_text(encoding="utf-8"))


def variant4_seeds() -> list[bytes]:
    encoded = [row.get("var_to_bytes_hex", "") for row in _godot4()["encode"]]
    decoded = [row["decode_hex"] for row in _godot4()["decode"]]
    return [bytes.fromhex(text) for text in (*encoded, *decoded) if _is_hex(text)]


def _is_hex(text: str) -> bool:
    """Whether it is bytes; some rows say instead why there are none."""
    return bool(re.fullmatch("(?:[0-9a-f]{2})+", text))


def compact_seeds() -> list[bytes]:
    # The first four bytes are the RPC's own.
    return [
        bytes.fromhex(row["rpc_hex"])[4:]
        for row in _godot4()["encode"]
        if _is_hex(row.get("rpc_hex", ""))
    ]


def msgpack_seeds() -> list[bytes]:
    codec, seeds = MsgpackCodec(), list[bytes]()
    for seed in variant4_seeds():
        with suppress(DecodeError, MultiplayerError):
            seeds.append(codec.encode(VariantCodec(4).decode(seed)))
    return seeds
