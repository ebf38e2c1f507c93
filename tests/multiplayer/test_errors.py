"""``multiplayer.errors``."""

from __future__ import annotations

import pickle

from multiplayer import DecodeError, Error, MultiplayerError


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
