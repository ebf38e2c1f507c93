"""What a program's own code raises while it handles something remote ends nothing.

Each test has a server whose handler fails because of what one client does, and another client that
goes on being served, polled and under ``peers.run``, with the peers of Godot 3 and of Godot 4.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer import Error, MultiplayerError, PeerLeft, SceneMultiplayer, rpc
from peers import Refuse, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import connected_pair
from tests.driving import PATIENCE, Recorder, pause, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from multiplayer.handlers import OnError
    from tests.drivers import Way

pytestmark = pytest.mark.handlers_fail


class Shop:
    def __init__(self) -> None:
        self.heard: list[object] = []

    @rpc("any_peer")
    def price(self, item: str) -> int:
        return len(item) * 10  # fails for everything that has no length

    @rpc("any_peer")
    async def haggle(self, offer: int) -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError(offer)

    @rpc("any_peer")
    async def ask_back(self) -> None:
        sender = self.multiplayer.get_remote_sender_id()  # type: ignore[attr-defined]
        await peers.reply(self.multiplayer.call_id(sender, self, "never"))  # type: ignore[attr-defined]

    @rpc("any_peer")
    async def never(self) -> None:
        await trio.sleep_forever()

    @rpc("any_peer")
    def note(self, what: object) -> None:
        self.heard.append(what)


class Scene:
    """A server with an API, and clients of it that run by themselves."""

    def __init__(self, how: str, godot4: bool, nursery: trio.Nursery) -> None:
        self.api, self.shop = SceneMultiplayer(), Shop()
        self.shop.multiplayer = self.api  # type: ignore[attr-defined]
        self.api.add("Shop", self.shop)
        self.godot4 = godot4
        self.told: list[tuple[int, str, Exception]] = []
        self.api.handler_failed.connect(lambda *told: self.told.append(told))
        self.nursery = nursery
        self.how = how
        self.server: WebSocketMultiplayerPeer
        if godot4:
            self.server = WebSocketMultiplayerPeer()
            self.server.create_server(0, "127.0.0.1")
        else:
            self.server = server = WebSocketServer()
            server.bind_ip = "127.0.0.1"
            server.listen(0, gd_mp_api=True)

    async def serve(self) -> None:
        self.api.multiplayer_peer = self.server
        if self.how == "run":
            await peers.run(self.api)
        else:
            self.api.spawn = self.nursery.start_soon
            while True:
                self.api.poll()
                await pause()

    @asynccontextmanager
    async def client(
        self, api: SceneMultiplayer | None = None
    ) -> AsyncGenerator[tuple[SceneMultiplayer, Shop]]:
        api, shop = api or SceneMultiplayer(), Shop()
        api.add("Shop", shop)
        peer = WebSocketMultiplayerPeer() if self.godot4 else WebSocketClient()
        url = f"ws://127.0.0.1:{self.server.get_local_port()}"
        async with peers.connect(url, peer=peer, api=api):
            yield api, shop

    async def still_serves(self, shop: Shop) -> None:
        """Let somebody else's call come through."""
        mark = object.__repr__(shop)
        shop.note.rpc_id(1, mark)
        await until(lambda: mark in self.shop.heard)


@pytest.fixture(params=["polled-gd_mp", "polled-godot4", "run-gd_mp", "run-godot4"])
async def scene(request: pytest.FixtureRequest, nursery: trio.Nursery) -> Scene:
    how, envelope = request.param.split("-")
    scene = Scene(how, envelope == "godot4", nursery)
    nursery.start_soon(scene.serve)
    return scene


def errors_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno == logging.ERROR]


async def test_an_rpc_that_raises(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    async with scene.client() as (api, shop), scene.client() as (_, other):
        me = api.get_unique_id()
        for _ in range(3):
            shop.price.rpc_id(1, 17)  # a call that asks for nothing, and an axe without a length
        await until(lambda: len(scene.told) == 3)
        await scene.still_serves(other)
        await scene.still_serves(shop)
        assert {(peer, where, type(error)) for peer, where, error in scene.told} == {
            (me, "Shop: price()", TypeError)
        }
        assert scene.api.statistics.handler_errors == 3
        (record,) = errors_in(caplog)  # once, the others are counted
        message = record.getMessage()
        assert message.startswith(f"peer {me}: Shop: price() raised TypeError: ")
        assert "in price" in message  # the traceback
        assert record.__dict__["peer_id"] == me


async def test_an_async_rpc_that_raises(scene: Scene) -> None:
    async with scene.client() as (api, shop), scene.client() as (_, other):
        shop.haggle.rpc_id(1, 3)
        await until(lambda: scene.told)
        ((peer, where, error),) = scene.told
        assert (peer, where, str(error)) == (api.get_unique_id(), "Shop: haggle()", "3")
        await scene.still_serves(other)


async def test_an_async_rpc_that_asks_back_somebody_who_leaves(scene: Scene) -> None:
    async with scene.client() as (_, other):
        async with scene.client() as (_, shop):
            shop.ask_back.rpc_id(1)
            await until(lambda: scene.api._session.requests._open_requests._open)
        await until(lambda: scene.told)
        ((_, where, error),) = scene.told
        assert (where, type(error)) == ("Shop: ask_back()", PeerLeft)
        await scene.still_serves(other)


def fail(*args: object) -> Any:
    raise LookupError(*args)


@pytest.mark.parametrize(
    "signal", ["peer_connected", "peer_disconnected", "peer_packet", "invalid_packet"]
)
async def test_a_listener_of_the_api_that_raises(scene: Scene, signal: str) -> None:
    async with scene.client() as (_, other):
        getattr(scene.api, signal).connect(fail)
        async with scene.client() as (api, shop):
            me = api.get_unique_id()
            api.send_bytes(b"x", 1)
            scene.api._session.objects._added.remove("Shop") if signal == "invalid_packet" else None
            shop.note.rpc_id(1, 1)
            await until(lambda: scene.told or signal == "peer_disconnected")
        await until(lambda: scene.told)
        if signal == "invalid_packet":
            scene.api.add("Shop", scene.shop)
        peer, where, error = scene.told[0]
        assert (peer, where, type(error)) == (me, f"a listener of {signal}", LookupError)
        await scene.still_serves(other)


async def test_a_listener_of_rpc_mismatch_that_raises(scene: Scene) -> None:
    class OtherShop(Shop):
        @rpc("any_peer")
        def steal(self) -> None: ...

    scene.api.rpc_mismatch.connect(fail)
    async with scene.client() as (_, other):
        api = SceneMultiplayer()
        async with scene.client(api):
            api.remove("Shop")
            api.add("Shop", odd := OtherShop())
            odd.note.rpc_id(1, 1)
            await until(lambda: scene.told)
            assert scene.told[0][:2] == (api.get_unique_id(), "a listener of rpc_mismatch")
            await scene.still_serves(other)


@pytest.mark.parametrize(
    "signal", ["peer_connected", "peer_disconnected", "peer_packet", "handler_failed"]
)
async def test_a_listener_of_the_peer_that_raises(
    scene: Scene, signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[int, str, Exception]] = []
    scene.server.handler_failed.connect(lambda *args: told.append(args))
    async with scene.client() as (_, other):
        getattr(scene.server, signal).connect(fail)
        if signal == "handler_failed":
            scene.server.peer_connected.connect(fail)
        async with scene.client() as (api, _):
            me = api.get_unique_id()
            api.send_bytes(b"x", 1)
        await until(lambda: told)
        failing = "peer_connected" if signal == "handler_failed" else signal
        assert told[0][:2] == (me, f"a listener of {failing}")
        await scene.still_serves(other)
        assert scene.server.statistics.handler_errors == len(told)
        assert scene.told == []  # the API's own handlers did nothing wrong
    if signal == "handler_failed":
        where = [record.__dict__["kind"] for record in errors_in(caplog)]
        assert where == ["a listener of peer_connected", "a listener of handler_failed"]


@pytest.mark.parametrize("verdict", [fail, lambda request: Refuse(99), lambda request: "no"])
async def test_an_upgrade_callback_that_raises_refuses(scene: Scene, verdict: Any) -> None:
    told: list[tuple[int, str, Exception]] = []
    async with scene.client() as (_, other):
        scene.server.handler_failed.connect(lambda *args: told.append(args))
        scene.server.upgrade_callback = verdict
        with pytest.raises(MultiplayerError, match="HTTP 500"):
            async with scene.client():
                pass
        assert [each[:2] for each in told] == [(0, "upgrade_callback")]
        scene.server.upgrade_callback = None
        await scene.still_serves(other)
        assert len(scene.api.get_peers()) == 1


async def test_an_auth_callback_that_raises_expels(scene: Scene) -> None:
    def check(peer: int, data: bytes) -> None:
        if data.decode() == "sesame":
            scene.api.complete_auth(peer)

    scene.api.auth_callback = check
    failed = Recorder(scene.api)

    def guest(words: bytes) -> SceneMultiplayer:
        api = SceneMultiplayer()
        api.auth_callback = lambda peer, data: None
        api.peer_authenticating.connect(lambda peer: api.send_auth(peer, words))
        api.peer_authenticating.connect(api.complete_auth)
        return api

    async with scene.client(guest(b"sesame")) as (_, other):
        with pytest.raises(MultiplayerError, match="no connection"):
            async with scene.client(guest(b"\xff")):
                pass
        ((peer, where, error),) = scene.told
        assert (where, type(error)) == ("auth_callback", UnicodeDecodeError)
        assert failed.of("peer_authentication_failed") == [(peer,)]
        assert peer not in scene.api.get_peers()
        await scene.still_serves(other)


# ---------------------------------------------------------------- what on_error says


@pytest.mark.parametrize("wrong", ["rise", None, 0, b"log"])
def test_what_on_error_may_be(wrong: Any) -> None:
    server = WebSocketServer()
    with pytest.raises(MultiplayerError, match="must be 'log', 'raise' or a function") as told:
        server.on_error = wrong
    assert told.value.code == Error.ERR_INVALID_PARAMETER
    assert server.on_error == "log"
    api = SceneMultiplayer()
    if wrong is not None:
        with pytest.raises(MultiplayerError, match="on_error must be"):
            api.on_error = wrong
    assert api.on_error is None


def calls_in(server_says: OnError | None, peer_says: OnError | None) -> list[int]:
    """Let two of three calls of one poll fail, both ``peer_says`` and the API: who ran."""
    with connected_pair() as pair:
        server, client = SceneMultiplayer(), SceneMultiplayer()
        shop, mine = Shop(), Shop()
        server.add("Shop", shop)
        client.add("Shop", mine)
        if peer_says is not None:
            pair.server.on_error = peer_says
        server.on_error = server_says
        server.multiplayer_peer, client.multiplayer_peer = pair
        mine.note.rpc(0)
        pair.until(lambda: shop.heard)
        shop.heard.clear()
        for argument in (1, 2):
            mine.price.rpc(argument)
            mine.note.rpc(argument)
        pair.client.flush()
        try:
            while len(shop.heard) < 2:
                pair.server.poll()
        finally:
            ran = [*shop.heard]
        return ran


def test_raise_raises_at_the_end_of_the_poll() -> None:
    with pytest.raises((TypeError, ExceptionGroup)) as caught:
        calls_in(None, None)  # the pair says so
    if isinstance(caught.value, ExceptionGroup):  # both calls came in one read
        assert [type(error) for error in caught.value.exceptions] == [TypeError, TypeError]
    with pytest.raises((TypeError, ExceptionGroup)):
        calls_in("raise", "log")
    assert calls_in("log", "raise") == [1, 2]
    assert calls_in(None, "log") == [1, 2]


def test_a_function_takes_what_is_raised_and_may_raise() -> None:
    taken: list[Exception] = []
    assert calls_in(taken.append, "raise") == [1, 2]
    assert [type(error) for error in taken] == [TypeError, TypeError]

    def give_up(error: Exception) -> None:
        raise RuntimeError("enough") from error

    with pytest.raises((RuntimeError, ExceptionGroup)):
        calls_in(give_up, None)


def poll_for_ever(server: WebSocketServer) -> None:
    while True:
        server.poll()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_at_once(interrupt: type[BaseException]) -> None:
    with connected_pair() as (server, client):

        @server.peer_packet.connect
        def take(source: int) -> None:
            if server.get_packet() == b"stop":
                raise interrupt
            raise ValueError("before")

        for packet in (b"go", b"stop", b"go"):
            client.put_packet(packet)
        client.flush()
        with pytest.raises(interrupt):
            poll_for_ever(server)
        with pytest.raises(ExceptionGroup) as caught:  # nothing is lost
            poll_for_ever(server)
        assert [str(error) for error in caught.value.exceptions] == ["before", "before"]


async def test_run_serve_and_connect_take_on_error_for_as_long_as_they_last(way: Way) -> None:
    taken: list[Exception] = []
    server = WebSocketServer()
    server.on_error = "raise"
    with trio.fail_after(PATIENCE):
        async with way.serve(0, peer=server, on_error=taken.append):
            server.peer_packet.connect(fail)
            async with way.connect(
                f"ws://127.0.0.1:{server.get_local_port()}", on_error=taken.append
            ) as client:
                client.peer_disconnected.connect(fail)
                client.put_packet(b"x")
                await until(lambda: taken)
            assert client.on_error == "log"
        assert [type(error) for error in taken] == [LookupError, LookupError]
    assert server.on_error == "raise"


async def test_run_raises_where_it_is_to(way: Way) -> None:
    async def play() -> None:
        async with way.serve(0, on_error="raise") as server:
            server.peer_connected.connect(fail)
            async with way.connect(f"ws://127.0.0.1:{server.get_local_port()}"):
                await trio.sleep_forever()

    with trio.fail_after(PATIENCE), pytest.raises(LookupError) as caught:
        await play()
    assert caught.value.__notes__ == ["raised by a listener of peer_connected"]
