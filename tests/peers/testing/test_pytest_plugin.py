"""The pytest plugin, in a pytest of its own, as its users have it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

import pytest

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


FAILS: Final = """
import asyncio, contextlib, threading
import peers.asyncio
from peers import WebSocketServer

open_servers = []

def test_an_assertion_in_an_rpc(simulated_session):
    session = simulated_session(clients=1, root=Game)
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()

def test_an_exception_that_is_only_logged(simulated_session):
    session = simulated_session(clients=1, root=Game)
    session.server.on_error = "log"
    session.roots[1].hit.rpc_id(1, 200)
    session.settle()

def test_a_server_that_is_left_open(peer_pair):
    open_servers.append(WebSocketServer())
    open_servers[0].bind_ip = "127.0.0.1"
    open_servers[0].listen(0)

def test_a_table_that_keeps_who_has_left(simulated_session):
    session = simulated_session(clients=1)
    session.server.handlers.kept = {session.clients[0].get_unique_id(): "something"}

def test_a_task_that_still_runs_an_api(websocket_session):
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
"""


def test_what_must_not_be_fails_the_test(pytester: pytest.Pytester) -> None:
    ended = outcome(pytester, FAILS)
    ended.assert_outcomes(failed=5)
    ended.stdout.fnmatch_lines_random(
        [
            "*assert 100 < 100*",
            "*a handler failed: peer *: hit() raised AssertionError: assert 200 < 100*",
            "*a WebSocketServer that still listens at port *: close() it*",
            "*peer *, which has left, in SceneMultiplayer*.kept[[]key[]]*",
            "*a task that still runs an API: *",
        ]
    )


def test_what_may_be_fails_nothing(pytester: pytest.Pytester) -> None:
    """In tests without the fixtures, anything; in those with one, what was meant."""
    ended = outcome(
        pytester,
        """
from peers import WebSocketServer
from multiplayer.testing import FAULTS, SimulatedNetwork
from peers.testing import SimulatedSession
kept = WebSocketServer()

def test_open_without_a_fixture():
    kept.bind_ip = "127.0.0.1"
    kept.listen(0)

def test_failing_without_a_fixture():
    session = SimulatedSession(SimulatedNetwork(), 1, root=Game)
    session.server.on_error = "log"
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()

def test_after_those(peer_pair):
    assert kept.is_listening()

def test_a_handler_that_is_to_fail(simulated_session):
    session = simulated_session(clients=1, root=Game)
    errors = []
    session.server.on_error = errors.append
    session.roots[1].hit.rpc_id(1, 100)
    session.settle()
    assert len(errors) == 1

@pytest.mark.parametrize("kind", ["simulated_session", "websocket_session"])
def test_a_peer_that_is_taken_away(request, kind):
    session = request.getfixturevalue(kind)(clients=2)
    session.clients[0].multiplayer_peer = None

@pytest.mark.simulated(conditions="terrible")
def test_all_faults(simulated_session):
    session = simulated_session(clients=3)
    session.network.schedule(faults=FAULTS, count=20)
    session.network.advance(5)

def test_what_happens_when_all_is_closed(simulated_session):
    session = simulated_session(clients=2)
    session.server.peer_disconnected.connect(lambda peer: pytest.fail("nobody leaves"))
""",
    )
    ended.assert_outcomes(passed=8)


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

def test_which(request, simulated_network):
    print("seed of the network:", simulated_network.seed)
    same = SEEN["five"] == SEEN["default"]
    assert same == (request.config.getoption("--simulation-seed") is not None)
"""


@pytest.mark.parametrize("arguments", [(), ("--simulation-seed=random",)])
def test_the_command_line_has_the_last_word_on_seeds(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    ended = outcome(pytester, SEEDS, *arguments, "-rP")
    ended.assert_outcomes(passed=4)
    header = [line for line in ended.outlines if line.startswith("simulation seed: ")]
    assert len(header) == len(arguments)
    for line in header:
        assert f"seed of the network: {line.rpartition(' ')[2]}" in ended.outlines


def test_workers_of_pytest_xdist_take_the_seed_that_was_drawn(pytester: pytest.Pytester) -> None:
    """Each draws nothing by itself; the header would tell a seed that no test has had."""
    pytester.makeconftest(
        """
import pytest
from types import SimpleNamespace
from peers.testing import pytest_plugin

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    stash = pytest.Stash()
    stash[pytest_plugin._SEED] = 77  # drawn by who begins the workers
    node = SimpleNamespace(config=SimpleNamespace(stash=stash), workerinput={})
    config.pluginmanager.hook.pytest_configure_node(node=node)
    config.workerinput = node.workerinput

@pytest.hookimpl
def pytest_addhooks(pluginmanager):
    class Xdist:
        @pytest.hookspec
        def pytest_configure_node(self, node): ...
    pluginmanager.add_hookspecs(Xdist)
"""
    )
    ended = outcome(
        pytester,
        """
def test_it(simulated_network):
    assert simulated_network.seed == 77
""",
        "--simulation-seed=random",
    )
    ended.assert_outcomes(passed=1)


def test_a_test_that_fails_tells_its_seed(pytester: pytest.Pytester) -> None:
    ended = outcome(
        pytester,
        """
from multiplayer.testing import Fault, Schedule

@pytest.mark.simulated(seed=5)
def test_it(simulated_session):
    session = simulated_session(clients=1, root=Game)
    session.network.schedule(Schedule((Fault("partition", 3.0, 1, 1.0),)))
    session.roots[1].hit.rpc_id(1, 5)
    session.network.advance(5)
    assert session.roots[0].hits == []
""",
    )
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(
        [
            "*simulated network*",
            "seed 5, at *",
            "3.000 s: partition 1 for 1.000 s",
            "*server*client 1",
            "*hit(5)",
            "to run it again: --simulation-seed=5",
        ]
    )


def test_a_mark_gives_conditions_and_is_refused_if_it_makes_no_sense(
    pytester: pytest.Pytester,
) -> None:
    ended = outcome(
        pytester,
        """
from multiplayer.testing import Conditions

@pytest.mark.simulated(sead=5)
def test_unknown(simulated_network): pass

@pytest.mark.simulated(5)
def test_by_place(simulated_network): pass

@pytest.mark.simulated(conditions="carrier_pigeon")
def test_preset(simulated_network): pass

@pytest.mark.simulated(conditions="carrier_pigeon")
def test_preset_of_nothing(simulated_session): pass

@pytest.mark.simulated(seed="five")
def test_seed(simulated_session): pass

@pytest.mark.simulated(conditions="mobile_3g")
class TestConditions:
    def test_of_a_class(self, simulated_session):
        session = simulated_session(clients=1)
        before = session.network.now
        session.settle()
        assert before >= 0.15

    @pytest.mark.simulated(conditions=Conditions(latency=0.5))
    def test_of_a_test(self, simulated_session):
        assert simulated_session(clients=1).network.now >= 1.0
""",
    )
    ended.assert_outcomes(errors=5, passed=2)
    ended.stdout.fnmatch_lines(["*there is no preset 'carrier_pigeon'; choose one of lan, *"])
    ended.stdout.fnmatch_lines(["*takes conditions= and seed=*"] * 2)


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
