"""The pytest plugin, in a pytest of its own, as its users have it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest_plugins = ("pytester",)

GAME: Final = """
import pytest
from multiplayer import Dialect, Node, rpc

class Game(Node):
    def __init__(self):
        super().__init__()
        self.hits = []

    @rpc("any_peer")
    def hit(self, points):
        assert points < 100
        self.hits.append(points)
"""


def outcome(
    pytester: pytest.Pytester, source: str, *arguments: str, ini: str = ""
) -> pytest.RunResult:
    """What became of the tests of a file."""
    pytester.makeini(f"[pytest]\naddopts = --strict-markers -W error\n{ini}")
    pytester.makepyfile(GAME + source)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_pytest_finds_it_by_itself() -> None:
    (found,) = (each for each in entry_points(group="pytest11") if each.name == "gdpeers")
    assert found.value == "peers.testing.pytest_plugin"


def test_nothing_of_ours_is_loaded_before_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def ours():
            return [name for name in sys.modules if name.split(".")[0] in ("multiplayer", "peers")]

        def test_before():
            assert sorted(ours()) == ["peers", "peers.testing", "peers.testing.pytest_plugin"]
            assert not {"trio", "asyncio", "hypothesis", "wsproto", "msgpack"} & {*sys.modules}

        def test_with(simulated_session):
            assert "multiplayer" in ours()
            assert "trio" not in sys.modules
        """
    )
    plugins = [
        argument
        for name in ("trio", "hypothesispytest", "anyio", "timeout")
        for argument in ("-p", f"no:{name}")
    ]
    ended = pytester.runpytest_subprocess("-p", "no:cacheprovider", *plugins)
    ended.assert_outcomes(passed=2)


def test_a_session_plays_the_same_in_the_box_and_over_sockets(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
@pytest.mark.parametrize("dialect", Dialect, ids=str)
@pytest.mark.parametrize("kind", ["simulated_session", "websocket_session"])
def test_play(request, kind, dialect):
    session = request.getfixturevalue(kind)(clients=3, dialect=dialect, root=Game)
    server, one, two, three = session.roots
    one.hit.rpc_id(1, 5)
    session.until(lambda: server.hits)
    assert server.hits == [5]
    session.leave(session.clients[1])
    late = session.root_of(session.join())
    assert len(session.server.get_peers()) == 3
    server.hit.rpc(7)
    session.until(lambda: one.hits and three.hits and late.hits)
    assert two.hits == []
""",
    )
    ended.assert_outcomes(passed=8)


def test_a_pair_is_connected_and_a_network_is_there(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
def test_pair(peer_pair):
    server, client = peer_pair
    client.put_var({"move": "north"})
    peer_pair.until(server.get_available_packet_count)
    assert server.get_var() == {"move": "north"}

def test_an_hour(simulated_network, simulated_session):
    session = simulated_session(clients=1)
    assert session.network is simulated_network
    before = simulated_network.now
    simulated_network.advance(3600)
    assert simulated_network.now == before + 3600
    assert len(session.server.get_peers()) == 1
""",
    )
    ended.assert_outcomes(passed=2)


FAILS: Final[Sequence[tuple[str, str, str]]] = [
    (
        "an assertion in an RPC",
        """
def test_it(simulated_session):
    session = simulated_session(clients=1, root=Game)
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()
""",
        "assert 100 < 100",
    ),
    (
        "an exception that is only logged",
        """
def test_it(simulated_session):
    session = simulated_session(clients=1, root=Game)
    session.server.on_error = "log"
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()
""",
        "a handler failed: peer *: hit() raised AssertionError: assert 100 < 100*",
    ),
    (
        "a server that is left open",
        """
from peers import WebSocketServer
kept = WebSocketServer()

def test_it(peer_pair):
    kept.bind_ip = "127.0.0.1"
    kept.listen(0)
""",
        "a WebSocketServer that still listens at port *: close() it",
    ),
    (
        "a table that keeps a peer that has left",
        """
def test_it(simulated_session):
    session = simulated_session(clients=1)
    session.server.handlers.kept = {session.clients[0].get_unique_id(): "something"}
""",
        "peer *, which has left, in SceneMultiplayer*.kept[[]key[]]",
    ),
    (
        "a task that still runs an API",
        """
import contextlib, asyncio, threading
import peers.asyncio

def test_it(websocket_session):
    session = websocket_session(clients=1)
    begun = threading.Event()

    async def main():
        task = asyncio.create_task(peers.asyncio.run(session.server))
        await asyncio.sleep(0)
        begun.set()
        with contextlib.suppress(Exception):
            await task

    threading.Thread(target=asyncio.run, args=[main()], daemon=True).start()
    assert begun.wait(20)
""",
        "a task that still runs an API: *",
    ),
]


@pytest.mark.parametrize(
    ("source", "line"), [fails[1:] for fails in FAILS], ids=[fails[0] for fails in FAILS]
)
def test_what_must_not_be_fails_the_test(pytester: pytest.Pytester, source: str, line: str) -> None:
    ended = outcome(pytester, source)
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines([f"*{line}*"])


def test_it_concerns_no_test_without_its_fixtures(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
from peers import WebSocketServer
from peers.memory import MemoryNetwork
from peers.testing.games import SimulatedSession
kept = WebSocketServer()

def test_open():
    kept.bind_ip = "127.0.0.1"
    kept.listen(0)

def test_failing():
    session = SimulatedSession(MemoryNetwork(), 1, root=Game)
    session.server.on_error = "log"
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()

def test_after_those(peer_pair):
    assert kept.is_listening()
""",
    )
    ended.assert_outcomes(passed=3)


def test_a_handler_that_is_to_fail_is_taken_by_a_function(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
def test_it(simulated_session):
    session = simulated_session(clients=1, root=Game)
    errors = []
    session.server.on_error = errors.append
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()
    assert len(errors) == 1
""",
    )
    ended.assert_outcomes(passed=1)


def test_what_is_closed_at_the_end_is_no_business_of_the_test(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
def test_it(simulated_session):
    session = simulated_session(clients=2)
    session.server.peer_disconnected.connect(lambda peer: pytest.fail("nobody leaves"))
""",
    )
    ended.assert_outcomes(passed=1)


# ---------------------------------------------------------------- the seed

SEEDS: Final = """
def drawn(network):
    return [client.get_unique_id() for client in network(clients=2).clients]

SEEN = {}

def test_default(simulated_session):
    SEEN["default"] = drawn(simulated_session)

@pytest.mark.simulated(seed=5)
def test_five(simulated_session):
    SEEN["five"] = drawn(simulated_session)

@pytest.mark.simulated(seed=5)
def test_five_again(simulated_session):
    assert SEEN["five"] == drawn(simulated_session)

def test_which(request):
    same = SEEN["five"] == SEEN["default"]
    assert same == (request.config.getoption("--simulation-seed") is not None)
"""


@pytest.mark.parametrize("arguments", [(), ("--simulation-seed=7",), ("--simulation-seed=random",)])
def test_the_command_line_has_the_last_word_on_seeds(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    ended = outcome(pytester, SEEDS, *arguments)
    ended.assert_outcomes(passed=4)
    header = [line for line in ended.outlines if line.startswith("simulation seed: ")]
    assert len(header) == len(arguments)


def test_a_test_that_fails_tells_its_seed(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
@pytest.mark.simulated(seed=5)
def test_it(simulated_session):
    session = simulated_session(clients=1, root=Game)
    session.roots[1].hit.rpc_id(1, 5)
    session.settle()
    assert session.roots[0].hits == []
""",
    )
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*simulated network*", "*seed 5*--simulation-seed=5*"])


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("simulated(sead=5)", "takes conditions= and seed="),
        ("simulated(5)", "takes conditions= and seed="),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(
    pytester: pytest.Pytester, mark: str, words: str
) -> None:
    ended = outcome(pytester, f"\n@pytest.mark.{mark}\ndef test_it(simulated_network): pass\n")
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines([f"*{words}*"])


def test_a_seed_that_is_none_is_refused(pytester: pytest.Pytester) -> None:
    ended = outcome(pytester, "", "--simulation-seed=five")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["*--simulation-seed takes an int, or 'random', not 'five'*"])


def test_under_pytest_trio_both_get_along(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
import peers

async def test_it(websocket_session, nursery):
    session = websocket_session(clients=1, root=Game)
    nursery.start_soon(peers.run, session.server)
    client = session.roots[1]
    client.hit.rpc_id(1, 5)
    session.clients[0].poll()
    import trio
    while not session.roots[0].hits:
        await trio.lowlevel.checkpoint()
    nursery.cancel_scope.cancel()
""",
        "-W",
        "ignore::pytest.PytestDeprecationWarning:pytest_trio",
        ini="trio_mode = true",
    )
    ended.assert_outcomes(passed=1)
