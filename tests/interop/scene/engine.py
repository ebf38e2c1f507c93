"""A real Godot 4.6 as a member of a session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.interop.godot4.gdscript import literal
from tests.interop.native.godot4 import NativeGodot4
from tests.interop.scene.member import Call, Member, Said

if TYPE_CHECKING:
    from tests.interop.godot4.bridge import Bridge
    from tests.interop.godot4.engine import Godot4
    from tests.interop.godot4.gdscript import Value


class Engine(Member):
    """A real Godot 4.6."""

    def __init__(self, godot: Godot4) -> None:
        self.godot = godot

    async def call(self, method: str, target: int, *arguments: Value, node: str = "Game") -> None:
        inserted = map(literal, arguments)
        assert await self.godot.rpc(f"Main/{node}", method, target, *inserted) == 0

    async def calls(self, count: int = 0, *, node: str = "Game") -> list[Call]:
        found = await self.godot.calls(count, node=f"Main/{node}")
        return [(method, [json.loads(arg) for arg in args], who) for method, args, who in found]

    async def add_node(self, name: str) -> None:
        await self.godot.add_node(name)

    async def remove_node(self, name: str) -> None:
        await self.godot.remove_node(name)

    async def signals(self, count: int = 0) -> list[Said]:
        return await self.godot.signals(count)

    async def rejected(self, text: str) -> None:
        await self.godot.complained(text)
        await self.godot.frames()
        self.godot.complaints.clear()  # one thing is told in several complaints

    async def send_bytes(self, data: bytes, target: int) -> None:
        assert await self.godot.send_bytes(data, target) == 0

    async def set_auth(
        self,
        greeting: bytes | None = None,
        expects: bytes | None = None,
        *,
        at_once: bool = False,
        timeout: float | None = None,
    ) -> None:
        await self.godot.set_auth(greeting, expects, at_once=at_once, timeout=timeout)

    async def send_auth(self, peer: int, data: bytes) -> None:
        assert await self.godot.send_auth(peer, data) == 0

    async def complete_auth(self, peer: int) -> None:
        assert await self.godot.complete_auth(peer) == 0

    async def switch_relay_off(self) -> None:
        await self.godot.do("multiplayer.server_relay = false")

    async def set_authority(self, peer: int) -> None:
        await self.godot.set_authority("Main/Game", peer)

    async def peers(self) -> list[int]:
        return await self.godot.peers()

    async def kick(self, peer: int) -> None:
        await self.godot.disconnect_peer(peer)

    async def serve(self, bridge: Bridge) -> str:
        if isinstance(self.godot, NativeGodot4):
            return await self.godot.listen()
        await self.godot.create_server(bridge.engine_url)
        return bridge.url

    async def begin_to_join(self, url: str) -> None:
        await self.godot.create_client(url)

    async def join(self, url: str) -> None:
        self.id = await self.godot.join(url)

    async def leave(self) -> None:
        await self.godot.leave()

    def check_nothing_rejected(self) -> None:
        assert self.godot.complaints == []
