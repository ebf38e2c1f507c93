"""Waiting under asyncio: nothing is missed, nothing spins, each loop is by itself."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer import ConnectionStatus, Error, MultiplayerError, SceneMultiplayer, rpc
from peers import SocketEngine, WebSocketClient, WebSocketServer
from peers.asyncio import connect, emissions, fired, run, serve
from tests.drivers import LOOPS
from tests.peers.asyncio.sessions import Polls, listening, until, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    InLoop = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


def test_packets_go_back_and_forth_and_each_wakes_one_poll(in_loop: InLoop) -> None:
    rounds = 200

    async def main() -> None:
        quiet = WebSocketServer()
        polls = Polls(quiet)
        async with (
            serve(0, peer=quiet) as server,
            connect(url_of(server)) as client,
            emissions(server.peer_packet) as at_server,
            emissions(client.peer_packet) as at_client,
        ):
            before = polls.count
            for number in range(rounds):
                client.set_target_peer(1)
                client.put_packet(b"%d" % number)
                (source,) = await anext(at_server)
                assert server.get_packet() == b"%d" % number
                server.set_target_peer(source)
                server.put_packet(b"back")
                await anext(at_client)
                client.get_packet()
            # One for what comes, one for what is put; and few for nothing.
            assert rounds < polls.count - before < 4 * rounds
        assert client.get_connection_status() == server.get_connection_status() == DISCONNECTED

    in_loop(main)


def test_who_has_nothing_to_do_is_not_polled(in_loop: InLoop) -> None:
    async def main() -> None:
        quiet = WebSocketServer()
        polls = Polls(quiet)
        async with serve(0, peer=quiet) as server, connect(url_of(server)) as client:
            await until(server.get_peers)
            client.put_packet(b"the last")
            await fired(server.peer_packet)
            before = polls.count
            for _ in range(1000):
                await asyncio.sleep(0)
            assert polls.count - before <= 3

    in_loop(main)


def test_wakes_of_other_tasks_are_not_lost(in_loop: InLoop) -> None:
    """Each may come at any point of a run's wait."""

    async def main() -> None:
        server = listening()
        running = asyncio.create_task(run(server))
        async with (
            connect(url_of(server)) as client,
            emissions(client.peer_packet) as packets,
        ):
            await until(server.get_peers)
            server.set_target_peer(0)
            for turns in range(60):
                for _ in range(turns % 6):
                    await asyncio.sleep(0)
                server.put_packet(b"%d" % turns)
                await anext(packets)
                assert client.get_packet() == b"%d" % turns
        server.stop()
        await running

    in_loop(main)


def test_a_deadline_is_kept_and_waited_for(in_loop: InLoop) -> None:
    class Above:
        def __init__(self) -> None:
            self.multiplayer_peer = listening()
            self.due = self.multiplayer_peer.now() + 0.05
            self.polls = 0

        def next_deadline(self) -> float:
            return self.due

        def poll(self) -> None:
            self.polls += 1
            self.multiplayer_peer.poll()
            if self.multiplayer_peer.now() >= self.due:
                self.due = math.inf
                self.multiplayer_peer.close()

    above = Above()
    in_loop(lambda: run(above))
    # A loop whose timers have a resolution of a millisecond may come that much early.
    assert 2 <= above.polls < 500


def test_run_lets_others_go_on_even_with_nothing_to_run_for(in_loop: InLoop) -> None:
    async def main() -> None:
        others: list[str] = []

        async def other() -> None:
            others.append("went on")

        for what in ((), (WebSocketClient(),), (WebSocketClient(), WebSocketServer())):
            task = asyncio.create_task(other())
            await run(*what)
            assert others.pop() == "went on"
            await task

    in_loop(main)


def test_hz_polls_at_a_rate_and_leaves_missed_ticks_out() -> None:
    """On a clock of the test's own: the loop does not wait, it puts the time forward."""

    class Jumping(asyncio.SelectorEventLoop):
        ahead = 0.0

        def time(self) -> float:
            return self.ahead

        def call_at(self, when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
            self.call_soon(self.jump, when)
            return super().call_at(when, *args, **options)

        def jump(self, when: float) -> None:
            self.ahead = max(self.ahead, when)

    polls: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Jumping)
        server = listening()
        poll = server.poll

        def counted() -> None:
            polls.append(loop.time())
            poll()
            loop.ahead += 0.25 if len(polls) == 3 else 0.03
            if len(polls) == 6:
                server.close()

        server.poll = counted  # type: ignore[method-assign]
        await run(server, hz=10)

    with asyncio.Runner(loop_factory=Jumping) as runner:
        runner.run(main())
    assert [round(when, 6) for when in polls] == [0.0, 0.1, 0.2, 0.45, 0.55, 0.65]


def test_loops_in_several_threads_do_not_meddle(in_loop: InLoop) -> None:
    ended: list[bytes] = []

    async def main() -> None:
        async with (
            serve(0) as server,
            connect(url_of(server)) as client,
            emissions(server.peer_packet) as packets,
        ):
            for _ in range(50):
                client.put_packet(threading.current_thread().name.encode())
                await anext(packets)
                ended.append(server.get_packet())

    names = [f"loop {number}" for number in range(3)]
    threads = [threading.Thread(target=in_loop, args=(main,), name=name) for name in names]
    for thread in threads:
        thread.start()
    in_loop(main)
    for thread in threads:
        thread.join()
    assert sorted({*ended}) == sorted(
        name.encode() for name in [*names, threading.current_thread().name]
    )
    assert len(ended) == 200


def test_no_thread_and_no_reader_is_left(in_loop: InLoop) -> None:
    before = threading.active_count()

    async def main() -> None:
        for _ in range(3):
            async with serve(0) as server, connect(url_of(server)):
                pass
        assert threading.active_count() == before

    in_loop(main)


def test_a_peer_is_run_by_one_library_after_the_other(in_loop: InLoop) -> None:
    server = listening()
    server.peer_packet.connect(lambda _: server.begin_leaving())
    heard: list[bytes] = []

    async def under_asyncio() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run(server))
            async with connect(url_of(server)) as client:
                client.put_packet(b"asyncio")

    async def under_trio() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peers.run, server)
            async with peers.connect(url_of(server)) as client:
                client.put_packet(b"trio")

    for run_it in (under_asyncio, under_trio, under_asyncio, under_trio):
        if server.get_connection_status() == DISCONNECTED:
            server.listen(0, gd_mp_api=True)
        trio.run(run_it) if run_it is under_trio else in_loop(run_it)
        heard.append(server.get_packet())
        assert not server.endpoint.awaited
    assert heard == [b"asyncio", b"trio", b"asyncio", b"trio"]


def test_what_one_library_runs_the_other_does_not(in_loop: InLoop) -> None:
    server, api = listening(), SceneMultiplayer()
    api.multiplayer_peer = server

    async def other_library() -> None:
        with pytest.raises(MultiplayerError, match="is already being run") as caught:
            await peers.run(api)
        assert caught.value.code == Error.ERR_ALREADY_IN_USE
        with pytest.raises(MultiplayerError, match="is already being run") as caught:
            await peers.run(server)
        assert caught.value.code == Error.ERR_ALREADY_IN_USE

    async def main() -> None:
        running = asyncio.create_task(run(api))
        await until(lambda: server.endpoint.awaited)
        await asyncio.to_thread(trio.run, other_library)
        server.close()
        await running

    in_loop(main)


class Shop:
    def __init__(self) -> None:
        self.begun = False

    @rpc("any_peer")
    async def buy(self) -> None:
        self.begun = True
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("hz", [None, 1000.0])
@pytest.mark.parametrize("name", [*LOOPS])
def test_a_loop_that_is_closed_gives_its_peers_back(name: str, hz: float | None) -> None:
    """By ``close()`` and without ``asyncio.run``, which would cancel what runs."""
    make, threads = LOOPS[name], threading.active_count()
    if make is None:
        pytest.skip(f"{name} is not installed")
    server, api = listening(), SceneMultiplayer()
    shop = Shop()
    api.add("Shop", shop)
    api.multiplayer_peer = server

    loop = make()
    abandoned = loop.create_task(run(api, hz=hz, on_error="raise"))
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]
    client = WebSocketClient()
    client.connect_to_url(url_of(server), gd_mp_api=True)

    async def a_while() -> None:
        while not server.get_peers():
            client.poll()
            await asyncio.sleep(0)

    loop.run_until_complete(a_while())
    loop.close()
    # Nobody polls it now, and it is whole: it can be polled, told to send, and run again.
    server.set_target_peer(0)
    server.put_packet(b"from nobody's loop")
    server.poll()
    client.poll()
    assert client.get_packet() == b"from nobody's loop"

    async def main() -> None:
        again = asyncio.create_task(run(api))
        await until(lambda: server.endpoint.awaited)
        server.put_packet(b"from another loop")
        while not client.get_available_packet_count():
            client.poll()
            await asyncio.sleep(0)
        assert client.get_packet() == b"from another loop"
        server.close()
        await again

    asyncio.run(main())
    client.close()
    server.listen(0, gd_mp_api=True)
    coroutine = abandoned.get_coro()
    assert coroutine is not None
    coroutine.close()  # as the garbage collector does at some time, in an order of its own
    assert server.is_listening()  # it is not the abandoned one's any more
    server.stop()
    assert threading.active_count() == threads
    assert api.spawn is None


@pytest.mark.parametrize("name", [*LOOPS])
def test_who_was_abandoned_by_its_loop_disturbs_nobody(name: str) -> None:
    """The collector may end it at any time: also while the next one drives the same peer."""
    make, threads = LOOPS[name], threading.active_count()
    if make is None:
        pytest.skip(f"{name} is not installed")
    server, api = listening(), SceneMultiplayer()
    shop = Shop()
    api.add("Shop", shop)
    api.multiplayer_peer = server
    loop = make()
    told: list[Exception] = []
    tell = told.append
    abandoned = loop.create_task(run(api, on_error=tell))
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]

    async def begun() -> None:
        await until(lambda: server.endpoint.on_wake is not None)

    loop.run_until_complete(begun())
    loop.close()

    async def main() -> None:
        again = asyncio.create_task(run(api, on_error=tell))
        other, theirs = SceneMultiplayer(), Shop()
        other.add("Shop", theirs)
        async with connect(url_of(server), api=other) as client:
            await until(lambda: server.endpoint.on_wake is not None)
            coroutine = abandoned.get_coro()
            assert coroutine is not None
            coroutine.close()
            # What is put by another task still wakes the new one,
            assert server.endpoint.on_wake is not None
            server.set_target_peer(0)
            server.put_packet(b"woken")
            await fired(client.peer_packet)
            # what goes wrong is told,
            server.handlers.failed(0, "a test", ValueError())
            assert [type(error) for error in told] == [ValueError]
            # and a method is a task of the new one.
            theirs.buy.rpc_id(1)
            await until(lambda: shop.begun)
        server.close()
        await again

    asyncio.run(main())
    assert api.spawn is None
    assert api.handlers.on_error is None
    assert server.handlers.on_error is None
    assert threading.active_count() == threads


def test_who_shares_an_engine_with_who_was_abandoned_is_served() -> None:
    """The closed loop would have waited for both."""
    engine = SocketEngine()
    first, second = WebSocketServer(), WebSocketServer()
    for server in (first, second):
        server.use_engine(engine)
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(run(first))
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.run_until_complete(until(lambda: first.endpoint.on_wake is not None))
    loop.close()

    async def main() -> None:
        running = asyncio.create_task(run(second))
        async with connect(url_of(second)) as client:
            assert second.get_peers() == [client.get_unique_id()]
        second.close()
        await running

    asyncio.run(main())
    first.close()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_tasks_of_an_eager_factory_begin_behind_the_poll() -> None:
    log: list[str] = []

    class Above:
        spawn: Callable[..., None] | None = None

        def __init__(self) -> None:
            self.multiplayer_peer = listening()

        def poll(self) -> None:
            self.multiplayer_peer.poll()
            assert self.spawn is not None
            for number in range(3):
                self.spawn(self.task, number)
            log.append("polled")

        async def task(self, number: int) -> None:
            log.append(str(number))
            self.multiplayer_peer.close()

    async def main() -> None:
        eager: Any = getattr(asyncio, "eager_task_factory", None)
        asyncio.get_running_loop().set_task_factory(eager)
        await run(Above())

    asyncio.run(main())
    assert log[:4] == ["polled", "0", "1", "2"]


def test_many_deadlines_leave_few_timers() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with (
            serve(0, heartbeat_interval=5.0) as server,
            connect(url_of(server), heartbeat_interval=5.0) as client,
            emissions(server.peer_packet) as packets,
        ):
            for _ in range(100):
                client.put_packet(b"x")
                await anext(packets)
                server.get_packet()
            assert len(loop._scheduled) < 20  # type: ignore[attr-defined]

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())
