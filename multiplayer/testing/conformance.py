"""``check_multiplayer_peer``: whether a class does what every ``MultiplayerPeer`` should do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from multiplayer.errors import Error, MultiplayerError
from multiplayer.multiplayer_peer import MultiplayerPeer

from .checks import CHECKS
from .session import Knobs, Session, UnmetError, short

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator

    from .checks import Check

Server = TypeVar("Server", bound=MultiplayerPeer)
Client = TypeVar("Client", bound=MultiplayerPeer)


class CheckFailure(NamedTuple):
    """A check that a peer did not pass.

    Attributes:
        check: its name.
        expected: what a peer should do, in words.
        got: what this one does.
        source: what says so: a member of Godot's class reference, or a page of ours.
        error: what was raised, if anything was.
    """

    check: str
    expected: str
    got: str
    source: str
    error: Exception | None

    def __str__(self) -> str:
        return f"{self.check}: expected: {self.expected}; got: {self.got} ({self.source})"


class ConformanceError(AssertionError):
    """A peer did not pass all checks.

    Attributes:
        failures: those that it did not pass.
    """

    def __init__(self, failures: tuple[CheckFailure, ...]) -> None:
        super().__init__(failures)
        self.failures = failures

    def __str__(self) -> str:
        return "\n".join(["this peer does not do what a MultiplayerPeer does:", *self._lines()])

    def _lines(self) -> Iterator[str]:
        return (f"- {failure}" for failure in self.failures)


def check_multiplayer_peer(
    make_pair: Callable[[], tuple[Server, Client, Callable[[float], object]]],
    *,
    connect: Callable[[Server, Client], object] | None = None,
    another: Callable[[Server], Client] | None = None,
    modes: bool = True,
    channels: bool = True,
    without: Collection[str] = (),
    patience: float = 5.0,
) -> tuple[str, ...]:
    """Check that your class does what every ``MultiplayerPeer`` should do.

    Each check gets a pair of its own, which is closed after it. ``docs/multiplayer-peer.md`` lists
    the checks.

    Args:
        make_pair: makes a server that accepts clients, a client, and a function that lets a number
            of seconds pass while both poll at least once. The client is not connected yet; without
            ``connect`` it has begun to connect, and does so when polled.
        connect: begins to connect a client to a server; called again after the client has left.
            Without it, nothing before and after a session is checked.
        another: makes one more client of a server, as unconnected as that of ``make_pair``, whose
            function has to poll it, too. Without it, nothing that takes two clients is checked.
        modes: packets carry their transfer mode; otherwise all are reliable.
        channels: packets carry their channel; otherwise all are on 0.
        without: the names of checks to leave out because the peer has a reason to differ.
        patience: how many seconds each awaited event may take.

    Returns:
        The names of the checks that were made.

    Raises:
        ConformanceError: some have failed.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a name in ``without`` is not a check's.
    """
    knobs = _knobs(connect, another, modes=modes, channels=channels, patience=patience)
    chosen, failures = _chosen(knobs, without), list[CheckFailure]()
    for each in chosen:
        server, client, advance = make_pair()
        session = Session(server, client, knobs)
        try:
            for seconds in each.steps(session):
                advance(seconds)
        except Exception as error:  # whatever a class of somebody else's raises
            failures.append(_failure(each, error))
        finally:
            session.end()
        advance(0.0)
        if _is_hopeless(failures):
            break
    _raise_any(failures)
    return tuple(each.name for each in chosen)


async def async_check_multiplayer_peer(
    make_pair: Callable[[], Awaitable[tuple[Server, Client, Callable[[float], Awaitable[object]]]]],
    *,
    connect: Callable[[Server, Client], object] | None = None,
    another: Callable[[Server], Client] | None = None,
    modes: bool = True,
    channels: bool = True,
    without: Collection[str] = (),
    patience: float = 5.0,
) -> tuple[str, ...]:
    """Check the same for peers driven by something that waits: trio, asyncio or another library.

    Args:
        make_pair: as for :func:`check_multiplayer_peer`, but it and the function that it returns
            are awaited. The peers are driven already, or by that function.
        connect: see :func:`check_multiplayer_peer`, also for the next five. It is not awaited: it
            only begins.
        another: see there; it is not awaited, either.
        modes: see there.
        channels: see there.
        without: see there.
        patience: see there.

    Returns:
        The names of the checks that were made.

    Raises:
        ConformanceError: some have failed.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a name in ``without`` is not a check's.
    """
    knobs = _knobs(connect, another, modes=modes, channels=channels, patience=patience)
    chosen, failures = _chosen(knobs, without), list[CheckFailure]()
    for each in chosen:
        server, client, advance = await make_pair()
        session = Session(server, client, knobs)
        try:
            for seconds in each.steps(session):
                await advance(seconds)
        except Exception as error:  # whatever a class of somebody else's raises
            failures.append(_failure(each, error))
        finally:
            session.end()
        await advance(0.0)
        if _is_hopeless(failures):
            break
    _raise_any(failures)
    return tuple(each.name for each in chosen)


def _knobs(
    connect: Callable[[Server, Client], object] | None,
    another: Callable[[Server], Client] | None,
    *,
    modes: bool,
    channels: bool,
    patience: float,
) -> Knobs:
    return Knobs(
        cast("Callable[[MultiplayerPeer, MultiplayerPeer], object] | None", connect),
        cast("Callable[[MultiplayerPeer], MultiplayerPeer] | None", another),
        modes,
        channels,
        patience,
    )


def _chosen(knobs: Knobs, without: Collection[str]) -> list[Check]:
    names = {each.name for each in CHECKS}
    for name in without:
        if name not in names:
            message = f"there is no check {name!r}; the checks are {', '.join(sorted(names))}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    has = {
        "": True,
        "connect": knobs.connect is not None,
        "another": knobs.another is not None,
    }
    return [each for each in CHECKS if has[each.needs] and each.name not in without]


def _failure(check: Check, error: Exception) -> CheckFailure:
    if isinstance(error, UnmetError):
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else None
        return CheckFailure(check.name, error.expected, error.got, check.source, cause)
    what = (check.steps.__doc__ or "").strip()
    return CheckFailure(check.name, what, f"it raises {short(error)}", check.source, error)


def _is_hopeless(failures: list[CheckFailure]) -> bool:
    """Return whether no client can join, so that everything else would fail too."""
    return any(failure.check == CHECKS[0].name for failure in failures)


def _raise_any(failures: list[CheckFailure]) -> None:
    if failures:
        raise ConformanceError(tuple(failures)) from failures[0].error
