"""Packets of replication in Godot 4's dialect, proper ones and such that lie, from a raw table.

Written here byte by byte, so that what is tested does not write its own attacks. The world that
they are about is that of ``attacked.py``.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final

from multiplayer import Vector2, encode_compact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OTHERS, MINE, FLAG, MY_FLAG = 1, 2, 3, 4
"""The path ids that the hostile peer has told: of two spawners, and two static synchronizers."""
PATHS: Final = {
    OTHERS: "Spawner",
    MINE: "MySpawner",
    FLAG: "Flag/Sync",
    MY_FLAG: "MyFlag/Sync",
}
PATH_ID: Final = 0x8000_0000

POSITION: Final = encode_compact(Vector2(6, 6))
HP: Final = encode_compact(66)
STATE: Final = POSITION + HP
"""What a SPAWN of the scene has: ``.:position``, ``.:hp``."""

_NO_METHODS: Final = hashlib.md5(b"", usedforsecurity=False).hexdigest().encode()


def announce(path_id: int, path: str | bytes) -> bytes:
    """A SIMPLIFY_PATH of a node without RPCs."""
    text = path.encode() if isinstance(path, str) else path
    return b"\x01" + _NO_METHODS + b"\0" + struct.pack("<I", path_id) + text + b"\0"


def spawn(
    node: int = 1,
    name: bytes = b"P1\0",
    *,
    scene: int = 0,
    spawner: int = MINE,
    synchronizers: Sequence[int] | None = None,
    count: int | None = None,
    length: int | None = None,
    data: bytes | None = None,
    size: int | None = None,
    state: bytes = STATE,
) -> bytes:
    """A SPAWN; with counts and sizes that may be others than what follows."""
    ids = [node + 1] if synchronizers is None else [*synchronizers]
    head = struct.pack(
        "<BBIIII",
        4,
        scene,
        spawner,
        node,
        len(ids) if count is None else count,
        len(name) if length is None else length,
    )
    custom = b""
    if data is not None:
        custom = struct.pack("<I", len(data) if size is None else size) + data
    return head + struct.pack(f"<{len(ids)}I", *ids) + name + custom + state


def despawn(node: int) -> bytes:
    """A DESPAWN."""
    return struct.pack("<BI", 5, node)


def sync(*elements: tuple[int, bytes], time: int = 1, size: int | None = None) -> bytes:
    """A SYNC."""
    return struct.pack("<BH", 6, time) + b"".join(
        struct.pack("<II", number, len(state) if size is None else size) + state
        for number, state in elements
    )


def delta(*elements: tuple[int, int, bytes], size: int | None = None) -> bytes:
    """A delta."""
    return b"\x16" + b"".join(
        struct.pack("<IQI", number, bits, len(state) if size is None else size) + state
        for number, bits, state in elements
    )


def proper() -> dict[str, bytes]:
    """What the hostile peer has the right to send, in an order that makes sense."""
    return {
        "spawn": spawn(1),
        "spawn by data": spawn(3, b"P3\0", scene=255, data=encode_compact("P3")),
        "spawn without synchronizer": spawn(5, b"P5\0", synchronizers=[], state=b""),
        "sync of a spawn": sync((2, POSITION), time=1002),
        "sync of several": sync((2, POSITION), (PATH_ID | MY_FLAG, POSITION), time=1003),
        "delta of a spawn": delta((2, 1, HP)),
        "delta of several": delta((2, 1, HP), (PATH_ID | MY_FLAG, 1, HP)),
        "despawn": despawn(3),
        "empty sync": sync(time=1004),
        "empty delta": delta(),
    }


def forbidden() -> Iterator[tuple[str, bytes]]:
    """What is proper, but not for this peer."""
    yield "spawn with another's spawner", spawn(100, b"X\0", spawner=OTHERS)
    custom = encode_compact("Y")
    yield "by data", spawn(102, b"Y\0", spawner=OTHERS, scene=255, data=custom)
    yield "sync of another's", sync((PATH_ID | FLAG, POSITION), time=2050)
    yield "delta of another's", delta((PATH_ID | FLAG, 1, HP))
    for node in range(1, 6):  # the server's numbers, which mean nothing from this peer
        yield f"despawn {node} before any spawn", despawn(node)
        yield f"sync {node} before any spawn", sync((node, POSITION), time=2051)
        yield f"delta {node} before any spawn", delta((node, 1, HP))


def lying() -> Iterator[tuple[str, bytes]]:
    """Sizes, counts, names, numbers and bits that are wrong; each in one packet."""
    for number in (0, 2, 255, 1 << 31, (1 << 32) - 1):
        yield f"{number} synchronizers", spawn(20, b"A\0", count=number)
        yield f"name of {number}", spawn(22, b"A\0", length=number)
        yield f"data of {number}", spawn(24, b"A\0", scene=255, data=HP, size=number)
        if number != len(POSITION):
            yield f"state of {number}", sync((PATH_ID | MY_FLAG, POSITION), time=2060, size=number)
        yield (
            f"change of {number}",
            delta((PATH_ID | MY_FLAG, 1, HP), size=number + 100 & ~(1 << 32)),
        )
        yield f"spawner {number}", spawn(26, b"A\0", spawner=number + 77 & 0xFFFFFFFF)
        yield f"synchronizer {number}", sync((number | 64, POSITION), time=2061)
    names = (b"", b"\0", b".\0", b"..\0", b"a/b\0", b"/root\0", b"a:b\0", b"a@b\0", b'a"b\0')
    names += (b"a%b\0", b"\xff\xfe\0", b"no end", b"\0\0", b"a\0b\0", b"\xed\xa0\x80\0")
    for name in names:
        yield f"name {name!r}", spawn(30, name)
    for scene in (1, 2, 254):
        yield f"scene {scene}", spawn(32, b"B\0", scene=scene)
    for text, data in (
        ("no node", encode_compact(7)),
        ("not decodable", b"\xff\xff\xff\xff"),
        ("too deep", struct.pack("<II", 28, 1) * 200 + bytes(4)),
        ("nothing", b""),
    ):
        yield f"data: {text}", spawn(34, b"C\0", scene=255, data=data)
    yield "numbers twice", spawn(36, b"D\0", synchronizers=[36, 36])
    yield "many numbers", spawn(38, b"E\0", synchronizers=range(40, 400))
    yield "a path's number as a node's", spawn(PATH_ID | 5, b"F\0", synchronizers=[PATH_ID | 6])
    yield "number 0", spawn(0, b"G\0", synchronizers=[0])
    for text, state in (
        ("short", POSITION),
        ("long", STATE + HP * 20),
        ("of other types", encode_compact("text") + encode_compact([1, 2])),
        ("not decodable", b"\xff" * 12),
        ("nothing", b""),
    ):
        yield f"spawn, state: {text}", spawn(50, b"H\0", state=state)
        yield f"sync, state: {text}", sync((PATH_ID | MY_FLAG, state), time=2062)
        yield f"delta, state: {text}", delta((PATH_ID | MY_FLAG, 1, state))
    for bits in (0, 2, 3, 1 << 63, (1 << 64) - 1):
        yield f"bits {bits:x}", delta((PATH_ID | MY_FLAG, bits, HP * bits.bit_count()))


def cut() -> Iterator[tuple[str, bytes]]:
    """Each proper packet at every length."""
    for name, packet in proper().items():
        for length in range(len(packet)):
            yield f"{name}, cut at {length}", packet[:length]
