"""Numbers of paths: the same as if all were looked through, without looking through all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer.scene.cache.path_cache import PathCache
from multiplayer.scene.cache.path_ids import PathIds
from multiplayer.wire.dialects.api_packets import Announce

if TYPE_CHECKING:
    import pytest

names = st.sampled_from(["a", "b", "ab"])
paths = st.one_of(st.just("."), st.lists(names, min_size=1, max_size=4).map("/".join))


@settings(max_examples=400)
@given(st.lists(st.tuples(st.booleans(), paths), max_size=40))
def test_they_are_what_looking_through_all_would_find(steps: list[tuple[bool, str]]) -> None:
    numbers = PathIds()
    expected: dict[str, int] = {}
    last = 0
    for gives, path in steps:
        if gives:
            if path not in expected:
                last += 1
                expected[path] = last
            assert numbers.give(path) == expected[path]
        else:
            below = [p for p in expected if path in (".", p) or p.startswith(path + "/")]
            assert sorted(numbers.take_back(path)) == sorted(expected.pop(p) for p in below)
        for known, number in expected.items():
            assert (numbers.get(known), numbers.path_of(number)) == (number, known)
    for path in list(expected):
        numbers.take_back(path)
    assert not numbers._ids
    assert not numbers._paths
    assert not numbers._below  # nothing is kept of paths that have gone


class CountedSet(set[str]):
    looked_through = 0

    def __iter__(self) -> Any:
        CountedSet.looked_through += len(self)
        return super().__iter__()


class CountedDict(dict[str, Any]):
    looked_through = 0

    def __iter__(self) -> Any:
        CountedDict.looked_through += len(self)
        return super().__iter__()


def test_what_leaves_costs_as_much_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = PathIds()
    monkeypatch.setattr(numbers, "_ids", CountedDict())
    for number in range(4000):
        numbers.give(f"Main/N{number}/Weapon")
        numbers.give(f"Main/N{number}")
    numbers._below = CountedDict({path: CountedSet(at) for path, at in numbers._below.items()})
    for number in range(4000):
        assert len(numbers.take_back(f"Main/N{number}")) == 2
    assert CountedSet.looked_through == 4000
    assert CountedDict.looked_through == 0


def test_what_has_gone_is_not_kept_as_told() -> None:
    cache = PathCache()
    for path in ("Main", "Main/A", "Main/B", "Mainly"):
        cache.tell(7, cache.id_of(path), confirmed=True)
    cache.tell(8, cache.id_of("Main/B"), confirmed=False)
    assert cache.forget_path("Main") == {7: [1, 2, 3], 8: [3]}
    assert cache._told == {7: {4: True}, 8: {}}
    assert not cache.has_told(7, 1)
    assert cache.forget_path("Main") == {}
    assert cache.id_of("Main") == 5


def test_the_checksum_of_a_path_is_that_of_its_last_number() -> None:
    cache = PathCache()
    for number, checksum in ((1, "first"), (2, "second")):
        cache.hear(7, Announce(number, "Main", checksum), most=0, replace=False)
    assert cache.checksum_heard(7, "Main") == "second"
    cache.unhear(7, 1)
    assert cache.checksum_heard(7, "Main") == "second"
    cache.unhear(7, 2)
    assert cache.checksum_heard(7, "Main") is None
    assert cache._heard_bytes == {7: 0}
