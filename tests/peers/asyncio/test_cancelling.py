"""Cancellation, Ctrl-C and exceptions under asyncio."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    ConnectionStatus,
    Error,
    MultiplayerError,
    RemoteError,
    SceneMultiplayer,
    rpc,
)
from peers import WebSocketClient, WebSocketServer
from peers.asyncio import connect, emissions, fired, reply, run, serve
from peers.asyncio.cancel_scope import CancelScope
from peers.asyncio.tasks import open_group
from tests.driving import Recorder
from tests.peers.asyncio.sessions import listening, until, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    InLoop = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


# ---------------------------------------------------------------- cancelling


def test_a_cancelled_run_says_1001_and_closes_at_once(in_loop: InLoop) -> None:
    async def main() -> None:
        server, client = listening(), WebSocketClient()
        at_client = Recorder(client)
        running = asyncio.create_task(run(server))
        async with connect(url_of(server), peer=client):
            await until(server.get_peers)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert server.get_connection_status() == DISCONNECTED
            await until(lambda: "server_close_request" in at_client)
        assert at_client.of("server_close_request") == [(1001, "")]

    in_loop(main)


@pytest.mark.parametrize("block", ["serve", "connect"])
def test_a_timeout_around_a_block_is_a_timeout(in_loop: InLoop, block: str) -> None:
    async def main() -> None:
        async with serve(0) as outer:
            inner: Any = serve(0) if block == "serve" else connect(url_of(outer))
            entered: list[Any] = []

            async def wait_in_it() -> None:
                async with asyncio.timeout(None) as limit, inner as peer:
                    entered.append(peer)
                    limit.reschedule(0.0)
                    await forever()

            with pytest.raises(TimeoutError):
                await wait_in_it()
            assert entered[0].get_connection_status() == DISCONNECTED
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            await asyncio.sleep(0)  # and nothing strikes later

    in_loop(main)


def test_cancelled_while_it_leaves_it_ends_at_once(in_loop: InLoop) -> None:
    async def main() -> None:
        quiet = WebSocketServer()
        quiet.close_timeout = 1000.0
        entered = asyncio.Event()

        async def serve_and_leave() -> None:
            async with serve(0, peer=quiet):
                entered.set()
                await until(quiet.get_peers)

        leaving = asyncio.create_task(serve_and_leave())
        await entered.wait()
        reader, writer = await silent_client(quiet)
        await reader.readuntil(b"\x88\x02\x03\xe8")  # a close frame, 1000, and it waits for another
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert quiet.get_connection_status() == DISCONNECTED
        writer.close()
        await writer.wait_closed()

    in_loop(main)


async def silent_client(
    server: WebSocketServer,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One that joins, and answers nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.get_local_port())
    writer.write(
        b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return reader, writer


def test_async_methods_are_cancelled_with_the_block_and_may_clean_up(in_loop: InLoop) -> None:
    log: list[str] = []

    class Shop:
        @rpc("any_peer")
        async def work(self) -> None:
            log.append("begun")
            try:
                await forever()
            finally:
                await asyncio.sleep(0)
                log.append("cleaned up")

    async def main() -> None:
        server, client = SceneMultiplayer(), SceneMultiplayer()
        server.add("Shop", Shop())
        client.add("Shop", mine := Shop())
        async with (
            serve(0, api=server) as serving,
            connect(url_of(serving), api=client),
        ):
            mine.work.rpc_id(1)
            mine.work.rpc_id(1)
            await until(lambda: len(log) == 2)
        assert log == ["begun", "begun", "cleaned up", "cleaned up"]

    in_loop(main)


def test_a_method_whose_own_task_was_cancelled_answers_and_ends_nothing(in_loop: InLoop) -> None:
    class Bank:
        @rpc("any_peer")
        async def balance(self, account: int) -> int:
            looking_up = asyncio.create_task(forever())
            if account < 0:
                looking_up.cancel()
                await looking_up
            looking_up.cancel()
            return account * 10

    async def main() -> None:
        server, client = SceneMultiplayer(), SceneMultiplayer()
        server.add("Bank", Bank())
        client.add("Bank", bank := Bank())
        async with serve(0, api=server) as serving, connect(url_of(serving), api=client):
            with pytest.raises(RemoteError, match="CancelledError"):
                await reply(bank.balance.call_id(1, -1))
            assert await reply(bank.balance.call_id(1, 4)) == 40
        assert server.statistics.handler_errors == 0

    in_loop(main)


# ---------------------------------------------------------------- Ctrl-C


def test_ctrl_c_comes_at_an_await_and_closes_everything(in_loop: InLoop) -> None:
    server, polled = WebSocketServer(), list[str]()

    async def main() -> None:
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
        client = WebSocketClient()
        client.connect_to_url(url_of(server), gd_mp_api=True)

        @server.peer_connected.connect
        def interrupt(peer: int) -> None:
            signal.raise_signal(signal.SIGINT)
            polled.append("the listener was not cut off")

        await run(server, client)

    with pytest.raises(KeyboardInterrupt):
        in_loop(main)
    assert polled == ["the listener was not cut off"]
    assert server.get_connection_status() == DISCONNECTED
    assert server.endpoint.idle


@pytest.mark.parametrize("where", ["in a poll", "while it is closed"])
def test_a_second_ctrl_c_comes_at_once_and_closes_everything(where: str) -> None:
    server, interrupts = listening(), list[str]()

    async def main() -> None:
        client = WebSocketClient()
        client.connect_to_url(url_of(server), gd_mp_api=True)
        end_at_once = server.end_at_once

        def interrupted(code: int) -> None:
            if where == "while it is closed" and len(interrupts) == 1:
                interrupts.append("second")
                signal.raise_signal(signal.SIGINT)
            end_at_once(code)

        server.end_at_once = interrupted  # type: ignore[method-assign]

        @server.peer_connected.connect
        def interrupt(peer: int) -> None:
            interrupts.append("first")
            signal.raise_signal(signal.SIGINT)
            if where == "in a poll":
                interrupts.append("second")
                signal.raise_signal(signal.SIGINT)

        await run(server, client)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert interrupts == ["first", "second"]
    assert server.get_connection_status() == DISCONNECTED
    assert server.endpoint.idle
    assert not server.endpoint.awaited
    server.listen(0)  # it can be used again
    server.poll()
    server.stop()


@pytest.mark.parametrize("asked", [False, True])
def test_system_exit_in_an_async_method_ends_the_program(asked: bool) -> None:
    server = SceneMultiplayer()

    class Shop:
        @rpc("any_peer")
        async def leave(self) -> None:
            raise SystemExit(3)

    async def main() -> None:
        client = SceneMultiplayer()
        server.add("Shop", Shop())
        client.add("Shop", mine := Shop())
        async with serve(0, api=server) as serving, connect(url_of(serving), api=client):
            mine.leave.call_id(1) if asked else mine.leave.rpc_id(1)
            await forever()

    with pytest.raises(SystemExit) as caught:
        asyncio.run(main())
    assert caught.value.code == 3
    assert server.spawn is None


# ---------------------------------------------------------------- errors


def test_several_errors_are_a_group_and_one_is_itself(in_loop: InLoop) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def clean_up_badly() -> None:
        try:
            await forever()
        finally:
            raise OSError("the disk is full")

    async def main() -> None:
        async def one() -> None:
            async with open_group() as group:
                group.start_soon(fail, KeyError("only"))
                await forever()

        async def several() -> None:
            async with open_group() as group:
                group.start_soon(clean_up_badly)
                await asyncio.sleep(0)
                raise KeyError("in the block")

        with pytest.raises(KeyError, match="only"):
            await one()
        with pytest.raises(ExceptionGroup) as caught:
            await several()
        assert [type(each) for each in caught.value.exceptions] == [OSError, KeyError]
        async with open_group() as group:
            group.start_soon(forever)
            group.cancel()
            group.start_soon(fail, KeyError("never begun"))
        await asyncio.sleep(0)

    in_loop(main)


def test_a_task_that_fails_while_its_group_ends_leaves_no_cancellation(in_loop: InLoop) -> None:
    async def main() -> None:
        async def fail_late() -> None:
            await asyncio.sleep(0.01)
            raise KeyError("late")

        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        with pytest.raises(KeyError, match="late"):
            async with open_group() as group:
                group.start_soon(fail_late)
        assert task.cancelling() == before
        await asyncio.sleep(0)

    in_loop(main)


def test_what_the_run_raises_cancels_the_block_and_comes_out(in_loop: InLoop) -> None:
    steps: list[str] = []

    async def talk(server: WebSocketServer) -> None:
        async with serve(0, peer=server, on_error="raise"), connect(url_of(server)) as client:

            @server.peer_packet.connect
            def fail(source: int) -> None:
                raise ValueError("from a listener")

            client.put_packet(b"x")
            try:
                await forever()
            finally:
                steps.append("the block has ended")

    async def main() -> None:
        server = WebSocketServer()
        with pytest.raises(ValueError, match="from a listener"):
            await talk(server)
        assert steps == ["the block has ended"]
        assert server.get_connection_status() == DISCONNECTED
        assert server.on_error == "log"

    in_loop(main)


# ---------------------------------------------------------------- scopes


def test_a_scope_is_left_normally_when_it_is_cancelled(in_loop: InLoop) -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        async with CancelScope() as scope:
            asyncio.get_running_loop().call_soon(scope.cancel)
            await forever()
        async with CancelScope(0.001):
            await forever()
        async with CancelScope() as scope:
            scope.cancel()  # and then it waits for nothing
        await asyncio.sleep(0)
        with pytest.raises(KeyError):
            await cancel_and_fail()
        await asyncio.sleep(0)
        scope.cancel()  # it has been left: nothing
        await asyncio.sleep(0)
        assert task.cancelling() == before

    in_loop(main)


async def cancel_and_fail() -> None:
    async with CancelScope() as scope:
        scope.cancel()
        raise KeyError


@pytest.mark.parametrize("ours_too", [False, True])
@pytest.mark.parametrize("waits", [False, True])
def test_a_cancellation_from_elsewhere_stays_one(
    in_loop: InLoop, ours_too: bool, waits: bool
) -> None:
    async def block() -> None:
        task = asyncio.current_task()
        assert task is not None
        async with CancelScope() as scope:
            task.cancel()
            if ours_too:
                scope.cancel()
            if waits:
                await forever()
        await asyncio.sleep(0)
        raise AssertionError("cancelled, and went on")

    async def main() -> None:
        task = asyncio.create_task(block())
        with pytest.raises(asyncio.CancelledError):
            await task

    in_loop(main)


# ---------------------------------------------------------------- waiting


def test_a_stream_has_an_order_and_an_end(in_loop: InLoop) -> None:
    async def main() -> None:
        server = WebSocketServer()
        taken: list[tuple[int, ...]] = []

        async def take(stream: Any) -> None:
            taken.append(await anext(stream))

        async with emissions(server.peer_connected) as joins:
            readers = [asyncio.create_task(take(joins)) for _ in range(3)]
            await asyncio.sleep(0)
            server.peer_connected.emit(1)
            readers[0].cancel()  # its turn has come: the next one has it
            server.peer_connected.emit(2)
            await asyncio.wait(readers)
            assert taken == [(1,), (2,)]
            late = asyncio.create_task(take(joins))
            await asyncio.sleep(0)
        with pytest.raises(MultiplayerError, match="has been left") as caught:
            await late
        assert caught.value.code == Error.ERR_UNAVAILABLE
        with pytest.raises(MultiplayerError, match="has been left"):
            await anext(joins)
        assert "0 listeners" in repr(server.peer_connected)

    in_loop(main)


def test_waits_that_are_cancelled_leave_nothing(in_loop: InLoop) -> None:
    async def main() -> None:
        server = WebSocketServer()
        waiting = asyncio.create_task(fired(server.peer_connected, server.peer_disconnected))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert "0 listeners" in repr(server.peer_connected)
        with pytest.raises(MultiplayerError, match="only call_id"):
            await reply(5)  # type: ignore[arg-type]

    in_loop(main)
