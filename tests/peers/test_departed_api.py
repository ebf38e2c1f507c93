"""What an API does too late, or cannot send, over real connections: no server ends by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trio

import peers
from multiplayer import (
    GODOT_3,
    GODOT_4,
    GODOT_4_BETA,
    NATIVE,
    Dialect,
    Error,
    MultiplayerError,
    PeerLeft,
    SceneMultiplayer,
    rpc,
)
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import PATIENCE, pause, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Kind(NamedTuple):
    dialect: Dialect
    gd_mp: bool

    def __str__(self) -> str:
        return f"{self.dialect.name}-{'gd_mp' if self.gd_mp else 'godot4'}"


KINDS = [
    Kind(NATIVE, True),
    Kind(NATIVE, False),
    Kind(GODOT_3, True),
    Kind(GODOT_4, False),
    Kind(GODOT_4_BETA, True),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
each_way = pytest.mark.parametrize("how", ["polled", "run"])

GROWS = "\u0390" * 16_000
"""Each has two bytes; in upper case it is three characters of two bytes."""


class Game:
    def __init__(self, api: SceneMultiplayer) -> None:
        self.api = api
        self.callers: list[int] = []
        self.heard: list[object] = []
        self.may_answer = trio.Event()
        self.answered = 0

    @rpc("any_peer")
    def hello(self) -> None:
        self.callers.append(self.api.get_remote_sender_id())

    @rpc("any_peer")
    def hear(self, what: object) -> None:
        self.heard.append(what)

    @rpc("any_peer")
    def shout(self, what: str) -> None:
        self.hear.rpc_id(self.api.get_remote_sender_id(), what.upper())

    @rpc("any_peer")
    async def work(self) -> None:
        caller = self.api.get_remote_sender_id()
        self.callers.append(caller)
        await self.may_answer.wait()
        self.hear.rpc_id(caller, "done")
        self.hear.rpc_id(-caller, "somebody is done")
        if self.api.dialect is NATIVE:
            with pytest.raises(PeerLeft):
                await peers.reply(self.ask.call_id(caller))
        self.answered += 1

    @rpc("any_peer")
    def ask(self) -> None:
        raise AssertionError


class Side:
    def __init__(self, kind: Kind) -> None:
        self.api = SceneMultiplayer(dialect=kind.dialect)
        self.api.on_error = "raise"
        self.game = Game(self.api)
        self.api.add("Game", self.game)


async def _drive(how: str, api: SceneMultiplayer) -> None:
    while True:
        if how == "run":
            await peers.run(api)
        api.poll()
        await pause()


class Session:
    """A server and clients of it, each driven until the end of the test."""

    def __init__(self, kind: Kind, how: str, nursery: trio.Nursery) -> None:
        self._kind, self._how, self._nursery = kind, how, nursery
        self.server = Side(kind)
        if kind.gd_mp:
            listening = WebSocketServer()
            listening.bind_ip = "127.0.0.1"
            listening.listen(0, gd_mp_api=True)
            self.peer: WebSocketMultiplayerPeer = listening
        else:
            self.peer = WebSocketMultiplayerPeer()
            self.peer.create_server(0, "127.0.0.1")
        self._start(self.server, self.peer)
        self.server.api.spawn = self.server.api.spawn or nursery.start_soon

    def _start(self, side: Side, peer: WebSocketMultiplayerPeer) -> None:
        side.api.multiplayer_peer = peer
        self._nursery.start_soon(_drive, self._how, side.api)

    async def join(self) -> Side:
        side = Side(self._kind)
        url = f"ws://127.0.0.1:{self.peer.get_local_port()}"
        if self._kind.gd_mp:
            seed = WebSocketClient()
            seed.connect_to_url(url, gd_mp_api=True)
            peer: WebSocketMultiplayerPeer = seed
        else:
            peer = WebSocketMultiplayerPeer()
            peer.create_client(url)
        self._start(side, peer)
        await until(lambda: 1 in side.api.get_peers())
        await until(lambda: side.api.get_unique_id() in self.server.api.get_peers())
        return side


async def in_session(kind: Kind, how: str, test: Callable[[Session], Awaitable[object]]) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            session = Session(kind, how, nursery)
            await test(session)
            nursery.cancel_scope.cancel()


@each_kind
@each_way
async def test_a_client_that_calls_and_leaves(kind: Kind, how: str) -> None:
    async def test(session: Session) -> None:
        server = session.server
        other = await session.join()
        client = await session.join()
        visitor = client.api.get_unique_id()
        left: list[int] = []
        server.api.peer_disconnected.connect(left.append)
        client.game.hello.rpc_id(1)
        client.api.multiplayer_peer.disconnect_peer(1)
        await until(lambda: left)
        assert server.game.callers == left == [visitor]
        late: list[Callable[[], object]] = [
            lambda: server.game.hear.rpc_id(visitor, "late"),
            lambda: server.api.send_bytes(b"late", visitor),
            lambda: server.api.disconnect_peer(visitor),
        ]
        if kind.dialect is NATIVE:
            late.append(lambda: server.game.ask.call_id(visitor))
        for count, do in enumerate(late, 1):
            do()
            assert server.api.statistics.drops == {"departed": count}
        server.game.hear.rpc_id(-visitor, "to all")
        await until(lambda: other.game.heard)
        assert other.game.heard == ["to all"]
        assert other.api.statistics.rejected == server.api.statistics.rejected == {}
        # Its peer, too, knows who was there.
        session.peer.set_target_peer(visitor)
        session.peer.put_packet(b"late")
        assert session.peer.statistics.drops["departed"] == 1

    await in_session(kind, how, test)


@each_kind
@each_way
async def test_an_async_method_that_answers_when_its_caller_has_left(kind: Kind, how: str) -> None:
    async def test(session: Session) -> None:
        server = session.server
        other = await session.join()
        client = await session.join()
        left: list[int] = []
        server.api.peer_disconnected.connect(left.append)
        client.game.work.rpc_id(1)
        await until(lambda: server.game.callers)
        client.api.multiplayer_peer.disconnect_peer(1)
        await until(lambda: left)
        server.game.may_answer.set()
        await until(lambda: server.game.answered)
        await until(lambda: other.game.heard)
        assert other.game.heard == ["somebody is done"]
        assert server.api.statistics.handler_errors == 0

    await in_session(kind, how, test)


@each_kind
@each_way
async def test_a_client_that_another_calls_when_it_has_left(kind: Kind, how: str) -> None:
    async def test(session: Session) -> None:
        first, second = await session.join(), await session.join()
        leaving = second.api.get_unique_id()
        await until(lambda: leaving in first.api.get_peers())
        second.api.multiplayer_peer.disconnect_peer(1)
        await until(lambda: leaving not in first.api.get_peers())
        first.game.hear.rpc_id(leaving, "late")
        first.api.send_bytes(b"late", leaving)
        assert first.api.statistics.drops == {"departed": 2}
        first.game.hear.rpc_id(-leaving, "to all")
        await until(lambda: session.server.game.heard)

    await in_session(kind, how, test)


@each_kind
@each_way
async def test_a_client_that_the_peer_below_has_forced_out(kind: Kind, how: str) -> None:
    """The API has no signal of it, and lets it be gone as if it had been its own doing."""

    async def test(session: Session) -> None:
        server = session.server
        other, client = await session.join(), await session.join()
        visitor = client.api.get_unique_id()
        await until(lambda: visitor in other.api.get_peers())
        told: list[int] = []
        server.api.peer_disconnected.connect(told.append)
        question = server.game.ask.call_id(visitor) if kind.dialect is NATIVE else None
        session.peer.disconnect_peer(visitor, force=True)
        assert server.api.get_peers() == [other.api.get_unique_id()]
        if question is not None:
            with pytest.raises(PeerLeft):
                question.result()
        server.game.hear.rpc_id(visitor, "late")
        assert server.api.statistics.drops == {"departed": 1}
        await until(lambda: visitor not in other.api.get_peers())
        await until(lambda: not client.api.get_peers())
        assert told == []

    await in_session(kind, how, test)


@pytest.mark.handlers_fail
@each_kind
@each_way
async def test_an_answer_that_has_grown_too_long(kind: Kind, how: str) -> None:
    """The server goes on, and says by whose call it came."""

    async def test(session: Session) -> None:
        server = session.server
        server.api.on_error = None
        failed: list[tuple[Any, ...]] = []
        server.api.handler_failed.connect(lambda *args: failed.append(args))
        client = await session.join()
        client.game.shout.rpc_id(1, GROWS)
        await until(lambda: failed)
        ((peer, where, error),) = failed
        assert (peer, where) == (client.api.get_unique_id(), "Game: shout()")
        assert isinstance(error, MultiplayerError)
        assert error.code == Error.ERR_OUT_OF_MEMORY
        client.game.shout.rpc_id(1, "softly")
        await until(lambda: client.game.heard)
        assert client.game.heard == ["SOFTLY"]

    await in_session(kind, how, test)
