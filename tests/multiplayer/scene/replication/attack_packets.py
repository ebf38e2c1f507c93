"""Packets of replication, proper ones and such that lie.

Those of Godot 4's dialect are written here byte by byte, so that what is tested does not write its
own attacks. The world that they are about is that of ``attacked.py``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from multiplayer import NATIVE, Vector2, encode_compact
from multiplayer.wire.dialects.choice import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OTHERS, MINE, FLAG, MY_FLAG = 1, 2, 3, 4
"""The path ids that the hostile peer has told: of two spawners, and two static synchronizers."""
PATHS: Final = {
    OTHERS: "Spawner",
    MINE: "MySpawner",
    FLAG: "Flag/Sync",
    MY_FLAG: "MyFlag/Sync",
}
PATH_ID: Final = 0x8000_0000
SCENE: Final = "thing"
"""What the server's spawner spawns."""

POSITION: Final = encode_compact(Vector2(6, 6))
HP: Final = encode_compact(66)
STATE: Final = POSITION + HP
"""What a SPAWN of the scene has: ``.:position``, ``.:hp``."""


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


def native_proper() -> dict[str, bytes]:
    """Do as :func:`proper`, in our own dialect, as its wire writes it."""
    wire = wire_of(NATIVE).replication
    assert wire is not None
    position, both = wire.state([Vector2(6, 6)]), wire.state([Vector2(6, 6), 66])
    hp = wire.delta_state([66])
    mine = PATH_ID | MY_FLAG
    return {
        "spawn": wire.spawn("of_hostile", MINE, 1, [2], "P1", None, both),
        "spawn by data": wire.spawn(None, MINE, 3, [4], "P3", wire.state(["P3"]), both),
        "spawn without synchronizer": wire.spawn("of_hostile", MINE, 5, [], "P5", None, b""),
        "sync of a spawn": wire.sync(1002, wire.sync_element(2, position)),
        "sync of several": wire.sync(
            1003, wire.sync_element(2, position) + wire.sync_element(mine, position)
        ),
        "delta of a spawn": wire.delta(wire.delta_element(2, 1, hp)),
        "delta of several": wire.delta(
            wire.delta_element(2, 1, hp) + wire.delta_element(mine, 1, hp)
        ),
        "despawn": wire.despawn(3),
        "empty sync": wire.sync(1004, b""),
        "empty delta": wire.delta(b""),
    }


def native_forbidden() -> Iterator[tuple[str, bytes]]:
    """Do as :func:`forbidden`, in our own dialect."""
    wire = wire_of(NATIVE).replication
    assert wire is not None
    position, hp = wire.state([Vector2(6, 6)]), wire.delta_state([66])
    both = wire.state([Vector2(6, 6), 66])
    yield "spawn", wire.spawn(SCENE, OTHERS, 100, [101], "X", None, both)
    yield "by data", wire.spawn(None, OTHERS, 102, [103], "Y", wire.state(["Y"]), both)
    for number in (PATH_ID | FLAG, 1, 2, 3, 4):
        yield f"sync {number}", wire.sync(2050, wire.sync_element(number, position))
        yield f"delta {number}", wire.delta(wire.delta_element(number, 1, hp))
        yield f"despawn {number}", wire.despawn(number & 0xFF)


def changed(packets: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Each packet with each byte changed, in three ways."""
    for name, packet in packets.items():
        for at in range(len(packet)):
            for change in (0x01, 0x80, 0xFF):
                other = packet[at] ^ change
                yield f"{name}, {at}: {other}", packet[:at] + bytes([other]) + packet[at + 1 :]


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


def cut(packets: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Each packet at every length."""
    for name, packet in packets.items():
        for length in range(len(packet)):
            yield f"{name}, cut at {length}", packet[:length]
