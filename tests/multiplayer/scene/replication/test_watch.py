"""What a receiver gets when a property has changed: all of it, or what is new inside of it."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import DecodeError, MsgpackCodec
from multiplayer.scene.replication.element_diff import changes_between, weight
from multiplayer.scene.replication.snapshots import same, snapshot
from multiplayer.scene.replication.watch import Received, Watch
from multiplayer.wire.dialects.element_changes import (
    MOST_ELEMENTS,
    DictionaryChanges,
    ElementChanges,
    ListChanges,
    Splice,
    read_changes,
)

CODEC = MsgpackCodec()

edits = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 4), st.lists(st.integers(0, 5), max_size=4)),
    min_size=1,
    max_size=5,
)
items = st.dictionaries(st.integers(0, 80), st.integers(0, 3), min_size=30, max_size=60)


def travelled(value: object) -> object:
    """What arrives where ``value`` is sent."""
    if isinstance(value, ListChanges | DictionaryChanges):
        return read_changes(CODEC.decode(CODEC.encode(value.as_values())))
    return CODEC.decode(CODEC.encode(value))


@given(st.lists(st.integers(0, 5), min_size=32, max_size=80), edits)
def test_changes_of_a_list_make_it_what_it_is(before: list[Any], made: Any) -> None:
    after = list(before)
    for at, gone, come in made:
        after[at : at + gone] = come
    changes = changes_between(before, after)
    if changes is not None:
        assert weight(changes) * 2 <= len(after)
        assert cast("Any", travelled(changes)).applied_to(before) == after


@given(items, items)
def test_changes_of_a_dictionary_make_it_what_it_is(before: Any, after: Any) -> None:
    changes = changes_between(before, after)
    if changes is not None:
        assert cast("Any", travelled(changes)).applied_to(before) == after


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda value: value.append(0.5), 2),
        (lambda value: value.insert(0, 0.5), 2),
        (lambda value: value.pop(), 1),
        (lambda value: value.pop(0), 1),
        (lambda value: value.__setitem__(2500, -1.0), 2),
        (lambda value: (value.pop(10), value.pop(4000), value.insert(2000, -1.0)), 4),
        (lambda value: value.__setitem__(slice(0, 5000, 100), [-1.0] * 50), 100),
        (lambda value: value.clear(), None),
        (lambda value: value.reverse(), None),
    ],
)
def test_few_changes_of_thousands_of_elements_are_short(change: Any, most: int | None) -> None:
    before = [float(number) for number in range(5000)]
    after = list(before)
    change(after)
    changes = changes_between(before, after)
    if most is None:
        assert changes is None
    else:
        assert changes is not None
        assert weight(changes) <= most
        assert changes.applied_to(before) == after


def test_types_of_elements_are_changes() -> None:
    before: list[Any] = [1] * 40
    after: list[Any] = [*before[:20], 1.0, *before[21:]]
    changes = changes_between(before, after)
    assert changes == ListChanges(40, [Splice(20, 1, [1.0])])
    assert same(changes.applied_to(before), after)


def test_the_first_look_and_each_change_make_a_version() -> None:
    watch = Watch()
    assert watch.look(5)
    assert not watch.look(5)
    assert watch.look(5.0)
    assert (watch.version, watch.since(0), watch.since(1)) == (2, 5.0, 5.0)


def test_a_first_value_of_none_is_a_version() -> None:
    watch = Watch()
    assert watch.look(None)
    assert not watch.look(None)
    assert watch.version == 1


def test_what_changed_and_came_back_between_two_looks_is_nothing() -> None:
    bag = [1]
    watch = Watch()
    watch.look(bag)
    bag.append(2)
    bag.pop()
    assert not watch.look(bag)
    bag.append(2)
    assert watch.look(bag)
    assert watch.since(1) == [1, 2]


@pytest.mark.parametrize("kind", ["list", "dictionary"])
def test_receivers_of_any_age_get_what_they_lack(kind: str) -> None:
    rng = random.Random(kind)
    watch = Watch(by_element=True)
    value: Any = list(range(200)) if kind == "list" else dict.fromkeys(range(200), 0)
    ages, bases = [0] * 6, [Received() for _ in range(6)]
    whole = by_element = 0
    here: list[Any] = [None] * 6
    for _ in range(300):
        for _ in range(rng.randrange(3)):
            where = rng.randrange(200)
            if kind == "dictionary":
                value.pop(where, None) if rng.random() < 0.4 else value.update(
                    {where: rng.random()}
                )
            elif rng.random() < 0.5 or len(value) < 50:
                value.insert(where, rng.random())
            else:
                del value[where % len(value)]
        watch.look(value)
        for receiver in range(6):
            if ages[receiver] == watch.version or rng.random() < receiver / 6:
                continue
            sent = watch.since(ages[receiver])
            is_changes = isinstance(sent, ListChanges | DictionaryChanges)
            whole, by_element = whole + (not is_changes), by_element + is_changes
            here[receiver] = bases[receiver].take(travelled(sent))
            ages[receiver] = watch.version
            assert same(here[receiver], value)
            here[receiver].clear()  # the game there may do what it likes with it
    assert by_element > 500
    assert whole < 100


def test_a_receiver_that_is_too_far_behind_gets_the_whole_value() -> None:
    watch = Watch(by_element=True)
    value = list(range(1000))
    watch.look(value)
    for number in range(100):
        value.append(number)
        watch.look(value)
    assert isinstance(watch.since(90), ListChanges)
    assert watch.since(1) == value
    assert watch.since(0) == value


def test_changes_are_made_once_for_all_receivers_of_an_age() -> None:
    watch = Watch(by_element=True)
    value = list(range(100))
    watch.look(value)
    value.append(1)
    watch.look(value)
    assert watch.since(1) is watch.since(1)


def test_a_receiver_that_skipped_something_takes_no_changes_until_a_whole_value_comes() -> None:
    received = Received()
    value = list(range(40))
    received.take(list(value))
    changes = ListChanges(40, [Splice(0, 1, [])])
    received.forget()
    for _ in range(2):
        with pytest.raises(DecodeError, match="changes of 40 elements, made to a NoneType"):
            received.take(changes)
    received.take(list(value))
    assert received.take(changes) == value[1:]


@pytest.mark.parametrize(
    "changes",
    [
        ListChanges(39, []),
        ListChanges(40, [Splice(39, 2, [])]),
        ListChanges(40, [Splice(0, 40, []), Splice(0, 1, [])]),
        ListChanges(40, [Splice(0, 0, [0] * MOST_ELEMENTS)]),
        DictionaryChanges(40, {}, []),
    ],
)
def test_changes_that_do_not_fit_are_refused_and_end_the_base(changes: ElementChanges) -> None:
    received = Received()
    received.take(list(range(40)))
    with pytest.raises(DecodeError):
        received.take(changes)
    with pytest.raises(DecodeError):
        received.take(ListChanges(40, []))


def test_many_changes_cannot_make_a_dictionary_without_bounds() -> None:
    base = dict.fromkeys(range(MOST_ELEMENTS), 0)
    with pytest.raises(DecodeError, match="65536"):
        DictionaryChanges(MOST_ELEMENTS, {"one more": 1}, []).applied_to(base)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        [-1],
        [True],
        [1.0],
        [MOST_ELEMENTS + 1],
        [40, 5],
        [40, [0, 1]],
        [40, [-1, 1, []]],
        [40, [0, True, []]],
        [40, [0, 1, {}]],
        [40, {}],
        [40, {}, {}],
        [40, {}, [{}]],
        [40, {}, [[{}]]],
        [40, {}, [[1]]],
        [40, {(1,): 1}, []],
    ],
)
def test_what_stands_for_no_changes(value: object) -> None:
    with pytest.raises(DecodeError):
        read_changes(value)


@given(
    st.recursive(
        st.integers(-1, 70) | st.text(max_size=1),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers(), inner),
        max_leaves=20,
    )
)
def test_anything_at_all_is_changes_or_refused(value: object) -> None:
    base = snapshot(list(range(40)))
    try:
        read_changes(value).applied_to(base)
    except DecodeError:
        assert base == list(range(40))


def test_keys_that_are_arrays_travel_whole() -> None:
    before: dict[Any, Any] = {(number, 0): number for number in range(100)}
    assert changes_between(before, before | {"a": 1}) is not None
    assert changes_between(before, before | {(5, 0): -1}) is None
    assert changes_between(before, {key: before[key] for key in list(before)[1:]}) is None


def test_many_splices_travel_whole() -> None:
    before = list(range(10_000))
    after = list(before)
    after[::30] = [-1] * len(after[::30])
    assert changes_between(before, after) is None
    with pytest.raises(DecodeError, match="256"):
        read_changes([100, *([0, 0, []] for _ in range(257))])


def test_versions_of_many_splices_together_travel_whole() -> None:
    watch = Watch(by_element=True)
    value = list(range(10_000))
    watch.look(value)
    for offset in (0, 1):
        value[offset::60] = [-1] * len(value[offset::60])
        watch.look(value)
    assert isinstance(watch.since(2), ListChanges)
    assert watch.since(1) == value


def test_after_a_mebibyte_of_changes_all_has_to_come_again() -> None:
    received = Received()
    received.take(list(range(40)), 100)
    changes = ListChanges(40, [Splice(0, 1, ["x"])])
    for _ in range(17):
        received.take(changes, 60_000)
    with pytest.raises(DecodeError, match="1048576 bytes"):
        received.take(changes, 60_000)
    with pytest.raises(DecodeError):
        received.take(changes, 1)
    received.take(list(range(40)), 100)
    assert received.take(changes, 60_000) == ["x", *range(1, 40)]
