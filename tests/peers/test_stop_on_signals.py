"""``stop_on_signals`` of ``peers.serve`` and ``peers.run``."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Error, MultiplayerError, SceneMultiplayer
from peers import WebSocketClient, WebSocketServer, connect, run, serve
from tests.driving import PATIENCE, Recorder, until
from tests.programs import started
from tests.raw import CLOSE, Raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.drivers import Way

SIGNALS = [signal.SIGINT, signal.SIGTERM]

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


@pytest.fixture(autouse=True)
def same_handlers() -> Iterator[None]:
    """What the signals do is the same after each test as before."""
    before = [signal.getsignal(each) for each in SIGNALS]
    yield
    assert [signal.getsignal(each) for each in SIGNALS] == before


def listening() -> WebSocketServer:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    return server


async def answer_close(raw: Raw) -> bytes:
    body = await raw.receive_close()
    await raw.send_frame(body, CLOSE)
    return body


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_leaves_the_block_of_serve(way: Way, number: signal.Signals) -> None:
    steps: list[str] = []
    bodies: list[bytes] = []
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            async with way.serve(0, stop_on_signals=True) as server:
                at_server = Recorder(server)
                raw = await Raw.connect(server.get_local_port())
                await until(lambda: "peer_connected" in at_server)

                async def answer() -> None:
                    bodies.append(await answer_close(raw))

                nursery.start_soon(answer)
                try:
                    async with trio.open_nursery() as inner:
                        inner.start_soon(trio.sleep_forever)
                        signal.raise_signal(number)
                        await trio.sleep_forever()
                finally:
                    steps.append("body")
            steps.append("after")
    assert steps == ["body", "after"]
    assert bodies == [b"\x03\xe8"]  # 1000: left as always
    assert at_server.of("client_disconnected")[0][1] is True
    assert not server.is_listening()
    await raw.close()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("hz", [None, 100.0])
async def test_a_signal_ends_run(way: Way, number: signal.Signals, hz: float | None) -> None:
    first, second = listening(), SceneMultiplayer()
    second.multiplayer_peer = other = listening()
    bodies: list[bytes] = []

    async def stop_and_answer() -> None:
        raw = await Raw.connect(first.get_local_port())
        await until(first.get_peers)
        signal.raise_signal(number)
        bodies.append(await answer_close(raw))
        await raw.receive_end()
        await raw.close()

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_and_answer)
            await way.run(first, second, hz=hz, stop_on_signals=True)
    assert bodies == [b"\x03\xe8"]
    assert not first.is_listening()
    assert not other.is_listening()


async def test_run_ends_by_itself_as_well(way: Way) -> None:
    server = listening()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(way.run, server, stop_on_signals=True))
            await until(lambda: server.endpoint.awaited)
            server.stop()


@pytest.mark.parametrize("how", ["serve", "run"])
async def test_a_second_signal_waits_for_nobody(way: Way, how: str) -> None:
    server = WebSocketServer()
    server.close_timeout = 1000.0

    async def signal_twice() -> None:
        raw = await Raw.connect(server.get_local_port())
        await until(server.get_peers)
        signal.raise_signal(signal.SIGTERM)
        assert await raw.receive_close() == b"\x03\xe8"  # and it gives no answer
        signal.raise_signal(signal.SIGTERM)
        await raw.receive_end()
        await raw.close()

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            if how == "serve":
                async with way.serve(0, peer=server, stop_on_signals=True):
                    nursery.start_soon(signal_twice)
                    await trio.sleep_forever()
            else:
                server.listen(0, gd_mp_api=True)
                nursery.start_soon(signal_twice)
                await way.run(server, stop_on_signals=True)
    assert not server.is_listening()


async def test_who_never_answers_is_waited_for_no_longer_than_twice_the_timeout(way: Way) -> None:
    server = listening()
    server.stop()
    server.close_timeout = 0.05
    server.listen(0, gd_mp_api=True)
    clients: list[Raw] = []

    async def join() -> None:
        clients.append(await Raw.connect(server.get_local_port()))
        await until(server.get_peers)
        signal.raise_signal(signal.SIGTERM)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(join)
            await way.run(server, stop_on_signals=True)
    await clients[0].close()


async def test_what_the_block_raises_while_it_ends_comes_out(way: Way) -> None:
    async def end_badly() -> None:
        async with way.serve(0, stop_on_signals=True):
            try:
                signal.raise_signal(signal.SIGTERM)
                await trio.sleep_forever()
            finally:
                raise LookupError("at the end")

    with pytest.raises(LookupError, match="at the end"):
        await end_badly()


async def test_a_cancellation_from_outside_stays_one(way: Way) -> None:
    with trio.CancelScope() as scope:
        async with way.serve(0, stop_on_signals=True):
            scope.cancel()
            await trio.sleep_forever()
        raise AssertionError("cancelled, and went on")
    assert scope.cancelled_caught


async def test_a_client_runs_with_it_too(way: Way) -> None:
    async with way.serve(0) as server:
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        at_client = Recorder(client)
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(way.run, client, stop_on_signals=True))
                await until(lambda: "connection_succeeded" in at_client)
                signal.raise_signal(signal.SIGINT)
        assert at_client.of("connection_closed") == [(True,)]


async def test_without_it_signals_do_what_they_did(way: Way) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    async with way.serve(0) as server:
        assert [signal.getsignal(each) for each in SIGNALS] == before
        async with way.connect(f"ws://127.0.0.1:{server.get_local_port()}"):
            assert [signal.getsignal(each) for each in SIGNALS] == before


def test_it_is_for_the_main_thread() -> None:
    async def main() -> None:
        await trio.to_thread.run_sync(trio.run, elsewhere)

    async def elsewhere() -> None:
        with pytest.raises(MultiplayerError, match="main thread") as refusal:
            async with serve(0, peer=server, stop_on_signals=True):
                pass
        assert refusal.value.code is Error.ERR_UNAVAILABLE
        assert not server.is_listening()
        server.listen(0)
        with pytest.raises(MultiplayerError, match="main thread") as refusal:
            await run(server, stop_on_signals=True)
        assert refusal.value.code is Error.ERR_UNAVAILABLE

    server = WebSocketServer()
    trio.run(main)
    server.stop()


SERVING = """
import trio, peers

async def main():
    async with peers.serve(0, stop_on_signals=True) as server:
        print("port", server.get_local_port(), flush=True)
        await trio.sleep_forever()
    print("left")

trio.run(main)
"""

RUNNING = """
import functools, trio, peers
server = peers.WebSocketServer()
server.bind_ip = "127.0.0.1"
server.listen(0, gd_mp_api=True)

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(peers.run, server, stop_on_signals=True))
        await trio.testing.wait_all_tasks_blocked()
        print("port", server.get_local_port(), flush=True)

import trio.testing
trio.run(main)
print("left")
"""


@posix
@pytest.mark.parametrize("program", [SERVING, RUNNING], ids=["serve", "run"])
@pytest.mark.parametrize("number", SIGNALS)
async def test_a_program_ends_with_status_0_and_without_a_traceback(
    program: str, number: signal.Signals
) -> None:
    with started("-c", program) as running:
        port = int((await trio.to_thread.run_sync(running.until, r"port (\d+)"))[1])
        async with connect(f"ws://127.0.0.1:{port}") as client:
            at_client = Recorder(client)
            os.kill(running.process.pid, number)
            await until(lambda: "connection_closed" in at_client)
            assert at_client.of("connection_closed") == [(True,)]
            assert client.get_peer(1).get_close_code() == 1000
        assert await trio.to_thread.run_sync(running.rest) == ["left"]
        assert running.status() == 0
