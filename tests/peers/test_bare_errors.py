"""``bare_errors``: what a group of tasks raises, as whoever called expects it."""

from __future__ import annotations

import asyncio

import pytest
import trio

from peers.driving.errors import bare_errors


def group(*errors: BaseException) -> BaseExceptionGroup[BaseException]:
    return BaseExceptionGroup("a nursery's", errors)


async def cancelled() -> trio.Cancelled:
    """Only trio can make one."""
    kept: list[trio.Cancelled] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            kept.append(error)
            raise
    return kept[0]


def raised(error: BaseExceptionGroup[BaseException]) -> BaseException:
    with pytest.raises(BaseException) as caught, bare_errors(trio.Cancelled):
        raise error
    return caught.value


def test_one_error_keeps_its_cause_and_context() -> None:
    error, cause, context = KeyError("mine"), ValueError("cause"), TypeError("context")
    error.__cause__, error.__context__ = cause, context
    assert raised(group(error)) is error
    assert (error.__cause__, error.__context__) == (cause, context)
    other = KeyError("raised while another was handled")
    other.__context__ = context
    raised(group(other))
    assert (other.__context__, other.__suppress_context__) == (context, False)


def test_a_group_of_the_programs_own_stays_one() -> None:
    own = ExceptionGroup("mine", [KeyError("inside")])
    assert raised(group(own)) is own


def test_several_errors_stay_a_group() -> None:
    several = group(KeyError("one"), ValueError("another"))
    assert raised(several) is several


async def test_a_cancellation_beside_an_error_does_not_count() -> None:
    error, cancellation = KeyError("mine"), await cancelled()
    assert raised(group(cancellation, error)) is error
    assert raised(group(group(cancellation, cancellation), error)) is error
    assert raised(group(cancellation)) is cancellation
    assert raised(group(cancellation, await cancelled())) is cancellation


def test_asyncios_cancellation_beside_an_error_does_not_count_either() -> None:
    error, cancellation = KeyError("mine"), asyncio.CancelledError()
    with pytest.raises(KeyError) as caught, bare_errors(asyncio.CancelledError):
        raise group(cancellation, group(cancellation), error)
    assert caught.value is error
    with pytest.raises(asyncio.CancelledError), bare_errors(asyncio.CancelledError):
        raise group(cancellation)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_leaves_alone(kind: type[BaseException]) -> None:
    several = group(ValueError("meanwhile"), kind(3))
    error = raised(several)
    assert type(error) is kind
    assert (error.args, error.__cause__) == ((3,), several)
