"""Conditions and presets: what makes sense, and what a sentence says of the rest."""

from __future__ import annotations

import math
from typing import Any

import pytest

from multiplayer import Error, MultiplayerError
from multiplayer.testing.simulation.conditions import Conditions
from multiplayer.testing.simulation.presets import (
    LAN,
    MOBILE_3G,
    PRESETS,
    TERRIBLE,
    WIFI_BAD,
    check_conditions,
    preset,
)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("latency", -0.1, "latency must be 0 or more, not -0.1"),
        ("latency", 80_000, "an hour is the most; it is in seconds"),
        ("latency", math.nan, "latency must be 0 or more"),
        ("jitter", math.inf, "jitter must be finite"),
        ("loss", 1, "loss must be from 0 to less than 1, not 1"),
        ("loss", 2.0, "0.02 is two packets of a hundred"),
        ("duplication", 1.1, "duplication must be from 0 to 1"),
        ("reordering", "often", "reordering must be a number, not 'often'"),
        ("bandwidth", 0, "bandwidth must be more than 0"),
        ("buffer", 0, "buffer must be more than 0"),
        ("buffer", 1.5, "buffer must be a whole number"),
    ],
)
def test_what_is_out_of_range(name: str, value: Any, sentence: str) -> None:
    for make in (Conditions, LAN.changed):
        with pytest.raises(MultiplayerError) as caught:
            make(**{name: value})
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
        assert sentence in caught.value.message


def test_what_there_is_not() -> None:
    with pytest.raises(MultiplayerError, match="conditions have no 'delay'; they have latency"):
        LAN.changed(delay=1.0)
    with pytest.raises(MultiplayerError, match="no preset 'dialup'; choose one of lan, broadband"):
        preset("dialup")
    with pytest.raises(MultiplayerError, match="17 are no conditions"):
        check_conditions(17)


def test_what_can_be_given() -> None:
    assert check_conditions(None) == Conditions()
    assert check_conditions("mobile_3g") is check_conditions("MOBILE_3G") is MOBILE_3G
    assert check_conditions(LAN) is LAN
    assert LAN.changed(loss=0.1) == Conditions(**(_values(LAN) | {"loss": 0.1}))


def _values(conditions: Conditions) -> dict[str, Any]:
    return {name: getattr(conditions, name) for name in Conditions.__slots__}


def test_one_behind_the_other() -> None:
    both = WIFI_BAD.behind(MOBILE_3G)
    assert both.latency == pytest.approx(0.095)
    assert both.loss == pytest.approx(1 - 0.98 * 0.99)
    assert both.bandwidth == MOBILE_3G.bandwidth
    assert WIFI_BAD.behind(Conditions()) == WIFI_BAD


def test_presets_get_no_better() -> None:
    """In the order of their table a packet of 100 bytes takes longer and longer on average."""

    def mean(each: Conditions) -> float:
        repeated = each.loss * 2 * each.latency
        return each.latency + each.jitter + repeated + 100 / each.bandwidth

    ground = [each for name, each in PRESETS.items() if name not in ("wifi_bad", "satellite")]
    assert [*map(mean, ground)] == sorted(map(mean, ground))
    assert max(PRESETS.values(), key=lambda each: each.loss) is TERRIBLE
