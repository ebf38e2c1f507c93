"""A ``SceneMultiplayer`` as a member of a session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import peers.asyncio
import peers.trio
from multiplayer import ConnectionStatus, Dialect, SceneMultiplayer, rpc
from peers import WebSocketMultiplayerPeer
from tests.drivers import in_asyncio
from tests.driving import Recorder, pause, until
from tests.interop.scene.member import Call, Member, Said

if TYPE_CHECKING:
    import trio

    from tests.interop.godot4.bridge import Bridge
    from tests.interop.godot4.gdscript import Value

T = TypeVar("T")
SETTLING = 5
"""How many polls a member of ours goes on after what was waited for has come."""


class Game:
    """The object at ``Main/Game``; notes each call with its sender."""

    def __init__(self, api: SceneMultiplayer) -> None:
        self.api = api
        self.calls: list[Call] = []

    def took(self, method: str, *args: Any) -> None:
        self.calls.append((method, [*args], self.api.get_remote_sender_id()))

    @rpc("any_peer")
    def any_none(self) -> None:
        self.took("any_none")

    @rpc("any_peer")
    def any_one(self, x: Any) -> None:
        self.took("any_one", x)

    @rpc("any_peer", "reliable")
    def any_two(self, x: Any, y: Any) -> None:
        self.took("any_two", x, y)

    @rpc
    def auth_one(self, x: Any) -> None:
        self.took("auth_one", x)

    @rpc("any_peer", "call_remote", "unreliable_ordered", 2)
    def chan_one(self, x: Any) -> None:
        self.took("chan_one", x)

    @rpc("any_peer", "call_local", "unreliable")
    def local_one(self, x: Any) -> None:
        self.took("local_one", x)


class Ours(Member):
    """A ``SceneMultiplayer`` of ours, driven in the background to the end of the test."""

    def __init__(self, how: str, nursery: trio.Nursery) -> None:
        self.api = SceneMultiplayer(dialect=Dialect.GODOT_4)
        self.recorder = Recorder(self.api)
        self.games: dict[str, Game] = {}
        self.game = self._add_game("Game")
        self._drive = {"R": peers.trio.run, "A": partial(in_asyncio, peers.asyncio.run)}.get(how)
        nursery.start_soon(self._poll if self._drive is None else self._run)

    async def _poll(self) -> None:
        while True:
            self.api.poll()
            await pause()

    async def _run(self) -> None:
        assert self._drive is not None
        while True:
            peer = self.api.multiplayer_peer
            if isinstance(peer, WebSocketMultiplayerPeer) and (
                peer.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED
            ):
                await self._drive(self.api)
            await pause()

    @property
    def peer(self) -> WebSocketMultiplayerPeer:
        peer = self.api.multiplayer_peer
        assert isinstance(peer, WebSocketMultiplayerPeer)
        return peer

    def _add_game(self, name: str) -> Game:
        game = self.games[name] = Game(self.api)
        self.api.add(f"Main/{name}", game)
        return game

    async def call(self, method: str, target: int, *arguments: Value, node: str = "Game") -> None:
        self.api.rpc(target, self.games[node], method, arguments)

    async def calls(self, count: int = 0, *, node: str = "Game") -> list[Call]:
        return await take(self.games[node].calls, count)

    async def add_node(self, name: str) -> None:
        self._add_game(name)

    async def remove_node(self, name: str) -> None:
        self.api.remove(f"Main/{name}")
        del self.games[name]

    async def signals(self, count: int = 0) -> list[Said]:
        return await take(self.recorder.log, count)

    async def rejected(self, text: str) -> None:
        def about(said: Said) -> bool:
            return said[0] == "invalid_packet" and text in str(said)

        await until(lambda: any(map(about, self.recorder.log)))
        await settle()
        self.recorder.log[:] = [said for said in self.recorder.log if said[0] != "invalid_packet"]

    async def send_bytes(self, data: bytes, target: int) -> None:
        self.api.send_bytes(data, target)

    async def set_auth(
        self,
        greeting: bytes | None = None,
        expects: bytes | None = None,
        *,
        at_once: bool = False,
        timeout: float | None = None,
    ) -> None:
        def judge(peer: int, data: bytes) -> None:
            self.recorder.log.append(("auth_callback", peer, data))
            if expects is None:
                return
            if data == expects:
                self.api.complete_auth(peer)
            else:
                self.api.disconnect_peer(peer)

        def greet(peer: int) -> None:
            if greeting is not None:
                self.api.send_auth(peer, greeting)
            if at_once:
                self.api.complete_auth(peer)

        self.api.auth_callback = judge
        self.api.peer_authenticating.connect(greet)
        if timeout is not None:
            self.api.auth_timeout = timeout

    async def send_auth(self, peer: int, data: bytes) -> None:
        self.api.send_auth(peer, data)

    async def complete_auth(self, peer: int) -> None:
        self.api.complete_auth(peer)

    async def switch_relay_off(self) -> None:
        self.api.server_relay = False

    async def set_authority(self, peer: int) -> None:
        self.api.set_multiplayer_authority(self.game, peer)

    async def peers(self) -> list[int]:
        return sorted(self.api.get_peers())

    async def kick(self, peer: int) -> None:
        self.api.disconnect_peer(peer)

    async def serve(self, bridge: Bridge) -> str:
        peer = WebSocketMultiplayerPeer()
        peer.create_server(0, "127.0.0.1")
        self.api.multiplayer_peer = peer
        return f"ws://127.0.0.1:{peer.get_local_port()}"

    async def begin_to_join(self, url: str) -> None:
        peer = WebSocketMultiplayerPeer()
        peer.create_client(url)
        self.api.multiplayer_peer = peer

    async def join(self, url: str) -> None:
        await self.begin_to_join(url)
        await until(lambda: "connected_to_server" in self.recorder)
        self.id = self.api.get_unique_id()

    async def leave(self) -> None:
        self.peer.close()

    def check_nothing_rejected(self) -> None:
        assert not [said for said in self.recorder.log if said[0] == "invalid_packet"]


async def settle() -> None:
    """Let a member of ours go on, so that what is one too many shows."""
    for _ in range(SETTLING):
        await pause()


async def take(log: list[T], count: int) -> list[T]:
    """Take everything out of a log of ours that has at least ``count`` entries, or will have."""
    await until(lambda: len(log) >= count)
    await settle()
    found = [*log]
    log.clear()
    return found
