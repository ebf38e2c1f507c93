"""HTTP heads for the upgrade, right and wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from hypothesis import strategies as st

from tests.raw import PATIENCE, upgrade_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.raw import Raw

VECTORS = Path(__file__).parent.parent / "vectors" / "godot3"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def recorded(name: str) -> list[dict[str, Any]]:
    """One file of what the engine has been seen to do."""
    return json.loads((VECTORS / f"{name}.json").read_text())


def head(lines: Sequence[str]) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


REQUEST = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


@dataclass(frozen=True)
class Edit:
    """What is different about a head.

    Attributes:
        first: the first line.
        fields: header fields to replace; None leaves one out.
        lines: further lines, as they stand.
        size: how long to make the head by a last header field, in bytes; 0 for as it is.
    """

    first: str = ""
    fields: tuple[tuple[str, str | None], ...] = ()
    lines: tuple[str, ...] = ()
    size: int = 0

    def of(self, first: str, fields: dict[str, str]) -> bytes:
        wanted: dict[str, str | None] = {**fields, **dict(self.fields)}
        lines = [f"{name}: {value}" for name, value in wanted.items() if value is not None]
        edited = [self.first or first, *lines, *self.lines]
        if self.size:
            missing = self.size - len(head([*edited, "X-Long: "]))
            edited.append("X-Long: " + "x" * missing)
        return head(edited)

    def request(self) -> bytes:
        return self.of("GET / HTTP/1.1", REQUEST)

    def answer(self, asked: str) -> bytes:
        fields = dict(line.split(": ") for line in upgrade_headers(asked))
        return self.of("HTTP/1.1 101 Switching Protocols", fields)


async def read_all(raw: Raw) -> bytes:
    """Everything until the other side ends the connection."""
    with trio.fail_after(PATIENCE):
        return b"".join([data async for data in raw.stream])


_pieces = st.one_of(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b",", b"\xff", b"\r\n\r\n"]),
    st.sampled_from([b"Upgrade: websocket", b"Content-Length: 5", b"Transfer-Encoding: chunked"]),
    st.sampled_from([b"HTTP/1.1 101 X\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1"]),
    st.sampled_from([b"Host: \xc3\xa9", b"Host: xn--\x80", b"Connection: \xe9", b"GET / HTTP/1.1"]),
    st.binary(max_size=30),
)


@st.composite
def garbage(draw: st.DrawFn, proper: bytes) -> bytes:
    """A head that is none, or ``proper`` with something else in it; never a proper one."""
    if draw(st.booleans()):
        return b"\x16" + b"".join(draw(st.lists(_pieces, max_size=8))) + b"\r\n\r\n"
    broken = bytearray(proper.replace(b"13", b"31").replace(b"101", b"404"))
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(broken)))
        end = draw(st.sampled_from([begin, begin, begin + 1, begin + 9]))
        broken[begin:end] = draw(_pieces)
    return bytes(broken)
