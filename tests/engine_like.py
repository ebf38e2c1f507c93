"""The other side of a connection as a Godot 4.6 engine plays it, without the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.raw import BINARY, CLOSE, PING, PONG, TEXT

if TYPE_CHECKING:
    from tests.raw import Frame, Raw

_AT_ONCE = 1 << 20


class EngineLike:
    """Reads everything at once, and loses the messages that it reads together with a close frame.

    Args:
        raw: its end of the connection, after the upgrade.

    Attributes:
        packets: what reached the game.
        lost: what did not.
        close: the body of the close frame that came; None before.
    """

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self.packets: list[bytes] = []
        self.lost: list[bytes] = []
        self.close: bytes | None = None

    async def poll(self) -> bool:
        """Read what is there, waiting for the first frame; return whether the stream goes on."""
        data = b"what came with the upgrade"
        frames = self._frames()
        if not frames:
            try:
                data = await self._raw.stream.receive_some(_AT_ONCE)
            except trio.BrokenResourceError:
                data = b""
            self._raw._buffer += data
            frames = self._frames()
        packets = [each.payload for each in frames if each.op in (BINARY, TEXT)]
        for each in frames:
            if each.op == PING and self.close is None:
                await self._raw.send_frame(each.payload, PONG)
            elif each.op == CLOSE:
                self.close = each.payload
                await self._raw.send_frame(each.payload, CLOSE)
        if self.close is not None:
            self.lost += packets
        else:
            self.packets += packets
        return bool(data)

    def _frames(self) -> list[Frame]:
        frames: list[Frame] = []
        while (parsed := self._raw._parse()) is not None:
            frames.append(parsed)
        return frames

    async def play(self) -> None:
        """Poll until the stream has ended, and end it too."""
        with trio.fail_after(10):
            while await self.poll():
                pass
        await self._raw.close()
