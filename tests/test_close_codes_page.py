"""``docs/close-codes.md`` against ``CloseCode``, both ways."""

from __future__ import annotations

import re

import pytest

import peers
from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_code import is_retried
from multiplayer.endpoint.close_codes import CODES, check_close
from peers import CloseCode
from tests.marked_blocks import text_of

TEXT = text_of("docs/close-codes.md")


def test_the_table_says_what_the_enum_says() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*?) \| (yes|no) \|$", TEXT, re.MULTILINE)
    assert [(int(code), name, words, again == "yes") for code, name, words, again in rows] == [
        (each.value, each.name, each.meaning, each.is_retried) for each in CloseCode
    ]


def test_codes_are_numbers() -> None:
    assert CloseCode(4009) is CloseCode.TAKEN_OVER == 4009
    assert peers.CloseCode.SEAT_GONE.name == "SEAT_GONE"
    assert {*CODES.values()} <= {*CloseCode}


def test_no_code_and_unknown_codes() -> None:
    assert is_retried(-1)
    assert is_retried(4012)
    assert not is_retried(4005)


@pytest.mark.parametrize("code", [*CloseCode])
def test_what_a_session_may_send_is_what_engines_understand(code: CloseCode) -> None:
    if code in (CloseCode.NO_STATUS, CloseCode.ABNORMAL):
        with pytest.raises(MultiplayerError) as raised:
            check_close(code, "", plain=False)
        assert raised.value.code == Error.ERR_INVALID_PARAMETER
    else:
        assert check_close(code, "", plain=False) == (code, "")
