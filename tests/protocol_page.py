"""A reader of ``docs/protocol/gdpeers.md`` that knows the page and nothing else of the project."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs" / "protocol" / "gdpeers.md").read_text("utf-8")

MODES = ("reliable", "unreliable_ordered", "unreliable")


@dataclass(frozen=True)
class Packet:
    """A packet of the game, and its bytes for a peer that did not agree."""

    source: int
    target: int
    mode: str
    channel: int
    payload: bytes
    rewritten: bytes


@dataclass(frozen=True)
class Example:
    agreed: bool
    message: bytes
    meaning: Packet | None


def table(kind: str) -> list[list[str]]:
    """The cells of a fenced table, its head left out."""
    (block,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [[cell.strip() for cell in line.split("|")] for line in block.splitlines()[1:]]


def examples() -> list[Example]:
    found: list[Example] = []
    for agreed, message, *meaning in table("examples"):
        packet = None
        if meaning != ["violation"]:
            source, target, mode, channel, payload, rewritten = meaning
            packet = Packet(
                int(source),
                int(target),
                mode,
                int(channel),
                bytes.fromhex(payload),
                bytes.fromhex(rewritten),
            )
        found.append(Example(agreed == "yes", bytes.fromhex(message), packet))
    return found


def bits(byte: int, *numbers: int) -> int:
    """The number that these bits of a byte stand for, the lowest first."""
    return sum((byte >> number & 1) << place for place, number in enumerate(numbers))


def decode(message: bytes, *, agreed: bool) -> Packet | None:
    """What a message from a client means; None for a violation."""
    if len(message) < 9:
        return None
    kind, source, target = struct.unpack("<Bii", message[:9])
    if bits(kind, 0, 1) or bits(kind, 2, 3, 7):
        return None
    if not agreed and bits(kind, 4, 5, 6):
        return None
    mode, has_channel = bits(kind, 4, 5), bits(kind, 6)
    if mode == 3 or (has_channel and len(message) == 9):
        return None
    channel, payload = (message[9], message[10:]) if has_channel else (0, message[9:])
    rewritten = struct.pack("<Bii", 0, source, target) + payload
    return Packet(source, target, MODES[mode], channel, payload, rewritten)


def agreed_version(lines: list[str], own: int = 1) -> int:
    """The version that follows from the other side's header lines; 0 for none."""
    fields = [line.partition(":") for line in lines]
    values = [value.strip(" \t") for name, _, value in fields if name.lower() == "gdpeers"]
    if len(values) != 1 or not re.fullmatch("[0-9]+", values[0]):
        return 0
    return min(int(values[0]), own)
