"""A native Godot 4 as a member."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from multiplayer import decode_variant, encode_variant
from tests.interop.native.replication.member import Member

if TYPE_CHECKING:
    from tests.interop.native.godot4 import NativeGodot4


class Engine(Member):
    """A native Godot 4."""

    def __init__(self, godot: NativeGodot4) -> None:
        super().__init__()
        self.godot = godot

    async def begin(self) -> None:
        """Make an empty world."""
        made = await self.godot.do(
            'var world: Node = load("res://world.gd").new()\n'
            'world.name = "World"\n'
            "main.add_child(world)\n"
            "return true"
        )
        assert made == "true", self.complaints()

    async def act(self, what: str, *args: Any) -> Any:
        order = encode_variant([what, [*args]])
        result = await self.godot.do('return main.get_node("World").act(args[0])', order)
        text = json.loads(result)
        assert text, (what, self.complaints())
        return decode_variant(bytes.fromhex(text))

    async def turns(self, count: int = 3) -> None:
        await self.godot.frames(count)

    async def serve(self) -> str:
        return await self.godot.listen()

    async def begin_to_join(self, url: str) -> None:
        await self.godot.signals()  # those of the last session, if there was one
        await self.godot.create_client(url)

    async def joined(self) -> None:
        connected = ("connected_to_server",)
        await self.godot.until(lambda: connected in self.godot._signals, "connected_to_server")
        self.id = await self.godot.id()

    async def leave(self) -> None:
        await self.godot.leave()

    async def peers(self) -> list[int]:
        return await self.godot.peers()

    async def switch_relay_off(self) -> None:
        await self.godot.do("multiplayer.server_relay = false")

    async def complained(self, text: str) -> None:
        await self.godot.complained(text)
        await self.godot.frames()
        self.godot.complaints.clear()

    def forget_complaints(self) -> None:
        self.godot.complaints.clear()

    def complaints(self) -> list[str]:
        return self.godot.complaints
