"""``multiplayer.support.log_error``: exceptions in the log, whatever peers chose of their text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import pytest

from multiplayer import DecodeError
from multiplayer.support.log_error import describe_error, error_fields, kind_of
from multiplayer.support.log_text import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable

FORGED = "7\r\nWARNING peers: forged \x1b[2J" + "x" * 60_000
INDENTS = 4 * 10
"""How far the deepest line may be indented; the groups below are not that deep."""


def caught(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def look_up() -> NoReturn:
    raise LookupError(FORGED)


def look_up_again() -> None:
    try:
        look_up()
    except LookupError as error:
        raise ValueError("no such thing") from error


class MuteError(Exception):
    def __str__(self) -> str:
        raise TypeError("no words")


def test_type_text_and_place_of_the_exception() -> None:
    def fail() -> None:
        raise DecodeError("no value", 3)

    lines = describe_error(caught(fail)).splitlines()
    assert lines[0] == "multiplayer.errors.DecodeError: no value (at byte 3)"
    assert re.fullmatch(r'    File ".*test_log_error.py", line \d+, in caught', lines[1])
    assert lines[2] == "        function()"
    assert re.fullmatch(r'    File ".*test_log_error.py", line \d+, in fail', lines[3])
    assert lines[4:] == ['        raise DecodeError("no value", 3)']


def test_what_never_was_raised_has_one_line() -> None:
    assert describe_error(KeyError("name")) == "KeyError: 'name'"
    assert describe_error(TimeoutError()) == "TimeoutError"
    assert error_fields(KeyError("name")) == {"error_type": "KeyError"}


@pytest.mark.parametrize("function", [look_up, look_up_again], ids=["raised", "in a chain"])
def test_chosen_text_is_cut_and_begins_no_line(function: Callable[[], object]) -> None:
    text = describe_error(caught(function))
    lines = text.split("\n")
    assert all(line.isprintable() for line in lines)
    assert "LookupError: 7\\r\\nWARNING peers: forged \\x1b[2J" in text
    assert max(map(len, lines)) <= INDENTS + 100 + LONGEST
    assert [line for line in lines if not line.startswith("    ")] == lines[:1]


def test_causes_and_contexts_are_told_unless_suppressed() -> None:
    def handle_badly(*, openly: bool) -> None:
        try:
            look_up()
        except LookupError:
            if openly:
                raise ValueError("worse")  # noqa: B904 - what is tested
            raise ValueError("worse") from None

    assert "\n    raised from LookupError: 7" in describe_error(caught(look_up_again))
    openly = caught(lambda: handle_badly(openly=True))
    assert "\n    raised while handling LookupError: 7" in describe_error(openly)
    suppressed = describe_error(caught(lambda: handle_badly(openly=False)))
    assert "\n    raised" not in suppressed


def test_the_exceptions_of_a_group_are_told_each_further_in_than_the_group() -> None:
    inner = ExceptionGroup("inner", [KeyError("b")])
    lines = describe_error(ExceptionGroup("outer\nx", [KeyError("a"), inner])).splitlines()
    assert lines == [
        "ExceptionGroup: outer\\nx (2 sub-exceptions)",
        "        one of them: KeyError: 'a'",
        "        one of them: ExceptionGroup: inner (1 sub-exception)",
        "            one of them: KeyError: 'b'",
    ]


def test_of_many_exceptions_some_are_told() -> None:
    group = ExceptionGroup("many", [KeyError(number) for number in range(10_000)])
    assert len(describe_error(group).splitlines()) == 9
    assert describe_error(group).endswith("… and further exceptions")
    last: Exception = KeyError("first")
    for number in range(10_000):
        later = KeyError(number)
        later.__cause__ = last
        last = later
    assert len(describe_error(last).splitlines()) == 9


def test_a_circle_of_exceptions_ends() -> None:
    one, other = KeyError("a"), KeyError("b")
    one.__context__, other.__context__ = other, one
    assert describe_error(one).splitlines() == [
        "KeyError: 'a'",
        "    raised while handling KeyError: 'b'",
    ]


def test_of_a_deep_recursion_both_ends_are_told() -> None:
    def recurse(deeper: int) -> None:
        if not deeper:
            raise KeyError("deep")
        recurse(deeper - 1)

    text = describe_error(caught(lambda: recurse(300)))
    assert text.count("\n    File") == 16
    assert "\n    … 287 more\n" in text  # of 301 calls, one lambda and one caught
    assert text.endswith('        raise KeyError("deep")')


def test_an_exception_without_words() -> None:
    assert describe_error(MuteError()).endswith("MuteError: (its str() raises TypeError)")


class AnsweringMeta(type):
    def __getattribute__(cls, name: str) -> object:
        if name in ("__name__", "__qualname__", "__module__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class NamelessError(Exception, metaclass=AnsweringMeta):
    pass


class SecretiveError(Exception):
    def __getattribute__(self, name: str) -> object:
        if name == "__traceback__":
            raise RuntimeError(name)
        return super().__getattribute__(name)


class NotesError(Exception):
    @property
    def __notes__(self) -> list[str]:
        raise RuntimeError


class GrouplessError(ExceptionGroup[Exception]):
    @property
    def exceptions(self) -> tuple[Exception, ...]:  # type: ignore[override]
        raise RuntimeError


class LyingText(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError

    def isprintable(self) -> bool:
        return True


class LyingError(Exception):
    def __str__(self) -> str:
        return LyingText("a\nb")


@pytest.mark.parametrize(
    ("error", "first", "last"),
    [
        (NamelessError("why"), "NamelessError: why", None),
        (SecretiveError("why"), "SecretiveError: why", "    (describing it raises RuntimeError)"),
        (NotesError("why"), "NotesError: why", "    (describing it raises RuntimeError)"),
        (
            GrouplessError("why", [KeyError("a")]),
            "GrouplessError: why (1 sub-exception)",
            "    (describing it raises RuntimeError)",
        ),
        (LyingError(), "LyingError: a\\nb", None),
    ],
)
def test_nothing_that_its_class_does_comes_out(
    error: Exception, first: str, last: str | None
) -> None:
    lines = describe_error(error).split("\n")
    assert lines[0].removeprefix(f"{__name__}.") == first
    assert lines[1:] == ([] if last is None else [last])
    assert kind_of(error) == str(error_fields(error)["error_type"]) == first.partition(":")[0]


def test_long_names_and_notes_are_cut() -> None:
    error = type("E" * 100_000, (Exception,), {})("why")
    error.add_note("a\nb" + "x" * 60_000)
    for _ in range(100):
        error.add_note("more")
    lines = describe_error(error).splitlines()
    assert lines[0].endswith("E: why")
    assert lines[1].startswith("    a\\nb")
    assert lines[2:] == ["    more"]
    assert max(map(len, lines)) <= LONGEST + 4
    assert len(str(error_fields(error)["error_type"])) == LONGEST
