"""The pytest plugin: sessions in a network in a box, or over sockets, for tests of games.

Installed with this package. It needs pytest alone, and loads nothing of ours before a test uses one
of its fixtures. Errors in handlers, and what a test leaves behind, fail tests that use one, and
concern no others.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from multiplayer.testing import SimulatedNetwork

    from .checked import CheckedTest
    from .pair import Pair
    from .simulated_session import SimulatedSession
    from .websocket_session import WebSocketSession

_CHECKED: Final = pytest.StashKey["CheckedTest"]()
_SEED: Final = pytest.StashKey["int | None"]()
_OF_WORKERS: Final = "simulation_seed"
_OF_MARK: Final = ("conditions", "seed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--simulation-seed``."""
    parser.getgroup("gdpeers").addoption(
        "--simulation-seed",
        metavar="N",
        help="the seed of all simulated networks, whatever their marks say; 'random' draws one",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and look at the seed."""
    config.addinivalue_line(
        "markers",
        "simulated(conditions=None, seed=0): the network of this test: its Conditions or the name "
        "of a preset, and its seed",
    )
    drawn: dict[str, Any] = getattr(config, "workerinput", {})
    option = drawn.get(_OF_WORKERS, config.getoption("--simulation-seed", None))
    config.stash[_SEED] = _seed_of(option)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - of a plugin that may not be here
    """Have a worker of pytest-xdist take the seed that the header says."""
    seed = node.config.stash[_SEED]
    if seed is not None:
        node.workerinput[_OF_WORKERS] = str(seed)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which seed all networks have."""
    seed = config.stash[_SEED]
    return [] if seed is None else [f"simulation seed: {seed}"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that has passed, if something must not be."""
    result = yield
    checked = item.stash.get(_CHECKED, None)
    if checked is not None:
        faults = checked.finish()
        if faults:
            pytest.fail("\n".join(faults), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a test that has failed what happened in its network."""
    report = yield
    checked = item.stash.get(_CHECKED, None)
    if checked is not None and report.failed:
        story = checked.story()
        if story:
            report.sections.append(("simulated network", story))
    return report


# ---------------------------------------------------------------- fixtures


@pytest.fixture
def simulated_network(_checked_test: CheckedTest) -> SimulatedNetwork:
    """A network in a box: nothing happens in it before the test lets time pass."""
    return _checked_test.network


@pytest.fixture
def simulated_session(_checked_test: CheckedTest) -> Callable[..., SimulatedSession[Any]]:
    """Makes a session in that network: ``simulated_session(clients=2, dialect=…, root=Game)``."""
    return _checked_test.simulated_session


@pytest.fixture
def websocket_session(_checked_test: CheckedTest) -> Callable[..., WebSocketSession[Any]]:
    """Makes the same over sockets on 127.0.0.1: ``websocket_session(clients=2, …)``."""
    return _checked_test.websocket_session


@pytest.fixture
def peer_pair(_checked_test: CheckedTest) -> Pair[Any, Any]:
    """A ``WebSocketServer`` and a ``WebSocketClient``, connected: ``(server, client)``."""
    return _checked_test.pair()


@pytest.fixture
def _checked_test(request: pytest.FixtureRequest) -> Generator[CheckedTest]:
    """What the other fixtures take from, one for each test."""
    from .checked import CheckedTest  # noqa: PLC0415 - only now is anything of ours needed

    item: pytest.Item = request.node
    settings = _settings_of(item)
    seed = request.config.stash[_SEED]
    checked = CheckedTest(settings.get("seed", 0) if seed is None else seed, settings["conditions"])
    item.stash[_CHECKED] = checked
    try:
        yield checked
    finally:
        checked.close()


def _settings_of(item: pytest.Item) -> dict[str, Any]:
    """Return what the marks of a test say; of two that say the same thing, the closest counts."""
    settings: dict[str, Any] = {"conditions": None}
    for mark in reversed([*item.iter_markers("simulated")]):
        unknown = [name for name in mark.kwargs if name not in _OF_MARK]
        if mark.args or unknown:
            message = f"@pytest.mark.simulated takes conditions= and seed=, not {mark!r}"
            raise pytest.UsageError(message)
        settings |= mark.kwargs
    return settings


def _seed_of(option: str | None) -> int | None:
    if option is None:
        return None
    if option == "random":
        return secrets.randbits(31)
    try:
        return int(option)
    except ValueError:
        message = f"--simulation-seed takes an int, or 'random', not {option!r}"
        raise pytest.UsageError(message) from None
