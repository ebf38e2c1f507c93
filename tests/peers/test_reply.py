"""``reply``: waiting for answers, over sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import (
    Error,
    MultiplayerError,
    PeerLeft,
    Reason,
    RemoteError,
    SceneMultiplayer,
    rpc,
)
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.drivers import Way
from tests.driving import PATIENCE, pause, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


TRIO = Way("trio")


class Bank:
    def __init__(self, way: Way) -> None:
        self.open = way.event()

    @rpc("any_peer")
    def balance(self, account: int) -> dict[str, int]:
        if account < 0:
            raise LookupError(f"no account {account}")
        return {"coins": account * 10}

    @rpc("any_peer")
    async def patient(self) -> str:
        await self.open.wait()
        return "at last"


class Two:
    """A server that is polled in a loop, and a client under ``run``."""

    def __init__(self, way: Way, godot4: bool) -> None:
        self.server, self.client = SceneMultiplayer(), SceneMultiplayer()
        self.server_bank, self.client_bank = Bank(TRIO), Bank(way)
        self.server.add("Bank", self.server_bank)
        self.client.add("Bank", self.client_bank)
        if godot4:
            listening, connecting = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
            listening.create_server(0, "127.0.0.1")
            connecting.create_client(f"ws://127.0.0.1:{listening.get_local_port()}")
        else:
            listening, connecting = WebSocketServer(), WebSocketClient()
            listening.bind_ip = "127.0.0.1"
            listening.listen(0, gd_mp_api=True)
            url = f"ws://127.0.0.1:{listening.get_local_port()}"
            connecting.connect_to_url(url, gd_mp_api=True)
        self.server.multiplayer_peer = listening
        self.client.multiplayer_peer = connecting


async def poll(api: SceneMultiplayer, nursery: trio.Nursery) -> None:
    api.spawn = nursery.start_soon
    while True:
        api.poll()
        await pause()


@asynccontextmanager
async def two_connected(way: Way, godot4: bool) -> AsyncGenerator[Two]:
    two = Two(way, godot4)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(poll, two.server, nursery)
        nursery.start_soon(way.run, two.client)
        await until(two.client.get_peers)
        yield two
        nursery.cancel_scope.cancel()
    two.server.multiplayer_peer.close()


both_envelopes = pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])


@both_envelopes
async def test_answers_in_both_directions(way: Way, godot4: bool) -> None:
    async with two_connected(way, godot4) as two:
        with trio.fail_after(PATIENCE):
            assert await way.reply(two.client_bank.balance.call_id(1, 4)) == {"coins": 40}
            own = two.client.get_unique_id()
            assert await way.reply(two.server_bank.balance.call_id(own, 5)) == {"coins": 50}
            done = two.client_bank.balance.call_id(1, 6)
            await until(lambda: done.done)
            assert await way.reply(done, timeout=0) == {"coins": 60}
            with pytest.raises(RemoteError) as caught:
                await way.reply(two.client_bank.balance.call_id(1, -3))
        assert str(caught.value) == "LookupError: no account -3"


@both_envelopes
async def test_async_methods_are_waited_for_on_both_sides(way: Way, godot4: bool) -> None:
    async with two_connected(way, godot4) as two:
        own = two.client.get_unique_id()
        asked = [two.client_bank.patient.call_id(1), two.server_bank.patient.call_id(own)]
        two.server_bank.open.set()
        two.client_bank.open.set()
        with trio.fail_after(PATIENCE):
            assert [await way.reply(call) for call in asked] == ["at last", "at last"]


async def test_waiting_ends_the_call_when_it_ends(way: Way) -> None:
    async with two_connected(way, godot4=False) as two:
        late = two.client_bank.patient.call_id(1)
        with pytest.raises(
            TimeoutError, match=r"^no answer from peer 1 to Bank: patient\(\) within"
        ):
            await way.reply(late, timeout=0.01)
        cancelled = two.client_bank.patient.call_id(1)
        with trio.move_on_after(0.01) as scope:
            await way.reply(cancelled)
        assert scope.cancelled_caught
        for call in (late, cancelled):
            with pytest.raises(MultiplayerError) as caught:
                call.result()
            assert caught.value.code == Error.ERR_SKIP


async def test_a_cancelled_call_is_an_error_and_a_late_answer_is_counted(way: Way) -> None:
    async with two_connected(way, godot4=False) as two:
        calls = [two.client_bank.patient.call_id(1) for _ in range(2)]
        with pytest.raises(TimeoutError):
            await way.reply(calls[0], timeout=0)
        calls[1].cancel()
        with pytest.raises(MultiplayerError) as caught:
            await way.reply(calls[1])
        assert caught.value.code == Error.ERR_SKIP
        two.server_bank.open.set()
        late = Reason.UNEXPECTED_ANSWER
        await until(lambda: two.client.statistics.rejected[late] == 2)


@both_envelopes
async def test_a_server_that_goes_answers_nothing(way: Way, godot4: bool) -> None:
    async with two_connected(way, godot4) as two:
        call = two.client_bank.patient.call_id(1)
        await until(lambda: two.server.statistics.calls_received)
        two.server.multiplayer_peer.close()
        with trio.fail_after(PATIENCE), pytest.raises(PeerLeft):
            await way.reply(call)
