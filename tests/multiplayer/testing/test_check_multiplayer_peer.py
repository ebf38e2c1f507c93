"""``check_multiplayer_peer``: what it finds, and what it says."""

from __future__ import annotations

from functools import partial

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError, OfflineMultiplayerPeer
from multiplayer.testing import (
    ConformanceError,
    LoopbackNetwork,
    LoopbackPeer,
    async_check_multiplayer_peer,
    check_multiplayer_peer,
)
from multiplayer.testing.checks import CHECKS
from tests.multiplayer.testing.broken import BROKEN
from tests.multiplayer.testing.pairs import Maker, begin, checked

ALL = tuple(check.name for check in CHECKS)

each_check = pytest.mark.parametrize("name", ALL)


def failures_of(class_: type[LoopbackPeer], *without: str) -> ConformanceError:
    with pytest.raises(ConformanceError) as raised:
        checked(class_, *without)
    return raised.value


def test_each_check_has_a_name_of_its_own_and_a_peer_that_does_not_pass_it() -> None:
    assert len({*ALL}) == len(ALL)
    assert sorted(BROKEN) == sorted(ALL)


@each_check
@pytest.mark.handlers_fail
def test_a_peer_with_one_fault_fails_that_check_and_no_other(name: str) -> None:
    failures = failures_of(BROKEN[name]).failures
    assert [failure.check for failure in failures] == [name], failures
    (failure,) = failures
    (check,) = (each for each in CHECKS if each.name == name)
    assert failure.source == check.source
    assert failure.expected
    assert failure.got


def test_what_a_peer_has_a_reason_to_differ_in_is_left_out() -> None:
    left_out = ("counting", "modes")
    assert checked(LoopbackPeer, *left_out) == tuple(each for each in ALL if each not in left_out)
    assert checked(BROKEN["counting"], *left_out)


@pytest.mark.parametrize("relays", [True, False])
def test_a_peer_without_faults_passes_all(relays: bool) -> None:
    maker = Maker(network=partial(LoopbackNetwork, relays=relays))
    assert check_multiplayer_peer(maker.pair, connect=begin, another=maker.another) == ALL


@pytest.mark.parametrize("has_connect", [True, False])
@pytest.mark.parametrize("has_another", [True, False])
def test_what_takes_something_that_is_not_given_is_left_out(
    has_connect: bool, has_another: bool
) -> None:
    maker = Maker(connects=not has_connect)
    made = check_multiplayer_peer(
        maker.pair,
        connect=begin if has_connect else None,
        another=maker.another if has_another else None,
    )
    given = {"": True, "connect": has_connect, "another": has_another}
    assert made == tuple(check.name for check in CHECKS if given[check.needs])
    assert {check.needs for check in CHECKS} == {*given}


@pytest.mark.parametrize("knob", ["modes", "channels"])
def test_a_peer_that_tells_no_modes_or_no_channels_can_say_so(knob: str) -> None:
    maker = Maker(BROKEN[knob])
    assert "order" in check_multiplayer_peer(maker.pair, connect=begin, **{knob: False})
    honest = Maker()
    with pytest.raises(ConformanceError) as raised:
        check_multiplayer_peer(honest.pair, connect=begin, **{knob: False})
    assert [failure.check for failure in raised.value.failures] == [knob]


def test_a_check_that_there_is_not_cannot_be_left_out() -> None:
    with pytest.raises(MultiplayerError) as raised:
        checked(LoopbackPeer, "channel")
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
    assert "'channel'" in raised.value.message
    assert "channels" in raised.value.message


def test_the_error_says_what_was_expected_what_came_and_who_says_so() -> None:
    error = failures_of(BROKEN["counting"])
    assert str(error) == (
        "this peer does not do what a MultiplayerPeer does:\n"
        "- counting: expected: get_available_packet_count(), one packet after the other: "
        "[3, 2, 1, 0]; got: [1, 1, 1, 0] "
        "(Godot class reference, PacketPeer.get_available_packet_count)"
    )
    assert isinstance(error, AssertionError)


class Unfinished(LoopbackPeer):
    def get_packet_mode(self) -> int:  # type: ignore[override]
        raise NotImplementedError("later")

    def put_packet(self, buffer: bytes) -> None:
        if not isinstance(buffer, bytes):
            raise TypeError(buffer)
        super().put_packet(buffer)


def test_all_failures_are_told_and_what_a_peer_raises_is_one() -> None:
    error = failures_of(Unfinished)
    told = {failure.check: failure for failure in error.failures}
    assert sorted(told) == ["modes", "no_packet", "own_copies", "packet_arguments"]
    assert told["modes"].got == "it raises NotImplementedError: later"
    assert isinstance(told["modes"].error, NotImplementedError)
    assert told["packet_arguments"].got == "TypeError: text"
    assert "raises MultiplayerError with ERR_INVALID_PARAMETER" in told["packet_arguments"].expected
    assert error.__cause__ is told["modes"].error


def test_where_nobody_can_join_nothing_else_is_tried() -> None:
    made: list[object] = []

    class Counted(BROKEN["joining"]):  # type: ignore[misc]
        def create_server(self) -> None:
            made.append(self)
            super().create_server()

    (failure,) = failures_of(Counted).failures
    assert failure.check == "joining"
    assert failure.got == "not within 5 s"
    assert len(made) == 1


def test_patience_is_as_long_as_one_says() -> None:
    maker = Maker(BROKEN["joining"])
    server, _, advance = maker.pair()
    with pytest.raises(ConformanceError, match=r"not within 0\.25 s"):
        check_multiplayer_peer(lambda: (server, server, advance), patience=0.25)
    assert 0.25 <= server.network.time < 0.5


def test_pairs_are_closed_also_where_a_check_fails() -> None:
    made: list[LoopbackPeer] = []

    class Noted(BROKEN["modes"]):  # type: ignore[misc]
        def __init__(self, network: LoopbackNetwork) -> None:
            super().__init__(network)
            made.append(self)

    failures_of(Noted)
    assert len(made) > 2 * len(ALL)
    assert {peer.get_connection_status() for peer in made} == {
        ConnectionStatus.CONNECTION_DISCONNECTED
    }


async def test_the_async_twin_finds_the_same() -> None:
    async def make_pair() -> tuple[LoopbackPeer, LoopbackPeer, object]:
        server, client, advance = maker.pair()

        async def wait(seconds: float) -> None:
            advance(seconds)

        return server, client, wait

    maker = Maker()
    made = await async_check_multiplayer_peer(make_pair, connect=begin, another=maker.another)
    assert made == ALL
    for name in ("counting", "joining"):
        maker = Maker(BROKEN[name])
        with pytest.raises(ConformanceError) as raised:
            await async_check_multiplayer_peer(make_pair, connect=begin, another=maker.another)
        assert [failure.check for failure in raised.value.failures] == [name]


def test_offline_peers_are_none_to_be_checked() -> None:
    """They have nobody to talk to: a client cannot join, and so nothing else is tried."""
    with pytest.raises(ConformanceError) as raised:
        check_multiplayer_peer(
            lambda: (OfflineMultiplayerPeer(), OfflineMultiplayerPeer(), lambda _: None)
        )
    assert [failure.check for failure in raised.value.failures] == ["joining"]
