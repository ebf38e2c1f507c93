"""A client that keeps its seat, over ``tests/raw.py``: it knows ``resume.md``, nothing of ours."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import pytest

from tests.raw import BINARY, CLOSE, PING, PONG, TEXT, Raw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

P = ParamSpec("P")


@dataclass
class Player:
    """One seat, and what its client knows of it."""

    port: int
    path: str = "/"
    headers: Sequence[str] = ()
    token: str = ""
    received: int = 0
    expected: int = 1
    next: int = 1
    lost: int = 0
    greeting: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: list[bytes] = field(default_factory=list[bytes])
    words: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    raw: Raw | None = None
    id: int = 0

    @property
    def line(self) -> Raw:
        assert self.raw is not None
        return self.raw

    def query(self, **changed: object) -> str:
        fields: dict[str, object] = {"resume": 1}
        if self.token:
            fields |= {"seat": self.token, "received": self.received, "next": self.next}
            fields["lost"] = self.lost
        fields |= changed
        return "&".join(f"{name}={value}" for name, value in fields.items())

    async def dial(self, **changed: object) -> None:
        """Connect, or come back, and read the greeting."""
        path = f"{self.path}?{self.query(**changed)}"
        self.raw = await Raw.connect(self.port, path=path, headers=self.headers)
        first = await self.raw.receive_frame()
        assert first is not None
        assert first.op == TEXT, first
        self.greeting = json.loads(first.payload)
        assert self.greeting["resume"] == 1
        self.token = self.greeting["seat"]
        self.expected = self.greeting["next"]

    async def turned_away(self, **changed: object) -> tuple[int, str]:
        """Connect, and return the code and the text with which that is answered."""
        path = f"{self.path}?{self.query(**changed)}"
        raw = await Raw.connect(self.port, path=path)
        body = await raw.receive_close()
        await raw.close()
        return struct.unpack("!H", body[:2])[0], body[2:].decode()

    async def read(self) -> bytes | dict[str, Any]:
        """The next message or word."""
        while True:
            frame = await self.line.receive_frame()
            assert frame is not None, "the connection ended"
            if frame.op == PING:
                await self.line.send_frame(frame.payload, PONG)
                continue
            if frame.op == TEXT:
                word: dict[str, Any] = json.loads(frame.payload)
                self.words.append(word)
                if word.keys() & {"renewed", "roster"}:
                    self._count()
                return word
            assert frame.op == BINARY, frame
            self._count()
            self.messages.append(frame.payload)
            if len(frame.payload) == 4 and not self.id:  # of Godot 4's envelope
                (self.id,) = struct.unpack("<i", frame.payload)
            if len(frame.payload) == 13 and frame.payload[0] == 3:
                (self.id,) = struct.unpack("<i", frame.payload[9:])
            return frame.payload

    def _count(self) -> None:
        self.received, self.expected = self.expected, self.expected + 1

    async def read_until(self, what: bytes | str) -> None:
        """Read until a message ends with that, or a word has that member."""
        while True:
            read = await self.read()
            if isinstance(read, bytes) if isinstance(what, bytes) else isinstance(read, dict):
                if isinstance(what, bytes) and isinstance(read, bytes) and read.endswith(what):
                    return
                if isinstance(what, str) and what in read:
                    return

    async def read_to_the_end(self) -> int:
        """Read until the connection ends; return the code of the close frame, 0 for none."""
        code = 0
        while (frame := await self.line.receive_frame()) is not None:
            if frame.op == CLOSE:
                code = struct.unpack("!H", frame.payload[:2])[0]
        return code

    async def say(self, message: bytes) -> None:
        await self.line.send_frame(message)
        self.next += 1

    async def word(self, text: str) -> None:
        await self.line.send_frame(text.encode(), TEXT)

    async def acknowledge(self) -> None:
        await self.word(json.dumps({"ack": self.received}))

    async def drop(self) -> None:
        """Lose the connection: a reset, and no close frame."""
        await self.line.reset()

    async def leave(self, code: int) -> None:
        await self.line.send_frame(struct.pack("!H", code), CLOSE)
        await self.line.receive_end()
        await self.line.close()


def closes_all(test: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    """Close the sockets of all raw connections that a test has made, at its end."""

    @wraps(test)
    async def run(*args: P.args, **kwargs: P.kwargs) -> None:
        lines: list[Raw] = []
        dial = Raw.dial

        async def dialled(port: int, *, receive_buffer: int = 0) -> Raw:
            raw = await dial(port, receive_buffer=receive_buffer)
            lines.append(raw)
            return raw

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Raw, "dial", dialled)
            try:
                await test(*args, **kwargs)
            finally:
                for each in lines:
                    await each.close()

    return run
