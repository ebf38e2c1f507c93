"""``multiplayer.errors``."""

from __future__ import annotations

import pickle
from copy import copy, deepcopy
from typing import TYPE_CHECKING

import pytest

from multiplayer import (
    DecodeError,
    Error,
    MsgpackCodec,
    MultiplayerError,
    PeerLeft,
    RemoteError,
    VariantCodec,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_error_numbers_are_those_of_the_engine() -> None:
    assert len(Error) == 49
    assert (Error.OK, Error.ERR_UNCONFIGURED, Error.ERR_ALREADY_IN_USE) == (0, 3, 22)
    assert (Error.ERR_DOES_NOT_EXIST, Error.ERR_BUSY, Error.ERR_PRINTER_ON_FIRE) == (33, 44, 48)


def test_multiplayer_error_carries_code_and_sentence() -> None:
    error = MultiplayerError(Error.ERR_BUSY, "call it later")
    assert error.code is Error.ERR_BUSY
    assert str(error) == "ERR_BUSY: call it later"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_decode_error_says_where() -> None:
    assert str(DecodeError("length beyond the data", 12)) == "length beyond the data (at byte 12)"


REMADE = [lambda e: pickle.loads(pickle.dumps(e)), copy, deepcopy]

ALL = [
    (MultiplayerError(Error.ERR_BUSY, "later"), Error.ERR_BUSY, "ERR_BUSY: later", "later"),
    (
        DecodeError("too short", 3),
        Error.ERR_INVALID_DATA,
        "too short (at byte 3)",
        "too short (at byte 3)",
    ),
    (RemoteError("KeyError", "'axe'"), Error.FAILED, "KeyError: 'axe'", "KeyError: 'axe'"),
    (PeerLeft(7, "peer 7 left"), Error.ERR_DOES_NOT_EXIST, "peer 7 left", "peer 7 left"),
]


@pytest.mark.parametrize("remade", REMADE, ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize(
    ("error", "code", "text", "message"), ALL, ids=[type(row[0]).__name__ for row in ALL]
)
def test_all_have_one_base_and_can_be_copied_and_pickled(
    error: MultiplayerError,
    code: Error,
    text: str,
    message: str,
    remade: Callable[[MultiplayerError], MultiplayerError],
) -> None:
    for each in (error, remade(error)):
        assert type(each) is type(error)
        assert isinstance(each, MultiplayerError)
        assert (each.code, str(each), each.message) == (code, text, message)
        assert each.args == error.args
        assert vars(each) == vars(error)


def test_a_decode_error_is_a_value_error_and_the_others_are_none() -> None:
    assert issubclass(DecodeError, ValueError)
    assert not issubclass(RemoteError, ValueError)
    assert not issubclass(PeerLeft, ValueError)


@pytest.mark.parametrize("codec", [MsgpackCodec(), VariantCodec(3), VariantCodec(4)])
def test_one_except_clause_takes_what_a_codec_raises(
    codec: MsgpackCodec | VariantCodec,
) -> None:
    with pytest.raises(MultiplayerError) as undecodable:
        codec.decode(b"\xc1")
    assert undecodable.value.code == Error.ERR_INVALID_DATA
    with pytest.raises(MultiplayerError) as unencodable:
        codec.encode(object())
    assert unencodable.value.code == Error.ERR_INVALID_PARAMETER
