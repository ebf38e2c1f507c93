"""``multiplayer.limits``: what may be asked for, and the page about it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from math import inf, nan

import pytest

from multiplayer import Error, Limits, MultiplayerError

NAMES = [field.name for field in fields(Limits)]
ALWAYS = {"max_header_size", "max_body_size", "violation_window", "max_nesting_depth"}
TIMES = {"violation_window", "stall_timeout"}


def make(name: str, value: object) -> Limits:
    return Limits(**{name: value})


def test_the_defaults_are_valid_and_cannot_change() -> None:
    limits = Limits()
    assert limits == Limits(max_header_size=4096)
    with pytest.raises(FrozenInstanceError):
        limits.max_peers = 1


@pytest.mark.parametrize("name", NAMES)
def test_zero_switches_a_limit_off_if_it_can_be(name: str) -> None:
    if name in ALWAYS:
        with pytest.raises(MultiplayerError, match=f"{name} must be more than 0") as caught:
            make(name, 0)
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
    else:
        assert getattr(make(name, 0), name) == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, None, "64", True, 0.5, nan], ids=repr)
def test_what_is_no_limit_is_refused_by_name(name: str, value: object) -> None:
    if name in TIMES and value == 0.5:
        assert getattr(make(name, 0.5), name) == 0.5
        return
    with pytest.raises(MultiplayerError, match=name) as caught:
        make(name, value)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_violations_may_count_for_ever() -> None:
    assert Limits(violation_window=inf).violation_window == inf
