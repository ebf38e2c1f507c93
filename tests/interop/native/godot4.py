"""A native Godot 4: what it can do that the one in a browser cannot."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.interop import conformance
from tests.interop.godot4.engine import Godot4
from tests.interop.native.process import NativeProcess
from tests.interop.native.versions import note

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def free_port() -> int:
    """A port that nobody listens at now: an engine cannot tell which one it got."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class NativeGodot4(Godot4):
    """One native engine. A test gets it from the fixture ``launch_godot4``, reset.

    It is an editor's build, which tells of run-time script errors in ``complaints``.
    """

    marker = "native4"

    def __init__(self) -> None:
        super().__init__(NativeProcess)

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[NativeGodot4]:
        async with super().lent():
            note(self.marker, self.version["string"])
            yield self

    async def listen(self) -> str:
        """Become a server, with a ``WebSocketMultiplayerPeer``; its URL."""
        conformance.note(self.marker, "server")
        for _ in range(5):
            port = free_port()
            if await self.do("return main.listen(args[0])", port) == "0":
                return f"ws://127.0.0.1:{port}"
        raise AssertionError("the engine could not listen at any of five free ports")

    @asynccontextmanager
    async def standing_still(self) -> AsyncGenerator[None]:
        """Let the whole game hang for the time of the ``with``, as at a breakpoint.

        Its sockets stay open, and nobody reads or answers.
        """
        number = self.give_order("main.wire.stand_still()\nreturn true")
        await self.until(lambda: self.stands_still, "standing still")
        try:
            yield
        finally:
            self.stands_still = False
            self.give_order("return true")
        await self.result_of(number)
